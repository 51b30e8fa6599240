"""``python -m asyncrepl`` and the command ``asyncrepl``: one program."""

import sys

from asyncrepl.runtime import isolation, process


def main() -> int:
    """Run the program with the arguments of the process; its exit status."""
    process.hold_collector()
    isolation.launcher = sys._getframe(1).f_code.co_filename  # noqa: SLF001
    isolation.begin()  # before anything is imported that the user's folder may hold, too
    from asyncrepl.cli.main import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
