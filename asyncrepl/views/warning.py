"""How a warning looks: one line, with a place only where it is the user's.

A coroutine that dies unawaited is reported at whatever line runs just then; where
that is a line of ours, it would lead the user astray.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.engine.frames import is_plumbing
from asyncrepl.views.styled import printable

if TYPE_CHECKING:
    import warnings

__all__ = ["warning_text"]


def warning_text(warning: warnings.WarningMessage, *, brief: bool = False) -> str:
    """The line for `warning`; with `brief` the first line of a longer message."""
    place = "" if is_plumbing(warning.filename) else f"{warning.filename}:{warning.lineno}: "
    message = str(warning.message)
    if brief:
        message = message.partition("\n")[0]
    return printable(f"{place}{warning.category.__name__}: {message}")
