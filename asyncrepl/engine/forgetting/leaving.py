"""Where things die: the user's code that runs just then."""

from __future__ import annotations

import sys
from opcode import opname
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.frames import is_library, is_plumbing
from asyncrepl.language.sightings import sighting_at
from asyncrepl.language.suspects import Facts, suspects

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from asyncrepl.language.sightings import Sighting

__all__ = ["dropped", "left", "refused", "user_frame"]

#: Instructions that no coroutine goes through as their operand: one that dies there was refused.
_REFUSING = frozenset({
    "GET_ITER", "GET_AITER", "GET_YIELD_FROM_ITER", "GET_AWAITABLE", "UNPACK_SEQUENCE",
    "UNPACK_EX", "BINARY_OP", "BINARY_SUBSCR", "STORE_SUBSCR", "DELETE_SUBSCR", "BEFORE_WITH",
    "BEFORE_ASYNC_WITH", "LOAD_SPECIAL", "CONTAINS_OP", "LIST_EXTEND", "SET_UPDATE",
    "DICT_UPDATE", "DICT_MERGE", "UNARY_NEGATIVE", "UNARY_INVERT",
})  # fmt: skip


def dropped(coroutine: CoroutineType[Any, Any, Any]) -> Sighting:
    """The sighting of `coroutine`, which is dying and never ran."""
    seen = sighting_at("dropped", Facts(CoroutineType, coroutine.cr_code), user_frame())
    places = [(filename, line) for filename, line, _ in coroutine.cr_origin or ()]
    return seen._replace(made=next((each for each in places if not _is_foreign(each[0])), None))


def refused(code: CodeType | None) -> bool:
    """Whether the coroutine of `code`, that dies, was refused by an operation.

    Then an error is on its way. None stands for the awaitable of a step.
    """
    frame = user_frame()
    if frame is None:
        return False
    if opname[frame.f_code.co_code[frame.f_lasti]] in _REFUSING:
        return True
    notes = suspects.at(frame.f_code)
    return code is not None and any(note.certain and note.facts.code is code for note in notes)


def left(generator: Any) -> Sighting:
    """The sighting of an async generator that is dying at a ``yield``."""
    frame = generator.ag_frame
    line = 0 if frame is None else frame.f_lineno or 0
    return sighting_at("left", Facts(AsyncGeneratorType, generator.ag_code), user_frame(), line)


def user_frame() -> FrameType | None:
    """The innermost frame of the user's that runs in this thread."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  the documented way
    while frame is not None and _is_foreign(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def _is_foreign(filename: str) -> bool:
    return is_plumbing(filename) or is_library(filename)
