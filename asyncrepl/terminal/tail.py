r"""The line a program has not finished yet, and how it becomes whole lines.

``print("working…", end="")`` and progress bars that go back with ``\\r`` leave
the cursor inside a line. Writing such a piece to the terminal would put the
prompt behind it, and the next redraw would wipe it out. So unfinished text is
a row of the layout, kept here as cells, and only whole lines go to the
scrollback. The row obeys ``\\r``, ``\\b`` and ``\\t`` as a terminal does.
"""

from __future__ import annotations

import re

__all__ = ["Tail"]

_SGR = re.compile(r"\x1b\[([0-9;:]*)m")
_TOKEN = re.compile(r"(\x1b\[[0-9;:]*m|\x1b\]8;[^\x00-\x1f\x7f-\x9f]*(?:\x1b\\|\x07)|[\r\b\t])")
_CLOSE_LINK = "\x1b]8;;\x1b\\"
_MAX_COLOURS = 8

Cell = tuple[str, str]  # (the escapes in force, one character)


class Tail:
    """Splits a stream of filtered text into whole lines and the row not yet finished.

    Colours that a line leaves switched on hold for the next lines, as on a
    terminal; each piece given out switches them on itself and off at its end,
    because the editor line is drawn in between.
    """

    def __init__(self) -> None:
        self._cells: list[Cell] = []
        self._cursor = 0
        self._colours: list[str] = []
        self._link = ""

    def __bool__(self) -> bool:
        return bool(self._cells)

    def feed(self, text: str) -> str:
        """Take `text` in; the lines it completes, each ended by a newline."""
        head, newline, rest = text.rpartition("\n")
        if not newline:
            self._write(text)
            return ""
        if self._cells:
            first, newline, head = head.partition("\n")
            self._write(first)
            done = self.commit() + (self._lines(head) if newline else "")
        else:
            done = self._lines(head)
        self._write(rest)
        return done

    def commit(self) -> str:
        """End the row here: its text with a newline, and an empty row again."""
        line = self.text()
        self._cells, self._cursor = [], 0
        return line + "\n"

    def text(self) -> str:
        """The row as it stands, with its escapes, which end with it."""
        parts: list[str] = []
        before = ""
        for escapes, character in self._cells:
            if escapes != before:
                parts.append(_switch(before, escapes))
                before = escapes
            parts.append(character)
        parts.append(_switch(before, ""))
        return "".join(parts)

    def overflow(self, width: int, limit: int) -> str:
        """The rows of `width` cells that a row longer than `limit` fills, as one line.

        Without this, output that never ends its line would be drawn anew as a
        whole for each further character.
        """
        if len(self._cells) <= limit:
            return ""
        keep = len(self._cells) % width
        cut = len(self._cells) - keep
        rest, column = self._cells[cut:], self._cursor - cut
        self._cells = self._cells[:cut]
        done = self.commit()
        self._cells, self._cursor = rest, max(0, column)
        return done

    def _lines(self, text: str) -> str:
        if "\x1b" not in text and "\r" not in text and "\b" not in text and not self._escapes():
            return text + "\n"
        return "".join(map(self._line, text.split("\n")))

    def _line(self, line: str) -> str:
        self._write(line)
        return self.commit()

    def _write(self, text: str) -> None:
        for token in _TOKEN.split(text):
            if token == "\r":
                self._cursor = 0
            elif token == "\b":
                self._cursor = max(0, self._cursor - 1)
            elif token == "\t":
                self._put(" " * (8 - self._cursor % 8))
            elif token.startswith("\x1b["):
                self._colour(token)
            elif token.startswith("\x1b]"):
                self._link = "" if re.match(r"\x1b\]8;[^;]*;(?:\x1b|\x07)", token) else token
            elif token:
                self._put(token)

    def _put(self, characters: str) -> None:
        escapes = self._escapes()
        end = self._cursor + len(characters)
        self._cells[self._cursor : end] = [(escapes, character) for character in characters]
        self._cursor = end

    def _colour(self, sgr: str) -> None:
        found = _SGR.match(sgr)
        parameters = found[1] if found else ""
        if not parameters.strip("0;"):
            self._colours = []
            return
        if sgr in self._colours:
            self._colours.remove(sgr)
        self._colours = [*self._colours[-_MAX_COLOURS:], sgr]

    def _escapes(self) -> str:
        return "".join(self._colours) + self._link


def _switch(before: str, after: str) -> str:
    """From the escapes `before` to those `after`."""
    off = (_CLOSE_LINK if "\x1b]" in before else "") + ("\x1b[0m" if "\x1b[" in before else "")
    return off + after
