"""The ready queue of an observed loop: a deque that notes what the loop takes out.

Everything that runs on a loop passes here: tasks however they were made,
callbacks, timers, I/O. Taking a handle out ends one slice and begins the next,
so one note per handle says who ran when. No task, coroutine or handle is
changed. All that escapes is the first step of an eager task that was made
directly, ``Task(…, eager_start=True)``: it never comes to the queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import BuiltinMethodType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncrepl.engine.timeline import Timeline

__all__ = ["ObservedReady"]

_pop = deque.popleft


class ObservedReady(deque[Any]):
    """A deque of handles whose `popleft` tells `timeline` whose slice begins."""

    __slots__ = ("timeline",)

    timeline: Timeline

    def popleft(self) -> Any:
        """Take the first handle out; its slice begins now."""
        handle = _pop(self)
        callback = handle._callback  # noqa: SLF001  there is no public way
        if callback is None:  # cancelled, it will not run
            return handle
        kind = type(callback)
        if kind in _STEPS:
            self.timeline.ran(callback.__self__)
        else:
            self.timeline.ran(None if kind is FunctionType else _task(callback))
        return handle


#: The type of the C tasks' steps, once one was seen: it has no public name.
_STEPS: set[type] = set()


def _task(callback: Any) -> Any:
    """The task of which `callback` is a step; None for a plain callback.

    A step is the step wrapper or the wakeup of a task in C, or the methods of
    these names of one in Python. Other methods of a task are plain callbacks,
    as in ``call_later(1, task.cancel)``. Objects of the user's are not asked.
    """
    kind = type(callback)
    if kind is BuiltinMethodType:
        return callback.__self__ if callback.__name__ == "task_wakeup" else None
    if kind is MethodType:
        owner = callback.__self__
        step = callback.__name__ in {"__step", "__wakeup"} and asyncio.isfuture(owner)
        return owner if step else None
    if (kind.__module__, kind.__name__) in _STEP_NAMES:
        _STEPS.add(kind)
        return callback.__self__
    return None


_STEP_NAMES = {("builtins", "TaskStepMethWrapper"), ("_asyncio", "TaskStepMethWrapper")}
