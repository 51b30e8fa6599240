"""The ready queue of an observed loop: a deque that notes what the loop takes out.

Everything that runs on a loop passes here: tasks however they were made,
callbacks, timers, I/O. Taking a handle out ends one slice and begins the next,
so one note per handle says who ran when. No task, coroutine or handle is
changed; the only thing that escapes is the first step of an eager task made
directly, ``Task(…, eager_start=True)``, which never comes to the queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import BuiltinMethodType, MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncrepl.engine.timeline import Timeline

__all__ = ["ObservedReady"]

_pop = deque.popleft


class ObservedReady(deque[asyncio.Handle]):
    """A deque of handles whose `popleft` tells `timeline` whose slice begins."""

    __slots__ = ("timeline",)

    timeline: Timeline

    def popleft(self) -> asyncio.Handle:
        """Take the first handle out; its slice begins now."""
        handle = _pop(self)
        if handle._callback is not None:  # None: cancelled, it will not run
            self.timeline.ran(_task(handle._callback))
        return handle


def _task(callback: Any) -> asyncio.Task[Any] | None:
    """The task of which `callback` is a step, None for a plain callback.

    A step is the C task's step wrapper or wakeup, or the Python task's methods
    of these names. Other methods of a task (``call_later(1, task.cancel)``)
    are plain callbacks.
    """
    owner = getattr(callback, "__self__", None)
    if not isinstance(owner, asyncio.Future):
        return None
    kind = type(callback)
    if kind is BuiltinMethodType:
        return owner if callback.__name__ == "task_wakeup" else None
    if kind is MethodType:
        return owner if callback.__name__ in {"__step", "__wakeup"} else None
    return owner
