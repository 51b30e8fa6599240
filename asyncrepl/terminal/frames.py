"""The clock of the screen: 15 frames a second while something moves, 4 looks else.

A frame must never end the frames: what a view raises is kept for the report at
the end, and the next frame is tried.
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
_SOON = 0.2  # seconds: shorter statements show no lanes


class Panel:
    """The rows under the input line, and their frames."""

    def __init__(self, watch: Watch, size: Callable[[], tuple[int, int]], *, lanes: bool) -> None:
        self.on = lanes
        self.status: Sequence[Line] = ()
        self.lanes: Sequence[Line] = ()
        self.problem: BaseException | None = None
        self._watch = watch
        self._size = size
        self._running_since: float | None = None

    def started(self) -> None:
        """A statement runs from now on."""
        self._running_since = time.monotonic()

    def ended(self) -> None:
        """No statement runs."""
        self._running_since = None
        self.refresh()

    def refresh(self) -> bool:
        """Look again; whether anything is to be drawn."""
        before = self.status, self.lanes
        columns, rows = self._size()
        running = self._running_since
        long_enough = running is not None and time.monotonic() - running > _SOON
        self.status = self._watch.status(columns)
        self.lanes = ()
        if self.on:
            self.lanes = self._watch.lanes(columns, min(8, rows // 3), statement=long_enough)
        return (self.status, self.lanes) != before

    @property
    def moving(self) -> bool:
        """Whether the next frame will probably differ."""
        return bool(self.status or self.lanes or self._running_since is not None)

    async def animate(self, painter: Painter, look: Callable[[], None]) -> None:
        """Draw frames for ever; `look` is called before each."""
        while True:
            await asyncio.sleep(_MOVING if self.moving else _STILL)
            try:
                look()
                if self.refresh():
                    painter.redraw()
            except Exception as error:  # noqa: BLE001 - see the module's docstring
                self.problem = error
