"""Two columns: names and what they mean; on a narrow screen, one below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.views.styled import Line, cells, flowed, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["meaning_lines"]

#: Columns that a meaning needs at least, to stand beside the names.
BESIDE = 30


def meaning_lines(
    rows: Sequence[tuple[str, str]],
    width: int | None = None,
    others: Sequence[tuple[str, str]] = (),
) -> list[Line]:
    """A line a row, more for a long meaning; below the name where `width` leaves no room beside.

    `others` are rows of tables that are to look alike.
    """
    every = [*rows, *others]
    column = max((cells(name) for name, _ in every), default=0)
    longest = max((cells(text) for _, text in every), default=0)
    if width is None or min(longest, BESIDE) + column + 2 < width:
        lines = [
            [("label", name), ("", " " * (column - cells(name) + 2) + text)] for name, text in rows
        ]
        room = None if width is None else width - 1
        return [row for line in lines for row in flowed(line, room, column + 2)]
    lines = []
    for name, text in rows:
        lines += flowed([("label", name)], width - 1, 2)
        lines += [[("", "    " + line)] for line in wrapped(text, width - 5)]
    return lines
