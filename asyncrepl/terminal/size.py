"""How many rows and columns a terminal has."""

from __future__ import annotations

import os

from prompt_toolkit.data_structures import Size

__all__ = ["size_of"]


def size_of(fd: int) -> Size:
    """The size of the terminal `fd`; 80×24 where it is unknown or nonsense (0×0)."""
    try:
        columns, rows = os.get_terminal_size(fd)
    except OSError:
        columns = rows = 0
    return Size(rows=rows or 24, columns=columns or 80)
