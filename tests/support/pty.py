"""A program on a pseudo-terminal, with a screen to look at instead of pauses to guess.

A thread reads what the program writes into a pyte screen; `wait` looks again after
each piece and, when the time is up, fails with the screen. A piece may end in the middle of an
update of the screen: it is not looked at until the program says that the update is complete.
Nothing here sleeps. Two things to mind:

- A condition that is true *before* the action passes at once (a prompt that is
  still there from before): wait for something new, or use `current_prompts` to count.
- pyte takes in about 200 kB/s: give floods a generous limit.
"""

from __future__ import annotations

import copy
import os
import re
import select
import signal
import sys
import termios
import threading
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyte
from support.forked_starts import ForkedSpawn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Screen", "Terminal"]

_MODE = re.compile(rb"\x1b\[\?(\d+)([hl])")
_CUT_MODE = re.compile(rb"\x1b(\[(\?\d*)?)?\Z")
_PATIENCE = 20.0
_ALTERNATE, _UPDATE = 1049, 2026
#: So many bytes of an update are a flood, which is looked at whenever it can be.
_FLOOD = 4000


class Screen(pyte.HistoryScreen):
    """pyte's screen, which trips over two things that programs send, and lacks a third.

    That is the alternate screen, on which a pager shows its pages: what was there comes
    back afterwards, with the cursor where it was.
    """

    _kept: tuple[Any, Any] | None = None
    _rows: tuple[int, list[str]] = (0, [])
    _rows_above: tuple[int, Any, list[str]] = (0, None, [])

    def rows(self) -> list[str]:
        """The rows without the blanks at their ends; only what has changed is looked at."""
        columns, rows = self._rows
        if (columns, len(rows)) != (self.columns, self.lines):
            rows, self.dirty = [""] * self.lines, set(range(self.lines))
        for row in self.dirty:
            if row < self.lines:
                rows[row] = _text(self.buffer[row], self.columns)
        self.dirty.clear()
        self._rows = self.columns, rows
        return list(rows)

    def rows_above(self) -> list[str]:
        """The rows that are scrolled away; they stay as they are."""
        columns, first, rows = self._rows_above
        top = self.history.top
        now = top[0] if top else None
        if columns != self.columns or first is not now or len(rows) > len(top):
            rows = []
        rows += [_text(row, self.columns) for row in islice(top, len(rows), None)]
        self._rows_above = self.columns, now, rows
        return rows

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """As terminals do: rows below the cursor go first, then the uppermost, to the history.

        pyte's own throws the uppermost away and leaves the cursor where it was.
        """
        lines = lines or self.lines
        if lines >= self.lines:
            super().resize(lines, columns)
            return
        above = max(0, self.cursor.y + 1 - lines)
        self.history.top.extend(self.buffer[row] for row in range(above))
        row, column = self.cursor.y - above, self.cursor.x
        if above:  # pyte takes 0 for 1
            self.cursor_position()
            self.delete_lines(above)
        for below in range(lines, self.lines):
            self.buffer.pop(below, None)
        self.lines = lines
        super().resize(lines, columns)
        self.set_margins()
        self.cursor.y, self.cursor.x = row, min(column, self.columns - 1)

    def set_mode(self, *modes: int, **kwargs: Any) -> None:
        if _ALTERNATE in modes and kwargs.get("private") and self._kept is None:
            self._kept = copy.deepcopy(self.buffer), copy.copy(self.cursor)
            self.erase_in_display(2)
        super().set_mode(*modes, **kwargs)

    def reset_mode(self, *modes: int, **kwargs: Any) -> None:
        if _ALTERNATE in modes and kwargs.get("private") and self._kept is not None:
            self.buffer, self.cursor = self._kept
            self._kept = None
            self.dirty.update(range(self.lines))
        super().reset_mode(*modes, **kwargs)

    def select_graphic_rendition(self, *attributes: int, private: bool = False) -> None:
        if not private:
            super().select_graphic_rendition(*attributes)

    def report_device_status(self, mode: int, **_: Any) -> None:
        """Never answer: no program should need it."""


def _text(row: Any, columns: int) -> str:
    """What stands in a row; behind a character that takes two columns there is an empty one."""
    return "".join([row[column].data for column in range(columns)]).rstrip()


class Terminal:
    """`command` on a terminal of its own; `lines` of its screen can be waited for."""

    def __init__(
        self,
        command: list[str] | None = None,
        *,
        columns: int = 80,
        rows: int = 24,
        env: dict[str, str] | None = None,
        screen: type[Screen] = Screen,
    ) -> None:
        command = command or [sys.executable, "-m", "asyncrepl", "-q", "--no-startup"]
        about_another = {"TMUX", "COLUMNS", "LINES"}
        inherited = {name: os.environ[name] for name in os.environ.keys() - about_another}
        environ = {**inherited, "TERM": "xterm-256color", "ASYNCREPL_HISTORY": "", **(env or {})}
        self.screen = screen(columns, rows, history=20_000, ratio=0.01)
        self._stream = pyte.ByteStream(self.screen)
        self._news = threading.Condition()
        self.chunks: list[tuple[float, bytes]] = []
        self.modes: dict[int, bool] = {}
        self._cut = b""
        self._update_size = 0
        self.ended = False
        self.child = ForkedSpawn(
            command[0], command[1:], env=environ, dimensions=(rows, columns), timeout=None
        )
        self.found = self.child.found
        self._stop, self._stopping = os.pipe()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            ready = select.select([self.child.child_fd, self._stop], [], [])[0]
            if self._stop in ready:
                return
            try:
                data = os.read(self.child.child_fd, 65536)
            except OSError:
                data = b""
            with self._news:
                if data:
                    self._take(data)
                else:
                    self.ended = True
                self._news.notify_all()
            if not data:
                return

    def _take(self, data: bytes) -> None:
        self.chunks.append((time.monotonic(), data))
        text = self._cut + data
        for number, letter in _MODE.findall(text):
            self.modes[int(number)] = letter == b"h"
        cut = _CUT_MODE.search(text)
        self._cut = cut[0] if cut else b""
        self._update_size = self._update_size + len(data) if self.modes.get(_UPDATE) else 0
        self._stream.feed(data)

    # -- hands --------------------------------------------------------------------

    def send(self, keys: str) -> None:
        """Type `keys`, all at once."""
        os.write(self.child.child_fd, keys.encode("utf-8", "surrogateescape"))

    def enter(self, text: str) -> None:
        """At a prompt, now or soon: type `text` and Enter, and wait for the next prompt."""
        self.wait(lambda: self.cursor_line, "a prompt")
        before = self.prompts
        self.send(text + "\r")
        self.wait(lambda: self.prompts > before and self.at_prompt, f"a prompt after {text!r}")

    def type(self, keys: str, row: str) -> None:
        """Type `keys`, and wait until the row of the cursor is `row`."""
        self.send(keys)
        self.wait(lambda: self.cursor_line == row, repr(row))

    def begin(self, text: str) -> None:
        """At a prompt: type `text` and Enter, and wait until it runs, with no prompt."""
        self.send(text + "\r")
        self.wait(lambda: not self.cursor_line.startswith((">>>", "...")), f"{text!r} to run")

    def paste(self, text: str) -> None:
        """Paste `text`, as a terminal does when the program asked for brackets."""
        data = f"\x1b[200~{text}\x1b[201~".encode()
        while data:
            data = data[os.write(self.child.child_fd, data[:1024]) :]

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        with self._news:
            self.screen.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    def kill(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        self.child.kill(number)

    # -- eyes ---------------------------------------------------------------------

    @property
    def lines(self) -> list[str]:
        """The rows of the screen, without the blanks at their ends."""
        return self.screen.rows()

    @property
    def scrollback(self) -> list[str]:
        """All rows: those scrolled away, then the screen down to the cursor's row.

        What is below the cursor, lanes and menus, comes and goes.
        """
        with self._news:
            shown = self.lines[: self.screen.cursor.y + 1]
            return "\n".join([*self.screen.rows_above(), *shown]).rstrip("\n").split("\n")

    @property
    def prompts(self) -> int:
        """How many rows so far begin with a prompt."""
        return sum(line.startswith(">>>") for line in self.scrollback)

    @property
    def cursor_line(self) -> str:
        """The row of the cursor."""
        return self.lines[self.screen.cursor.y]

    @property
    def at_prompt(self) -> bool:
        """Whether the cursor stands behind an empty prompt."""
        return self.cursor_line == ">>>" and self.screen.cursor.x == 4

    def attributes(self) -> list[Any]:
        """The terminal's termios settings."""
        return termios.tcgetattr(self.child.child_fd)

    def wait(
        self, condition: Callable[[], object], what: str = "", limit: float = _PATIENCE
    ) -> None:
        """Wait until `condition` holds; it is asked again after each piece of output."""
        with self._news:
            if not self._news.wait_for(lambda: self._holds(condition), limit):
                screen = "\n".join(self.lines)
                raise AssertionError(f"waited in vain for {what or condition}:\n{screen}")

    def _holds(self, condition: Callable[[], object]) -> bool:
        under_way = self.modes.get(_UPDATE) and not self.ended and self._update_size < _FLOOD
        return not under_way and bool(condition())

    def wait_for(self, text: str, limit: float = _PATIENCE) -> None:
        """Wait until a row contains `text`."""
        self.wait(
            lambda: any(text in line for line in [*self.scrollback, *self.lines]),
            repr(text),
            limit,
        )

    def wait_for_prompt(self, limit: float = _PATIENCE) -> None:
        """Wait until the cursor stands behind an empty prompt."""
        self.wait(lambda: self.at_prompt, "an empty prompt", limit)

    # -- the end ------------------------------------------------------------------

    def exit_status(self, limit: float = _PATIENCE) -> int:
        """Wait for the end of the program; its exit status, as a shell would give it."""
        self.wait(lambda: self.ended, "the end of the program", limit)
        self.child.wait()
        return (
            self.child.exitstatus
            if self.child.exitstatus is not None
            else 128 + self.child.signalstatus
        )

    def hang_up(self) -> int:
        """Close the terminal under the program; its exit status."""
        self._stop_reading()
        self.child.ptyproc.fileobj.close()
        _, status = os.waitpid(self.child.pid, 0)
        self.child.ptyproc.terminated = self.child.closed = True
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """End the program, whatever it does, and without the time that a farewell takes."""
        if not self.child.closed:
            self._stop_reading()
            if self.child.isalive():
                self.child.kill(signal.SIGKILL)
                self.child.wait()
            self.child.ptyproc.fileobj.close()
            self.child.closed = True

    def _stop_reading(self) -> None:
        os.write(self._stopping, b"x")
        self._reader.join()
        os.close(self._stop)
        os.close(self._stopping)
