"""Who notices that a checked statement will never end.

A thread, because a statement may hold the loop (``while True: pass``), and
because a loop that waits for nothing can't notice it itself.

A virtual clock makes the commonest case certain: nothing ready, no timer to
come, nothing outside awaited and no thread of the user's alive means that
nothing can ever happen again. That is told at once. Everything else needs a
limit of real time.
"""

from __future__ import annotations

import math
import signal
import threading
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.loop import LiveLoop

__all__ = ["Limits", "Watch"]

#: Real seconds between two looks.
POLL = 0.05


@dataclass(frozen=True, slots=True)
class Limits:
    """Real seconds a statement may take: with no sign of life, and in all."""

    quiet: float = 10.0
    total: float = 60.0


class Watch:
    """Watches the statements on one loop from a thread of its own.

    If, between `begin` and `end`, the statement will not end, `reason` says why
    and `hung` is called on the loop's thread. A statement that holds the loop gets
    a SIGINT first, so that the loop can hear of it.
    """

    def __init__(self, loop: LiveLoop, hung: Callable[[], object], limits: Limits) -> None:
        self.reason: str | None = None
        self._loop = loop
        self._hung = hung
        self._limits = limits
        self._over = threading.Event()
        self._began: float | None = None
        self._asking = True
        self._suspicions = 0
        self._life = (-1, 0.0)
        self._wakes = 0
        self._thread = threading.Thread(target=self._watch, name="asyncrepl watch", daemon=True)
        self._thread.start()
        self._threads = threading.active_count()

    def begin(self) -> None:
        """A statement starts."""
        self.reason, self._suspicions = None, 0
        self._began = monotonic()

    def end(self) -> None:
        """The statement is done."""
        self._began = None

    def close(self) -> None:
        """End the watch and its thread."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(POLL):
            began = self._began
            if began is not None and self.reason is None:
                self._look(began)

    def _look(self, began: float) -> None:
        now, turn = monotonic(), self._loop.live.turn
        number = turn.number - self._wakes
        if number != self._life[0] or self._life[1] < began:
            self._life, self._asking, self._suspicions = (number, now), True, 0
        elif self._asking and not turn.busy:
            self._wakes += 1
            self._loop.call_soon_threadsafe(self._judge_rest, turn.number + 1)
        quiet = now - self._life[1]
        if now - began > self._limits.total:
            self._give_up(f"it still runs after {self._limits.total:g} s", busy=turn.busy)
        elif quiet > self._limits.quiet and (turn.busy or self._loop.deadline() == math.inf):
            self._give_up(f"nothing has happened for {self._limits.quiet:g} s", busy=turn.busy)

    def _judge_rest(self, number: int) -> None:
        """See whether anything is still to come, in the turn that only we have woken.

        Twice: other callbacks may have come with the wake, and not yet run.
        """
        if self._loop.live.turn.number != number:
            return
        threads = threading.active_count() > self._threads
        self._asking = self._loop.deadline() == math.inf and not self._loop.outside()
        self._suspicions += self._asking and not threads
        if self._suspicions > 1:
            self._tell("nothing is left that could wake it")

    def _give_up(self, reason: str, *, busy: bool) -> None:
        self._loop.call_soon_threadsafe(self._tell, reason)
        if busy:
            self.reason = reason
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _tell(self, reason: str) -> None:
        if self._began is not None:
            self.reason = reason
            self._hung()
