"""The loop's turns, as its selector sees them.

A loop calls ``select()`` once a turn: while it is inside, the loop waits;
outside, it runs callbacks. Noting just that is enough to know from another
thread, or from a signal handler, whether the loop is busy and since when.
"""

from __future__ import annotations

import select
import selectors
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.clock import Ready

__all__ = ["Turn", "WatchingSelector"]

#: isinstance()'s second argument; without epoll (macOS) nothing is one.
_EPOLL: Any = getattr(select, "epoll", ())


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
    the same, until `wait_with` puts another function there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.turn = Turn()
        self.poll: Callable[[float | None], Ready] = super().select
        self.wait_with(self.poll)
        #: Called before a wait that only the outside can end.
        self.idle: Callable[[], object] | None = None

    def wait_with(self, wait: Callable[[float | None], Ready]) -> None:
        """Let `select` wait by calling `wait`."""
        self.wait = wait
        # Asking epoll directly whether there is anything pays for the notes.
        epoll = getattr(self, "_selector", None) if wait is self.poll else None
        self._anything = epoll.poll if isinstance(epoll, _EPOLL) else _perhaps

    def select(self, timeout: float | None = None) -> Ready:
        """Wait for I/O; between the return and the next call a turn of the loop runs."""
        turn = self.turn
        turn.busy = False
        if timeout is None and self.idle is not None:
            self.idle()
        ready = self.wait(timeout) if timeout != 0 or self._anything(0, 1) else []
        turn.number += 1
        turn.since = monotonic()
        turn.busy = True
        return ready


def _perhaps(_timeout: float, _limit: int) -> bool:
    return True
