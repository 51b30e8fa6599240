"""A source that blocks, and the same in a thread.

`time.sleep` does not suspend: it holds the thread, and with it the event loop
and every task. So does all else that waits without `await`: `requests.get`, a
large file, a long calculation. `asyncio.to_thread` lets such a call wait in
another thread, and awaiting that suspends.
"""

import asyncio
import time
from collections.abc import AsyncIterator

__all__ = ["blocking", "threaded"]

TRY = "async for number in blocking(3): number"


async def blocking(stop: int, seconds: float = 0.2) -> AsyncIterator[int]:
    """Count up to `stop`, without it; hold everybody up for `seconds` before each number."""
    for number in range(stop):
        time.sleep(seconds)
        yield number


async def threaded(stop: int, seconds: float = 0.2) -> AsyncIterator[int]:
    """Count up to `stop`, without it; wait for `seconds` in a thread before each number."""
    for number in range(stop):
        await asyncio.to_thread(time.sleep, seconds)
        yield number
