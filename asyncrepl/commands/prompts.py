"""The prompts, which are the user's to choose: ``sys.ps1`` and ``sys.ps2``, as in Python."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PROMPTS", "prompting", "prompts"]

#: What a statement begins with, and each further line of it.
PROMPTS = ">>> ", "... "


@contextmanager
def prompting() -> Iterator[None]:
    """``sys.ps1`` and ``sys.ps2`` are there within the block: a person types.

    Libraries ask for them, to learn whether one does.
    """
    vars(sys)["ps1"], vars(sys)["ps2"] = PROMPTS
    try:
        yield
    finally:
        for name in ("ps1", "ps2"):
            vars(sys).pop(name, None)


def prompts() -> tuple[str, str]:
    """The two prompts; ours where the user's cannot be had.

    An object is asked for its text each time: this runs the user's code.
    """
    return _text("ps1", PROMPTS[0]), _text("ps2", PROMPTS[1])


def _text(name: str, ours: str) -> str:
    try:
        return str(getattr(sys, name))
    except Exception:
        return ours
