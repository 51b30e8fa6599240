"""The clock of the screen: 15 frames a second while something moves, 4 otherwise.

A view that raises must not end the frames: the exception is kept in `problem`, and
the next frame is tried.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncrepl.terminal.painter import Painter
    from asyncrepl.terminal.watching import Watch
    from asyncrepl.views.styled import Line

__all__ = ["Panel"]

_MOVING, _STILL = 1 / 15, 1 / 4
_LANES = 8
#: After so many seconds it is said what can be done about a statement that runs.
_LONG = 3.0
_WHILE_RUNNING = "Ctrl-S pauses, Ctrl-C stops"
_REST = 9  # times as long as a frame took: with 10,000 tasks a picture costs milliseconds


class Panel:
    """The rows under the input line, and their frames."""

    def __init__(self, watch: Watch, size: Callable[[], tuple[int, int]], *, lanes: bool) -> None:
        self.on = lanes
        self.status: Sequence[Line] = ()
        self.time: Sequence[Line] = ()
        self.lanes: Sequence[Line] = ()
        self.problem: BaseException | None = None
        #: What is said of a pause.
        self.pause: Callable[[int], Sequence[Line]] = _nothing
        self._watch = watch
        self._size = size
        self._hint = ""
        self._running = False
        #: Since when the statement runs about which may be said what can be done.
        self._since: float | None = None
        self._told = False
        self._count = 0

    def started(self, *, scripted: bool = False) -> None:
        """A statement runs from now on; `scripted` where no person has typed it."""
        self._running = True
        self._since = None if scripted or self._told else time.monotonic()

    def ended(self) -> None:
        """No statement runs."""
        self._running, self._since = False, None
        self.refresh()

    def hint(self, text: str) -> None:
        """Show `text` under the input line; nothing if it is empty."""
        self._hint = text

    def refresh(self) -> bool:
        """Look again; whether anything is to be drawn."""
        before = self.status, self.time, self.lanes
        try:
            self.status, self.time, self.lanes = self._look()
        except Exception as error:
            self.problem, self.time, self.lanes = error, (), ()
        return (self.status, self.time, self.lanes) != before

    def _look(self) -> tuple[Sequence[Line], Sequence[Line], Sequence[Line]]:
        columns, rows = self._size()
        lanes = self._watch.lanes(columns, min(_LANES, rows // 3)) if self.on else ()
        pause = self.pause(columns)  # it tells the time, too
        time = () if pause else self._watch.time(columns, running=self._running)
        status = [*self._watch.status(columns), *pause]
        return status or self._hints(columns), time, lanes

    def _moving(self) -> bool:
        """Whether the next frame will differ by more than the time that has passed."""
        count, self._count = self._count, self._watch.count()
        return bool(self.status or self._running or (self.lanes and count != self._count))

    def _hints(self, columns: int) -> Sequence[Line]:
        hint = self._hint or self._while_running()
        return [[("dim", hint[: columns - 1])]] if hint else ()

    def _while_running(self) -> str:
        """What can be done about a statement that takes long; said of the first one only."""
        if self._since is None or time.monotonic() - self._since < _LONG:
            return ""
        self._told = True
        return _WHILE_RUNNING

    async def animate(
        self,
        painter: Painter,
        look: Callable[[], None],
        failed: Callable[[BaseException], object],
    ) -> None:
        """Draw frames for ever; `look` is called before each, `failed` for one that raises."""
        took = 0.0
        while True:
            await asyncio.sleep(max(_MOVING if self._moving() else _STILL, took * _REST))
            began = time.perf_counter()
            try:
                look()
                if self.refresh():
                    painter.redraw()
            except Exception as error:  # the next frame is tried all the same
                failed(error)
            took = time.perf_counter() - began


def _nothing(_columns: int) -> Sequence[Line]:
    return ()
