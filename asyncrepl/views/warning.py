"""How a warning looks: one line, with a place only where it is the user's.

A coroutine that dies unawaited is reported at whatever line runs just then; where
that is a line of ours, it would lead the user astray.
"""

from __future__ import annotations

import sys
from typing import TextIO

from asyncrepl.engine.frames import is_plumbing
from asyncrepl.views.styled import printable

__all__ = ["show_warning"]


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,  # noqa: ARG001
) -> None:
    """Write a warning to `file`, or to standard error: for ``warnings.showwarning``."""
    place = "" if is_plumbing(filename) else f"{filename}:{lineno}: "
    stream = file or sys.stderr
    if stream is not None:
        stream.write(printable(f"{place}{category.__name__}: {message}") + "\n")
