"""Whether a task is being cancelled because ``asyncio.wait_for`` has waited long enough.

From Python 3.12 on ``wait_for`` is an ``asyncio.timeout``, which the timeline sees
expire. Before, it cancels the task that it waits for from inside its own coroutine,
and nothing else tells why: so its coroutine is looked for.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["times_out"]


def times_out(task: asyncio.Task[object]) -> bool:
    """Whether some ``wait_for`` of Python 3.11 that waits for `task` has given it up."""
    if sys.version_info >= (3, 12):
        return False
    return any(_gave_up(other, task) for other in asyncio.all_tasks(task.get_loop()))


def _gave_up(other: asyncio.Task[object], task: asyncio.Task[object]) -> bool:
    coro: object = other.get_coro()
    while coro is not None:
        frame: FrameType | None = getattr(coro, "cr_frame", None)
        inner = getattr(coro, "cr_await", None)
        if frame is not None and frame.f_code is asyncio.wait_for.__code__:
            awaited = getattr(inner, "cr_code", None)
            cancels = awaited is not None and awaited.co_name == "_cancel_and_wait"
            return cancels and frame.f_locals.get("fut") is task
        coro = inner
    return False
