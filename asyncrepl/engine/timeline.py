"""The record of one observed loop: bounded, and readable while it is written.

Only the loop's thread writes, except for `Timeline.note`. `Timeline.snapshot` and
`Timeline.totals` may be called from any thread and take no lock (see
`asyncrepl.engine.slices`).

How a task ended is learned by looking at it when its slice is over, before the
loop lets go of it: it can only end in its own slice. What does not work:

- ``add_done_callback``: it shows in ``task._callbacks``, and schedules a handle
  that the program can count.
- Asking at the next slice through a weak reference: the last task of a turn is
  gone by then, if nobody else holds it.
- Keeping it alive until then: "Task was destroyed but it is pending" would come
  too late. So it is asked at once, while the turn still holds its handle.
- Noting only ``id(task)`` and looking all up when the turn is over: an ``id()``
  may be used again within the turn.
- ``task.exception()``: it marks the exception as retrieved.

How long each task was busy is added up as its slices end: about 90 ns a slice.
Adding it up from the log when that is packed or cut is no cheaper, 80 to 110, and
comes in lumps.

Names are read late, when the turn is over, and more than once: a TaskGroup on
Python 3.11 and 3.12 names its task only after making it. Never by a reader in
another thread, who might then be the last to hold a task and would have to run
its ``__del__`` there.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections import deque
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.forgetting.swallowing import see_swallowed
from asyncrepl.engine.frames import innermost_user_frame
from asyncrepl.engine.lives import (
    Life,
    Ref,
    all_tasks,
    by_age,
    cancelling,
    coro_name,
    coroutine,
    current_task,
    done,
    ending,
    name_of,
    nobody,
    stepped,
)
from asyncrepl.engine.slices import SliceLog
from asyncrepl.engine.timing_out import Cuts, Timeouts
from asyncrepl.events import CALLBACK, IDLE, LaneEnded, Mark, Snapshot, Totals
from asyncrepl.language.sightings import sightings

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    from asyncrepl.events import Blocked, Ending, MarkKind

__all__ = ["Timeline"]

#: While there are so few tasks, their names are read again before each wait.
WATCHED = 16

#: Marks that are alike are so many nanoseconds apart.
APART = 1_000_000


class Timeline:
    """Who ran when on a loop, which tasks lived, what they produced.

    It keeps the last `slices` slices (16 bytes each; up to twice as many for a
    while), the last `marks` marks and the last `past` tasks that ended and times the
    loop was blocked. It refers to tasks weakly only. Hand it to ``loop.observe``.

    `suspending`, if set, is called with a task each time it has suspended: its
    slice is over, the next has not begun. It must not raise.
    """

    def __init__(self, *, slices: int = 1 << 16, marks: int = 4096, past: int = 256) -> None:
        self.suspending: Callable[[Any], None] | None = None
        # For the loop's turns:
        self.ns: Callable[[], int] = monotonic_ns
        self.log = SliceLog(slices)
        self.lives: dict[int, Life] = {}  # by id(task)
        self.callbacks = Life(CALLBACK)
        #: Whose slice it is, and since when.
        self.life = self._idle = Life(IDLE)
        self.since = 0
        #: The type of the C tasks' steps, once one was seen.
        self.step: type = Timeline
        self._marks: deque[Mark] = deque(maxlen=marks)
        self._past: deque[Life] = deque(maxlen=past)
        self._blocked: deque[Blocked] = deque(maxlen=past)
        self._next = itertools.count(1)
        self._unnamed: list[Life] = []
        self._timeouts = Timeouts()
        self.cuts = Cuts()
        self._thread = 0

    # -- for anybody -----------------------------------------------------------

    def snapshot(self, since: int | None = None) -> Snapshot:
        """What is recorded at this moment; any thread, no lock.

        With `since`, an instant in nanoseconds, only the slices from then on: many times
        a second, a copy of all would be noticed.
        """
        if self._unnamed and threading.get_ident() == self._thread:
            self._name()
        slices, first = self.log.copy(since)
        lives = self._known()
        return Snapshot(
            lanes=tuple(life.lane() for life in lives),
            ended={
                life.number: LaneEnded(life.number, *life.ending) for life in lives if life.ending
            },
            marks=tuple(self._marks),
            slices=slices,
            first=first,
            blocked=tuple(self._blocked),
        )

    def totals(self) -> Mapping[int, Totals]:
        """How often and how long each known task has run, by lane; any thread, no lock."""
        running, open_for = self.life, self.ns() - self.since
        return {
            life.number: Totals(life.slices, life.busy + (open_for if life is running else 0))
            for life in self._known()
        }

    def _known(self) -> list[Life]:
        # In this order: a task that ends meanwhile is then in both, never in none.
        lives = list(self.lives.values())
        known = {life.number: life for life in (*lives, *list(self._past))}
        return [known[number] for number in sorted(known)]

    @property
    def count(self) -> int:
        """How many slices there have been: grown between two looks means somebody ran."""
        return self.log.count

    def between(self, start: int, end: int) -> list[tuple[int, int]]:
        """(lane, start in ns) of the slices numbered `start` to before `end`, if still kept."""
        return self.log.between(start, end)

    def current(self) -> tuple[int, int]:
        """(lane, start in ns) of the slice under way, or of the wait (`IDLE`)."""
        return self.log.last()

    def lane_of(self, task: object) -> int | None:
        """The lane of a living task; None for one never seen."""
        life = self.lives.get(id(task))
        return None if life is None else life.number

    def timed_out(self, lane: int) -> bool:
        """Whether an ``asyncio.timeout`` cancelled the task of `lane`, which has not left it yet.

        For the loop's thread.
        """
        return self._timeouts.expiring(lane)

    def remembered(self, lane: int) -> Life | None:
        """What is known of a lane; None if it is forgotten."""
        if self._unnamed and threading.get_ident() == self._thread:
            self._name()
        every = itertools.chain(self.lives.values(), reversed(self._past))
        return next((life for life in every if life.number == lane), None)

    def mark(self, kind: MarkKind, lane: int | None = None) -> None:
        """Note that a task made a value or printed: the running one, if no `lane` is given.

        Outside of any task, and in a thread other than the loop's, nothing is noted; nor
        is what follows the same within a millisecond: pictures cannot show it.
        """
        if lane is None:
            lane = self.life.number if threading.get_ident() == self._thread else IDLE
        if lane <= IDLE:
            return
        at, last = self.ns(), self._marks[-1] if self._marks else None
        if last is None or at - last.at >= APART or (last.lane, last.kind) != (lane, kind):
            self._marks.append(Mark(lane, at, kind))

    def note(self, found: Blocked) -> None:
        """Keep `found`, which is over; any thread."""
        self._blocked.append(found)

    # -- for the loop and its turns ----------------------------------------------

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start recording `loop`, in its thread; tasks that exist already get their lanes."""
        self._thread = threading.get_ident()
        for life in list(self.lives.values()):
            if (task := life.ref()) is not None and done(task):
                self.ended(task)
        for task in sorted(all_tasks(loop), key=by_age):
            if id(task) not in self.lives:
                self.met(task)
        self.since = self.ns()
        task = current_task(loop) if loop.is_running() else None
        if task is not None:
            self._slice(self.lives[id(task)])
        else:
            self._slice(self.callbacks if loop.is_running() else self._idle)

    def turned(self) -> None:
        """A turn of the loop is over."""
        self.log.tidy()
        if self._unnamed:
            self._name()

    def waits(self) -> None:
        """The loop waits, or stops running."""
        self.log.mend()
        self.turned()
        if len(self.lives) <= WATCHED:
            for life in list(self.lives.values()):
                _reread(life)
        self._slice(self._idle)

    def left(self) -> None:
        """An exception has left the loop; it may have ended the task that ran."""
        if (task := self.life.ref()) is not None and done(task):
            self.ended(task)

    def ended(self, task: Any) -> None:
        """The slice of `task` is over, and so is the task."""
        life = self.lives.get(id(task))
        if life is not None:
            life.name = name_of(task)
            how = ending(task)
            if how == "done" and cancelling(task):
                see_swallowed(task)
            elif how == "cancelled" and life.slices == 1:
                sightings.never_ran += 1
            self._close(id(task), life, how)

    def met(self, task: Any) -> Life:
        """The life of a task that was made unseen."""
        life = Life(next(self._next), self.ns())
        self._adopt(life, task, coroutine(task))
        life.name = name_of(task)  # its slice begins, and may be a long one
        return life

    def expires(self, timeout: Any) -> None:
        """The time of `timeout` is over: it is about to cancel its task."""
        self.cuts.note(timeout._task, timeout)  # noqa: SLF001
        lane = self.lane_of(timeout._task)  # noqa: SLF001
        if lane is not None:
            self._timeouts.note(lane, timeout)

    def born(self, task: Any, coro: Any, at: int) -> None:
        """The task that runs has made `task` of `coro`, by the call of our caller's caller."""
        if id(task) not in self.lives:
            self._adopt(self._newborn(at), task, coro)

    def born_eager(self, coro: Any, make: Callable[[], asyncio.Task[Any]]) -> asyncio.Task[Any]:
        """Make a task of `coro` where a task factory may run its first step at once.

        That step is a slice of its own within the slice of the maker, and may
        be the task's last.
        """
        life, maker, before = self._newborn(self.ns()), self.life, self.count
        began = maker.busy, self.since
        self._slice(life)
        try:
            task = make()
        except BaseException:
            self._slice(maker)
            raise
        self._adopt(life, task, coro)
        if self.count == before + 1 and not stepped(task, coro):
            del self.log.fresh[-2:]
            life.slices, self.life = 0, maker
            maker.busy, self.since = began
            return task
        self._slice(maker)
        if done(task):
            self.ended(task)
        return task

    # -- within ------------------------------------------------------------------

    def _slice(self, life: Life) -> None:
        now = self.ns()
        self.life.busy += now - self.since
        self.life, self.since = life, now
        life.slices += 1
        self.log.fresh += life.number, now

    def _newborn(self, at: int) -> Life:
        maker = self.life.number
        frame = innermost_user_frame(sys._getframe(3))  # noqa: SLF001
        made = None if frame is None else (frame.f_code.co_filename, frame.f_lineno)
        return Life(next(self._next), at, maker if maker > IDLE else None, made)

    def _name(self) -> None:
        for life in self._unnamed:
            _reread(life)
        self._unnamed.clear()

    def _adopt(self, life: Life, task: Any, coro: Any) -> None:
        life.name = life.coro = coro_name(coro)  # until the turn is over
        life.ref = ref = Ref(task, self._died)
        ref.key = id(task)
        self.lives[ref.key] = life
        self._unnamed.append(life)

    def _died(self, ref: Ref) -> None:
        life = self.lives.get(ref.key)
        if life is not None:
            self._close(ref.key, life, "error")

    def _close(self, key: int, life: Life, how: Ending) -> None:
        life.ref = nobody
        life.ending = (self.ns(), how)
        self._past.append(life)
        del self.lives[key]
        self._timeouts.forget(life.number)


def _reread(life: Life) -> None:
    if (task := life.ref()) is not None:
        life.name = name_of(task)
