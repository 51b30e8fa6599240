"""A blocked loop: one row while it is blocked, one line when it is over.

    loop blocked 1.3 s by task 'tick' at <input 3>:2: time.sleep(2)
    loop was blocked 2.0 s by task 'tick' at <input 3>:2: time.sleep(2)

The row must fit. On a narrow screen it gives up what can be missed soonest: the end of
the source, some words, folders, all of the source; and the task of an input, which its
place tells as well. The line may take a second one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.engine.traces import LONGEST, short_name
from asyncrepl.views.styled import printable, wrapped

if TYPE_CHECKING:
    from asyncrepl.engine.blocking.gathering import Blocks
    from asyncrepl.events import Blocked
    from asyncrepl.views.styled import Line

__all__ = ["blocked_lines", "blocked_row"]

_LEAST = 8  # characters of a source line that are worth a place


def blocked_row(found: Blocked, width: int) -> Line:
    """What blocks the loop at this moment, in at most `width` columns."""
    blocked = f"blocked {found.seconds:.1f} s"
    where = f"at {_place(found)}"
    by = "" if _is_input(found) else f" by {_name(found.task)}"
    heads = (
        f"loop {blocked} by {_who(found.task)} {where}",
        f"{blocked}{by} {where}",
        f"{blocked}{by} at {_place(found).rpartition('/')[2]}",
    )
    head = next((head for head in heads if len(head) <= width), heads[-1])
    return [("status", _cut(_with_source(head, found.source, width), width))]


def blocked_lines(blocks: Blocks, width: int | None) -> list[Line]:
    """What has blocked the loop, or did so again and again, when it is over.

    One line; two where `width` columns do not hold it.
    """
    found = blocks.last
    head = f"loop was blocked {_how_long(blocks)}"
    where = ""
    if found.filename:
        where = f"at {_place(found)}"
        where += f": {_cut(printable(found.source), LONGEST)}" if found.source else ""
    full = f"{head} by {_who(*blocks.tasks)}"
    if width is None or len(full) + len(where) < width:
        return [[("dim", f"{full} {where}".rstrip())]]
    lines = wrapped(head if _is_input(found) else full, width, 2)
    lines += [f"  {line}" for line in wrapped(where, width - 2, 2)] if where else []
    return [[("dim", line)] for line in lines]


def _how_long(blocks: Blocks) -> str:
    waited = blocks.last.waited
    if blocks.times > 1:
        return f"{blocks.times} more times, {blocks.seconds:.1f} s in all,"
    if waited * 2 > blocks.seconds:
        return f"{blocks.seconds:.1f} s, {waited:.1f} s of it waiting for its turn,"
    if blocks.last.collected * 2 > blocks.seconds:
        return f"{blocks.seconds:.1f} s, {blocks.last.collected:.1f} s of it collecting garbage,"
    return f"{blocks.seconds:.1f} s"


def _who(*tasks: str | None) -> str:
    if len(tasks) > 1:
        return f"{len(tasks)} tasks"
    return _name(None) if tasks[0] is None else f"task {_name(tasks[0])}"


def _name(task: str | None) -> str:
    return "a callback" if task is None else printable(repr(task))


def _place(found: Blocked) -> str:
    return printable(f"{short_name(found.filename)}:{found.line}")


def _is_input(found: Blocked) -> bool:
    """Whether the place names the task: `<input 3>` is that of the task 'input 3'."""
    return found.filename == f"<{found.task}>"


def _with_source(head: str, source: str, width: int) -> str:
    source = printable(source)
    room = width - len(head) - 2
    worth = source and room >= min(_LEAST, len(source))
    return f"{head}: {_cut(source, room)}" if worth else head


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
