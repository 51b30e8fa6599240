"""A ticker that does not drift.

A loop that sleeps a second, then does its work, then sleeps a second again is
late by its work each round. This one works out when each tick is due, and
sleeps only what is left until then: a slow body doesn't move the later ticks.
"""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

__all__ = ["ticks"]

TRY = "async for tick in ticks(3): tick"


async def ticks(stop: int | None = None, seconds: float = 1.0) -> AsyncIterator[int]:
    """Yield 1, 2, … up to `stop` (without end if it is None), one every `seconds`."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    for tick in count(1):
        if stop is not None and tick > stop:
            return
        await asyncio.sleep(start + tick * seconds - loop.time())
        yield tick
