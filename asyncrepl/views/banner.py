"""What is said at the start: at most three lines, with the first thing to type."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from asyncrepl import __version__

if TYPE_CHECKING:
    from asyncrepl.views.styled import Line

__all__ = ["banner_lines"]


def banner_lines() -> list[Line]:
    """Who this is, what to type first, where help is."""
    python = platform.python_version()
    return [
        [("bold", "asyncrepl"), ("dim", f" {__version__}, Python {python}. "), *_key(":help"),
         ("dim", " lists commands, Ctrl-D leaves.")],
        [("dim", "Type "), *_key(":ticker tick 0.5"), ("dim", ", then "), *_key(":load ticks")],
        [("dim", "and watch both: "), *_key("async for t in ticks(0.3, 5): t")],
    ]  # fmt: skip


def _key(text: str) -> Line:
    return [("label", text)]
