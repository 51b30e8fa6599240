"""Timers that fire in the order in which they were made; and those that tie.

asyncio keeps timers in a bare heap: eight with the same deadline fire as 0, 2,
6, 5, 7, 4, 1, 3. In real time nobody notices; on a virtual clock such ties are
the rule, and the order must be the one in which the timers were made.

Timers made in plain real time, where asyncio's own are in use, are older than all of
these. Among themselves nobody knows their ages: those that tie stay in asyncio's order.

A *tie* is two timers due at one instant of a virtual clock, though set at different ones. Those
set at the same instant are no tie: they are due in the order in which they were
set on any clock. But a ticker every 0.2 s and one every 0.3 s meet at 0.6 s, and who
comes first there is a rule of the virtual clock (the timer set first), not a fact
about the program.

Whether it matters can't be seen from the timers: two tasks that wake at one instant may
both print, put something into one queue, or have nothing to do with each other. So
a transcript is run once more with all ties the other way round, and what it prints is
compared (see ``check_transcript``).
"""

# ruff: noqa: SLF001 -- this is asyncio's own code, for a loop of asyncio's

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from asyncrepl.engine.code_owner import is_ours
from asyncrepl.engine.tasks.task_records import current_task, name_of

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import AsyncGenerator, Callable
    from contextvars import Context
    from weakref import WeakSet

    from asyncrepl.engine.loop.loop_iteration import Ready, WatchingSelector
    from asyncrepl.engine.tasks.timeline import Timeline

    class _DeadlineClock(Protocol):
        """What timers need of a clock, whose module imports this one."""

        ties: TimerTies | None

        def due(self, when: float) -> float: ...
        def time(self) -> float: ...

    class _LoopParts(Protocol):
        """What timers and an observed iteration need of ``LiveLoop.live``."""

        @property
        def clock(self) -> _DeadlineClock: ...
        @property
        def timeline(self) -> Timeline | None: ...

    class AsyncioLoop(asyncio.SelectorEventLoop):
        """asyncio's, with what its type stubs leave out, and what ours has beyond it."""

        _asyncgens: WeakSet[AsyncGenerator[Any, Any]]
        _asyncgens_shutdown_called: bool
        _clock_resolution: float
        _debug: bool
        _closed: bool
        _current_handle: asyncio.Handle | None
        _ready: deque[asyncio.Handle]
        _thread_id: int | None
        _scheduled: list[TimerHandle]
        _selector: WatchingSelector
        _ssock: Any
        _stopping: bool
        _task_factory: object
        _timer_cancelled_count: int
        _transports: Any
        _check_closed: Callable[[], None]
        _check_thread: Callable[[], None]
        _check_callback: Callable[[object, str], None]

        @property
        def live(self) -> _LoopParts: ...  # noqa: D102  as in LiveLoop
        def _asyncgen_firstiter_hook(self, agen: AsyncGenerator[Any, Any]) -> None: ...
        def _asyncgen_finalizer_hook(self, agen: AsyncGenerator[Any, Any]) -> None: ...
        def _process_events(self, events: Ready) -> None: ...
        async def _make_subprocess_transport(self, *args: Any, **kwargs: Any) -> Any: ...

    class _TimerHandle(asyncio.TimerHandle):
        """asyncio's, with what its type stubs leave out."""

        _when: float
        _scheduled: bool
else:
    _TimerHandle = asyncio.TimerHandle


class TimerHandle(_TimerHandle):
    """asyncio's timer, and called so in its ``repr``; of two equal ones the elder fires first.

    `rank` decides between equal ones. `set_at` and `set_by`, instant and task, are for
    `asyncrepl.engine.loop.timers`, where anybody asks for those.
    """

    __slots__ = ("rank", "set_at", "set_by")

    _numbers = itertools.count()
    set_at: float
    set_by: str | None

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.rank = (0.0, next(self._numbers))

    def __lt__(self, other: object) -> bool:
        if isinstance(other, TimerHandle):
            return (self._when, self.rank) < (other._when, other.rank)
        if isinstance(other, asyncio.TimerHandle):  # one of asyncio's own: it is older
            return self._when < other.when()
        return NotImplemented

    def __gt__(self, other: object) -> bool:
        if isinstance(other, TimerHandle):
            return (self._when, self.rank) > (other._when, other.rank)
        if isinstance(other, asyncio.TimerHandle):
            return self._when >= other.when()
        return NotImplemented


def call_at(
    loop: AsyncioLoop,
    when: float,
    callback: Callable[..., object],
    *args: Any,
    context: Context | None = None,
) -> asyncio.TimerHandle:
    """As asyncio's ``loop.call_at``, line by line, but for the timer and its exact deadline.

    `when` is in seconds of the loop's clock. Raises as asyncio's does.
    """
    if when is None:
        msg = "when cannot be None"
        raise TypeError(msg)
    loop._check_closed()
    if loop._debug:
        loop._check_thread()
        loop._check_callback(callback, "call_at")
    clock = loop.live.clock
    timer = TimerHandle(clock.due(when), callback, args, loop, context)
    if clock.ties is not None:
        clock.ties.set(loop, timer, clock.time())
    hide_ours(timer)
    heapq.heappush(loop._scheduled, timer)
    timer._scheduled = True
    return timer


def hide_ours(made: Any) -> None:
    """Let "created at …" of a task or timer, in debug mode, name the user's line."""
    places = getattr(made, "_source_traceback", None)
    while places and is_ours(places[-1].filename):
        del places[-1]


class TimerTie(NamedTuple):
    """Two timers were due `at` this instant, in seconds; who set them, None for no task."""

    at: float
    first: str | None
    second: str | None


class TimerTies:
    """The ties on one virtual clock; for the loop's thread.

    With `youngest_first`, of two timers that tie the one set later fires first.
    """

    def __init__(self, *, youngest_first: bool = False) -> None:
        self.youngest_first = youngest_first
        #: Whether anything outside the program was waited for: then time is not exact.
        self.outside = False
        self._found: list[TimerTie] = []
        self._last: tuple[float, float, str | None] = (-1.0, 0.0, None)

    def take(self) -> tuple[TimerTie, ...]:
        """The ties since the last time."""
        found, self._found = self._found, []
        return tuple(found)

    def set(self, loop: AsyncioLoop, timer: TimerHandle, now: float) -> None:
        """Note which task of `loop` sets `timer` at `now` (seconds), and give it its place."""
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
            self._found.append(TimerTie(due, set_by, timer.set_by))
