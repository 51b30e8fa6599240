"""How a leak looks: when it happens, at most two lines; and the table of all of them.

For what the interpreter or asyncio report, their own words have been shown already, and only the
place is added. It is left out where it would repeat the line just typed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.engine.code_owner import location_text
from asyncrepl.runtime.shipped_demos import demos_folder
from asyncrepl.views.styled_lines import Line, flowed, printable, two_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.engine.leaks.open_generators import OpenGenerator
    from asyncrepl.events.leak_events import Leak

__all__ = ["leak_lines", "leak_table"]


def leak_lines(leak: Leak, width: int | None = None, typed: str = "") -> list[Line]:
    """What is shown when `leak` happens, in lines of at most `width` cells (None: any number).

    `typed` is the file name of the statement that runs, if it is one line long.
    """
    if leak.kind == "left open":
        return [*_labelled("leak ", _left_open(leak), width), _close_line(leak)]
    lines: list[Line] = []
    if leak.kind == "never walked":
        return lines  # it is explained
    if leak.kind == "destroyed pending":
        text = "nothing refers to it any more, and the loop itself keeps no task"
        lines += _labelled("leak ", text, width)
    if leak.made and leak.made[0] != typed:
        lines += _labelled("made ", _place(leak.made), width)
    return lines


def leak_table(
    leaks: Sequence[Leak], still_open: Sequence[OpenGenerator], width: int | None = None
) -> list[Line]:
    """All `leaks` so far, and the async generators that are `still_open`; `width` cells wide."""
    rows: list[tuple[str, str]] = [(leak.kind, printable(_row(leak))) for leak in leaks]
    rows += [("open now", printable(_open_row(each))) for each in still_open]
    return two_columns(rows, width) if rows else [[("dim", "no leaks")]]


def _left_open(leak: Leak) -> str:
    made = f", made at {_file_and_line(leak.made)}," if leak.made else ""
    who = leak.name if leak.name and made else _subject(leak)
    if leak.noticed is None:
        return f"{who}{made} is still open"
    by = "`break`" if leak.by_break else "the loop"
    return f"{who}{made} is still open: {by} at {_file_and_line(leak.noticed)} left it"


def _close_line(leak: Leak) -> Line:
    code = f"await {leak.name}.aclose()" if leak.name.isidentifier() else "await ….aclose()"
    return [("label", "try  "), ("code", printable(code))]


def _row(leak: Leak) -> str:
    parts = [_subject(leak)]
    if leak.kind == "left open" and leak.noticed:
        by = "`break`" if leak.by_break else "the loop"
        parts.append(f"by {by} at {_file_and_line(leak.noticed)}")
    if leak.kind == "never awaited" and leak.noticed and not leak.made:
        parts.append(f"dropped at {_place(leak.noticed)}")
    if leak.made:
        parts.append(f"made at {_place(leak.made)}")
    return ", ".join(parts)


def _subject(leak: Leak) -> str:
    if leak.name and leak.what:
        return f"{leak.name} ({leak.what})"
    return leak.name or leak.what or "a future"


def _open_row(each: OpenGenerator) -> str:
    doing = "runs" if each.running else "waits"
    since = f", begun at {_file_and_line(each.begun)}" if each.begun else ""
    return f"{each.what} {doing} at {_place(each.at)}{since}"


def _labelled(label: str, text: str, width: int | None) -> list[Line]:
    return flowed([("label", label), ("why", printable(text))], width, indent=len(label))


def _file_and_line(spot: tuple[str, int]) -> str:
    """``FILE:LINE``, as `location_text` says it, without the source."""
    return f"{spot[0].removeprefix(str(demos_folder().parent) + '/')}:{spot[1]}"


def _place(spot: tuple[str, int]) -> str:
    return location_text(*spot)
