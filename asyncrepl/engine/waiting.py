"""Where a task is suspended: the innermost user frame of its await chain."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from asyncrepl.engine.frames import is_plumbing

if TYPE_CHECKING:
    import asyncio
    from types import FrameType

__all__ = ["waiting_frame"]


def waiting_frame(task: asyncio.Task[object]) -> FrameType | None:
    """The user's frame that waits, or None where the task shows none.

    An async generator that is being stepped hides behind an awaitable that does
    not tell which generator it belongs to; then the frame that walks it is given.
    """
    found = None
    awaitable: object = task.get_coro()
    while awaitable is not None:
        frame, awaitable = _step(awaitable)
        if frame is not None and not is_plumbing(frame.f_code.co_filename):
            found = frame
    return found


def _step(awaitable: object) -> tuple[FrameType | None, object]:
    """The frame of `awaitable` and what it awaits."""
    if inspect.iscoroutine(awaitable):
        return awaitable.cr_frame, awaitable.cr_await
    if inspect.isgenerator(awaitable):
        return awaitable.gi_frame, awaitable.gi_yieldfrom
    if inspect.isasyncgen(awaitable):
        return awaitable.ag_frame, awaitable.ag_await
    return None, None
