"""Cutting a text to a number of a terminal's cells."""

from __future__ import annotations

from asyncrepl.views.styled import cells, one_line

__all__ = ["cells", "cut", "fit", "one_line"]


def cut(text: str, width: int, dots: str = "…") -> str:
    """`text` as one line of at most `width` cells, with `dots` where it is cut off."""
    text = one_line(text)
    if cells(text) <= width:
        return text
    return _first(text, width - cells(dots)) + dots


def cut_front(text: str, width: int, dots: str = "…") -> str:
    """`cut`, but what is kept is the end."""
    text = one_line(text)
    if cells(text) <= width:
        return text
    return dots + _first(text[::-1], width - cells(dots))[::-1]


def fit(text: str, width: int, dots: str = "…") -> str:
    """`cut`, filled up with blanks to exactly `width` cells."""
    text = cut(text, width, dots)
    return text + " " * (width - cells(text))


def _first(text: str, room: int) -> str:
    kept = ""
    for char in text:
        if (room := room - cells(char)) < 0:
            break
        kept += char
    return kept
