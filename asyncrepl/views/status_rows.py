"""Rows under the prompt while the loop is blocked or a program is paused.

::

    loop blocked 1.3 s by task 'tick' at <input 3>:2: time.sleep(2)
    paused, 1.200 s  t timer  n __anext__  v values  e evaluate  c go on

When a blocked loop goes on, one line reports it (``loop was blocked 2.0 s by …``), which may take
a second one. The row must fit: on a narrow screen it gives up what can be missed soonest: the end
of the source, some words, folders, all of the source; and the task of an input, which its place
names as well.

While a program is paused, a row says where it is and which keys do something; on a narrow
screen the keys have a row of their own, and shorter words. On demand the names of each frame in
scope are listed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from asyncrepl.engine.code_owner import MAX_SOURCE_LENGTH, short_filename
from asyncrepl.syntax.sources import task_name
from asyncrepl.views.styled_lines import (
    UNBROKEN,
    Line,
    cut,
    flowed,
    one_line,
    printable,
    unbroken,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.engine.loop.debug_control import DebugMode, FrameScope
    from asyncrepl.events import Blocked, BlockingReport

_MIN_SOURCE = 8  # characters of a source line that are worth a place


def blocked_row(found: Blocked, width: int) -> Line:
    """What blocks the loop at this moment, as `found`, in at most `width` columns."""
    blocked = f"blocked {found.seconds:.1f} s"
    where = f"at {_place(found)}"
    by = "" if _is_own_input(found) else f" by {_task_name(found.task)}"
    heads = (
        f"loop {blocked} by {_task_names(found.task)} {where}",
        f"{blocked}{by} {where}",
        f"{blocked}{by} at {_place(found).rpartition('/')[2]}",
    )
    head = next((head for head in heads if len(head) <= width), heads[-1])
    return [("status", cut(_with_source(head, found.source, width), width))]


def blocked_lines(blocks: BlockingReport, width: int | None) -> list[Line]:
    """What has blocked the loop, or did so again and again, when it is over.

    `blocks` is the report of it. One line; more where `width` columns do not hold it.
    """
    found = blocks.last
    head = f"loop was blocked {_how_long(blocks)}"
    where = f"at {_place(found)}" if found.filename else ""
    if where and found.source:
        where += f": {cut(printable(found.source), MAX_SOURCE_LENGTH)}"
    by = unbroken(f"by {_task_names(*blocks.tasks)}")
    full = f"{head} {by}".replace(UNBROKEN, " ")
    if width is None or len(full) + len(where) < width:
        return [[("dim", f"{full} {where}".rstrip())]]
    lines = wrapped(head if _is_own_input(found) else f"{head} {by}", width, 2)
    lines = [line.replace(UNBROKEN, " ") for line in lines]
    lines += [f"  {line}" for line in wrapped(where, width - 2, 2)] if where else []
    return [[("dim", line)] for line in lines]


def _how_long(blocks: BlockingReport) -> str:
    waited = blocks.last.waited
    if blocks.times > 1:
        return f"{blocks.times} more times, {blocks.seconds:.1f} s in all,"
    if waited * 2 > blocks.seconds:
        return f"{blocks.seconds:.1f} s, {waited:.1f} s of it waiting for its turn,"
    if blocks.last.collected * 2 > blocks.seconds:
        return f"{blocks.seconds:.1f} s, {blocks.last.collected:.1f} s of it collecting garbage,"
    return f"{blocks.seconds:.1f} s"


def _task_names(*tasks: str | None) -> str:
    if len(tasks) > 1:
        return f"{len(tasks)} tasks"
    return _task_name(None) if tasks[0] is None else f"task {_task_name(tasks[0])}"


def _task_name(task: str | None) -> str:
    return "a callback" if task is None else printable(repr(task))


def _place(found: Blocked) -> str:
    return printable(f"{short_filename(found.filename)}:{found.line}")


def _is_own_input(found: Blocked) -> bool:
    """Whether the place names the task: `<input 3>` is that of the task 'input 3'."""
    return task_name(found.filename) == found.task


def _with_source(head: str, source: str, width: int) -> str:
    source = printable(source)
    room = width - len(head) - 2
    worth = source and room >= min(_MIN_SOURCE, len(source))
    return f"{head}: {cut(source, room)}" if worth else head


#: What is said of each mode, and the keys that do something then.
_KEYS = "t timer  n __anext__  v values  e evaluate  c go on"
_SHORT_KEYS = "t timer n anext v values e eval c go on"
#: What both say of the next step of an ``async for``.
_ANEXT_KEY = re.compile(r"n (__)?anext(__)? +")
_RUNNING_KEYS = "Ctrl-S pauses  c goes on"
#: So many names of a frame are listed.
_MAX_NAMES = 20


def pause_rows(
    mode: DebugMode, ns: int, columns: int, *, steps_iterations: bool = True
) -> list[Line]:
    """The rows for `mode`, `columns` wide; `ns` have passed since the statement began.

    Without `steps_iterations`, no step to the next ``__anext__`` is offered.
    """
    if mode == "off":
        return []
    if mode == "anext":
        return _message_rows("on to the next __anext__", _RUNNING_KEYS, columns)
    where = "at __anext__" if mode == "step" else "paused"
    keys, short = _KEYS, _SHORT_KEYS
    if not steps_iterations:
        keys, short = (_ANEXT_KEY.sub("", each) for each in (_KEYS, _SHORT_KEYS))
    return _message_rows(f"{where}, {ns / 1e9:.3f} s", keys, columns, short)


def waiting_rows(columns: int, *, loop_runs: bool = True) -> list[Line]:
    """The rows while a pause is asked for, and the program does not come to suspend.

    `loop_runs` says whether it can: no other loop than asyncio's own pauses.
    """
    what = "pauses when the statement suspends"
    if not loop_runs:
        what = "pauses when a loop of asyncio's own runs"
    return _message_rows(what, "Ctrl-C interrupts it", columns)


def asking_rows(columns: int) -> list[Line]:
    """The rows while an expression is being typed."""
    return _message_rows(
        "an expression of names in scope", "Enter shows it  Esc goes back", columns
    )


def scope_lines(scopes: Sequence[FrameScope], width: int | None) -> list[Line]:
    """The names and values of each frame of `scopes`, a line a name, cut at `width` cells."""
    lines: list[Line] = []
    for scope in scopes:
        place = f"{scope.where}: {scope.source}" if scope.source else scope.where
        function = "" if scope.function == "<module>" else f"{scope.function}  "
        lines.append([("name", function), ("dim", _cut_value(place, width, len(function)))])
        for name, text in scope.names[:_MAX_NAMES]:
            head = f"  {name} = "
            lines.append([("label", head), ("", _cut_value(text, width, len(head)))])
        if (more := len(scope.names) - _MAX_NAMES) > 0:
            lines.append([("dim", f"  + {more} more")])
    return lines


def _message_rows(what: str, keys: str, columns: int, short: str = "") -> list[Line]:
    """What is, and the keys that do something then; in the same row if that holds both."""
    head = ("name", what)
    if len(what) + 2 + len(keys) < columns:
        return [[head, ("dim", f"  {keys}")]]
    return [
        [head],
        *flowed([("dim", keys if len(keys) < columns else short or keys)], columns - 1),
    ]


def _cut_value(text: str, width: int | None, before: int) -> str:
    return one_line(text) if width is None else cut(text, max(width - before, 10))
