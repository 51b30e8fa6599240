"""Cutting a text to a number of a terminal's cells."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from asyncrepl.views.styled import cells, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["cells", "cut", "cut_front", "fit", "one_line", "shortened"]


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


def shortened(names: Sequence[str], widths: Sequence[int], dots: str = "…") -> list[str]:
    """Each name as one line of at most so many cells, told apart from the others.

    A long one loses its end, as long as that leaves it unlike the others; a number at the
    end is kept, because that is what tells ``worker-17`` from ``worker-18``, also while
    only one of them is there: else its name would change when the other comes.
    """
    ends = [cut(name, width, dots) for name, width in zip(names, widths, strict=True)]
    fronts = [cut_front(name, width, dots) for name, width in zip(names, widths, strict=True)]
    alike, alike_in_front = Counter(ends), Counter(fronts)
    return [
        front if name[-1:].isdigit() or alike[end] > alike_in_front[front] else end
        for name, end, front in zip(names, ends, fronts, strict=True)
    ]


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
