"""A queue, consumed: one task puts in, another takes out.

`await queue.get()` suspends until there is something to take. What a queue does
not have is an end: empty now, it may get more later. So the one who puts has to
say when nothing more comes; here by putting in a mark of the end.
"""

import asyncio
from collections.abc import AsyncIterator

__all__ = ["cook", "served"]

TRY = "async for dish in served('soup', 'fish', 'cake'): dish"

_END = object()


async def cook(queue: asyncio.Queue[object], *dishes: str) -> None:
    """Put `dishes` into `queue`, one every half second, and then the mark of the end."""
    for dish in dishes:
        await asyncio.sleep(0.5)
        await queue.put(dish)
    await queue.put(_END)


async def served(*dishes: str) -> AsyncIterator[object]:
    """Yield each of `dishes` when it is ready: a task in the background cooks them."""
    queue = asyncio.Queue[object]()
    cooking = asyncio.create_task(cook(queue, *dishes), name="cook")
    try:
        while (dish := await queue.get()) is not _END:
            yield dish
    finally:
        cooking.cancel()  # nobody takes anything any more
