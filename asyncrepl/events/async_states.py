"""What asynchronous objects are, and how far they have come, told without touching them."""

from __future__ import annotations

import gc
from opcode import opname
from types import AsyncGeneratorType
from typing import Any

__all__ = ["generator_of_step", "has_begun", "is_new", "is_step"]

_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement
#: The types of the awaitables of a step: of ``agen.asend()``, ``agen.aclose()``, ``anext()``.
_STEP_TYPES = frozenset({"async_generator_asend", "async_generator_athrow", "anext_awaitable"})


def is_step(kind: type) -> bool:
    """Whether `kind` is that of the awaitables of a step of an async generator."""
    return type(kind) is type and kind.__name__ in _STEP_TYPES and not kind.__flags__ & _HEAP


def generator_of_step(step: object) -> Any:
    """The async generator whose step it is; an ``anext`` with a default wraps another step."""
    for thing in gc.get_referents(step):
        if type(thing) is AsyncGeneratorType:
            return thing
        if is_step(type(thing)):
            return generator_of_step(thing)
    return None


def is_new(coroutine: Any) -> bool:
    """Whether the coroutine has not begun to run."""
    return (
        coroutine.cr_frame is not None and not coroutine.cr_suspended and not coroutine.cr_running
    )


def has_begun(generator: Any) -> bool:
    """Whether the async generator `generator` has taken a step or was closed."""
    frame = generator.ag_frame
    if frame is None or generator.ag_running:
        return True
    if hasattr(generator, "ag_suspended"):  # since Python 3.12
        return bool(generator.ag_suspended)
    last: int = frame.f_code.co_code[frame.f_lasti]
    return opname[last] != "RETURN_GENERATOR"
