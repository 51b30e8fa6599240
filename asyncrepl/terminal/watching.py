"""What the terminal may see of the loop, from its own thread, without touching it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.engine.loop import LiveLoop
    from asyncrepl.views.styled import Line

__all__ = ["Watch"]

_BLOCKED = 0.5
_HOGGING = 0.1


class Watch:
    """Read-only looks at `loop`, which runs in the thread `thread`."""

    def __init__(self, loop: LiveLoop, thread: int) -> None:
        self._loop = loop
        self._thread = thread

    def hogged(self) -> bool:
        """Whether one turn of the loop has been running for longer than 0.1 s."""
        return self._busy_for() > _HOGGING

    def status(self, columns: int) -> Sequence[Line]:
        """One row that says by whom the loop is blocked, if it is for longer than 0.5 s."""
        if self._busy_for() < _BLOCKED:
            return ()
        return [[("status", f"loop blocked {self._busy_for():.1f} s"[:columns])]]

    def lanes(self, columns: int, rows: int, *, statement: bool) -> Sequence[Line]:
        """The live lanes, at most `rows`; none while nothing but the prompt is there."""
        return ()

    def _busy_for(self) -> float:
        turn = self._loop.live.turn
        return time.monotonic() - turn.since if turn.busy else 0.0
