"""Text within XML, and its colours: for a page and for a picture."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from asyncrepl.views.cells import cells
from asyncrepl.views.styled import STYLES, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BOLD", "PALETTE", "clusters", "escaped", "is_drawn", "possible"]

_NAMES = {"2": "dim", "31": "red", "32": "green", "33": "brown", "35": "magenta", "36": "cyan"}
#: The name of the colour of each style that has one.
PALETTE = {style: _NAMES[code] for style, code in STYLES.items() if code in _NAMES}
#: The styles that are bold.
BOLD = frozenset(style for style, code in STYLES.items() if code == "1")

#: Characters that XML cannot hold, beside those that are not printable.
_IMPOSSIBLE = re.compile("[\ufffe\uffff]")


def escaped(text: str) -> str:
    """`text` as it stands in XML, made printable."""
    return escape(possible(printable(text)))


def possible(text: str) -> str:
    """`text`, which is printable, with what XML cannot hold spelled out."""
    return _IMPOSSIBLE.sub(lambda match: ascii(match[0])[1:-1], text)


def clusters(text: str) -> Iterator[str]:
    """What stands in one cell or two: a character, with those on it that take none."""
    cluster = ""
    for char in text:
        if cluster and cells(char):
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def is_drawn(cluster: str) -> bool:
    """Whether it is a line or a block, which has to meet that of the next cell."""
    return "\u2500" <= cluster <= "\u259f"
