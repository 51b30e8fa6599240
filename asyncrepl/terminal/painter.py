"""Output above the input line: erase, text, redraw, in one write.

The first line after a pause goes out at once; then lines are gathered for 30 ms, so that a flood
costs a bounded number of redraws; above half of the queue's limit nothing is gathered.

What the program has not finished is a part of the layout (`Painter.rows`). A program that
goes up into rows above gets them back: they are erased there and drawn in the layout.

Not used: prompt_toolkit's ``in_terminal`` (it changes the terminal's modes each
time), several timers (stale ones starved the loop for seconds).

What the terminal's thread does when drawing fails: it tries again, for a while.

A key or a frame may fail for reasons of the main thread's: no memory for a moment, a recursion
limit of 40, a module of the interpreter's that user code has emptied. Nobody else can draw, so
`DrawRecovery` tries again and again: as long as a statement runs, since what it does may be over
with it, and for a moment after that. Then the terminal is given back and the process ends; better
no prompt than one that is deaf.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING

from prompt_toolkit.renderer import print_formatted_text

from asyncrepl.terminal.output_queue import Place
from asyncrepl.views.error_lines import describe_error
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
                self._output.write_raw(self._filter.feed(text))

    def commit(self) -> str:
        """The unfinished rows as plain text to be written; there are none afterwards."""
        return self.rows.commit().removesuffix("\n")

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


def _max_rows(size: Size) -> int:
    """The rows that a program may draw on: what is above them is in the scrollback."""
    return max(size.rows - 1, 1)


_RETRY_DELAY = 0.1  # seconds between two tries
_IDLE_LIMIT = 1.0  # seconds without a statement that may be the reason


class DrawRecovery:
    """What the terminal's thread does about errors of its callbacks; for that thread.

    `redraw` draws the whole layout, `running` says whether a statement runs, `show` shows
    a line, `give_up` ends the thread for the given error.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        redraw: Callable[[], object],
        running: Callable[[], bool],
        show: Callable[[str], object],
        give_up: Callable[[BaseException], object],
    ) -> None:
        self._loop = loop
        self._redraw = redraw
        self._running = running
        self._show = show
        self._give_up = give_up
        self._shown: set[str] = set()
        self._trying = False
        self._idle_since: float | None = None

    def failed(self, error: BaseException) -> None:
        """A callback has raised `error`: say so once, and draw again soon."""
        text = describe_error(error)
        if text not in self._shown:
            self._shown.add(text)
            self._show(f"the terminal has failed, and goes on: {text}")
        if not self._trying:
            self._trying, self._idle_since = True, None
            self._loop.call_later(_RETRY_DELAY, self._try)

    def _try(self) -> None:
        try:
            self._redraw()
        except BaseException as error:
            if self._is_over():
                self._give_up(error)
            else:
                self._loop.call_later(_RETRY_DELAY, self._try)
        else:
            self._trying = False

    def _is_over(self) -> bool:
        """Whether no statement is the reason, and that for too long."""
        if self._running():
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = monotonic()
        return self._idle_since is not None and monotonic() - self._idle_since > _IDLE_LIMIT
