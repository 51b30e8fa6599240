"""An async generator that never suspends.

`async for` awaits each value, but an `await` gives way only if what is awaited
has to wait for something. Here nothing does: all of it is one iteration of the
event loop, and all other tasks stand still until it is over. `polite` gives
way once a round, with `asyncio.sleep(0)`.
"""

import asyncio
from collections.abc import AsyncIterator

__all__ = ["eager", "polite"]

TRY = "async for number in eager(3): number"


async def eager(stop: int) -> AsyncIterator[int]:
    """Count up to `stop`, without it, and never let another task run."""
    for number in range(stop):
        yield number


async def polite(stop: int) -> AsyncIterator[int]:
    """Count up to `stop`, without it, and let the other tasks run before each number."""
    for number in range(stop):
        await asyncio.sleep(0)
        yield number
