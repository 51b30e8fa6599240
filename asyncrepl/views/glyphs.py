"""The glyphs of the pictures: each with its form in ASCII and its meaning, in one table.

What draws asks `glyphs_of` its picture; legends and ``:help`` are made of the same rows, so a
glyph is added by one call of `add_glyph`, and is explained wherever the others are.

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
    the name does); without a meaning it is in neither. Of two in one column the one with the
    higher `rank` is drawn.
    """

    name: str
    char: str
    ascii: str
    meaning: str = ""
    style: str = ""
    brief: str = ""
    rank: int = 0

    def drawn(self, *, ascii: bool) -> str:
        """The cell that is drawn."""
        return self.ascii if ascii else self.char


_table: dict[Picture, dict[str, Glyph]] = {"lanes": {}, "marbles": {}}


def add_glyph(picture: Picture, glyph: Glyph) -> None:
    """Let the `picture` have the `glyph`. Raises ValueError if it has one of that name."""
    rows = _table[picture]
    if glyph.name in rows:
        raise ValueError(f"the {picture} have a glyph {glyph.name!r} already: take another name")
    rows[glyph.name] = glyph
    _table[picture] = dict(sorted(rows.items(), key=lambda row: row[1].rank))


def remove_glyph(picture: Picture, name: str) -> None:
    """Take the glyph called `name` away from `picture`. Raises KeyError if it has none."""
    del _table[picture][name]


def glyphs_of(picture: Picture) -> dict[str, Glyph]:
    """The glyphs of the `picture` by name, in the order of their ranks."""
    return _table[picture]


def glyph_rows(picture: Picture) -> list[list[tuple[str, str]]]:
    """Each glyph with its form in ASCII and its meaning, a line each."""
    gap = ("", "  ")
    return [
        [gap, (each.style, each.char), gap, (each.style, each.ascii), ("", f"  {each.meaning}")]
        for each in glyphs_of(picture).values()
        if each.meaning
    ]


for _glyph in (
    Glyph("absent", " ", " "),
    Glyph("waiting", "─", "-", "waits", "wait", "waits", rank=10),
    Glyph("brief", "┴", "+", "runs, for a moment", "run", "runs briefly", rank=20),
    Glyph("running", "█", "=", "runs most of the time", "run", "runs", rank=30),
    Glyph("print", "•", "o", "prints a line", "value", "prints", rank=40),
    Glyph("value", "●", "@", "shows a value", "value", rank=50),
    Glyph("done", "┤", "|", "has ended", "dim", "ends", rank=60),
    Glyph("cancelled", "○", "/", "was cancelled", "cancelled", rank=70),
    Glyph("error", "✗", "X", "ended with an error", "error", rank=80),
):
    add_glyph("lanes", _glyph)

for _glyph in (
    Glyph("waiting", "-", "-", "waits for the next value", "wait"),
    Glyph("done", "|", "|", "ends", "dim", rank=10),
    Glyph("error", "X", "X", "ends with an error", "error", rank=20),
    Glyph("open", "…", "~", "goes on, but nobody looked any more", "dim", rank=30),
):
    add_glyph("marbles", _glyph)
