"""Output above the input line: erase, text, redraw, in one write.

The first line after a pause goes out at once; then lines are gathered for
30 ms, so that a flood costs a bounded number of redraws; above half of the queue's
limit nothing is gathered. A piece without a newline waits 30 ms, too: `print`
writes its text and its newline separately.

Not used: prompt_toolkit's ``in_terminal`` (it changes the terminal's modes each
time), several timers (stale ones starved the loop for seconds).
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from prompt_toolkit.renderer import print_formatted_text

from asyncrepl.terminal.escapes import EscapeFilter
from asyncrepl.terminal.tail import Tail

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from prompt_toolkit.application import Application
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from asyncrepl.terminal.device import DeviceOutput
    from asyncrepl.terminal.output import OutputQueue

__all__ = ["Painter"]

_BATCH = 0.03
_LONGEST_TAIL = 2000


class Painter:
    """Takes text out of the queue and draws it; for the UI thread, except `wake`."""

    def __init__(self, queue: OutputQueue, output: DeviceOutput) -> None:
        self.tail = Tail()
        #: While somebody else has the terminal, nothing is taken out of the queue.
        self.paused = False
        self._queue = queue
        self._output = output
        self._filter = EscapeFilter()
        self._app: Application[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0

    def start(self, app: Application[None], loop: asyncio.AbstractEventLoop) -> None:
        """Begin to draw what is queued."""
        self._app, self._loop = app, loop
        self._queue.listen(self.wake)
        self.drain()

    def wake(self, complete: bool) -> None:
        """Something was queued; `complete` says that a line has ended. From any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: the last drain is over
                self._loop.call_soon_threadsafe(self._soon if complete else self._later)

    def drain(self) -> None:
        """Draw everything queued so far, now."""
        if self.paused:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (text := self._queue.take()) and self._loop is not None:
            self._show(text)
            self._last = self._loop.time()

    def redraw(self) -> None:
        """Draw what changed of the layout."""
        if self._app is not None:
            self._app._redraw()  # noqa: SLF001 - invalidate() would come a turn later

    @contextmanager
    def above(self) -> Iterator[None]:
        """What the block writes to the output comes above the layout, in one write."""
        assert self._app is not None
        with self._output.held():
            self._app.renderer.erase(leave_alternate_screen=False)
            yield
            self.redraw()

    def echo(self, fragments: StyleAndTextTuples) -> None:
        """Put lines into the scrollback, after the row that was not finished."""
        with self.above():
            if self.tail:
                self._output.write_raw(self.tail.commit())
            self._write(fragments)

    def finish(self) -> None:
        """Write what was still unfinished, as lines."""
        rest = self.tail.feed(self._filter.finish())
        if self.tail:
            rest += self.tail.commit()
        if rest:
            with self.above():
                self._output.write_raw(rest)

    def direct(self, text: str) -> None:
        """Write `text` as it comes, while the layout is not drawn."""
        self._output.write_raw(self._filter.feed(text))
        self._output.flush()

    def commit(self) -> str:
        """The unfinished row as plain text to be written; there is none afterwards."""
        return self.tail.commit().removesuffix("\n") if self.tail else ""

    def _write(self, fragments: StyleAndTextTuples) -> None:
        assert self._app is not None
        print_formatted_text(
            self._output,
            fragments,
            self._app.renderer.style,
            color_depth=self._app.color_depth,
        )

    def _show(self, text: str) -> None:
        lines = self.tail.feed(self._filter.feed(text))
        lines += self.tail.overflow(self._output.get_size().columns, _LONGEST_TAIL)
        if not lines:
            self.redraw()
            return
        with self.above():
            self._output.write_raw(lines)

    def _soon(self) -> None:
        assert self._loop is not None
        due = self._last + _BATCH
        if self._queue.pressing or self._loop.time() >= due:
            self.drain()
        else:
            self._at(due)

    def _later(self) -> None:
        assert self._loop is not None
        self._at(self._loop.time() + _BATCH)

    def _at(self, due: float) -> None:
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_at(due, self.drain)
