"""What a line costs that is typed ahead, beside ``python -m asyncio`` and ptpython.

Lines are pasted without brackets while a statement runs, as old terminals do it and tmux
without ``paste-buffer -p``. Processor time of the program, because the wall clock of a busy
machine says little; less that of a session with one line. Run it by hand:
``python tests/benchmarks/type_ahead_cost.py [LINES…]``; ptpython is compared with where a
``ptpython`` is in the path.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import sys
import termios
import time

ROWS, COLUMNS = 24, 80
FIRST = b"import asyncio; await asyncio.sleep(0.5)\r"
LAST, SEEN = b"print('all' 'done')\r", b"alldone"
PIECE = 256


def programs() -> dict[str, list[str]]:
    """The commands to compare, by name; ours comes first."""
    python = sys.executable
    found = {
        "asyncrepl": [python, "-m", "asyncrepl", "-q", "--no-startup"],
        "python -m asyncio": [python, "-m", "asyncio"],
    }
    ptpython = shutil.which("ptpython")
    return found | ({"ptpython": [ptpython, "--asyncio"]} if ptpython else {})


def session(command: list[str], lines: int) -> tuple[float, float]:
    """Paste so many lines into `command`: seconds on the wall, seconds of the processor."""
    process, fd = pty.fork()
    if process == 0:
        os.environ.update(TERM="xterm-256color", ASYNCREPL_HISTORY="", PYTHON_HISTORY=os.devnull)
        os.execvp(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    _exchange(fd, b"'re' 'ady'\r", b"'ready'")
    began = time.monotonic()
    typed = b"".join(b"x%d = %d\r" % (number, number) for number in range(lines))
    _exchange(fd, FIRST + typed + LAST, SEEN)
    took = time.monotonic() - began
    os.kill(process, signal.SIGKILL)
    usage = os.wait4(process, 0)[2]
    os.close(fd)
    return took, usage.ru_utime + usage.ru_stime


def _exchange(fd: int, typed: bytes, awaited: bytes, limit: float = 120.0) -> None:
    """Type `typed` and read until `awaited` is shown; what asks for the cursor is answered."""
    shown, end = b"", time.monotonic() + limit
    while awaited not in shown and time.monotonic() < end:
        ready, room, _ = select.select([fd], [fd] if typed else [], [], 1.0)
        if ready:
            piece = os.read(fd, 65536)
            shown += piece
            if b"\x1b[6n" in piece:
                os.write(fd, b"\x1b[1;1R")
        if room:
            typed = typed[os.write(fd, typed[:PIECE]) :]


def main() -> None:
    """Print a table: a row for each number of lines and program."""
    counts = [int(word) for word in sys.argv[1:]] or [50, 100, 200, 400]
    print(f"{'':20} {'lines':>6} {'wall':>8} {'processor':>10} {'a line':>9}")
    for name, command in programs().items():
        _, base = session(command, 1)
        for count in counts:
            wall, used = session(command, count)
            each = (used - base) / count * 1000
            print(f"{name:20} {count:6} {wall:6.2f} s {used - base:8.2f} s {each:6.2f} ms")


if __name__ == "__main__":
    main()
