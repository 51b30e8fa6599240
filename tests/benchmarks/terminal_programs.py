"""Programs on a pseudo-terminal, each in an environment of its own: what benchmarks compare.

Linux only: ``/proc`` is read.
"""

from __future__ import annotations

import fcntl
import os
import platform
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import venv
import zlib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "at-the-floor"
LIMIT = 60.0  # seconds

#: A bare prompt; it can run statements, which cost it nothing as long as there is none.
FLOOR = """
import ast, asyncio
from prompt_toolkit import PromptSession
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.python import PythonLexer
async def main():
    session = PromptSession(lexer=PygmentsLexer(PythonLexer))
    while True:
        text = await session.prompt_async(">>> ")
        waits = eval(compile(text, "floor", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), globals())
        if waits is not None:
            await waits
asyncio.run(main())
"""


class Program(NamedTuple):
    """What to install and to start, and the prompt to wait for."""

    packages: tuple[str, ...]
    arguments: tuple[str, ...]
    prompt: bytes = b">>>"


PROGRAMS = {
    "floor": Program(("prompt_toolkit", "pygments"), ("-c", FLOOR)),
    "asyncrepl": Program(("-e", str(ROOT)), ("-m", "asyncrepl", "-q", "--no-startup")),
    "ptpython": Program(("ptpython",), ("-m", "ptpython", "--asyncio")),
    "ipython": Program(("ipython",), ("-m", "IPython", "--no-banner"), b"In ["),
    "asyncio": Program((), ("-m", "asyncio")),
}


def python_of(name: str) -> str:
    """The interpreter in the environment of a program, which is made if it is missing."""
    # Ours is that of this checkout: another one has another.
    where = (
        f"-{zlib.crc32(bytes(ROOT)):08x}" if str(ROOT) in " ".join(PROGRAMS[name].packages) else ""
    )
    folder = CACHE / f"{name}{where}-{platform.python_version()}"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        if packages := PROGRAMS[name].packages:
            subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    return str(python)


def compiled(python: str) -> None:
    """Have what ours is made of compiled for `python`: else each start does it anew, or the first."""
    subprocess.run([python, "-m", "compileall", "-q", ROOT / "asyncrepl"], check=True)


class Session:
    """A program on a terminal of its own."""

    def __init__(self, command: list[str], prompt: bytes) -> None:
        self.seen, self._prompt, self._asked = b"", prompt, 0
        self.began = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir("/")  # what is to be imported is what was installed
            os.environ.update(TERM="xterm-256color", ASYNCREPL_HISTORY="")
            os.execv(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def wait_for(self, text: bytes) -> float:
        """Read until `text` was written; the instant."""
        end = time.perf_counter() + LIMIT
        while time.perf_counter() < end:
            if self._read(0.05) and text in self.seen:
                return time.perf_counter()
        sys.exit(f"waited in vain for {text!r} in {self.seen!r}")

    def _read(self, seconds: float) -> bool:
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        self.seen += os.read(self.fd, 65536)
        if self.seen.count(b"\x1b[6n") > self._asked:  # where is the cursor? some do not go on
            self._asked += 1
            os.write(self.fd, b"\x1b[1;1R")
        return True

    def press(self, key: bytes) -> float:
        """Press a key; the instant at which it is on the screen."""
        self.seen, self._asked = b"", 0
        os.write(self.fd, key)
        return self.wait_for(key)

    def idle(self, seconds: float) -> None:
        """Do nothing but read."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self._read(0.1)

    def close(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def usage(pid: int) -> tuple[float, int, int]:
    """The CPU time in ms of all threads, how often one was woken, and how many they are."""
    cpu = wakes = 0
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    for task in tasks:
        cpu += int((task / "schedstat").read_text().split()[0])
        status = (task / "status").read_text().splitlines()
        wakes += sum(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt"))
    return cpu / 1e6, wakes, len(tasks)


def memory(pid: int) -> float:
    """The resident memory in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
