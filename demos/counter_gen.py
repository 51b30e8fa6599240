"""The same counter as an async generator.

A function with `async def` and `yield` makes an asynchronous iterator at each
call. Python writes `__aiter__` and `__anext__` for it; where the function
returns, it raises StopAsyncIteration. What `counter` keeps in attributes stays
here in a local variable, which waits at the `yield` between two rounds.
"""

import asyncio
from collections.abc import AsyncIterator

__all__ = ["counter"]

TRY = "async for number in counter(3): number"


async def counter(stop: int, seconds: float = 0.5) -> AsyncIterator[int]:
    """Count from 0 up to `stop`, without it, one number every `seconds`."""
    for number in range(stop):
        await asyncio.sleep(seconds)
        yield number
