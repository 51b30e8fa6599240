"""What a prompt costs, beside other prompts: start, keys, processor, memory, an idle second.

    python tests/benchmarks/at_the_floor.py [ROUNDS [PROGRAM…]]

Each program is installed in an environment of its own (in the user's cache folder, kept for the
next run) and started on a pseudo-terminal. The rounds of all programs are interleaved, so that a
busy machine is one to all of them; what is printed are medians, and ratios to the first, a bare
prompt_toolkit prompt with Pygments. Linux only: it reads ``/proc``.
"""

from __future__ import annotations

import fcntl
import os
import platform
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time
import venv
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "at-the-floor"
KEYS = b"qz"  # too little for anybody to take it for a statement
IDLE_SECONDS, SETTLING_SECONDS, LIMIT = 5.0, 2.0, 30.0

FLOOR = """
import asyncio
from prompt_toolkit import PromptSession
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.python import PythonLexer
async def main():
    session = PromptSession(lexer=PygmentsLexer(PythonLexer))
    while True:
        await session.prompt_async(">>> ")
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


class Figures(NamedTuple):
    """One round of one program: milliseconds, megabytes, and numbers a second."""

    drawn_ms: float
    first_key_ms: float
    slowest_key_ms: float
    cpu_ms: float
    memory_mb: float
    idle_wakes: float
    idle_cpu_ms: float
    threads: float


def python_of(name: str) -> str:
    """The interpreter in the environment of a program, which is made if it is missing."""
    folder = CACHE / f"{name}-{platform.python_version()}"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        if packages := PROGRAMS[name].packages:
            subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
        subprocess.run([python, "-m", "compileall", "-q", ROOT / "asyncrepl"], check=True)
    return str(python)


class Session:
    """A program on a terminal of its own."""

    def __init__(self, command: list[str], prompt: bytes) -> None:
        self.seen, self._prompt, self._asked = b"", prompt, 0
        self.began = time.perf_counter()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir("/")  # what is to be imported is what was installed
            os.environ.update(TERM="xterm-256color", ASYNCREPL_HISTORY="")
            os.execv(command[0], command)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def wait_for(self, text: bytes) -> float:
        """Read until `text` was written; the instant."""
        end = time.perf_counter() + LIMIT
        while time.perf_counter() < end:
            if self._read(0.05) and text in self.seen:
                return time.perf_counter()
        sys.exit(f"waited in vain for {text!r} in {self.seen!r}")

    def _read(self, seconds: float) -> bool:
        if not select.select([self._fd], [], [], seconds)[0]:
            return False
        self.seen += os.read(self._fd, 65536)
        if self.seen.count(b"\x1b[6n") > self._asked:  # where is the cursor? some do not go on
            self._asked += 1
            os.write(self._fd, b"\x1b[1;1R")
        return True

    def press(self, key: bytes) -> float:
        """Press a key; the instant at which it is on the screen."""
        self.seen, self._asked = b"", 0
        os.write(self._fd, key)
        return self.wait_for(key)

    def idle(self, seconds: float) -> None:
        """Do nothing but read."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self._read(0.1)

    def close(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)
        os.close(self._fd)
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


def measure(name: str) -> Figures:
    """One round."""
    session = Session([python_of(name), *PROGRAMS[name].arguments], PROGRAMS[name].prompt)
    try:
        drawn = session.wait_for(PROGRAMS[name].prompt)
        echoed, waits = [], []
        for key in KEYS:
            pressed = time.perf_counter()
            echoed.append(session.press(bytes([key])))
            waits.append(echoed[-1] - pressed)
        session.idle(SETTLING_SECONDS)
        settled, before, threads = usage(session.pid)
        session.idle(IDLE_SECONDS)
        after, wakes, _ = usage(session.pid)
        return Figures(
            1e3 * (drawn - session.began),
            1e3 * (echoed[0] - session.began),
            1e3 * max(waits),
            settled,
            memory(session.pid),
            (wakes - before) / IDLE_SECONDS,
            (after - settled) / IDLE_SECONDS,
            threads,
        )
    finally:
        session.close()


def main(rounds: int = 5, names: tuple[str, ...] = tuple(PROGRAMS)) -> None:
    """Measure, and print a table."""
    for name in names:
        python_of(name)
    figures: dict[str, list[Figures]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            figures[name].append(measure(name))
    load = os.getloadavg()[0]
    print(
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors,"
    )
    print(f"load {load:.1f}, medians of {rounds} interleaved rounds, (×) beside {names[0]}")
    print(f"{'':16}" + "".join(f"{name:>16}" for name in names))
    for column, field in enumerate(Figures._fields):
        values = [statistics.median(each[column] for each in figures[name]) for name in names]
        cells = [f"{value:8.1f} ({value / (values[0] or 1):4.2f})" for value in values]
        print(f"{field:16}" + "".join(f"{cell:>16}" for cell in cells))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, tuple(sys.argv[2:]) or tuple(PROGRAMS))
