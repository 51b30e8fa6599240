"""Leaving a loop tidy: tasks cancelled and awaited, async generators closed.

A bare ``loop.close()`` leaves suspended generators suspended, so their
``finally`` never runs; closing them needs the loop, because the ``finally`` may
await.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from asyncrepl.engine.lives import all_tasks

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["finish"]


async def finish(patience: float = 1.0) -> list[str]:
    """Cancel all other tasks, then close the async generators, of the running loop.

    Waits at most `patience` seconds (of the loop's time) for each of the two.
    Returns the names of the tasks that were still running, oldest name first.
    """
    loop = asyncio.get_running_loop()
    tasks = all_tasks(loop) - {asyncio.current_task()}
    for task in tasks:
        with contextlib.suppress(RecursionError):  # tasks that await each other in a circle
            task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=patience)
    await _within(patience, loop.shutdown_asyncgens())
    return sorted(task.get_name() for task in tasks)


async def _within(seconds: float, work: Coroutine[object, object, None]) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(work, seconds)
