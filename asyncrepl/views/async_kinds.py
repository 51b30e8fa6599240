"""What an object is to async code, and what is done with it: in a few words.

Recognised from its type alone: no line of the user's code runs.
"""

from __future__ import annotations

import inspect
from types import AsyncGeneratorType, CoroutineType, FunctionType, GeneratorType, MethodType
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.events.object_info import MISSING, lookup

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AsyncKind", "async_kind", "dies_with_a_report", "kind_of_instances"]

_STEPS = {"async_generator_asend", "async_generator_athrow", "anext_awaitable"}


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
    if kind.__name__ in _STEPS and lookup(kind, "__await__") is not MISSING:
        return AsyncKind("awaitable of one step", "await it")
    return _by_methods(kind) or _future(value)


def kind_of_instances(kind: type) -> AsyncKind | None:
    """What the instances of `kind` are to async code."""
    return _by_methods(kind)


def dies_with_a_report(value: object) -> bool:
    """Whether somebody is told when the last reference to `value` goes: none is to be kept."""
    kind = type(value)
    running = (CoroutineType, AsyncGeneratorType, GeneratorType)
    return issubclass(kind, running) or lookup(kind, "__await__") is not MISSING


def _by_methods(kind: type) -> AsyncKind | None:
    """What its special methods make it; a task and a future come later, they have a state."""

    def has(*names: str) -> bool:
        return all(lookup(kind, name) not in {MISSING, None} for name in names)

    if has("__aiter__", "__anext__"):
        return AsyncKind("asynchronous iterator", "walk it with async for")
    if has("__aiter__"):
        return AsyncKind("asynchronous iterable", "walk it with async for")
    if has("__aenter__", "__aexit__"):
        extra = "; or await it" if has("__await__") else ""
        return AsyncKind("asynchronous context manager", f"enter it with async with{extra}")
    if has("__await__") and not has("add_done_callback"):
        return AsyncKind("awaitable", "await it")
    return None


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
        return AsyncKind("async generator function", "call it, walk it with async for")
    if inspect.iscoroutinefunction(value):
        return AsyncKind("coroutine function", "call it and await what it gives")
    return None


_BY_TYPE: dict[type, Callable[[Any], AsyncKind | None]] = {
    CoroutineType: lambda _: AsyncKind("coroutine", "await it"),
    AsyncGeneratorType: lambda _: AsyncKind("async generator", "walk it with async for"),
    FunctionType: _function,
    MethodType: _function,
    GeneratorType: lambda _: None,
    type: lambda _: None,
}
