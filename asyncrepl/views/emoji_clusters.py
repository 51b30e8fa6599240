"""Joined emoji: several characters that a terminal draws as one picture, two columns wide.

A family is three people and two joiners, a flag two letters, a skin tone a character of its own.
Terminals disagree about their width. Those that know of them (kitty, WezTerm, iTerm2, Ghostty,
foot, Windows Terminal, VTE's newer ones, tmux) give the whole two columns; xterm, Alacritty and
the Linux console draw the parts one after the other. Nobody can be asked before it is drawn, so
the width is that of `wcwidth.wcswidth`, which follows Unicode and the majority. What this changes
where the terminal is of the others: the cursor stands a few columns too far left behind such a
picture. Before it stood too far right in all the rest.

To sum up the widths of single characters is wrong for all of them, and differs between releases
of wcwidth: it says of one letter of a flag that it takes one column, or two.
"""

from __future__ import annotations

import re
from functools import cache

__all__ = ["cluster_width", "clusters", "has_joined"]

_LETTER = "[\U0001f1e6-\U0001f1ff]"
#: What changes the picture before it: the emoji form, a skin tone, a tag, the frame of a key.
_CHANGES = "[\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
_BASE = "[^\x00-\x7f\u0300-\u036f\ufe0e\ufe0f]"
_JOINED = (
    f"{_LETTER}{{2}}|[0-9#*]\ufe0f\u20e3?|"
    f"{_BASE}{_CHANGES}+(?:\u200d{_BASE}{_CHANGES}*)*|{_BASE}(?:\u200d{_BASE}{_CHANGES}*)+"
)
_MAX_WIDTH = 2


@cache
def _pattern() -> re.Pattern[str]:
    """Compiled when the first text comes that is no ASCII."""
    return re.compile(_JOINED, re.DOTALL)


def has_joined(text: str) -> bool:
    """Whether a joined emoji may stand in `text`; quick for all other text."""
    return not text.isascii() and _pattern().search(text) is not None


def clusters(text: str) -> list[str]:
    """The characters of `text`, those of a joined emoji as one string."""
    if text.isascii():
        return list(text)
    found: list[str] = []
    at = 0
    for match in _pattern().finditer(text):
        found += text[at : match.start()]
        found += [match[0]] if _joined_width(match[0]) <= _MAX_WIDTH else match[0]
        at = match.end()
    return [*found, *text[at:]]


@cache
def cluster_width(cluster: str) -> int:
    """The columns of a character, or of a joined emoji."""
    from wcwidth import wcwidth  # what is plain ASCII need not wait for its tables

    return max(wcwidth(cluster), 0) if len(cluster) == 1 else _joined_width(cluster)


def _joined_width(text: str) -> int:
    from wcwidth import wcswidth

    width: int = wcswidth(text)
    return max(width, 0)
