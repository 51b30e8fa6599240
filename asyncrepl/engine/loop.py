"""The loop that the user's code lives on: asyncio's own, which can be watched and timed.

`LiveLoop` is asyncio's selector loop with one attribute more, `live`. It tells
other threads whether it is inside a turn and since when, lives on a `Clock`,
and can be observed by a `Timeline`. Real time and nothing observed cost nothing.

What does not work:

- More attributes. A loop has 24 (26 on Python 3.13); beyond 30 CPython drops
  the inline values of the instance and each step gets 7–16 % slower. So all of
  ours hang on `live`. ``__slots__`` in the subclass and swapping ``__class__``
  do the same harm.
- Overriding ``time`` and ``call_at`` in the class: 5–7 % on every timer. They
  are instance attributes, present only while the clock is not plain real time.
- Timers in a bare heap. Eight with the same deadline fire as 0, 2, 6, 5, 7, 4,
  1, 3. On a virtual clock ties are the rule, so its timers carry a number.
- Wrapping coroutines in a task factory, or handles in ``call_soon``, to see who
  runs: ``get_coro()``, tracebacks and debug messages show it. The ready queue
  sees the same and changes nothing (see `asyncrepl.engine.ready`).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import selectors
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.clock import Clock
from asyncrepl.engine.outside import Outside
from asyncrepl.engine.ready import ObservedReady

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context

    from asyncrepl.engine.clock import Ready
    from asyncrepl.engine.timeline import Timeline

__all__ = ["Live", "LiveLoop", "Turn", "new_loop"]


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
    """A selector that notes the loop's turns and can wait on another clock."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = Turn()
        self.poll = super().select
        self.wait: Callable[[float | None], Ready] = self.poll

    def select(self, timeout: float | None = None) -> Ready:
        """Wait; between the return and the next call a turn of the loop runs."""
        turn = self.turn
        turn.busy = False
        ready = self.wait(timeout)
        turn.number += 1
        turn.since = monotonic()
        turn.busy = True
        return ready


class TimerHandle(asyncio.TimerHandle):
    """asyncio's timer; of two with the same deadline, the one made first comes first."""

    __slots__ = ("_made",)

    _count = itertools.count()

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._made = next(self._count)

    def __lt__(self, other: object) -> bool:
        if isinstance(other, TimerHandle):
            return (self._when, self._made) < (other._when, other._made)
        return super().__lt__(other)  # type: ignore[operator]


class Live:
    """All that a `LiveLoop` has beyond asyncio's loop."""

    __slots__ = ("clock", "outside", "selector", "spare", "timeline", "turn")

    def __init__(self, clock: Clock, selector: WatchingSelector, own_fd: int) -> None:
        self.clock = clock
        self.turn = selector.turn
        self.timeline: Timeline | None = None
        self.selector = selector
        self.outside = Outside(selector, own_fd)
        #: The queue not in use; see LiveLoop._swap_ready.
        self.spare: deque[asyncio.Handle] = ObservedReady()


class LiveLoop(asyncio.SelectorEventLoop):
    """asyncio's selector loop on `clock` (real time if None), watchable through `live`."""

    live: Live
    # asyncio's own, unknown to its type stubs
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _clock_resolution: float
    _debug: bool
    _ssock: Any

    def __init__(self, clock: Clock | None = None) -> None:
        selector = WatchingSelector()
        super().__init__(selector)
        self.live = Live(clock or Clock.real(), selector, self._ssock.fileno())
        self.live.clock.changed = self._follow_clock
        self._follow_clock()

    # -- time ------------------------------------------------------------------

    def _follow_clock(self) -> None:
        """Override what the clock needs overridden, once it is not plain real time."""
        clock = self.live.clock
        if clock.untouched:
            return
        vars(self).update(time=clock.time)
        if clock.mode == "virtual":
            vars(self).update(call_at=self._call_at)
            self._clock_resolution = clock.resolution
        self._choose_wait()
        if self.live.timeline is not None:
            self.live.timeline.ns = clock.ns

    def _call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """asyncio's ``call_at``, with timers that keep their order."""
        if when is None:
            msg = "when cannot be None"
            raise TypeError(msg)
        self._check_closed()
        if self._debug:
            self._check_thread()
            self._check_callback(callback, "call_at")
        timer = TimerHandle(self.live.clock.due(when), callback, args, self, context)
        if timer._source_traceback:
            del timer._source_traceback[-1]
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def deadline(self) -> float:
        """The instant of the next timer; infinity without one."""
        return self._scheduled[0]._when if self._scheduled else math.inf

    def outside(self) -> bool:
        """Whether I/O, a thread of an executor or a process is being waited for."""
        return self.live.outside.pending()

    # -- waiting ---------------------------------------------------------------

    def _choose_wait(self) -> None:
        live = self.live
        plain = live.timeline is None and live.clock.untouched
        live.selector.wait = live.selector.poll if plain else self._wait

    def _wait(self, timeout: float | None) -> Ready:
        live = self.live
        if live.timeline is not None:
            live.timeline.turned(idle=timeout != 0)
        if live.clock.untouched:
            return live.selector.poll(timeout)
        ready = live.clock.wait(live.selector.poll, timeout, self)
        self._clock_resolution = live.clock.resolution
        return ready

    def run_forever(self) -> None:
        """Run until ``stop()``; may be entered again, also after an exception escaped."""
        try:
            super().run_forever()
        finally:
            self.live.turn.busy = False
            if self.live.timeline is not None:
                self.live.timeline.turned(idle=True)

    def settle(self) -> None:
        """Run what can run without time passing; for a loop that is not running.

        Returns when nothing is ready, no I/O has arrived and every timer still
        to come lies ahead of the (held) clock.
        """
        clock, held = self.live.clock, self.live.clock.held
        clock.hold()
        try:
            self.when_settled(self.stop)
            self.run_forever()
        finally:
            if not held:
                clock.release()

    def when_settled(self, callback: Callable[[], object]) -> None:
        """Call `callback` once nothing is ready; for a running loop, its clock held.

        I/O that has arrived is let in before. A program that never rests
        (``while True: await asyncio.sleep(0)``) never settles.
        """
        self.call_soon(self._look_whether_settled, callback, 0)

    def _look_whether_settled(self, callback: Callable[[], object], calm: int) -> None:
        # One calm look is not enough: what ran before it in this turn may have
        # written to a socket that this very loop reads.
        calm = 0 if self._ready else calm + 1
        if calm < 2:
            self.call_soon(self._look_whether_settled, callback, calm)
        else:
            callback()

    # -- the outside -----------------------------------------------------------

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:
        """asyncio's own; the job is noted, so that no virtual time jumps past it."""
        future = super().run_in_executor(executor, func, *args)
        self.live.outside.job(future)
        return future

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """asyncio's own, without its time limit passing in an instant."""
        with self.live.outside.busy():
            await super().shutdown_default_executor(*args, **kwargs)

    async def _make_subprocess_transport(self, *args: Any, **kwargs: Any) -> Any:
        with self.live.outside.busy():
            transport = await super()._make_subprocess_transport(*args, **kwargs)  # type: ignore[misc]
        self.live.outside.process(transport)
        return transport

    # -- observation -----------------------------------------------------------

    def observe(self, timeline: Timeline) -> None:
        """Record into `timeline` from now on; on the loop's thread, also in a callback."""
        self.unobserve()
        timeline.ns = self.live.clock.ns
        timeline.begin(self)
        self.live.timeline = timeline
        self._swap_ready(timeline)

    def unobserve(self) -> None:
        """Record nothing any more; does nothing if nothing is recorded."""
        if self.live.timeline is not None:
            self.live.timeline.turned(idle=True)
            self.live.timeline = None
            self._swap_ready(None)

    def _swap_ready(self, timeline: Timeline | None) -> None:
        """Go on with the other queue.

        Another thread may be about to append to the one that goes out of use:
        it wakes the loop afterwards, and `_process_self_data` fetches the handle.
        """
        old, new = self._ready, self.live.spare
        (new if timeline else old).timeline = timeline  # type: ignore[attr-defined]
        _pour(old, new)
        self._ready, self.live.spare = new, old
        _pour(old, new)
        self._choose_wait()

    def _process_self_data(self, data: bytes) -> None:
        super()._process_self_data(data)  # type: ignore[misc]
        _pour(self.live.spare, self._ready)

    def create_task(self, coro: Coroutine[Any, Any, Any], **kwargs: Any) -> asyncio.Task[Any]:  # type: ignore[override]
        """asyncio's own; an observing timeline learns who made the task."""
        timeline = self.live.timeline
        if timeline is None:
            task = super().create_task(coro, **kwargs)
        else:
            task = timeline.birth(coro, super().create_task, kwargs)
        if task._source_traceback:  # debug mode: "created at" must not name this line
            del task._source_traceback[-1]
        return task


def _pour(old: deque[asyncio.Handle], new: deque[asyncio.Handle]) -> None:
    while old:
        new.append(deque.popleft(old))


def new_loop(clock: Clock | None = None) -> LiveLoop:
    """A `LiveLoop` on `clock`, on real time if None; also a ``loop_factory`` for a Runner."""
    return LiveLoop(clock)
