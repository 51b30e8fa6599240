"""Tracing the walks on one loop: the six steps of each ``async for``, as events.

While nothing is traced nothing is paid: all that a loop does is to look at a switch
(see `asyncrepl.language.doubling`). There is one switch and one set of marks in the
process, as there is one ``builtins``; the tracer that was started last has them.
"""

from __future__ import annotations

import asyncio
import builtins
import sys
import threading
from typing import TYPE_CHECKING

from asyncrepl.engine.awaiting.chains import is_task
from asyncrepl.engine.awaiting.waiting import in_order
from asyncrepl.engine.lives import all_tasks, current_task, name_of
from asyncrepl.engine.timing_out import times_out
from asyncrepl.engine.walks.judging import judge
from asyncrepl.engine.walks.meanwhile import ancestors
from asyncrepl.engine.walks.open_walks import OpenWalks, Unseen
from asyncrepl.engine.walks.proxies import marks
from asyncrepl.engine.walks.runs import Runs
from asyncrepl.engine.walks.values import type_name
from asyncrepl.engine.walks.walking import Walking
from asyncrepl.events.walks import Walk
from asyncrepl.language.doubling import SWITCH

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from asyncrepl.engine.loop import LiveLoop
    from asyncrepl.engine.timeline import Timeline
    from asyncrepl.engine.walks.joining import Joining
    from asyncrepl.engine.walks.thinning import Telling
    from asyncrepl.events.walks import Ended, Site, WalkEvent, WayOut

__all__ = ["Tracer"]


class Tracer:
    """Tells of the walks on `loop`; for its thread.

    `tell` is called with each event while it happens, so it must be quick. Nothing
    is told between `stop` and the next `start`.
    """

    def __init__(self, loop: LiveLoop, tell: Callable[[WalkEvent], None]) -> None:
        self.turn = loop.live.turn
        self.timeline: Timeline
        self.walks = OpenWalks(loop)
        self._loop = loop
        self._tell = tell
        self._runs = Runs()
        self._only: asyncio.Task[object] | None = None
        #: lane -> whether its walks are told, while only those of one task are.
        self._kin: dict[int, bool] = {}
        self._thread = 0
        self._number = 0
        self._depth = 0
        self._joining: Joining | None = None
        #: Whether anything is told.
        self.on = False
        #: Called after step 2 of each round, all of which are then told in full: somebody
        #: goes from one to the next.
        self.asked: Callable[[], object] | None = None

    # -- for the shell -----------------------------------------------------------------

    def start(self, timeline: Timeline, only: asyncio.Task[object] | None = None) -> None:
        """Tell from now on; with `only`, of the walks of that task and of those it makes."""
        self.stop()
        self.timeline = self.walks.timeline = timeline
        self._only, self._thread, self.on = only, threading.get_ident(), True
        self._kin.clear()
        timeline.suspending = self.walks.suspends
        vars(builtins).update(marks(self))
        setattr(builtins, SWITCH, True)
        # Where a coroutine is made costs 0.1 µs each to note: only while somebody looks.
        self._depth = sys.get_coroutine_origin_tracking_depth()
        sys.set_coroutine_origin_tracking_depth(max(self._depth, 1))

    def stop(self) -> None:
        """Tell nothing any more, also not of walks that are under way."""
        if self.on:
            self.on, self._only, self.asked = False, None, None
            if self._joining is not None:
                self._joining.stop()
            self.timeline.suspending = None
            self.walks.forget()
            self._runs.clear()
            setattr(builtins, SWITCH, False)
            sys.set_coroutine_origin_tracking_depth(self._depth)

    def join(self) -> list[bool]:
        """Tell also of the walks that are under way in suspended tasks.

        Of each, whether it is told now: where somebody else traces, it may not be.
        """
        if self._joining is None:
            from asyncrepl.engine.walks.joining import Joining

            self._joining = Joining(self)
        self._joining.lane = self.timeline.lane_of(self._only)
        every = all_tasks(self._loop) - {current_task(self._loop)}
        told = in_order({each for each in every if self._is_told(each)})
        return [one for each in told for one in self._joining.join(each)]

    def relax(self) -> None:
        """Nobody goes from one step to the next any more."""
        self.asked = None
        if self._joining is not None:
            self._joining.relax()

    def finish(self, error: BaseException | None) -> None:
        """A statement is over, with `error`: so are its comprehensions, and its sums are told."""
        if self.on:
            name = "" if error is None else type_name(error)
            if self._joining is not None:
                interrupted = isinstance(error, KeyboardInterrupt)
                how = "cancelled" if interrupted else _cancellation(error)
                self._joining.end(how, name)
            if error is None:
                self.settle("unknown")
            else:
                self.settle("source", name)
                self.walks.end_clauses(_cancellation(error), name)
            for event in self._runs.rest(self.timeline.ns()):
                self.tell(event)

    # -- for walks ---------------------------------------------------------------------

    def tell(self, event: WalkEvent) -> None:
        """Tell `event`."""
        if self.on:
            self._tell(event)

    def begin(self, site: Site, frame: FrameType) -> Walking | Unseen:
        """A walk begins at `site`, in `frame`."""
        task = self._task()
        if task is None:
            return Unseen(self.walks)
        if self.walks.dropped:
            self.settle("unknown")
        parent = self.walks.around(frame)
        self._number += 1
        walk = self._walk(self._number, task, parent, site)
        loud: Telling = "sum"
        if parent is None or parent.told:
            loud = "full" if self.asked else self._runs.next(site)
        return Walking(self, walk, parent, loud, (frame.f_code, frame.f_lasti))

    def joined(self, site: Site, frame: FrameType, task: asyncio.Task[object]) -> Walking:
        """A walk is under way at `site`, in `frame`, which is one of `task`."""
        parent = self.walks.innermost(id(frame))
        self._number += 1
        walk, place = self._walk(self._number, task, parent, site), (frame.f_code, frame.f_lasti)
        walking = Walking(self, walk, parent, "full", place)
        self.walks.enter(walking, id(frame))
        return walking

    def enter(self, walking: Walking, frame: FrameType) -> None:
        """A comprehension asks for its first value, in `frame`.

        A generator expression may do so long after it was made, and in another task.
        """
        task = self._task()
        if task is not None:
            walking.parent = parent = self.walks.around(frame)
            walking.walk = self._walk(walking.walk.number, task, parent, walking.walk.site)
        self.walks.enter(walking, id(frame))

    def _walk(
        self, number: int, task: asyncio.Task[object], parent: Walking | None, site: Site
    ) -> Walk:
        lane = self.timeline.lane_of(task) or 0
        depth = 0 if parent is None else parent.walk.depth + 1
        return Walk(number, lane, name_of(task), depth, site)

    def _task(self) -> asyncio.Task[object] | None:
        """The task that runs, if its walks are to be told."""
        if not self.on or threading.get_ident() != self._thread:
            return None
        task = current_task(self._loop)
        return task if task is not None and self._is_told(task) else None

    def _is_told(self, task: asyncio.Task[object]) -> bool:
        return self._only is None or task is self._only or self._is_kin(task)

    def _is_kin(self, task: asyncio.Task[object]) -> bool:
        """Whether `task` descends from the one that is told of.

        Remembered, and a child is known at once: to look up a lane takes as long as
        there are tasks.
        """
        life, root = self.timeline.lives.get(id(task)), self.timeline.lane_of(self._only)
        if life is None or root is None:
            return False
        if life.number not in self._kin:
            child = life.parent == root
            self._kin[life.number] = child or root in ancestors(self.timeline, life.parent)
        return self._kin[life.number]

    def ready(self) -> int:
        """How many other tasks wait for nothing but their turn."""
        # A callback of ours may stand there too: only steps of tasks count.
        return sum(_steps_task(handle) for handle in self._loop._ready)  # noqa: SLF001

    def ended(self, walking: Walking, event: Ended) -> None:
        """`walking` is over."""
        judge(walking, event)
        if walking.loud == "full":
            self.tell(event)
        elif walking.parent is None or walking.parent.told:
            for summed in self._runs.ended(walking.loud, event):
                self.tell(summed)

    def cancelled(self) -> WayOut | None:
        """Why the task that runs is being cancelled; None if it is not."""
        task = current_task(self._loop)
        if task is None or not task.cancelling():
            return None
        lane = self.timeline.lane_of(task)
        late = lane is not None and self.timeline.timed_out(lane)
        return "timeout" if late or times_out(task) else "cancelled"

    # -- for comprehensions, which end when their iterator is dropped --------------------

    def settle(self, how: WayOut, error: str = "") -> None:
        """What was dropped while it waited for a value ended in this way, as is clear now."""
        dropped, self.walks.dropped = self.walks.dropped, []
        for walking in dropped:
            walking.end(how, error)

    def goes_on(self, walking: Walking) -> None:
        """A clause asks for its next value: so a clause inside it has come to its end."""
        if self.walks.dropped:
            inside = all(inner.parent is walking for inner in self.walks.dropped)
            self.settle("exhausted" if inside else "unknown")

    def drop(self, walking: Walking) -> None:
        """The iterator of a clause is gone; may be called by any thread."""
        if walking.phase == "over" or threading.get_ident() != self._thread:
            return
        self.walks.leave(walking)
        if walking.phase == "await":
            if (way := self.cancelled()) is not None:
                walking.end(way)
            else:
                self.walks.dropped.append(walking)
        elif walking.walk.site.kind == "generator expression":
            walking.end("closed")
        else:
            walking.end(self.cancelled() or "body")


def _steps_task(handle: asyncio.Handle) -> bool:
    """Whether `handle` is to run a step of a task."""
    owner = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]  # noqa: SLF001
    return is_task(owner)


def _cancellation(error: BaseException | None) -> WayOut | None:
    """Which cancellation a statement's error came of, if it did."""
    if isinstance(error, TimeoutError) and isinstance(error.__cause__, asyncio.CancelledError):
        return "timeout"
    return "cancelled" if isinstance(error, asyncio.CancelledError) else None
