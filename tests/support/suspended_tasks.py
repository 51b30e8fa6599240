"""Tasks that have come to where they wait, for tests that look at them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.tasks.task_records import all_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["cancel_all", "suspended"]


def suspended(loop: asyncio.AbstractEventLoop, make: Callable[[], Any]) -> asyncio.Task[Any]:
    """A task of the coroutine that `make` makes inside `loop`, a few turns later."""

    async def start() -> asyncio.Task[Any]:
        task = asyncio.ensure_future(make())
        for _ in range(3):
            await asyncio.sleep(0)
        return task

    return loop.run_until_complete(start())


def cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    """End what is left on `loop`."""

    async def wait(tasks: set[asyncio.Task[Any]]) -> None:
        await asyncio.gather(*tasks, return_exceptions=True)

    tasks = all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(wait(tasks))
