"""What a future of asyncio's stands for: other futures, a thread's result, a task group.

Futures do not tell; the callbacks that asyncio hung on them do. Those are known
by their code objects, and what they belong to stands in their closures. Read by
the descriptors of asyncio's own types: a subclass of the user's may override.
"""

from __future__ import annotations

import asyncio
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["behind", "collector", "gathered", "group_parent"]

_GATHER: Any = asyncio.tasks._GatheringFuture  # type: ignore[attr-defined]  # noqa: SLF001
_CALLBACKS = asyncio.Future.__dict__["_callbacks"].__get__
_GROUP_DONE = asyncio.TaskGroup.__dict__["_on_task_done"]


def _within(function: Callable[..., Any], name: str) -> CodeType:
    """The code of the function `name` that is defined in `function`."""
    code = function.__code__
    found = (each for each in code.co_consts if isinstance(each, CodeType))
    return next((each for each in found if each.co_name == name), code)


_SHIELD = _within(asyncio.shield, "_outer_done_callback")
_CHAINED = _within(asyncio.futures._chain_future, "_call_check_cancel")  # type: ignore[attr-defined]  # noqa: SLF001

# A function in a function up to 3.12, a method of an iterator since.
_COMPLETED: object = _within(asyncio.as_completed, "_on_completion")
if (_iterator := getattr(asyncio.tasks, "_AsCompletedIterator", None)) is not None:
    _COMPLETED = _iterator.__dict__["_handle_completion"]


def gathered(future: Any) -> list[object] | None:
    """The futures that the one that ``asyncio.gather`` gave waits for; None for any other."""
    return list(future._children) if type(future) is _GATHER else None  # noqa: SLF001


def behind(future: object) -> object:
    """What gives `future` its result: the future inside a ``shield``, or one of an executor.

    The latter is a ``concurrent.futures.Future``. None for a future of its own.
    """
    for callback in _callbacks(future):
        if type(callback) is FunctionType:
            if callback.__code__ is _SHIELD:
                return _enclosed(callback, "inner")
            if callback.__code__ is _CHAINED:
                return _enclosed(callback, "source")
    return None


def group_parent(task: object) -> object:
    """The task whose ``async with TaskGroup()`` will wait for `task`; None if there is none."""
    for callback in _callbacks(task):
        if type(callback) is MethodType and callback.__func__ is _GROUP_DONE:
            group: Any = callback.__self__
            return group._parent_task  # noqa: SLF001
    return None


def collector(task: object) -> object:
    """The queue to which ``asyncio.as_completed`` will put `task`; None if there is none."""
    for callback in _callbacks(task):
        if type(callback) is FunctionType and callback.__code__ is _COMPLETED:
            return _enclosed(callback, "done")
        if type(callback) is MethodType and callback.__func__ is _COMPLETED:
            iterator: Any = callback.__self__
            return iterator._done  # noqa: SLF001
    return None


def _callbacks(future: Any) -> list[Any]:
    in_c = issubclass(type(future), asyncio.Future)
    held = _CALLBACKS(future) if in_c else future._callbacks  # noqa: SLF001
    return [callback for callback, _ in held or ()]


def _enclosed(function: FunctionType, name: str) -> object:
    """The variable `name` in the closure of `function`."""
    names = function.__code__.co_freevars
    assert function.__closure__ is not None
    return function.__closure__[names.index(name)].cell_contents
