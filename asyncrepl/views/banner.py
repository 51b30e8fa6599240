"""What is said at the start: at most three lines, with the first thing to type.

Each fits in 40 columns; on a narrower screen its words go on below.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from asyncrepl import __version__
from asyncrepl.views.styled_lines import flowed

if TYPE_CHECKING:
    from asyncrepl.views.styled_lines import Line


def banner_lines(width: int | None = None) -> list[Line]:
    """Who this is, where help is, what to type first; in `width` columns."""
    version = f" {__version__}, Python {sys.version.split()[0]}; "
    lines: list[Line] = [
        [("bold", "asyncrepl"), ("dim", version), ("label", ":help")],
        [
            ("dim", "type "), ("label", ":tour"), ("dim", " to begin, or "),
            ("label", ":load ticks"), ("dim", " and"),
        ],
        [("label", ":trace async for n in ticks(3): n")],
    ]  # fmt: skip
    return [row for line in lines for row in flowed(line, width)]
