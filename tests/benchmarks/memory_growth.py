"""How a session grows: ten iterations at 10 ms on the virtual clock, with lanes and narration.

    python tests/benchmarks/memory_growth.py [MINUTES] [--rounds N] [--record FILE]

Prints the memory of the process after one minute of the session's time, and then up to
MINUTES (60), and what it has grown by. With --rounds an iteration is over after so many rounds, and
begins anew: much more is narrated. With --record the session is recorded meanwhile.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.pty import Terminal

PROGRAM = """\
async def ticks(rounds):
    for _ in range(rounds):
        await asyncio.sleep(0.01)
        yield 'tick'

async def walk(rounds):
    while True:
        async for each in ticks(rounds): pass
"""
_LONGEST = 600.0  # real seconds for one minute


def resident(terminal: Terminal) -> float:
    """The megabytes of the session's process that are in memory."""
    status = Path(f"/proc/{terminal.child.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def pass_minute(terminal: Terminal) -> None:
    """Let a minute of the session's time pass; what is above the screen is forgotten here."""
    terminal.begin(":wait 60")

    def over() -> bool:
        terminal.screen.history.top.clear()
        return terminal.at_prompt

    terminal.wait(over, "the end of a minute", _LONGEST)


def started(rounds: int, record: str | None) -> Terminal:
    """A session in which ten tasks iterate."""
    terminal = Terminal()
    terminal.wait_for_prompt()
    for text in (":clock virtual", ":lanes on", ":trace on"):
        terminal.enter(text)
    for part in PROGRAM.split("\n\n"):
        terminal.paste(part.rstrip() + "\n")
        terminal.enter("")
    if record:
        terminal.enter(f":record {record}")
    terminal.enter(f"walks = [asyncio.create_task(walk({rounds})) for _ in range(10)]; None")
    return terminal


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("minutes", type=int, nargs="?", default=60)
    parser.add_argument("--rounds", type=int, default=10**9)
    parser.add_argument("--record")
    options = parser.parse_args()
    terminal = started(options.rounds, options.record)
    began, first = time.monotonic(), 0.0
    try:
        for minute in range(1, options.minutes + 1):
            pass_minute(terminal)
            size = resident(terminal)
            first = first or size
            if minute in {1, 2, 3, 5} or minute % 10 == 0 or minute == options.minutes:
                took = time.monotonic() - began
                grown = f"{size / first - 1:+.1%}"
                print(f"{minute:3} min: {size:5.1f} MB {grown:>6}, {took:4.0f} s", flush=True)
    finally:
        terminal.close()


if __name__ == "__main__":
    main()
