"""The two clocks: the system's, and the one that is stepped from deadline to deadline.

What does not work:

- Scaling the system clock for tests and demos. `epoll` wakes up to 1 ms late,
  which at 100× is a tenth of a second: who comes first is then up to chance.
- Jumping whenever nothing is ready. A socket's answer that takes 30 ms inside
  ``timeout(5)`` becomes a TimeoutError. So while something outside the program
  is awaited (a connection, a thread's result, a process) time passes no
  faster than real time.
- Letting time stand still instead. A timeout around a read that never ends
  would never fire.
- Counting every microsecond of such a wait. An answer over loopback would come
  at 0.200084 s, and a timer set then would lose or win against its neighbours
  by chance. So short waits for the outside take no time: up to `SLACK` seconds
  between two deadlines, which no reader of a demo can tell from none.
"""

# ruff: noqa: D102 -- what a method promises stands in `Clock`

from __future__ import annotations

import math
import time
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.engine.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.clock import Poll, Ready, Scene

__all__ = ["RealClock", "VirtualClock"]

#: Virtual instants are whole nanoseconds: 0.1 s three times is 0.3 s, a true tie.
DIGITS, GRAIN = 9, 1e-9

#: Real seconds that waits for the outside may take between two deadlines for free.
SLACK = 0.05

#: No single wait is longer (selectors refuse waits of weeks).
LONGEST = 24 * 3600.0

#: Real seconds after which the outside is looked at again: a thread's end wakes nobody.
AGAIN = 0.1


class RealClock(Clock):
    """The system's monotonic clock, at another speed if wanted; see `Clock.real`."""

    mode = "real"

    def __init__(self, rate: float, start: float | None) -> None:
        super().__init__(1.0, rate)
        # A straight line through (since, shown): its slope is the speed.
        self._line = (0.0, 0.0, 1.0)
        if start is not None:
            self._line = (monotonic(), start, 1.0)
        self._steer()

    @property
    def untouched(self) -> bool:
        return self._line == (0.0, 0.0, 1.0)

    @property
    def ns(self) -> Callable[[], int]:
        return time.monotonic_ns if self.untouched else self.time_ns

    def time(self) -> float:
        since, shown, speed = self._line
        return shown + (monotonic() - since) * speed

    def move_to(self, instant: float) -> None:
        self._turn(instant)
        self.changed()

    def _steer(self) -> None:
        self._pace = self.pace * self.rate
        if (0.0 if self.stands else self._pace) != self._line[2]:
            self._turn()
        self.changed()

    def _turn(self, instant: float = -math.inf) -> None:
        """Go on from now, or from `instant` if that is later, at the present speed."""
        since, shown, speed = self._line
        now = monotonic()
        shown += (now - since) * speed
        self._line = (now, max(shown, instant), 0.0 if self.stands else self._pace)

    def wait(self, poll: Poll, timeout: float | None, scene: Scene) -> Ready:  # noqa: ARG002
        if timeout == 0:
            return poll(0)
        if timeout is None or self.stands:
            return poll(None)
        return poll(min(timeout / self._pace, LONGEST))


class _Wait(NamedTuple):
    """A wait under way, for `shown_ns`: where it began and how far it may go."""

    began: float
    now: float
    rate: float
    limit: float


class VirtualClock(Clock):
    """A clock that moves only while its loop waits; see `Clock.virtual`."""

    mode = "virtual"

    def __init__(self, pace: float, rate: float, start: float) -> None:
        super().__init__(pace, rate)
        self._now = round(float(start), DIGITS)
        self._slack = SLACK
        self._overslept = 0.0
        self._wait: _Wait | None = None

    def time(self) -> float:
        return self._now

    def shown_ns(self) -> int:
        if (wait := self._wait) is None:
            return self.time_ns()
        passed = (monotonic() - wait.began) * wait.rate
        return round(min(wait.now + passed, wait.limit) * 1e9)

    def due(self, when: float) -> float:
        # A delay, however short, takes a nanosecond: without that,
        # ``while True: await sleep(1e-10)`` would stop time.
        rounded = round(when, DIGITS)
        if when > self._now >= rounded:
            return max(round(self._now + GRAIN, DIGITS), math.nextafter(self._now, math.inf))
        return rounded

    @property
    def resolution(self) -> float:
        # Never so little that it vanishes beside the instant.
        return max(GRAIN / 2, math.ulp(self._now))

    def wait(self, poll: Poll, timeout: float | None, scene: Scene) -> Ready:
        if timeout == 0:
            return poll(0)
        if self.stands:
            return poll(None)
        deadline = scene.deadline()
        rate = min(self._pace, 1.0) if scene.outside() else self._pace
        if rate == math.inf:
            return self._jump(poll, deadline)
        if self._pace == math.inf > deadline:
            poll = partial(_while_outside, poll, scene)
        return self._walk(poll, deadline, rate)

    def move_to(self, instant: float) -> None:
        self._arrive(instant)
        self.changed()

    def _jump(self, poll: Poll, deadline: float) -> Ready:
        if deadline == math.inf:
            return poll(None)
        if not (ready := poll(0)):
            self._arrive(deadline)
        return ready

    def _walk(self, poll: Poll, deadline: float, rate: float) -> Ready:
        needed = (deadline - self._now) / rate
        limit = min(max(needed - self._overslept, 0.0), LONGEST)
        began = monotonic()
        self._wait = _Wait(began, self._now, rate, deadline)
        try:
            ready = poll(limit)
            spent = monotonic() - began
            if ready or limit == LONGEST:
                self._stop_short(spent, rate, deadline)
            else:
                self._arrive(deadline)
                self._overslept = min(max(spent - limit, 0.0), SLACK)
        finally:
            self._wait = None
        return ready

    def _arrive(self, deadline: float) -> None:
        self._now = max(deadline, self._now)
        self._slack = SLACK

    def _stop_short(self, spent: float, rate: float, deadline: float) -> None:
        """Something came before the deadline, after `spent` real seconds."""
        free = min(spent, self._slack)
        self._slack -= free
        now = round(self._now + (spent - free) * rate, DIGITS)
        self._now = max(self._now, min(now, deadline))


def _while_outside(poll: Poll, scene: Scene, timeout: float) -> Ready:
    """Poll for `timeout` real seconds, or until nothing outside is awaited any more."""
    while not (ready := poll(min(timeout, AGAIN))) and timeout > AGAIN and scene.outside():
        timeout -= AGAIN
    return ready
