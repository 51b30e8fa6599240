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
        self._count = 0

    def started(self) -> None:
        """A statement runs from now on."""
        self._running = True

    def ended(self) -> None:
        """No statement runs."""
        self._running = False
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
        return [[("dim", self._hint[: columns - 1])]] if self._hint else ()

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
