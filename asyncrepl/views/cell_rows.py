"""A row of a screen: cells with a character and its look in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.views.sgr import switched

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BLANK", "PLAIN", "Cell", "Row", "Style", "row_text"]


class Style(NamedTuple):
    """How a cell looks: SGR parameters, and the address it links to."""

    sgr: str = ""
    link: str = ""


#: What stands in a cell: the right half of a wide character is an empty string.
Cell = tuple[Style, str]

PLAIN = Style()
BLANK: Cell = (PLAIN, " ")


class Row:
    """The cells of a row up to the last one written; `wrapped` if it continues the one above."""

    __slots__ = ("cells", "wrapped")

    def __init__(self, *, wrapped: bool = False) -> None:
        self.cells: list[Cell] = []
        self.wrapped = wrapped

    def __bool__(self) -> bool:
        """Whether anything is to be seen in it."""
        return any(cell != BLANK for cell in self.cells)

    def fill(self, end: int) -> None:
        """Have cells up to the column `end`."""
        if len(self.cells) < end:
            self.cells += [BLANK] * (end - len(self.cells))

    def put(self, column: int, new: list[Cell]) -> None:
        """Put `new` cells over those at `column`; no half of a wide character is left."""
        self.fill(column)
        row, end = self.cells, column + len(new)
        if column < len(row) and not row[column][1]:
            row[column - 1] = BLANK
        if end < len(row) and not row[end][1]:
            row[end] = BLANK
        row[column:end] = new


def row_text(row: Iterable[Cell]) -> str:
    """The characters of a row with the sequences for their looks."""
    parts: list[str] = []
    before = PLAIN
    for style, char in row:
        if style != before:
            parts.append(_switch(before, style))
            before = style
        parts.append(char)
    parts.append(_switch(before, PLAIN))
    return "".join(parts)


def _switch(before: Style, after: Style) -> str:
    link = after.link or "\x1b]8;;\x1b\\"
    return (link if before.link != after.link else "") + switched(before.sgr, after.sgr)
