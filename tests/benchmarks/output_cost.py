"""What output costs: 100,000 printed lines, a background line's way to the screen, a key's echo.

    python tests/benchmarks/output_cost.py [ROUNDS]

Everything is measured from outside, on a pseudo-terminal that is only read. The lines are
printed beside plain ``python`` on the same terminal: compare the ratio, and two trees on
the same machine at the same time, never milliseconds.
"""

from __future__ import annotations

import os
import re
import select
import statistics
import sys
import time

import pexpect

LINES = 100_000
KEYS = 60
PRINTS = 40
FLOOD = (
    f"import time; b = time.perf_counter()\nfor i in range({LINES}): print('line', i, 'x' * 40)\n"
)
DONE = "print('took', time.perf_counter() - b, 's')"
TICKS = "async def ticks():\n    for i in range({n}): print('at', time.monotonic(), 'of tick'); await asyncio.sleep({every})\n"


def spawned(words: list[str]) -> pexpect.spawn:
    """A program on a terminal of 80 by 24."""
    environment = {**os.environ, "TERM": "xterm-256color", "ASYNCREPL_HISTORY": ""}
    return pexpect.spawn(sys.executable, words, env=environment, dimensions=(24, 80), timeout=120)


def session() -> pexpect.spawn:
    """A session at its prompt."""
    child = spawned(["-m", "asyncrepl", "-q", "--no-startup"])
    child.expect(">>>")
    return child


def run(child: pexpect.spawn, code: str, marker: str) -> bytes:
    """Type `code`; all that comes until a match of `marker`."""
    child.send(f"exec({code!r})\r")
    child.expect(marker)
    return child.before + child.after


def flood(words: list[str] | None) -> float:
    """Seconds that the printing of many lines takes; without `words` in a session."""
    code = f"{FLOOD}{DONE}"
    child = session() if words is None else spawned([*words, code])
    took = (
        run(child, code, r"took (\d+\.\d+) s")
        if words is None
        else child.expect(r"took (\d+\.\d+) s")
    )
    assert took is not None
    seconds = float(child.match[1])
    child.close(force=True)
    return seconds


def background(every: float) -> list[float]:
    """Milliseconds from the `print` of a background line to the terminal."""
    child = session()
    run(child, "import time, asyncio\n" + TICKS.format(n=PRINTS, every=every), ">>>")
    child.send("_ = asyncio.create_task(ticks())\r")
    late = []
    pending = b""
    while len(late) < PRINTS:
        pending += os.read(child.child_fd, 65536)
        now = time.monotonic()
        found = list(re.finditer(rb"at (\d+\.\d+) of tick", pending))
        late += [(now - float(match[1])) * 1000 for match in found]
        pending = pending[found[-1].end() :] if found else pending
    child.close(force=True)
    return late


def echo(busy: str) -> list[float]:
    """Milliseconds from a key to its echo while `busy` runs in the background."""
    child = session()
    if busy:
        run(child, "import time, asyncio\n" + TICKS.format(n=10_000, every=0.02), ">>>")
        child.send(busy + "\r")
    time.sleep(0.5)
    late = []
    for number in range(KEYS):
        key = "¤§"[number % 2].encode()  # nothing else prints them; the one before may go late
        while select.select([child.child_fd], [], [], 0.03)[0]:
            if b"tick" in os.read(child.child_fd, 65536):
                break
        began = time.perf_counter()
        os.write(child.child_fd, key)
        seen = b""
        while key not in seen:
            seen += os.read(child.child_fd, 65536)
        late.append((time.perf_counter() - began) * 1000)
        os.write(child.child_fd, b"\x7f")
    child.close(force=True)
    return late


def figures(values: list[float]) -> str:
    """The median and the 90th percentile."""
    return (
        f"p50 {statistics.median(values):6.1f}  p90 {sorted(values)[int(len(values) * 0.9)]:6.1f}"
    )


def main() -> None:
    """Print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    plain = min(flood(["-c"]) for _ in range(rounds))
    ours = min(flood(None) for _ in range(rounds))
    print(f"{LINES:,} lines: {ours:.2f} s, plain python {plain:.2f} s, ratio {ours / plain:.2f}")
    for every in (0.1, 0.01):
        late = [each for _ in range(rounds) for each in background(every)]
        print(f"background line, one every {every:g} s, ms:  {figures(late)}")
    for busy in ("", "_ = asyncio.create_task(ticks())"):
        late = [each for _ in range(rounds) for each in echo(busy)]
        print(f"echo of a key{' beside 50 lines a second' * bool(busy)}, ms:  {figures(late)}")


if __name__ == "__main__":
    main()
