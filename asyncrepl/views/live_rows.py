r"""The rows that a program still writes on, and how they become lines for good.

``print("working…", end="")``, a progress bar that goes back with ``\r`` and a table drawn anew ten
times a second leave rows that are not finished. Written to the terminal they would be wiped out by
the next redraw of the prompt below them. So they are kept here, as a terminal would: rows of cells
and a cursor. Rows that the program has left behind are given out as text, for the scrollback.

When is a row left behind? As soon as the cursor is below it, or 100,000 printed lines
would all pass through here. A program that then goes up again (``rich`` draws three rows,
and with the next frame goes up two) gets the rows back: the terminal's own cursor can go
there, as long as nothing else was written since and the rows are on the screen. From
then on so many rows stay here as the program goes up. To keep the last rows of
everybody, just in case, costs each print a redraw of all of them.

What these rows hold is all of the screen that a program has: "clear the screen" clears them, and
its upper left corner is that of the first row which the program can still go back to. So a clock
that clears the screen each second stands still below the line that has started it.

Where real terminals differ, this is xterm: a move ends the wrap that is due in the last
column, half a wide character that is written over leaves a blank.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, ClassVar

from asyncrepl.views.screen_cells import (
    BLANK,
    PLAIN,
    CellStyle,
    EscapeFilter,
    Row,
    has_background,
    row_text,
    style_after_codes,
)
from asyncrepl.views.styled_lines import cell_width, clusters

if TYPE_CHECKING:
    from asyncrepl.views.screen_cells import Cell

_TOKEN = re.compile(
    r"(?P<text>[^\x1b\r\b\t\n]+)|(?P<control>[\r\b\t\n])|\x1b\[(?P<numbers>[0-9;:?]*)(?P<end>[A-Za-z])"
    r"|\x1b\]8;[^;]*;?(?P<link>[^\x1b\x07]*)(?:\x1b\\|\x07)|\x1b\(B"
)
_MOVES = re.compile(r"[\r\b]|\x1b\[(?:[0-9]*[A-GK]|[0-9;]*[Hf]|[023]?J|\?1049)")
_CONTROL = re.compile(r"[\r\b\x1b]")
_TAB = 8
#: Characters of finished lines that can be taken back; a longer line can not.
_MAX_RECALLED = 16 * 1024
_MAX_COMBINING = 16  # combining characters that a cell holds at most


class LiveRows:
    """A block of rows on a screen of `width` columns, at most `height` of them.

    Where there is no screen, more than anybody will notice. `feed` takes text that an
    `EscapeFilter` let through; `take` gives what is finished.
    """

    def __init__(self, width: int = 1000, height: int = 100) -> None:
        self._width = self._screen = width
        self._height = height
        self._rows = [Row()]
        self.x = self.y = 0
        #: Whether the program has hidden the cursor.
        self.hidden = False
        #: How many rows of the screen above the block can still be reached.
        self.reachable = 0
        self._style = PLAIN
        self._moved = False
        # How far the program goes up from the lowest row, and how many rows came since.
        self._reach = self._since = 0
        self._done: list[str] = []
        self._sealed: list[str] = []  # finished lines that cannot be recalled
        self._alternate = False  # whether the program has a screen of its own, which it leaves
        self._kept = "\n"
        self._recalled = 0

    def __bool__(self) -> bool:
        """Whether a row is unfinished."""
        return len(self._rows) > 1 or bool(self._rows[0].cells) or self.x > 0

    @property
    def rows(self) -> list[list[Cell]]:
        """The cells of each row, as they are to be drawn."""
        return [row.cells for row in self._rows]

    def feed(self, text: str) -> None:
        """Take in what the program has written."""
        if self and (found := text.find("\n")) >= 0:
            self._obey(text[: found + 1])
            self._settle()
            text = text[found + 1 :]
        lines = text.rfind("\n") + 1
        if lines and not self and self._style == PLAIN and not _CONTROL.search(text, 0, lines):
            self._done.append(text[:lines])
            text = text[lines:]
        self._obey(text)

    def take(self) -> tuple[int, str]:
        """How many rows of the screen to take back first, and the lines that are finished then.

        Each line ends with a newline, switches its colours on itself and off at its end.
        """
        self._settle()
        text, sealed = "".join(self._done), "".join(self._sealed)
        if text and not text.endswith("\n"):  # there was no room for the whole line
            text += "\n"
            self._rows[0].wrapped = False
        recalled, self._done, self._sealed, self._recalled = self._recalled, [], [], 0
        self._kept = (self._kept + text[-_MAX_RECALLED:])[-_MAX_RECALLED:]
        return recalled, sealed + text

    def commit(self) -> str:
        """End the block here: the lines of all of its rows; it is empty afterwards.

        Not to be called before what is finished has been taken.
        """
        self._alternate = False
        self._finish_all()
        text, self._done = "".join(self._done), []
        self._moved = self.hidden = False
        self._width = self._screen
        self.forget()
        return text

    def forget(self) -> None:
        """What was given out cannot be taken back any more: something else is below it."""
        self._kept = "\n"

    def resize(self, width: int, height: int) -> None:
        """The screen has `width` columns and `height` rows now.

        Text is wrapped anew. Rows that the program draws itself stay as wide as they were, to be
        cut where they are drawn: it may go on with the old width, as ``tqdm`` does, and if
        each of its frames took two rows then, all would leave debris.
        """
        changed, self._height = width != self._screen, height
        self._screen = width
        if changed:
            self.forget()
            self._width = max(width, self._width) if self._moved else width
        if changed and not self._moved:
            self._wrap_anew()
        self._scroll()

    # -- what the program asks for ---------------------------------------------------

    def _obey(self, text: str) -> None:
        for token in _TOKEN.finditer(text):
            if (plain := token["text"]) is not None:
                self._put(plain)
            elif (control := token["control"]) is not None:
                self._control(control)
            elif (end := token["end"]) is not None:
                self._sequence(token["numbers"], end)
            elif (link := token["link"]) is not None:
                self._style = self._style._replace(link=token[0] if link else "")
        self._moved = bool(self) and (self._moved or moves_cursor(text))

    def _control(self, char: str) -> None:
        if char == "\n":
            self._newline()
        elif char == "\r":
            self.x = 0
        elif char == "\b":
            self._left(1)
        else:
            self.x = min(self.x - self.x % _TAB + _TAB, self._width - 1)

    def _sequence(self, numbers: str, end: str) -> None:
        if end == "m":
            self._style = self._style._replace(sgr=style_after_codes(self._style.sgr, numbers))
        elif numbers == "?25":
            self.hidden = end == "l"
        elif numbers == "?1049":
            self._switch_screen(alternate=end == "h")
        elif end in "Hf":
            row, _, column = numbers.partition(";")
            self._place(max(int(row or 1), 1), max(int(column or 1), 1))
        elif end in self._ERASE:
            self._ERASE[end](self, int(numbers or 0))
        elif end in self._MOVE:
            self._MOVE[end](self, max(int(numbers or 1), 1))
            self.x = 0 if end in "EF" else self.x

    def _put(self, text: str) -> None:
        if text.isascii():
            self._put_narrow(text)
            return
        for char in clusters(text):
            width = cell_width(char)
            if width == 1:
                self._put_narrow(char)
            elif width == 2:
                if self.x + 2 > self._width:
                    self._wrap()
                self._rows[self.y].put(self.x, [(self._style, char), (self._style, "")])
                self.x += 2
            else:
                self._mark(char)

    def _put_narrow(self, text: str) -> None:
        style, at = self._style, 0
        while at < len(text):
            if self.x == self._width:
                self._wrap()
            piece = text[at : at + self._width - self.x]
            self._rows[self.y].put(self.x, [(style, char) for char in piece])
            self.x += len(piece)
            at += len(piece)

    def _mark(self, char: str) -> None:
        """Put a character that takes no room to the one before it."""
        row = self._rows[self.y].cells
        column = min(self.x, len(row)) - 1
        if column > 0 and not row[column][1]:
            column -= 1
        if column >= 0 and len(row[column][1]) < _MAX_COMBINING:
            style, data = row[column]
            row[column] = style, unicodedata.normalize("NFC", data + char)

    def _wrap(self) -> None:
        self._newline()
        self._rows[self.y].wrapped = True

    def _newline(self) -> None:
        self.x = 0
        self.y += 1
        if self.y == len(self._rows):
            self._rows.append(Row())
            self._since += 1
            self._scroll()

    def _up(self, count: int) -> None:
        self._recall(count - self.y)
        self.y = max(0, self.y - count)
        self._reach, self._since = max(self._reach, len(self._rows) - 1 - self.y), 0
        self._unwrap()

    def _down(self, count: int) -> None:
        last = max(len(self._rows), self._height) - 1
        self.y = min(self.y + count, last)
        self._rows += [Row() for _ in range(len(self._rows), self.y + 1)]
        self._unwrap()

    def _place(self, row: int, column: int) -> None:
        """Go to a row and column of the program's own, both from 1."""
        self._up(self._recall_all())
        self._down(row - 1)
        self._column(column)

    def _recall_all(self) -> int:
        """Take back what a screen holds above the block; how many rows the cursor can go up."""
        self._recall(self._height - len(self._rows))
        return self.y

    def _right(self, count: int) -> None:
        self.x = min(self.x + count, self._width - 1)

    def _left(self, count: int) -> None:
        self._unwrap()
        self.x = max(0, self.x - count)

    def _column(self, number: int) -> None:
        self.x = 0
        self._right(number - 1)

    def _unwrap(self) -> None:
        if self.x == self._width:
            self.x -= 1

    def _erase_in_row(self, which: int) -> None:
        row = self._rows[self.y]
        if which == 1:
            row.put(0, [BLANK] * min(self.x + 1, self._width))
        else:
            start = self.x if which == 0 else 0
            if start < len(row.cells) and not row.cells[start][1]:
                row.cells[start - 1] = BLANK
            del row.cells[start:]
            if has_background(self._style.sgr):
                row.put(start, [(CellStyle(self._style.sgr), " ")] * (self._width - start))
        if self.y + 1 < len(self._rows):
            self._rows[self.y + 1].wrapped = False

    def _erase_rows(self, which: int) -> None:
        if which == 3:
            return  # the scrollback, which is the session's
        if which == 2:
            above = self._recall_all()
            for self.y in range(above + 1):
                self._erase_in_row(2)
            self._reach, self._since = max(self._reach, len(self._rows) - 1), 0
        self._erase_in_row(which)
        del self._rows[self.y + 1 :]

    def _switch_screen(self, *, alternate: bool) -> None:
        """Begin an empty screen below what there is, or leave it, and nothing of it."""
        if alternate != self._alternate:
            self._finish_all()
            self._sealed, self._done = self._sealed + self._done, []
            self.forget()
            self._alternate = alternate

    # -- rows that come and go -------------------------------------------------------

    def _scroll(self) -> None:
        """Give out the rows for which there is no room."""
        if len(self._rows) > self._height:
            self._finish(len(self._rows) - self._height)

    def _finish_all(self) -> None:
        """Give out all rows; the block is empty then."""
        self._drop_blank_rows(0)
        self._finish(len(self._rows))
        self._rows, self.x, self.y = [Row()], 0, 0
        self._reach = self._since = 0

    def _settle(self) -> None:
        """Give out the rows that are left behind."""
        if self._alternate:
            return
        self._drop_blank_rows(self.y + 1)
        if self._since > self._reach:
            self._reach = 0
        count = min(self.y, len(self._rows) - 1 - self._reach)
        while count > 0 and self._rows[count].wrapped:
            count -= 1
        self._finish(max(count, 0))

    def _drop_blank_rows(self, start: int) -> None:
        """Drop what is blank at the end, from the row `start` on."""
        while len(self._rows) > start and not self._rows[-1]:
            self._rows.pop()

    def _finish(self, count: int) -> None:
        """Give out the first `count` rows."""
        gone, self._rows[:count] = self._rows[:count], []
        self.y -= count
        if self._alternate:
            return  # such a screen has no scrollback
        for row, following in zip(gone, [*gone[1:], *self._rows[:1], None], strict=False):
            end = "" if following is not None and self._continues(row, following) else "\n"
            self._done.append(row_text(row.cells) + end)

    def _continues(self, row: Row, following: Row) -> bool:
        """Whether a terminal, given the two in one, would cut them here."""
        if not (following.wrapped and following.cells):
            return False
        wide = following.cells[1:2] != [] and not following.cells[1][1]
        return len(row.cells) == self._width or (wide and len(row.cells) == self._width - 1)

    def _recall(self, count: int) -> None:
        """Take back lines that make up at least `count` rows, or as many as there are."""
        while count > 0 and (rows := self._last_line()):
            self._rows[:0] = rows
            self.y += len(rows)
            count -= len(rows)

    def _last_line(self) -> list[Row]:
        """The rows of the line that was given out last; none if it is out of reach."""
        if self._done:
            head, newline, line = "".join(self._done).removesuffix("\n").rpartition("\n")
            self._done = [head + newline] if newline else []
            return self._rows_of(line)
        head, newline, line = self._kept[:-1].rpartition("\n")
        rows = self._rows_of(line) if newline else []
        if not 0 < len(rows) <= self.reachable:
            return []
        self._kept = head + newline
        self._recalled += len(rows)
        self.reachable -= len(rows)
        return rows

    def _rows_of(self, line: str) -> list[Row]:
        other = LiveRows(self._width, _MAX_RECALLED)
        other._obey(line)
        return other._rows

    def _wrap_anew(self) -> None:
        joined: list[list[Cell]] = []
        for row in self._rows:
            if row.wrapped and joined:
                joined[-1] += row.cells
            else:
                joined.append(list(row.cells))
        style, self._rows, self.x, self.y = self._style, [Row()], 0, 0
        for number, line in enumerate(joined):
            if number:
                self._newline()
            for self._style, char in line:
                self._put(char)
        self._style = style

    _ERASE: ClassVar = {"J": _erase_rows, "K": _erase_in_row}
    _MOVE: ClassVar = {
        "A": _up, "B": _down, "C": _right, "D": _left, "E": _down, "F": _up, "G": _column,
    }  # fmt: skip


def moves_cursor(text: str) -> bool:
    """Whether `text` moves the cursor anywhere but to the next row."""
    return "\r" in text or "\b" in text or ("\x1b" in text and _MOVES.search(text) is not None)


def text_after_moves(text: str) -> str:
    """What is left of `text` when all is written: a progress bar's last state, not each.

    Text that moves nowhere stays as it is.
    """
    if not moves_cursor(text):
        return text
    escapes, rows = EscapeFilter(), LiveRows()
    rows.feed(escapes.feed(text) + escapes.finish())
    return rows.take()[1] + rows.commit()
