"""What is shown while a program stands still: one row, and on demand its names.

    paused at 1.200 s  t timer  n __anext__  v values  e evaluate  c go on

A row takes a second one on a narrow screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.views.styled import Line, one_line, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.engine.pausing import Mode
    from asyncrepl.engine.scopes import Scope

__all__ = ["asking_rows", "pause_rows", "scope_lines", "waiting_rows"]

#: What is said of each mode, and the keys that do something then.
_KEYS = ("t timer", "n __anext__", "v values", "e evaluate", "c go on")
_RUNNING = ("Ctrl-S pauses", "c go on")
#: So many names of a frame are listed.
_NAMES = 20


def pause_rows(mode: Mode, ns: int, columns: int) -> list[Line]:
    """The rows for `mode`; `ns` have passed since the statement began."""
    if mode == "off":
        return []
    if mode == "anext":
        return _rows(["to the next __anext__ …", *_RUNNING], columns)
    where = "at __anext__" if mode == "step" else "paused"
    return _rows([f"{where}, {ns / 1e9:.3f} s", *_KEYS], columns)


def waiting_rows(columns: int) -> list[Line]:
    """The rows while a pause is asked for, and the program does not come to suspend."""
    return _rows(["pauses when the statement suspends", "Ctrl-C interrupts it"], columns)


def asking_rows(columns: int) -> list[Line]:
    """The rows while an expression is being typed."""
    return _rows(["an expression of names in scope", "Enter shows it", "Esc goes back"], columns)


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


def _rows(pieces: Sequence[str], columns: int) -> list[Line]:
    """`pieces` in as few rows as hold them; the first says what is, the others are keys."""
    rows: list[list[str]] = [[]]
    for piece in pieces:
        if rows[-1] and len("  ".join([*rows[-1], piece])) >= columns:
            rows.append([])
        rows[-1].append(piece)
    first, *keys = rows[0]
    lines: list[Line] = [
        [("cancelled", printable(first)), ("dim", "".join(f"  {k}" for k in keys))]
    ]
    return lines + [[("dim", "  ".join(row))] for row in rows[1:]]


def _cut(text: str, width: int | None, before: int) -> str:
    text = one_line(text)
    room = None if width is None else max(width - before, 10)
    return text if room is None or len(text) <= room else text[: room - 1] + "…"
