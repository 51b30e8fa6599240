"""A time limit for each value, not for all of them.

The limit is around `anext`, and ends before the `yield`. Around the `yield` it
would go on while the body runs, and a slow body would be cancelled instead of a
slow source. A source that was too late has been cancelled, so it is over.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

__all__ = ["slowing", "within"]

TRY = "async for n in within(0.5, slowing(3)): n"


async def slowing(stop: int) -> AsyncGenerator[int, None]:
    """Count up to `stop`, without it: after 0.1 s, then 0.2 s, then 0.4 s …"""
    for number in range(stop):
        await asyncio.sleep(0.1 * 2**number)
        yield number


async def within(seconds: float, source: AsyncGenerator[Any, None]) -> AsyncIterator[Any]:
    """Yield the values of `source`; TimeoutError if one takes longer than `seconds`."""
    async with aclosing(source):
        while True:
            try:
                async with asyncio.timeout(seconds):
                    value = await anext(source)
            except StopAsyncIteration:
                return
            yield value
