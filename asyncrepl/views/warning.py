"""How a warning looks: one line, with a place only where it is the user's.

A coroutine that dies unawaited is reported at whatever line runs just then; where
that is a line of ours, it would lead the user astray.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from asyncrepl.engine.frames import is_plumbing
from asyncrepl.views.styled import printable

if TYPE_CHECKING:
    import warnings

__all__ = ["warning_text"]

#: What debug mode adds for a coroutine, and an entry of the traceback that follows.
_ORIGIN = "\nCoroutine created at (most recent call last)\n"
_PLACE = re.compile(r'\n  File "([^"\n]*)", line .*(?:\n    .*)*')


def warning_text(warning: warnings.WarningMessage, *, brief: bool = False) -> str:
    """The line for `warning`; with `brief` the first line of a longer message."""
    place = "" if is_plumbing(warning.filename) else f"{warning.filename}:{warning.lineno}: "
    message = str(warning.message)
    if brief:
        message = message.partition("\n")[0]
    elif _ORIGIN in message:
        message = _PLACE.sub(_unless_plumbing, message)
    return printable(f"{place}{warning.category.__name__}: {message}")


def _unless_plumbing(entry: re.Match[str]) -> str:
    return "" if is_plumbing(entry[1]) else entry[0]
