"""pyte's screen, where it differs from the terminals that people have (xterm, tmux, VTE)."""

from __future__ import annotations

from typing import Any
from unicodedata import normalize

import pyte
from pyte import modes
from wcwidth import wcwidth

__all__ = ["PlainTerminal", "written"]


class PlainTerminal(pyte.Screen):
    """A screen on which a wide character is never cut in half, and a move ends a wrap."""

    def draw(self, data: str) -> None:
        for char in data:
            width = max(wcwidth(char), 0)
            if width and self.cursor.x + max(width, 1) > self.columns:
                self.carriage_return()
                self.linefeed()
            if width:
                self._part(self.cursor.x)
                self._part(self.cursor.x + width)
            wrapping, self.cursor.x = self.cursor.x, min(self.cursor.x, self.columns - 1 + width)
            if width or wrapping < self.columns:
                super().draw(char)
            else:
                self._mark(char)
                self.cursor.x = wrapping

    def _mark(self, char: str) -> None:
        """Put a combining character to the last one of a full row, which pyte wraps first."""
        line = self.buffer[self.cursor.y]
        last = next(x for x in (self.columns - 1, self.columns - 2) if line[x].data)
        line[last] = line[last]._replace(data=normalize("NFC", line[last].data + char))

    def cursor_up(self, count: int | None = None) -> None:
        self._unwrap()
        super().cursor_up(count)

    def cursor_down(self, count: int | None = None) -> None:
        self._unwrap()
        super().cursor_down(count)

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        if how == 0:
            self._part(self.cursor.x)
        if how == 1:
            self._part(self.cursor.x + 1)
        super().erase_in_line(how, private)

    def select_graphic_rendition(self, *attributes: int, **_: Any) -> None:
        super().select_graphic_rendition(*attributes)

    def _unwrap(self) -> None:
        self.cursor.x = min(self.cursor.x, self.columns - 1)

    def _part(self, column: int) -> None:
        """Make blanks of the wide character whose right half stands at `column`."""
        line = self.buffer[self.cursor.y]
        if 0 < column < self.columns and line[column].data == "":
            line[column - 1] = line[column] = self.default_char


def written(pieces: list[str], columns: int, rows: int) -> PlainTerminal:
    """A terminal on which `pieces` were written, one after the other."""
    screen = PlainTerminal(columns, rows)
    screen.set_mode(modes.LNM)  # as the kernel does: a newline goes to the first column, too
    stream = pyte.Stream(screen)
    for piece in pieces:
        stream.feed(piece)
    return screen
