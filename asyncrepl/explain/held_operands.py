"""What the code that refused an operand had in its hands: the locals of the frame that failed.

A library's function that raises is in no text of the user's; what it was given is in its frame.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import FunctionType, MethodType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, ObjectInfo, describe, function_of
from asyncrepl.explain.kinds import ASYNCHRONOUS, Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from asyncrepl.explain.evidence import Evidence

__all__ = [
    "FUNCTION_KINDS",
    "function_type",
    "held_operands",
    "innermost_frame",
    "is_held",
    "refused_by_asyncio",
]

_ASYNCIO = str(Path(asyncio.__file__).parent)
#: Kinds of what has to be called first.
FUNCTION_KINDS = {
    Kind.COROUTINE_FUNCTION, Kind.ASYNC_GENERATOR_FUNCTION, Kind.ASYNC_MANAGER_FUNCTION,
    Kind.ASYNC_CLASS,
}  # fmt: skip


def function_type(kind: type) -> type:
    """A method passes on to its function whatever is asked of it."""
    return FunctionType if issubclass(kind, MethodType) else kind


# -- the operands ----------------------------------------------------------------------


def is_held(evidence: Evidence, info: ObjectInfo) -> bool:
    """Whether the code that refused had an object as `info` says in its hands, or is its own."""
    if info.code is not None and evidence.inner and info.code is evidence.inner[-1]:
        return True
    return any(
        _is_of(each, function_type(info.kind)) and _same_code(each, info)
        for each in (function_of(value) or value for value in _locals(evidence))
    )


def _is_of(value: object, kind: type) -> bool:
    """Whether it is of that very type; of futures, asyncio makes several kinds."""
    return type(value) is kind or (kind is asyncio.Future and issubclass(type(value), kind))


def held_operands(evidence: Evidence) -> list[ObjectInfo]:
    """What the code that refused had in its hands, as far as that is asynchronous."""
    found = [describe(each, keep=True) for each in _locals(evidence)]
    return [each for each in found if kind_of(each) in ASYNCHRONOUS - FUNCTION_KINDS]


def refused_by_asyncio(evidence: Evidence) -> list[ObjectInfo]:
    """What asyncio was to make a future of, and could not."""
    frame = innermost_frame(evidence)
    refused = frame.f_locals.get("coro_or_future", MISSING) if frame is not None else MISSING
    ours = evidence.inner[-1].co_filename.startswith(_ASYNCIO) if evidence.inner else False
    return [describe(refused, keep=True)] if ours and refused is not MISSING else []


def _locals(evidence: Evidence) -> Iterator[object]:
    frame = innermost_frame(evidence)
    values = list(frame.f_locals.values()) if frame is not None else []
    if frame is not None and frame.f_code.co_qualname.startswith("ChainMap."):
        values += values[0].maps  # one of these it is
    for value in values:
        yield value
        if type(value) in (list, tuple, set):
            yield from value
        elif type(value) is dict:
            yield from value.values()


def _same_code(value: object, info: ObjectInfo) -> bool:
    return info.code is None or describe(value).code in (None, info.code)


def innermost_frame(evidence: Evidence) -> FrameType | None:
    """The frame in which the error was raised; None if there is none."""
    trace = evidence.error.__traceback__ if evidence.error is not None else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame if trace is not None else None
