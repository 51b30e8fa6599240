"""What is shown while a program stands still: one row, and on demand its names.

    paused, 1.200 s  t timer  n __anext__  v values  e evaluate  c go on

On a narrow screen the keys have a row of their own, and shorter words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from asyncrepl.views.styled import Line, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.engine.pausing import Mode
    from asyncrepl.engine.scopes import Scope

__all__ = ["asking_rows", "pause_rows", "scope_lines", "waiting_rows"]

#: What is said of each mode, and the keys that do something then.
_KEYS = "t timer  n __anext__  v values  e evaluate  c go on"
_SHORT_KEYS = "t timer n anext v values e eval c go on"
#: What both say of the next step of an ``async for``.
_ANEXT = re.compile(r"n (__)?anext(__)? +")
_RUNNING = "Ctrl-S pauses  c goes on"
#: So many names of a frame are listed.
_NAMES = 20


def pause_rows(mode: Mode, ns: int, columns: int, *, steps_walks: bool = True) -> list[Line]:
    """The rows for `mode`; `ns` have passed since the statement began.

    Without `steps_walks`, no step to the next ``__anext__`` is offered.
    """
    if mode == "off":
        return []
    if mode == "anext":
        return _rows("on to the next __anext__", _RUNNING, columns)
    where = "at __anext__" if mode == "step" else "paused"
    keys, short = _KEYS, _SHORT_KEYS
    if not steps_walks:
        keys, short = (_ANEXT.sub("", each) for each in (_KEYS, _SHORT_KEYS))
    return _rows(f"{where}, {ns / 1e9:.3f} s", keys, columns, short)


def waiting_rows(columns: int) -> list[Line]:
    """The rows while a pause is asked for, and the program does not come to suspend."""
    return _rows("pauses when the statement suspends", "Ctrl-C interrupts it", columns)


def asking_rows(columns: int) -> list[Line]:
    """The rows while an expression is being typed."""
    return _rows("an expression of names in scope", "Enter shows it  Esc goes back", columns)


def scope_lines(scopes: Sequence[Scope], width: int | None) -> list[Line]:
    """The names and values of each frame, a line a name."""
    lines: list[Line] = []
    for scope in scopes:
        place = f"{scope.where}: {scope.source}" if scope.source else scope.where
        function = "" if scope.function == "<module>" else f"{scope.function}  "
        lines.append([("name", function), ("dim", _cut(place, width, len(function)))])
        for name, text in scope.names[:_NAMES]:
            head = f"  {name} = "
            lines.append([("label", head), ("", _cut(text, width, len(head)))])
        if (more := len(scope.names) - _NAMES) > 0:
            lines.append([("dim", f"  + {more} more")])
    return lines


def _rows(what: str, keys: str, columns: int, short: str = "") -> list[Line]:
    """What is, and the keys that do something then; in the same row if that holds both."""
    head = ("name", what)
    if len(what) + 2 + len(keys) < columns:
        return [[head, ("dim", f"  {keys}")]]
    return [[head], [("dim", keys if len(keys) < columns else short or keys)]]


def _cut(text: str, width: int | None, before: int) -> str:
    text = one_line(text)
    room = None if width is None else max(width - before, 10)
    return text if room is None or len(text) <= room else text[: room - 1] + "…"
