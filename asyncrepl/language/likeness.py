"""The known word that somebody may have meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["most_like"]

#: So like it must be: a letter that is wrong, missing or in the wrong place. With 0.5, as
#: it once was, ``foo`` was taken for ``color``.
_LIKE = 0.7


def most_like(word: str, known: Iterable[str]) -> str:
    """The one of `known` that is most like `word`; "" if none is like it."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=_LIKE)
    return found[0] if found else ""
