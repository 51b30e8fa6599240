"""How long a key takes to the screen, with all that helps a typist, beside a bare prompt.

Ours has the parameters of the call that is typed, suggestions from a history of 1,000 inputs,
colours, a ticker with its lane, and a menu that Tab opens now and then. The other is
prompt_toolkit's prompt with Pygments' colours, and nothing else. Both are on terminals of their
own, and each key is pressed first in one and then in the other: what else the machine does meets
both. Run it by hand: ``python tests/benchmarks/echo_cost.py [ROUNDS]``.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path
from statistics import median, quantiles

ROWS, COLUMNS = 24, 80
BETWEEN = 0.03  # seconds between two keys: a quick typist's
LINES = (
    "print('a number', sum([1, 2, 3]), sep=', ', end='')",
    "asyncio.create_task(asyncio.sleep(0.5, 'done'), name='nap')",
    "async for each in readings(3, 0.25): print(each)",
    "rows = [name.upper() for name in dir(asyncio) if len(name) > 3]",
)
BARE = """
import asyncio
from prompt_toolkit import PromptSession
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.python import PythonLexer

async def main():
    session = PromptSession(">>> ", lexer=PygmentsLexer(PythonLexer))
    while True:
        await session.prompt_async()

asyncio.run(main())
"""


class Typist:
    """A program on a terminal, and how long each of its keys took."""

    def __init__(self, command: list[str], environ: dict[str, str]) -> None:
        self.process, self._fd = pty.fork()
        if self.process == 0:
            os.environ.update(environ, TERM="xterm-256color")
            os.execvp(command[0], command)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.times: list[float] = []
        self.rest(3.0)

    def press(self, key: str) -> None:
        """Type `key` and wait until it is drawn; its time counts.

        That of a blank does not: it may be drawn as a move of the cursor.
        """
        self.rest(0)
        if key == " ":
            os.write(self._fd, b" ")
            return
        began = time.perf_counter()
        os.write(self._fd, key.encode())
        shown = b""
        while key.encode() not in shown and time.perf_counter() - began < 5:
            shown += self._read(0.1)
        self.times.append(1e3 * (time.perf_counter() - began))

    def send(self, keys: str) -> None:
        """Type `keys`, which are not shown as they are."""
        os.write(self._fd, keys.encode())
        self.rest(0.3)

    def rest(self, seconds: float) -> None:
        """Read what comes for so long."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0 or self._ready(0):
            self._read(max(left, 0))

    def end(self) -> None:
        """End the program."""
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self._fd)

    def _ready(self, seconds: float) -> bool:
        return bool(select.select([self._fd], [], [], seconds)[0])

    def _read(self, seconds: float) -> bytes:
        if not self._ready(seconds):
            return b""
        piece = os.read(self._fd, 65536)
        if b"\x1b[6n" in piece:
            os.write(self._fd, b"\x1b[1;1R")
        return piece


def typed(rounds: int, history: Path) -> tuple[list[float], list[float]]:
    """The times in ms of each key, in our prompt and in the bare one."""
    ours = Typist(
        [sys.executable, "-m", "asyncrepl", "-q", "--no-startup"],
        {"ASYNCREPL_HISTORY": str(history)},
    )
    bare = Typist([sys.executable, "-c", BARE], {})
    ours.send(":ticker tick 0.25\r")
    try:
        for _ in range(rounds):
            for line in LINES:
                for key in line:
                    for typist in (ours, bare):
                        typist.press(key)
                    if key == ".":
                        ours.send("\t")  # the menu opens, and typing goes on
                    ours.rest(BETWEEN)
                for typist in (ours, bare):
                    typist.send("\x03" if typist is ours else "\x15")
    finally:
        ours.end()
        bare.end()
    return ours.times, bare.times


def main() -> None:
    """Print p50 and p99 of both, and their ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        history = Path(folder) / "history"
        history.write_text(
            "".join(f"value_{number} = print({number})\n" for number in range(1000))
        )
        ours, bare = typed(rounds, history)
    print(f"{sys.version.split()[0]}, {len(ours)} keys each   p50        p99")
    for name, times in (("asyncrepl", ours), ("prompt_toolkit", bare)):
        print(f"{name:26} {median(times):7.2f} ms {quantiles(times, n=100)[98]:7.2f} ms")
    halves = median(ours) / median(bare), quantiles(ours, n=100)[98] / quantiles(bare, n=100)[98]
    print(f"{'ratio':26} {halves[0]:7.2f}    {halves[1]:7.2f}")


if __name__ == "__main__":
    main()
