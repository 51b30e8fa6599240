"""A source that may work ahead, but not too far.

Between the two sides is a queue with room for `size` values. While there is
room, the source goes on, also while its consumer is busy. When the queue is full,
`await queue.put(...)` suspends the source: a slow consumer slows it down. That is
back-pressure, and without it the values would pile up.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

__all__ = ["ahead", "made"]

TRY = "async for n in ahead(made(5)): print('used', n); await asyncio.sleep(1)"

_DONE = object()


async def made(stop: int, seconds: float = 0.1) -> AsyncGenerator[int, None]:
    """Count up to `stop`, without it, and print each number that is made."""
    for number in range(stop):
        await asyncio.sleep(seconds)
        print("made", number)
        yield number


async def ahead(source: AsyncGenerator[Any, None], size: int = 2) -> AsyncIterator[Any]:
    """Yield the values of `source`, which runs ahead until `size` of them wait."""
    queue = asyncio.Queue[Any](size)

    async def fill() -> None:
        try:
            async with aclosing(source):
                async for value in source:
                    await queue.put(value)  # suspends while the queue is full
        except Exception:
            await queue.put(_DONE)
            raise
        await queue.put(_DONE)

    filling = asyncio.create_task(fill(), name="fill")
    try:
        while (value := await queue.get()) is not _DONE:
            yield value
        await filling  # raises what the source has raised
    finally:
        filling.cancel()
        await asyncio.wait([filling])
