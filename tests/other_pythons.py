"""A quick look at every other Python from 3.11 on: ``python tests/other_pythons.py``.

They are found as ``python3.N`` on the PATH and among pyenv's versions; the version that
runs this is left out, the suite is run on it. Each gets a virtual environment of its own
(in a temporary folder) with the package in it, and is asked, in development mode and with
no word of warning allowed: ``-c``, the demos and the README checked, and a session on a
pseudo-terminal. Prints a line for each, and ends with status 1 if one of them failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.pty import Terminal

__all__ = ["found", "looked_at", "main"]

OLDEST = 11
_ROOT = Path(__file__).parents[1]
_LIMIT = 300  # seconds for one program
_ASK = "import sys, venv, ensurepip; print(*sys.version_info[:2], sys.version.split()[0])"


class _FailedError(Exception):
    """What went wrong, in a few lines."""


def found(places: list[Path]) -> dict[tuple[int, int], Path]:
    """The first Python of each version from 3.11 on in `places`, folders of programs.

    Only such as run, and can make a virtual environment.
    """
    pythons: dict[tuple[int, int], Path] = {}
    for place in places:
        for path in sorted(place.glob("python3.*")):
            digits = path.name.removeprefix("python3.")
            version = (3, int(digits)) if digits.isdigit() else (0, 0)
            if version >= (3, OLDEST) and version not in pythons and _works(path, version):
                pythons[version] = path
    return dict(sorted(pythons.items()))


def _places() -> list[Path]:
    """The folders of the PATH, and those of pyenv's versions."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    path = [Path(each) for each in os.get_exec_path() if each]
    return [*path, *sorted(pyenv.glob("versions/*/bin"))]


def _works(python: Path, version: tuple[int, int]) -> bool:
    try:
        answer = subprocess.run(
            [python, "-c", _ASK], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError:
        return False
    return answer.stdout.split()[:2] == list(map(str, version))


def looked_at(python: Path) -> str:
    """Look at one Python; what was seen, in a line. Raises _FailedError."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        _run([python, "-m", "venv", folder])
        mine = Path(folder) / "bin" / "python"
        _run([mine, "-m", "pip", "install", "--quiet", f"{_ROOT}[sqlite]"])
        command = [str(mine), "-X", "dev", "-m", "asyncrepl"]
        answer = _run([*command, "-c", "await asyncio.sleep(0, 'awake')\nprint(6 * 7)"])
        if answer != "42\n":
            raise _FailedError(f"-c printed {answer!r}")
        checked = _run([*command, "check", "demos", "README.md"]).strip().split("\n")[-1]
        _session(command, Path(folder))
    return f"-c, check ({checked}), a session: {time.monotonic() - started:.0f} s"


def _run(command: list[str | Path]) -> str:
    """What `command` prints; nothing may stand on stderr."""
    done = subprocess.run(
        command, cwd=_ROOT, capture_output=True, text=True, timeout=_LIMIT, check=False
    )
    complaint = done.stderr if command[1:3] == ["-X", "dev"] else ""
    if done.returncode or complaint:
        words = " ".join(map(str, command))
        said = (done.stdout + done.stderr).strip()[-2000:]
        raise _FailedError(f"{words}: status {done.returncode}\n{said}")
    return done.stdout


def _session(command: list[str], folder: Path) -> None:
    """Type a few lines as somebody would who sees it for the first time."""
    env = {"ASYNCREPL_CONFIG": str(folder / "none.toml")}
    terminal = Terminal([*command, "-q", "--no-startup"], env=env)
    try:
        terminal.wait_for_prompt()
        terminal.enter(":load ticks")
        terminal.enter(":ticker tick 0.05")
        terminal.enter(":trace async for n in ticks(2, 0.1): n * 100")
        terminal.enter("for n in ticks(2): n")
        terminal.begin("await asyncio.sleep(60)")
        terminal.send("\x03")
        terminal.wait_for("KeyboardInterrupt")
        terminal.wait_for_prompt()
        terminal.send("exit\r")
        status = terminal.exit_status()
        shown = "\n".join(terminal.scrollback)
    except AssertionError as error:
        raise _FailedError(f"the session: {error}") from None
    finally:
        terminal.close()
    for wanted in ("tick │ 1", "StopAsyncIteration", "100", "try  async for n in ticks(2): n"):
        if wanted not in shown:
            raise _FailedError(f"the session did not show {wanted!r}:\n{shown}")
    if status or "Traceback" in shown or "Warning" in shown:
        raise _FailedError(f"the session, status {status}:\n{shown}")


def _report(item: tuple[tuple[int, int], Path]) -> bool:
    """Look, and print what was seen; whether all was well."""
    version, python = item
    try:
        seen, well = looked_at(python), True
    except (_FailedError, subprocess.TimeoutExpired) as error:
        seen, well = f"FAILED: {error}", False
    print(f"Python {version[0]}.{version[1]} ({python}): {seen}", flush=True)
    return well


def main() -> int:
    """Look at all of them; the exit status."""
    pythons = found(_places())
    pythons.pop(sys.version_info[:2], None)
    if not pythons:
        print(f"no other Python from 3.{OLDEST} on is on the PATH or among pyenv's versions")
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        well = list(pool.map(_report, pythons.items()))
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
