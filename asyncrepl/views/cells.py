"""How many cells of a terminal a text takes, and cutting it to a number of them."""

from __future__ import annotations

import unicodedata

from asyncrepl.views.styled import printable

__all__ = ["cells", "cut", "fit", "one_line"]


def cells(text: str) -> int:
    """The cells that `text`, which is one line, takes."""
    return len(text) if text.isascii() else sum(map(_of, text))


def one_line(text: str) -> str:
    """`text` with everything that would move the cursor spelled out, also newlines and tabs."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def cut(text: str, width: int, dots: str = "…") -> str:
    """`text` as one line of at most `width` cells, with `dots` where it is cut off."""
    text = one_line(text)
    if cells(text) <= width:
        return text
    room, kept = width - cells(dots), ""
    for char in text:
        if (room := room - cells(char)) < 0:
            break
        kept += char
    return kept + dots


def fit(text: str, width: int, dots: str = "…") -> str:
    """`cut`, filled up with blanks to exactly `width` cells."""
    text = cut(text, width, dots)
    return text + " " * (width - cells(text))


def _of(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
