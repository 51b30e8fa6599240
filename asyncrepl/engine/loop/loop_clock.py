"""The clock that the user's loop goes by: real, or virtual.

The *real* one is the system's monotonic clock, and can run at another pace or stand still. The
*virtual* one is stepped: its time moves only while the loop waits, and then exactly to the next
timer's deadline; or while ``time.sleep`` keeps the loop from waiting (see
`asyncrepl.engine.blocking.blocking_reports`). A program therefore meets the same instants in the
same order in every run and at every pace, and 60 s of timers pass in milliseconds when the pace
is infinite.

A virtual clock starts at 0.0, so that demos and tests show round numbers. For a
program that mixes ``loop.time()`` with ``time.monotonic()``, which asyncio does
not promise to be the same, start it at ``time.monotonic()``.

While something outside the program is awaited (a connection, a thread's result, a process) time
passes no faster than real time; but short waits for the outside take none: up to `SLACK` seconds
between two deadlines, which no reader of a demo can distinguish from none. What does not work
stands in ``docs/decisions/06-time.md``.
"""

# ruff: noqa: D102 -- what a method promises is said in `Clock`

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.loop.loop_iteration import Ready
    from asyncrepl.engine.loop.timers import TimerTies

#: What a selector's select() returns, and such a function.
Poll: TypeAlias = "Callable[[float | None], Ready]"


class LoopState(Protocol):
    """What a clock must know about its loop in order to wait."""

    def deadline(self) -> float:
        """The next timer's instant; infinity without one."""

    def outside(self) -> bool:
        """Whether something outside the program is being waited for."""


class Clock(ABC):
    """The time of one loop, in seconds; ask `Clock.real` or `Clock.virtual` for one.

    Two parties steer it, and neither undoes what the other did. The user: `rate`, `freeze`
    and `thaw`. Whoever runs the user's inputs: `pace`, `hold` and `release`. In a real
    second pass `rate` × `pace` seconds, or none while it is frozen or held.

    All that changes it is for the loop's own thread: from a callback, or while the loop
    is not running. What only looks may be used in any thread. Time never runs backwards.
    """

    mode: Literal["real", "virtual"]

    def __init__(self, pace: float, rate: float) -> None:
        self._factors = self._checked(pace, "pace"), self._checked(rate, "rate")
        #: Seconds of this clock in a real one, while it does not stand still.
        self.speed = pace * rate
        #: Whether time stands still until `release`, and until `thaw`; not to be set.
        self.held = self.frozen = False
        #: Takes note of timers that tie, if set before the first timer; only if virtual.
        self.ties: TimerTies | None = None
        #: Called after each change; for the loop.
        self.changed: Callable[[], object] = bool

    @staticmethod
    def real(*, rate: float = 1.0, start: float | None = None) -> Clock:
        """The system's monotonic clock. While nobody changes it, it costs nothing.

        In a real second `rate` of its seconds pass. With `start`, it shows that instant now.
        """
        return RealClock(rate, start)

    @staticmethod
    def virtual(pace: float = math.inf, *, rate: float = 1.0, start: float = 0.0) -> Clock:
        """A clock at `start` that moves from deadline to deadline.

        With an infinite `pace` (the default) or `rate` it jumps. What a program sees is
        the same at any.
        """
        return VirtualClock(pace, rate, start)

    @property
    def pace(self) -> float:
        """The share in the speed of whoever runs the inputs; more than 0."""
        return self._factors[0]

    @pace.setter
    def pace(self, pace: float) -> None:
        self._factors = self._checked(pace, "pace"), self.rate
        self._steer()

    @property
    def rate(self) -> float:
        """The user's share in the speed; more than 0."""
        return self._factors[1]

    @rate.setter
    def rate(self, rate: float) -> None:
        self._factors = self.pace, self._checked(rate, "rate")
        self._steer()

    @property
    def stands(self) -> bool:
        """Whether time stands still: no timer later than this instant fires.

        What is due already, I/O and ``call_soon`` still run.
        """
        return self.held or self.frozen

    def hold(self) -> None:
        """Let time stand still while no input of the user's runs. Twice is once."""
        self.held = True
        self._steer()

    def release(self) -> None:
        """End `hold`: unless frozen, time goes on from the same instant, without a burst."""
        self.held = False
        self._steer()

    def freeze(self) -> None:
        """Let time stand still because the user says so. Twice is once."""
        self.frozen = True
        self._steer()

    def thaw(self) -> None:
        """End `freeze`: unless held, time goes on from the same instant, without a burst."""
        self.frozen = False
        self._steer()

    @abstractmethod
    def move_to(self, instant: float) -> None:
        """Let it be `instant`, if that is later, at once; what is due then fires next."""

    def _steer(self) -> None:
        self.speed = self.pace * self.rate
        self.changed()

    def _checked(self, factor: float, name: str) -> float:
        if not factor > 0 or (factor == math.inf and self.mode == "real"):
            limit = "a number above 0" + " and below infinity" * (self.mode == "real")
            msg = f"the {name} of a {self.mode} clock is {limit}, not {factor!r}"
            raise ValueError(f"{msg}; to stop time, hold or freeze the clock")
        return factor

    @property
    def untouched(self) -> bool:
        """Whether this is exactly ``time.monotonic()``; a loop then overrides nothing."""
        return False

    @property
    def ns(self) -> Callable[[], int]:
        """The cheapest function for this clock's instant in whole nanoseconds."""
        return self.time_ns

    def time_ns(self) -> int:
        """`time` in whole nanoseconds."""
        return round(self.time() * 1e9)

    def shown_ns(self) -> int:
        """The instant to draw, in nanoseconds; any thread.

        Other than `time_ns`, it moves on smoothly while a paced virtual clock
        waits for its next deadline.
        """
        return self.time_ns()

    def due(self, when: float) -> float:
        """The instant at which a timer set for `when` fires."""
        return when

    @property
    def resolution(self) -> float:
        """Timers that lie less than this behind the instant count as due."""
        return 1e-9

    @abstractmethod
    def time(self) -> float:
        """The instant, in seconds."""

    @abstractmethod
    def wait(self, poll: Poll, timeout: float | None, loop: LoopState) -> Ready:
        """Wait as ``selector.select(timeout)`` does, in this clock's time; the loop's thread.

        `poll` waits for I/O for so many real seconds (None: for ever). `loop` knows the next
        deadline, and whether anything outside is awaited.
        """


#: Virtual instants are whole nanoseconds: 0.1 s three times is 0.3 s, a true tie.
DIGITS, GRAIN = 9, 1e-9

#: Real seconds that waits for the outside may take between two deadlines for free.
SLACK = 0.05

#: No single wait is longer (selectors refuse waits of weeks).
MAX_WAIT = 24 * 3600.0

#: Real seconds after which the outside is looked at again: a thread's end wakes nobody.
RECHECK_OUTSIDE = 0.1


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
        self._restart_line(instant)
        self.changed()

    def _steer(self) -> None:
        self.speed = self.pace * self.rate
        if (0.0 if self.stands else self.speed) != self._line[2]:
            self._restart_line()
        self.changed()

    def _restart_line(self, instant: float = -math.inf) -> None:
        """Go on from now, or from `instant` if that is later, at the present speed."""
        since, shown, speed = self._line
        now = monotonic()
        shown += (now - since) * speed
        self._line = (now, max(shown, instant), 0.0 if self.stands else self.speed)

    def wait(self, poll: Poll, timeout: float | None, loop: LoopState) -> Ready:  # noqa: ARG002
        if timeout == 0:
            return poll(0)
        if timeout is None or self.stands:
            return poll(None)
        return poll(min(timeout / self.speed, MAX_WAIT))


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
        self._wait_under_way: _Wait | None = None

    def time(self) -> float:
        return self._now

    def shown_ns(self) -> int:
        if (wait := self._wait_under_way) is None:
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

    def wait(self, poll: Poll, timeout: float | None, loop: LoopState) -> Ready:
        if timeout == 0:
            return poll(0)
        if self.stands:
            return poll(None)
        deadline = loop.deadline()
        rate = min(self.speed, 1.0) if loop.outside() else self.speed
        if rate == math.inf:
            if deadline == math.inf:
                return poll(None)
            if not (ready := poll(0)):
                self._arrive(deadline)
            return ready
        if self.speed == math.inf > deadline:
            poll = partial(_poll_while_outside_awaited, poll, loop)
        return self._pass_time(poll, deadline, rate)

    def move_to(self, instant: float) -> None:
        self._arrive(instant)
        self.changed()

    def _pass_time(self, poll: Poll, deadline: float, rate: float) -> Ready:
        needed = (deadline - self._now) / rate
        limit = min(max(needed - self._overslept, 0.0), MAX_WAIT)
        began = monotonic()
        self._wait_under_way = _Wait(began, self._now, rate, deadline)
        try:
            ready = poll(limit)
            spent = monotonic() - began
            if ready or limit == MAX_WAIT:  # something came before the deadline
                free = min(spent, self._slack)
                self._slack -= free
                now = round(self._now + (spent - free) * rate, DIGITS)
                self._now = max(self._now, min(now, deadline))
            else:
                self._arrive(deadline)
                self._overslept = min(max(spent - limit, 0.0), SLACK)
        finally:
            self._wait_under_way = None
        return ready

    def _arrive(self, deadline: float) -> None:
        self._now = max(deadline, self._now)
        self._slack = SLACK


def _poll_while_outside_awaited(poll: Poll, loop: LoopState, timeout: float) -> Ready:
    """Poll for `timeout` real seconds, or until nothing outside is awaited any more."""
    while (
        not (ready := poll(min(timeout, RECHECK_OUTSIDE)))
        and timeout > RECHECK_OUTSIDE
        and loop.outside()
    ):
        timeout -= RECHECK_OUTSIDE
    return ready
