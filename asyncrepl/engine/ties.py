"""Timers that tie: due at one instant of a virtual clock, though set at different ones.

Those set at the same instant are no tie: they are due in the order in which they were
set on any clock. But a ticker every 0.2 s and one every 0.3 s meet at 0.6 s, and who
comes first there is a rule of the virtual clock (the timer set first), not a fact
about the program.

Whether it matters can't be seen from the timers: two tasks that wake at one instant may
both print, put something into one queue, or have nothing to do with each other. So
a program is run once more with all ties the other way round, and what it prints is
compared (see `asyncrepl.transcript.trial`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncrepl.engine.lives import current_task, name_of

if TYPE_CHECKING:
    from asyncrepl.engine.loop import LiveLoop
    from asyncrepl.engine.timers import TimerHandle

__all__ = ["Tie", "Ties"]


@dataclass(frozen=True, slots=True)
class Tie:
    """Two timers were due `at` this instant, in seconds; who set them, None for no task."""

    at: float
    first: str | None
    second: str | None


class Ties:
    """The ties on one virtual clock; for the loop's thread.

    With `youngest_first`, of two timers that tie the one set later fires first.
    """

    def __init__(self, *, youngest_first: bool = False) -> None:
        self.youngest_first = youngest_first
        #: Whether anything outside the program was waited for: then time is not exact.
        self.outside = False
        self._found: list[Tie] = []
        self._last: tuple[float, float, str | None] = (-1.0, 0.0, None)

    def take(self) -> tuple[Tie, ...]:
        """The ties since the last time."""
        found, self._found = self._found, []
        return tuple(found)

    def set(self, loop: LiveLoop, timer: TimerHandle, now: float) -> None:
        """Note who sets `timer`, and give it its place."""
        task = current_task(loop)
        timer.set_by = None if task is None else name_of(task)
        timer.set_at = now
        if self.youngest_first:
            timer.rank = (-now, timer.rank[1])

    def fires(self, timer: TimerHandle) -> None:
        """Note that `timer` fires, and whether it ties with the one before."""
        if timer.cancelled() or not hasattr(timer, "set_at"):  # set on another clock
            return
        due, set_at, set_by = self._last
        self._last = (timer.when(), timer.set_at, timer.set_by)
        if timer.when() == due and timer.set_at != set_at:
            self._found.append(Tie(due, set_by, timer.set_by))
