"""An iteration that leaves its source open.

`first` stops in the middle of its own `async for`. Where it stops, the source
stays suspended at its `yield`, with all that it holds: its `finally` has not run.
`first_closing` is the same with `aclosing`, which closes it where the block ends.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

__all__ = ["first", "first_closing", "readings"]

TRY = "async for r in first(2, source := readings()): r"


async def readings() -> AsyncGenerator[int, None]:
    """Yield 0, 10, 20 …, one every 0.2 s, without end; print when that is closed."""
    reading = 0
    try:
        while True:
            await asyncio.sleep(0.2)
            yield reading
            reading += 10
    finally:
        print("readings: closed")


async def first(count: int, source: AsyncGenerator[int, None]) -> AsyncIterator[int]:
    """Yield the first `count` values of `source`, and forget it."""
    async for value in source:
        yield value
        count -= 1
        if count == 0:
            break


async def first_closing(count: int, source: AsyncGenerator[int, None]) -> AsyncIterator[int]:
    """Yield the first `count` values of `source`, and close it."""
    async with aclosing(source):
        async for value in first(count, source):
            yield value
