"""Output above the input line: erase, text, redraw, in one write.

The first line after a pause goes out at once; then lines are gathered for 30 ms, so that a flood
costs a bounded number of redraws; above half of the queue's limit nothing is gathered.

What the program has not finished is a part of the layout (`Painter.rows`). A program that
goes up into rows above gets them back: they are erased there and drawn in the layout.

Not used: prompt_toolkit's ``in_terminal`` (it changes the terminal's modes each
time), several timers (stale ones starved the loop for seconds).
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from prompt_toolkit.renderer import print_formatted_text

from asyncrepl.terminal.output_queue import Place
from asyncrepl.views.live_rows import LiveRows
from asyncrepl.views.screen_cells import EscapeFilter
from asyncrepl.views.styled_lines import printable

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator

    from prompt_toolkit.application import Application
    from prompt_toolkit.data_structures import Size
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from asyncrepl.terminal.output_queue import OutputQueue, Piece
    from asyncrepl.terminal.terminal_device import DeviceOutput

_BATCH_TIME = 0.03


class Painter:
    """Takes text out of the queue and draws it; for the UI thread, except `wake`.

    `rows` are those that the program has not finished.
    """

    def __init__(self, queue: OutputQueue, output: DeviceOutput) -> None:
        size = output.get_size()
        self.rows = LiveRows(size.columns, _max_rows(size))
        #: While somebody else has the terminal, nothing is taken out of the queue.
        self.paused = False
        #: Whether that drives it itself: all sequences are its own.
        self.raw = False
        #: What stands then in the row of the cursor, as far as it came from here.
        self.last_row = ""
        #: Called before the layout is drawn because of new text.
        self.text_comes: Callable[[], object] = bool
        self._queue = queue
        self._output = output
        self._filter = EscapeFilter()
        self._app: Application[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0
        # So many rows of text, at least, are on the screen above the layout.
        self._above = 0

    def start(self, app: Application[None], loop: asyncio.AbstractEventLoop) -> None:
        """Begin to draw what is queued above the input line of `app`, on its `loop`."""
        self._app, self._loop = app, loop

        def rendered(app: Application[None]) -> None:
            screen = app.renderer.last_rendered_screen
            if screen is not None:  # what it needed room for is not on the screen any more
                free = self._output.get_size().rows - screen.height
                self._above = max(0, min(self._above, free))

        app.after_render += rendered
        self._queue.listen(self.wake)
        self.drain()

    def wake(self, complete: bool) -> None:
        """Something was queued; `complete` says that a line has ended. From any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: the last drain is over
                self._loop.call_soon_threadsafe(
                    self._drain_soon if complete else self._drain_later
                )

    def drain(self, *, everything: bool = False) -> None:
        """Draw what is queued so far, now; `everything`: also lines that wait for their end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.paused:
            self._queue.queue_overdue()
        elif (pieces := self._queue.take(everything=everything)) and self._loop is not None:
            self._show(pieces)
            self._last = self._loop.time()
        if self._queue.waiting and self._loop is not None:
            self._drain_later()

    def redraw(self) -> None:
        """Draw what changed of the layout."""
        if self._app is not None:
            self._app._redraw()  # noqa: SLF001 - invalidate() would come an iteration later

    @contextmanager
    def above(self) -> Iterator[None]:
        """What the block writes to the output comes above the layout, in one write."""
        assert self._app is not None
        with self._output.held():
            self._app.renderer.erase(leave_alternate_screen=False)
            yield
            self.redraw()

    def echo(self, fragments: StyleAndTextTuples) -> None:
        """Put lines into the scrollback: after rows that nobody goes on with, else above them."""
        safe: StyleAndTextTuples = [(style, printable(text)) for style, text, *_ in fragments]
        with self.above():
            if self._queue.abandoned:
                self._write(self._ended())
            self.rows.forget()
            app = self._app
            assert app is not None
            print_formatted_text(
                self._output, safe, app.renderer.style, color_depth=app.color_depth
            )
            self._add(sum(text.count("\n") for _, text, *_ in safe))

    def finish(self) -> None:
        """Write what was still unfinished, as lines."""
        if rest := self._ended():
            with self.above():
                self._write(rest)

    def write_directly(self, pieces: Iterable[Piece]) -> None:
        """Write `pieces` as they come, while the layout is not drawn."""
        with self._output.held():
            for place, text in pieces:
                if text and place is not Place.FLOW:
                    self._output.begin_row()
                    self.last_row = ""
                shown = _encodable(text) if self.raw else self._filter.feed(text)
                self._output.write_raw(shown)
                self.last_row = _after_row(self.last_row + shown)

    def commit(self) -> str:
        """The unfinished rows as plain text to be written; there are none afterwards."""
        text = self.rows.commit().removesuffix("\n")
        self.last_row = _after_row(text)
        return text

    def forget(self) -> None:
        """What is above the layout is not known any more, or not what it was."""
        self.rows.forget()
        self._above = 0

    def resize(self, size: Size) -> None:
        """The screen has another size."""
        self.forget()
        self.rows.resize(size.columns, _max_rows(size))

    def _show(self, pieces: Iterable[Piece]) -> None:
        self.rows.reachable = self._above
        parts = [self._part(place, text) for place, text in pieces]
        self.text_comes()
        recalled, text = sum(count for count, _ in parts), "".join([text for _, text in parts])
        if not recalled and not text:
            self.redraw()
            return
        with self.above():
            if recalled:
                self._output.cursor_up(recalled)
                self._output.erase_down()
                self._above -= recalled
            self._write(text)

    def _part(self, place: Place, text: str) -> tuple[int, str]:
        """What `text` makes of the rows: how many to take back, and the lines to write."""
        if place is Place.FLOW:
            self.rows.feed(self._filter.feed(text))
            return self.rows.take()
        ended = self._ended() if place is Place.AFTER else ""
        if text:
            self.rows.forget()
        rows = LiveRows()  # each line with its colours, and no other sequences
        rows.feed(EscapeFilter().feed(text))
        return 0, ended + rows.take()[1] + rows.commit()

    def _ended(self) -> str:
        """The lines of what was not finished, which ends here."""
        self.rows.feed(self._filter.finish())
        return self.rows.take()[1] + self.rows.commit()

    def _write(self, text: str) -> None:
        self._output.write_raw(text)
        self._add(text.count("\n"))

    def _add(self, lines: int) -> None:
        self._above = min(self._above + lines, self._output.get_size().rows - 1)

    def _drain_soon(self) -> None:
        assert self._loop is not None
        due = self._last + _BATCH_TIME
        if self._queue.pressing or self._loop.time() >= due:
            self.drain()
        else:
            self._drain_at(due)

    def _drain_later(self) -> None:
        assert self._loop is not None
        self._drain_at(self._loop.time() + _BATCH_TIME)

    def _drain_at(self, due: float) -> None:
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_at(due, self.drain)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _after_row(text: str) -> str:
    return text[max(text.rfind("\n"), text.rfind("\r")) + 1 :]


def _max_rows(size: Size) -> int:
    """The rows that a program may draw on: what is above them is in the scrollback."""
    return max(size.rows - 1, 1)
