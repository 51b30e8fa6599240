"""The known word that a mistyped one may have meant: a demo, a command, a setting, a directive."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["closest_match"]

#: So like it must be: a letter that is wrong, missing or in the wrong place. With 0.5, as
#: it once was, ``foo`` was taken for ``color``.
_CUTOFF = 0.7


def closest_match(word: str, known: Iterable[str]) -> str:
    """The one of `known` that is most like `word`; "" if none is like it."""
    import difflib

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=_CUTOFF)
    return found[0] if found else ""
