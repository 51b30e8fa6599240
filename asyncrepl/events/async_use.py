"""How an object is used in asynchronous code, told without running a line of the user's code.

Of a function it is told what its *call* has to be used with, of a class what its instances have:
``sleep`` needs ``await``, an async generator function needs ``async for``.
"""

from __future__ import annotations

import functools
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_ITERABLE_COROUTINE
from types import FunctionType, MethodType
from typing import Any

from asyncrepl.events.object_info import MISSING, lookup

__all__ = ["async_use"]

_MAX_LAYERS = 10
_CONTEXT_MANAGERS = "contextlib"
#: Plain functions of the standard library that give something to await: nothing about
#: them tells.
_GIVE_AWAITABLES = {
    ("asyncio.tasks", "gather"),
    ("asyncio.tasks", "shield"),
    ("asyncio.tasks", "create_task"),
    ("asyncio.tasks", "ensure_future"),
    ("asyncio.futures", "wrap_future"),
}
_GIVE_ITERATORS = {("asyncio.tasks", "as_completed")}
_MEMBERS = (("__await__", "await"), ("__aiter__", "async for"), ("__aenter__", "async with"))


def async_use(obj: Any) -> str:
    """``needs await``, ``needs async for`` or ``needs async with``; empty for all else."""
    uses = _uses(obj)
    return f"needs {' or '.join(uses)}" if uses else ""


def _uses(obj: Any) -> list[str]:
    function = _unwrapped(obj)
    if type(function) is FunctionType:
        use = _use_of_call(function)
        return [use] if use else []
    kind = obj if _is_class(obj) else type(obj)
    return [use for name, use in _MEMBERS if lookup(kind, name) not in (MISSING, None)]


def _is_class(obj: Any) -> bool:
    return type in type.__dict__["__mro__"].__get__(type(obj))


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
    own = function.__dict__
    if flags & CO_ASYNC_GENERATOR:
        return "async for"
    if flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE) or "_is_coroutine_mark" in own:
        return "await"
    wrapped = own.get("__wrapped__")
    if type(wrapped) is FunctionType and wrapped.__code__.co_flags & CO_ASYNC_GENERATOR:
        made_by = function.__globals__.get("__name__")
        return "async with" if made_by == _CONTEXT_MANAGERS else ""
    name = function.__globals__.get("__name__"), function.__code__.co_name
    if name in _GIVE_AWAITABLES:
        return "await"
    return "async for" if name in _GIVE_ITERATORS else ""
