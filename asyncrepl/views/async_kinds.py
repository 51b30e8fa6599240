"""What an object is to async code, and what is done with it: in a few words.

Recognised from its type alone: no line of the user's code runs. Of a function `async_use` tells
what its *call* has to be used with, of a class what its instances have: ``sleep`` needs ``await``,
an async generator function needs ``async for``.
"""

from __future__ import annotations

import functools
import inspect
import sys
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_ITERABLE_COROUTINE
from types import AsyncGeneratorType, CoroutineType, FunctionType, GeneratorType, MethodType
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.events.object_info import has_method, is_step, mro_of

if TYPE_CHECKING:
    from collections.abc import Callable


class AsyncKind(NamedTuple):
    """What something is, and what is done with it; of a function, with what it gives."""

    name: str
    use: str


def async_kind(value: object) -> AsyncKind | None:
    """What `value` is to async code; None where it is nothing to it."""
    kind = type(value)
    for known, found in _BY_TYPE.items():
        if issubclass(kind, known):
            return found(value)
    if is_step(kind):
        return AsyncKind("awaitable of one step", "await it")
    return kind_of_instances(kind) or _future(value)


def dies_with_a_report(value: object) -> bool:
    """Whether somebody is told when the last reference to `value` goes: none is to be kept."""
    kind = type(value)
    running = (CoroutineType, AsyncGeneratorType, GeneratorType)
    return issubclass(kind, running) or has_method(kind, "__await__")


def kind_of_instances(kind: type) -> AsyncKind | None:
    """What the special methods of `kind` make its instances; not a task or a future: see there."""

    def has(*names: str) -> bool:
        return all(has_method(kind, name) for name in names)

    names, uses = [], []
    if has("__aiter__"):
        names.append("iterator" if has("__anext__") else "iterable")
        uses.append("iterate over it with async for")
    if has("__aenter__", "__aexit__"):
        names.append("context manager")
        uses.append("enter it with async with")
    if has("__await__") and not has("add_done_callback"):
        uses.append("await it")
    if not uses:
        return None
    name = f"asynchronous {' and '.join(names)}" if names else "awaitable"
    return AsyncKind(name, "; or ".join(uses))


def _future(value: Any) -> AsyncKind | None:
    """A task or a future, and its state."""
    from asyncio import Future, Task

    kind = type(value)
    if not issubclass(kind, Future):
        return None
    name = "task" if issubclass(kind, Task) else "future"
    if Future.cancelled(value) if kind is Future else value.cancelled():
        return AsyncKind(f"{name}, cancelled", "awaiting it raises CancelledError")
    if value.done():
        return AsyncKind(f"{name}, done", "await it for its result or its error")
    now = "running in the background" if name == "task" else "not done"
    return AsyncKind(f"{name}, {now}", "await it to wait for its result")


def _function(value: Any) -> AsyncKind | None:
    if inspect.isasyncgenfunction(value):
        return AsyncKind("async generator function", "call it, iterate over it with async for")
    if inspect.iscoroutinefunction(value):
        return AsyncKind("coroutine function", "call it and await what it gives")
    return None


def _several(value: Any) -> AsyncKind | None:
    """A list or tuple of nothing but coroutines."""
    if (
        type(value) in (list, tuple)
        and value
        and {type(each) for each in value} == {CoroutineType}
    ):
        return AsyncKind(
            "coroutines", "await asyncio.gather(*…) runs them and gives their results"
        )
    return None


_BY_TYPE: dict[type, Callable[[Any], AsyncKind | None]] = {
    CoroutineType: lambda _: AsyncKind("coroutine", "await it"),
    AsyncGeneratorType: lambda _: AsyncKind("async generator", "iterate over it with async for"),
    FunctionType: _function,
    MethodType: _function,
    GeneratorType: lambda _: None,
    list: _several,
    tuple: _several,
    type: lambda _: None,
}

_MAX_LAYERS = 10
#: Plain functions of the standard library, and what they give needs: nothing else tells of it.
_GIVE = {
    **{("asyncio.tasks", name): "await" for name in ("gather", "shield", "create_task")},
    ("asyncio.tasks", "ensure_future"): "await",
    ("asyncio.futures", "wrap_future"): "await",
    ("asyncio.timeouts", "timeout"): "async with",
    ("asyncio.timeouts", "timeout_at"): "async with",
}
if sys.version_info >= (3, 13):  # before, a plain loop gets something to await from it
    _GIVE["asyncio.tasks", "as_completed"] = "async for"
_MEMBERS = (("__await__", "await"), ("__aiter__", "async for"), ("__aenter__", "async with"))


def async_use(obj: Any) -> str:
    """``needs await``, ``needs async for`` or ``needs async with``; empty for all else."""
    function = _unwrapped(obj)
    if type(function) is FunctionType:
        use = _use_of_call(function)
        return f"needs {use}" if use else ""
    if function is anext or function is aiter:
        return "needs await" if function is anext else "needs async for"
    is_class = type in mro_of(type(obj))
    kind = obj if is_class else type(obj)
    uses = [use for name, use in _MEMBERS if has_method(kind, name)]
    return f"needs {' or '.join(uses)}" if uses else ""


def _unwrapped(obj: Any) -> Any:
    """The function in a method, a partial, a static or class method."""
    for _ in range(_MAX_LAYERS):
        if type(obj) in (MethodType, staticmethod, classmethod):
            obj = obj.__func__
        elif type(obj) is functools.partial:
            obj = obj.func
        else:
            break
    return obj


def _use_of_call(function: FunctionType) -> str:
    flags = function.__code__.co_flags
    own, module = function.__dict__, function.__globals__.get("__name__")
    if flags & CO_ASYNC_GENERATOR:
        return "async for"
    if flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE) or "_is_coroutine_mark" in own:
        return "await"
    wrapped = own.get("__wrapped__")
    if type(wrapped) is FunctionType and wrapped.__code__.co_flags & CO_ASYNC_GENERATOR:
        return "async with" if module == "contextlib" else ""
    return _GIVE.get((module, function.__code__.co_name), "") if type(module) is str else ""
