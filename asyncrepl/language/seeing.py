"""Probes of mistakes that raise nothing: they note what they see, and go on.

Where they stand is decided by `losing` and `patterns`: only there is anything paid.
"""

from __future__ import annotations

import time
from opcode import opname
from sys import _getframe
from types import AsyncGeneratorType, BuiltinFunctionType, CoroutineType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from asyncrepl.language.sightings import sightings
from asyncrepl.language.suspects import MISSING, lookup

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["SEEING", "begun", "is_new"]

T = TypeVar("T")

_COROUTINE = 0x80
_SUSPENDS = _COROUTINE | 0x200
#: The types of the awaitables of a step: of ``agen.asend()``, ``agen.aclose()``, ``anext()``.
_STEPS = frozenset({"async_generator_asend", "async_generator_athrow", "anext_awaitable"})
#: What is printed most: nothing to look at.
_HARMLESS = frozenset({str, int, float, bool, type(None), list, tuple, dict, set, bytes})


def lost(obj: T) -> T:
    """What a call gives where nobody can walk or await it any more."""
    kind = type(obj)
    if (kind is AsyncGeneratorType and not begun(obj)) or _is_step(kind):
        sightings.see("lost", obj, _getframe(1))
    return obj


def made(obj: T) -> T:
    """An async generator, perhaps, that is put or given somewhere."""
    if type(obj) is AsyncGeneratorType and not begun(obj):
        sightings.expect("unwalked", obj, _getframe(1))
    return obj


def shown(obj: T) -> T:
    """What is printed."""
    kind = type(obj)
    if kind in _HARMLESS:
        return obj
    if kind is AsyncGeneratorType:
        pending = not begun(obj)
    elif kind is CoroutineType:
        pending = is_new(obj)
    else:
        pending = _is_step(kind)
    if pending and sightings.patient and not _is_step(kind):
        sightings.expect("shown", obj, _getframe(1))
    elif pending:
        sightings.see("shown", obj, _getframe(1))
    return obj


def is_new(coroutine: Any) -> bool:
    """Whether the coroutine has not begun to run."""
    return (
        coroutine.cr_frame is not None and not coroutine.cr_suspended and not coroutine.cr_running
    )


def _is_step(kind: type) -> bool:
    """Whether it is that of the awaitables of a step of an async generator."""
    return type(kind) is type and kind.__name__ in _STEPS and kind.__module__ == "builtins"


def guarded(obj: T) -> T:
    """The operand of a loop whose StopAsyncIteration is expected around it."""
    sightings.see("guarded", obj, _getframe(1))
    return obj


def skipping(obj: T) -> T:
    """The operand of a loop whose body takes steps of it."""
    if _is_own_iterator(obj):
        sightings.see("skipping", obj, _getframe(1))
    return obj


def shared(obj: T) -> T:
    """The operand of a loop inside another one over the same."""
    if _is_own_iterator(obj):
        sightings.see("shared", obj, _getframe(1))
    return obj


def unchecked(obj: T) -> T:
    """An async generator made in a ``try`` that expects it to fail there."""
    if type(obj) is AsyncGeneratorType and not begun(obj):
        sightings.see("unchecked", obj, _getframe(1))
    return obj


def asked(obj: Any) -> Any:
    """What is asked for a step by hand."""
    if type(obj) is AsyncGeneratorType:
        if obj.ag_frame is None and obj in sightings.cut:
            sightings.see("cut", obj, _getframe(1))
        elif obj.ag_running:
            sightings.see("running", obj, _getframe(1))
    return obj


def blocking(function: T) -> T:
    """A function called under the name of one that blocks.

    Whatever calls it, if it runs on a loop it blocks that; in a plain function it does no harm
    as long as no other task is there.
    """
    kind = type(function)
    frame = _getframe(1)
    if kind is FunctionType or kind is BuiltinFunctionType:
        from asyncrepl.language.patterns import BLOCKING

        named = function.__module__, function.__qualname__  # type: ignore[attr-defined]
        if named in BLOCKING and _is_in_the_way(frame):
            sightings.see("blocks", function, frame)
    if function is not time.sleep or sightings.sleep is None:
        return function
    return cast("T", sightings.sleep(frame))


def _is_in_the_way(frame: FrameType) -> bool:
    from asyncio import _get_running_loop, all_tasks

    loop = _get_running_loop()
    suspends = frame.f_code.co_flags & _SUSPENDS
    return loop is not None and (bool(suspends) or len(all_tasks(loop)) > 1)


def unkept(task: T) -> T:
    """A task that a loop has made and that is kept by nobody."""
    if lookup(type(task), "_asyncio_future_blocking") is not MISSING:
        sightings.unkept(task, _getframe(1))
    return task


def begun_task(task: T) -> T:
    """A task that no loop has made, and that a name or a list keeps, or nobody."""
    if lookup(type(task), "_asyncio_future_blocking") is not MISSING:
        sightings.unkept(task, _getframe(1), "cut off")
    return task


def closing(step: T) -> T:
    """What is to be awaited for a generator to close, where only a name gets it."""
    if _is_step(type(step)):
        sightings.closing(step, _getframe(1))
    return step


def _is_own_iterator(obj: object) -> bool:
    """Whether its ``__aiter__`` only returns the object itself."""
    if type(obj) is AsyncGeneratorType:
        return True
    method = lookup(type(obj), "__aiter__")
    if type(method) is not FunctionType or method.__code__.co_flags & _COROUTINE:
        return False
    steps = [opname[each] for each in method.__code__.co_code[::2]]
    kept = [name for name in steps if name not in ("RESUME", "CACHE", "NOP")]
    return len(kept) == 2 and kept[0].startswith("LOAD_FAST") and kept[1] == "RETURN_VALUE"


def begun(generator: Any) -> bool:
    """Whether the async generator `generator` has taken a step or was closed."""
    frame = generator.ag_frame
    if frame is None or generator.ag_running:
        return True
    if hasattr(generator, "ag_suspended"):  # since Python 3.12
        return bool(generator.ag_suspended)
    last: int = frame.f_code.co_code[frame.f_lasti]
    return opname[last] != "RETURN_GENERATOR"


#: All of these probes.
SEEING: tuple[Callable[[Any], Any], ...] = (
    lost,
    made,
    shown,
    guarded,
    skipping,
    shared,
    unchecked,
    asked,
    blocking,
    unkept,
    begun_task,
    closing,
)
