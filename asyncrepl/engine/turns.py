"""The loop's turns, as its selector sees them.

A loop calls ``select()`` once a turn: while it is inside, the loop waits;
outside, it runs callbacks. Noting just that is enough to know from another
thread, or from a signal handler, whether the loop is busy and since when.
"""

from __future__ import annotations

import selectors
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.clock import Ready

__all__ = ["Turn", "WatchingSelector"]


class Turn:
    """One round of the loop; written by its thread, readable from any.

    `busy` is False while the loop waits or does not run; `since` is the
    ``time.monotonic()`` at which the turn began; `number` counts the turns.
    """

    __slots__ = ("busy", "number", "since")

    def __init__(self) -> None:
        self.busy = False
        self.since = monotonic()
        self.number = 0


class WatchingSelector(selectors.DefaultSelector):
    """A selector that notes the loop's turns.

    `poll` is the system's own ``select``; `wait` is what `select` waits with:
    the same, until somebody puts another function there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.turn = Turn()
        self.poll: Callable[[float | None], Ready] = super().select
        self.wait: Callable[[float | None], Ready] = self.poll

    def select(self, timeout: float | None = None) -> Ready:
        """Wait for I/O; between the return and the next call a turn of the loop runs."""
        turn = self.turn
        turn.busy = False
        ready = self.wait(timeout)
        turn.number += 1
        turn.since = monotonic()
        turn.busy = True
        return ready
