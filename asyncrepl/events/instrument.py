"""The one door from the engine to those who look: `Instrument`, and who they are on one loop.

As in trio, an instrument is an object with a method for each kind of thing that can happen; the
engine calls them, views and recorders override those that they want to hear of. An instrument
that does not override a method is never called for it, and where nobody does, the engine pays for
a look at an empty tuple (see `Instruments`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from asyncrepl.events.findings import Finding, Leak
    from asyncrepl.events.iteration_events import IterationEvent
    from asyncrepl.events.task_events import Blocked, BlockingReport, Ending


class Instrument:
    """What can happen on a loop, and in asynchronous iteration on it. Override what you want.

    All is called at the moment at which it happens, in the midst of user code: be quick, run
    none of the user's code, keep no task, and raise nothing. Unless it says otherwise, a method is
    called in the loop's thread. Tasks are told by their lane, the number that the record knows
    them by; what happens to a task is told only while the loop is recorded.

    Two things are missing here on purpose, because each slice would pay for a call. *A slice has
    begun*: the shortest takes asyncio 1.2 µs, a call through here 0.1 µs, and noting lane and
    start in the log 0.035 µs; so the record's log of slices is the only one to learn of it, and
    who wants to know reads that (`SliceLog.between`). *A slice of a task has ended*: that is the
    beginning of the next one; `task_suspended` is called only while somebody overrides it.
    """

    def task_made(self, lane: int, parent: int | None) -> None:
        """The task of `lane` was made, by the one of `parent` if that is known."""

    def task_suspended(self, task: asyncio.Task[Any]) -> None:
        """A slice of `task` is over, and the task is not."""

    def task_ended(self, lane: int, how: Ending, slices: int) -> None:
        """The task of `lane` is over: it ran so many `slices`, the one that ended it included."""

    def loop_waits(self) -> None:
        """The loop is about to wait, and only the outside can end that: no timer is set."""

    def iteration_event(self, event: IterationEvent) -> None:
        """A step of an ``async for`` was taken, while iterations are traced."""

    def finding(self, finding: Finding) -> None:
        """A mistake was found that raises nothing, for the first time at its place; any thread."""

    def blocked(self, found: Blocked) -> None:
        """A slice is over that held the loop too long; in the watchdog's thread."""

    def blocking_report(self, report: BlockingReport) -> None:
        """It is time to tell of what has blocked the loop: see `ReportThrottle` for how often."""

    def leak(self, leak: Leak) -> None:
        """Something asynchronous was forgotten, for the first time in this way; any thread."""


class Instruments:
    """Who looks at one loop: for each method of `Instrument` those that override it, in order.

    To tell them is ``for hear in instruments.finding: hear(found)``. They are held as tuples that
    are made anew by `add` and `remove`, so that any thread may go through one meanwhile.
    """

    __slots__ = tuple(name for name in vars(Instrument) if not name.startswith("_"))

    task_made: tuple[Callable[[int, int | None], None], ...]
    task_suspended: tuple[Callable[[asyncio.Task[Any]], None], ...]
    task_ended: tuple[Callable[[int, Ending, int], None], ...]
    loop_waits: tuple[Callable[[], None], ...]
    iteration_event: tuple[Callable[[IterationEvent], None], ...]
    finding: tuple[Callable[[Finding], None], ...]
    blocked: tuple[Callable[[Blocked], None], ...]
    blocking_report: tuple[Callable[[BlockingReport], None], ...]
    leak: tuple[Callable[[Leak], None], ...]

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, ())

    def add(self, instrument: Instrument) -> None:
        """Let `instrument` hear of what happens from now on; does nothing if it does already."""
        self.remove(instrument)
        for name in self.__slots__:
            if getattr(type(instrument), name) is not getattr(Instrument, name):
                setattr(self, name, (*getattr(self, name), getattr(instrument, name)))

    def remove(self, instrument: Instrument) -> None:
        """Let `instrument` hear nothing any more; does nothing if it does not anyway."""
        for name in self.__slots__:
            heard = getattr(self, name)
            setattr(self, name, tuple(each for each in heard if each.__self__ is not instrument))
