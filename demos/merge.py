"""Several sources, iterated over as one.

One `async for` waits for one source. To wait for many, and take what comes
first, needs a task for each, and a queue in which they meet. Whoever makes
tasks has to end them: where the iteration is left early, `finally` cancels them, and
waits until they have closed their sources.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

__all__ = ["every", "merge"]

TRY = "async for name in merge(every(0.2, 'tick'), every(0.5, 'tock')): name"

_DONE = object()


async def every(seconds: float, name: str, times: int = 3) -> AsyncIterator[str]:
    """Yield `name` every `seconds`, so many `times`."""
    for _ in range(times):
        await asyncio.sleep(seconds)
        yield name


async def merge(*sources: AsyncIterable[Any]) -> AsyncIterator[Any]:
    """Yield the values of all `sources`, each when it is there; an error of one ends all."""
    queue = asyncio.Queue[Any]()

    async def pump(source: AsyncIterable[Any]) -> None:
        async for value in source:
            queue.put_nowait(value)

    async def pump_all() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for number, source in enumerate(sources, 1):
                    group.create_task(pump(source), name=f"pump {number}")
        finally:
            queue.put_nowait(_DONE)

    pumping = asyncio.create_task(pump_all(), name="merge")
    try:
        while (value := await queue.get()) is not _DONE:
            yield value
        await pumping  # raises what a source has raised
    finally:
        pumping.cancel()
        await asyncio.wait([pumping])
