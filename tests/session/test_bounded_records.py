"""A session that runs for long grows no further: records, narration and the tape are bounded."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from support.shells import typed_shell

from asyncrepl.engine.tasks.timeline import Timeline

if TYPE_CHECKING:
    from support.shells import Typed

TICKING = """
async def ticks():
    while True:
        await asyncio.sleep(0.01)
        yield 'tick'

async def walk():
    async for each in ticks(): pass
"""


@pytest.mark.slow
def test_ten_tickers_with_lanes_and_narration_stay_as_small() -> None:
    """Once the record is full, here of a small part of its length, nothing grows any more."""
    with typed_shell() as type_in:
        type_in.shell.loop.observe(Timeline(slices=1 << 10))
        type_in.shell.observing.want("lanes")
        type_in(":trace on")
        for part in TICKING.split("\n\n"):
            type_in(part.strip("\n") + "\n")
        type_in("walks = [asyncio.create_task(walk()) for _ in range(10)]; None")
        tracemalloc.start()
        try:
            sizes = [_grown(type_in, seconds) for seconds in (20, 10)]
        finally:
            tracemalloc.stop()
    # 10,000 slices later: one small object kept of each would be 0.5 MB. The inputs are on the tape.
    assert sizes[1] - sizes[0] < 100_000


def _grown(type_in: Typed, seconds: int) -> int:
    """The bytes in use after so many seconds, taken in pieces: what is shown is thrown away."""
    for _ in range(seconds // 10):
        type_in("await asyncio.sleep(10)")
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
