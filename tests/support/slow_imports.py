"""A machine on which modules take long to load.

``python -m support.slow_imports SECONDS LOG ARG…`` is ``asyncrepl ARG…`` where each import of a
module takes so much longer, from the first prompt on, and the names of those that the
main thread imports go to the file LOG. It sleeps in a frame that looks like one of the
interpreter's own importing, so that nothing tells it from a slow disk.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

__all__ = ["main"]

_FINDER = """
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        noted(name)
        sleep(seconds)
"""


def _install(seconds: float, log: str) -> None:
    loading = threading.main_thread()

    def noted(name: str) -> None:
        if threading.current_thread() is loading:
            with open(log, "a", encoding="utf-8") as file:  # noqa: PTH123  no import
                file.write(name + "\n")

    space: dict[str, Any] = {"noted": noted, "sleep": time.sleep, "seconds": seconds}
    exec(compile(_FINDER, "<frozen importlib._bootstrap_external>", "exec"), space)
    sys.meta_path.insert(0, space["Finder"])


def main(seconds: float, log: str, *arguments: str) -> int:
    """Run the command line; its exit status."""
    from asyncrepl.cli import main as cli
    from asyncrepl.terminal import terminal_session as session

    def freeze() -> None:
        gc.freeze()
        _install(seconds, log)

    session.gc = SimpleNamespace(freeze=freeze)
    return cli.main([*arguments])


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2], *sys.argv[3:]))
