"""Where the layout begins after the terminal has become narrower.

Some terminals cut rows that are too long, others wrap them anew, and nobody asks us: the
layout then takes more rows than were drawn, and erasing those leaves its first ones on
the screen. To erase too many would take away what was printed. So rows are counted for
tmux alone, where this was looked at; it says who it is. (To ask for the cursor's position
does not help: where it was before is not known.)
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prompt_toolkit.application import Application
    from prompt_toolkit.layout.screen import Screen

__all__ = ["rows_grown"]


def rows_grown(app: Application[Any], columns: int) -> int:
    """How many rows more than drawn stand above the cursor, now that there are `columns`."""
    screen = app.renderer.last_rendered_screen
    if screen is None or not _wraps_anew():
        return 0
    cursor = app.renderer._cursor_pos  # noqa: SLF001 - no public way to ask
    above = sum(_rows(_length(screen, row), columns) for row in range(cursor.y))
    inside = min(cursor.x // columns, _rows(_length(screen, cursor.y), columns) - 1)
    return above + inside - cursor.y


def _wraps_anew() -> bool:
    return "TMUX" in os.environ or os.environ.get("TERM", "").startswith("tmux")


def _rows(length: int, columns: int) -> int:
    return max(1, -(-length // columns))


def _length(screen: Screen, row: int) -> int:
    """The columns of a row up to the last character drawn."""
    cells = screen.data_buffer[row].items()
    return max((column + cell.width for column, cell in cells if cell.char.strip()), default=0)
