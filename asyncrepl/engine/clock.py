"""The clock that the user's loop lives on.

Two clocks. The *real* one is the system's monotonic clock, and can run at
another pace or stand still. The *virtual* one is stepped: its time moves only
while the loop waits, and then exactly to the next timer's deadline; or while
``time.sleep`` keeps the loop from waiting (see `asyncrepl.engine.blocking.sleeping`). A program
therefore meets the same instants in the same order in every run and at every
pace, and 60 s of timers pass in milliseconds when the pace is infinite.

A virtual clock starts at 0.0, so that demos and tests show round numbers. For a
program that mixes ``loop.time()`` with ``time.monotonic()``, which asyncio does
not promise to be the same, start it at ``time.monotonic()``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from selectors import SelectorKey

    from asyncrepl.engine.ties import Ties

__all__ = ["Clock", "Scene"]

#: What a selector's select() returns, and such a function.
Ready: TypeAlias = "list[tuple[SelectorKey, int]]"
Poll: TypeAlias = "Callable[[float | None], Ready]"


class Scene(Protocol):
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
        self._pace = pace * rate
        self._held = self._frozen = False
        #: Takes note of timers that tie, if set before the first timer; only if virtual.
        self.ties: Ties | None = None
        #: Called after each change; for the loop.
        self.changed: Callable[[], None] = _nothing

    @staticmethod
    def real(*, rate: float = 1.0, start: float | None = None) -> Clock:
        """The system's monotonic clock. While nobody changes it, it costs nothing.

        With `start`, it shows that instant now.
        """
        from asyncrepl.engine.clocks import RealClock

        return RealClock(rate, start)

    @staticmethod
    def virtual(pace: float = math.inf, *, rate: float = 1.0, start: float = 0.0) -> Clock:
        """A clock at `start` that moves from deadline to deadline.

        With an infinite `pace` (the default) or `rate` it jumps. What a program sees is
        the same at any.
        """
        from asyncrepl.engine.clocks import VirtualClock

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
    def speed(self) -> float:
        """Seconds of this clock in a real one, while it does not stand still."""
        return self._pace

    @property
    def held(self) -> bool:
        """Whether time stands still until `release`."""
        return self._held

    @property
    def frozen(self) -> bool:
        """Whether time stands still until `thaw`."""
        return self._frozen

    @property
    def stands(self) -> bool:
        """Whether time stands still: no timer later than this instant fires.

        What is due already, I/O and ``call_soon`` still run.
        """
        return self._held or self._frozen

    def hold(self) -> None:
        """Let time stand still while no input of the user's runs. Twice is once."""
        self._held = True
        self._steer()

    def release(self) -> None:
        """End `hold`: unless frozen, time goes on from the same instant, without a burst."""
        self._held = False
        self._steer()

    def freeze(self) -> None:
        """Let time stand still because the user says so. Twice is once."""
        self._frozen = True
        self._steer()

    def thaw(self) -> None:
        """End `freeze`: unless held, time goes on from the same instant, without a burst."""
        self._frozen = False
        self._steer()

    @abstractmethod
    def move_to(self, instant: float) -> None:
        """Let it be `instant`, if that is later, at once; what is due then fires next turn."""

    def _steer(self) -> None:
        self._pace = self.pace * self.rate
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
    def wait(self, poll: Poll, timeout: float | None, scene: Scene) -> Ready:
        """Wait as ``selector.select(timeout)`` does, in this clock's time; the loop's thread.

        `poll` waits for I/O for so many real seconds (None: for ever).
        """


def _nothing() -> None:
    pass
