"""The glyphs of the pictures: each with its form in ASCII and its meaning, in one table.

What draws asks `glyphs_of` its picture; legends and ``:help`` are made of the same rows, so a
glyph is added by a row of the table, and is explained wherever the others are.

What does not work: glyphs that some terminals draw two cells wide, and telling states apart by
their colour alone, which not everybody sees.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

#: What is drawn: a row a task (lanes and timeline), or a row a source.
Picture = Literal["lanes", "marbles"]


class Glyph(NamedTuple):
    """What is called `name`, drawn as `char`, one cell wide, or as `ascii`.

    `meaning` explains it in ``:help``, `brief` in a legend below the picture (where it is empty,
    the name does); without a meaning it is in neither. Of two in one column the later one of
    the table is drawn.
    """

    name: str
    char: str
    ascii: str
    meaning: str = ""
    style: str = ""
    brief: str = ""

    def drawn(self, *, ascii: bool) -> str:
        """The cell that is drawn."""
        return self.ascii if ascii else self.char


#: The glyphs of each picture; a later one is drawn over an earlier.
_TABLE: dict[Picture, tuple[Glyph, ...]] = {
    "lanes": (
        Glyph("absent", " ", " "),
        Glyph("waiting", "─", "-", "waits", "wait", "waits"),
        Glyph("brief", "┴", "+", "runs, for a moment", "run", "runs briefly"),
        Glyph("running", "█", "=", "runs most of the time", "run", "runs"),
        Glyph("print", "•", "o", "prints a line", "value", "prints"),
        Glyph("value", "●", "@", "shows a value", "value"),
        Glyph("done", "┤", "|", "has ended", "dim", "ends"),
        Glyph("cancelled", "○", "/", "was cancelled", "cancelled"),
        Glyph("error", "✗", "X", "ended with an error", "error"),
    ),
    "marbles": (
        Glyph("waiting", "-", "-", "waits for the next value", "wait"),
        Glyph("done", "|", "|", "ends", "dim"),
        Glyph("error", "X", "X", "ends with an error", "error"),
        Glyph("open", "…", "~", "goes on, but nobody looked any more", "dim"),
    ),
}
_BY_NAME = {picture: {each.name: each for each in rows} for picture, rows in _TABLE.items()}


def glyphs_of(picture: Picture) -> dict[str, Glyph]:
    """The glyphs of the `picture` by name, in the order of the table."""
    return _BY_NAME[picture]


def glyph_rows(picture: Picture) -> list[list[tuple[str, str]]]:
    """Each glyph with its form in ASCII and its meaning, a line each."""
    gap = ("", "  ")
    return [
        [gap, (each.style, each.char), gap, (each.style, each.ascii), ("", f"  {each.meaning}")]
        for each in glyphs_of(picture).values()
        if each.meaning
    ]
