"""The iteration of an observed loop, as the interpreter runs it."""

from __future__ import annotations

import subprocess
import sys

#: Prints how many instructions of the loop were specialized after a task that ran alone.
_SPECIALIZED = """\
import asyncio, dis
from asyncrepl.engine.loop import observed_iteration
from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.tasks.timeline import Timeline

async def steps():
    for _ in range(1000):
        await asyncio.sleep(0)

loop = LiveLoop()
loop.observe(Timeline())
loop.run_until_complete(steps())
names = [
    [each.opname for each in dis.get_instructions(observed_iteration._run_lone_steps, adaptive=how)]
    for how in (False, True)
]
print(sum(before != after for before, after in zip(*names)))
"""


def test_the_first_statement_runs_specialized() -> None:
    """3.11 specializes what is called often or jumps back plainly: this is entered once."""
    done = subprocess.run(
        [sys.executable, "-c", _SPECIALIZED], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) > 20
