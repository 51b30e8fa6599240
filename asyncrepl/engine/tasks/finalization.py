"""Findings at the end of an object: a coroutine never run, a generator left, a cancellation lost.

They are made where the object ends, perhaps in a finalizer, so no more is done there than to
note it, at the user's code that runs just then.

A task that was cancelled and ended as if nothing had happened has swallowed its cancellation.
``asyncio.timeout`` and ``TaskGroup`` take a cancellation back with ``uncancel``; then it
counts no more. What is left was swallowed by an ``except`` on the way.
"""

from __future__ import annotations

import sys
from asyncio import _get_running_loop
from opcode import opname
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.code_owner import is_library, is_plumbing
from asyncrepl.engine.tasks.task_records import task_coroutine
from asyncrepl.events.findings import Finding, finding_at
from asyncrepl.events.object_info import ObjectInfo, refused_operands

if TYPE_CHECKING:
    import asyncio
    from types import CodeType, FrameType

    from asyncrepl.events.finding_log import FindingLog

__all__ = [
    "dropped_finding",
    "left_finding",
    "note_swallowed_cancellation",
    "running_user_frame",
    "was_refused",
]

#: Instructions that no coroutine goes through as their operand: one that dies there was refused.
_REFUSING = frozenset({
    "GET_ITER", "GET_AITER", "GET_YIELD_FROM_ITER", "GET_AWAITABLE", "UNPACK_SEQUENCE",
    "UNPACK_EX", "BINARY_OP", "BINARY_SUBSCR", "STORE_SUBSCR", "DELETE_SUBSCR", "BEFORE_WITH",
    "BEFORE_ASYNC_WITH", "LOAD_SPECIAL", "CONTAINS_OP", "LIST_EXTEND", "SET_UPDATE",
    "DICT_UPDATE", "DICT_MERGE", "UNARY_NEGATIVE", "UNARY_INVERT",
})  # fmt: skip


def dropped_finding(coroutine: CoroutineType[Any, Any, Any]) -> Finding:
    """The finding for `coroutine`, which is dying and never ran."""
    alone = _get_running_loop() is None
    seen = finding_at(
        "dropped", ObjectInfo(CoroutineType, coroutine.cr_code), running_user_frame(), int(alone)
    )
    places = [(filename, line) for filename, line, _ in coroutine.cr_origin or ()]
    return seen._replace(made=next((each for each in places if not _is_foreign(each[0])), None))


def was_refused(code: CodeType | None) -> bool:
    """Whether the coroutine of `code`, that dies, was refused by an operation.

    Then an error is on its way. A `code` of None means the awaitable of a step.
    """
    frame = running_user_frame()
    if frame is None:
        return False
    if opname[frame.f_code.co_code[frame.f_lasti]] in _REFUSING:
        return True
    notes = refused_operands.at(frame.f_code)
    return code is not None and any(note.certain and note.info.code is code for note in notes)


def left_finding(generator: Any) -> Finding:
    """The finding for an async generator that is dying at a ``yield``."""
    frame = generator.ag_frame
    line = 0 if frame is None else frame.f_lineno or 0
    return finding_at(
        "left", ObjectInfo(AsyncGeneratorType, generator.ag_code), running_user_frame(), line
    )


def running_user_frame() -> FrameType | None:
    """The innermost frame of the user's that runs in this thread."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  the documented way
    while frame is not None and _is_foreign(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def _is_foreign(filename: str) -> bool:
    return is_plumbing(filename) or is_library(filename)


def note_swallowed_cancellation(task: asyncio.Task[object], findings: FindingLog) -> None:
    """See that `task`, whose slice has just ended, has swallowed its cancellation."""
    coro = task_coroutine(task)
    if type(coro) is not CoroutineType:
        return
    code = coro.cr_code
    if not is_plumbing(code.co_filename) and not is_library(code.co_filename):
        findings.add(Finding("swallowed", ObjectInfo(CoroutineType, code), code, 0))
