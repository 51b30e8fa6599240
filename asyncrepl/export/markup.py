"""Text within XML, and its colours: for a page and for a picture."""

from __future__ import annotations

import re
from html import escape

from asyncrepl.views.styled import STYLES, printable

__all__ = ["BOLD", "PALETTE", "escaped"]

_NAMES = {"2": "dim", "31": "red", "32": "green", "33": "brown", "35": "magenta", "36": "cyan"}
#: The name of the colour of each style that has one.
PALETTE = {style: _NAMES[code] for style, code in STYLES.items() if code in _NAMES}
#: The styles that are bold.
BOLD = frozenset(style for style, code in STYLES.items() if code == "1")

#: Characters that XML cannot hold, beside those that are not printable.
_IMPOSSIBLE = re.compile("[\ufffe\uffff]")


def escaped(text: str) -> str:
    """`text` as it stands in XML, made printable."""
    return escape(_IMPOSSIBLE.sub(lambda match: ascii(match[0])[1:-1], printable(text)))
