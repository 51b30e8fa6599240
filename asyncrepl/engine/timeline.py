"""The record of one observed loop: bounded, and readable while it is written.

Only the loop's thread writes, except for `Timeline.note`. `Timeline.snapshot` may be
called from any thread and takes no lock: every step of it is one call in C over a container
that the writer only appends to, or replaces as a whole. (Iterating over a
deque that another thread appends to ends in "deque mutated during iteration".)

How a task ended is learned by looking at it when its slice is over, before the
loop lets go of it: it can only end in its own slice. What does not work:

- ``add_done_callback``: it shows in ``task._callbacks``, and schedules a handle
  that the program can count.
- Asking at the next slice through a weak reference: the last task of a turn is
  gone by then, if nobody else holds it.
- Keeping it alive until then: "Task was destroyed but it is pending" would come
  too late. So the strong reference lives within one turn (`Timeline.turned`).
- ``task.exception()``: it marks the exception as retrieved.

Names are read late and more than once: a TaskGroup on Python 3.11 and 3.12
names its task only after making it. Never by the reader, who might then be the
last to hold a task and would have to run its ``__del__`` in the wrong thread.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import weakref
from array import array
from collections import deque
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.lives import Life, by_age, coro_name, ending, name_of, nobody, stepped
from asyncrepl.events import CALLBACK, IDLE, LaneEnded, Mark, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.events import Blocked, Ending, MarkKind

__all__ = ["Timeline"]

#: While there are so few tasks, their names are read again before each wait.
WATCHED = 16


class Timeline:
    """Who ran when on a loop, which tasks lived, what they produced.

    It keeps the last `slices` slices (16 bytes each; up to twice as many for a
    while), the last `marks` marks and the last `past` tasks that ended and times the
    loop was blocked. It refers to tasks weakly only. Hand it to ``loop.observe``; the methods for
    the loop are `begin`, `ran`, `turned`, `waits`, `born` and `born_eager`.
    """

    def __init__(self, *, slices: int = 1 << 16, marks: int = 4096, past: int = 256) -> None:
        self.ns: Callable[[], int] = monotonic_ns
        self._limit = 2 * slices
        self._slices: array[int] = array("q")
        #: The slices and the number of the first; replaced together.
        self._kept = (self._slices, 0)
        self._marks: deque[Mark] = deque(maxlen=marks)
        self._past: deque[Life] = deque(maxlen=past)
        self._blocked: deque[Blocked] = deque(maxlen=past)
        self._lives: dict[int, Life] = {}
        self._numbers: dict[int, int] = {}  # id(task) -> lane
        self._next = itertools.count(1)
        self._unnamed: list[int] = []
        self._running: Any = None
        self._lane = IDLE
        self._thread = 0

    # -- for anybody -----------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """What is recorded at this moment; any thread, no lock."""
        slices, first = self._kept
        # In this order: a task that ends meanwhile is then in both, never in none.
        lives = list(self._lives.values())
        past = list(self._past)
        known = {life.number: life for life in (*lives, *past)}
        return Snapshot(
            lanes=tuple(known[number].lane() for number in sorted(known)),
            ended={
                life.number: LaneEnded(life.number, *life.ending) for life in past if life.ending
            },
            marks=tuple(self._marks),
            slices=slices[:],
            first=first,
            blocked=tuple(self._blocked),
        )

    @property
    def count(self) -> int:
        """How many slices there have been: grown between two looks means somebody ran."""
        slices, first = self._kept
        return first + len(slices) // 2

    def between(self, start: int, end: int) -> list[tuple[int, int]]:
        """(lane, start in ns) of the slices numbered `start` to before `end`, if still kept."""
        slices, first = self._kept
        part = slices[max(start - first, 0) * 2 : max(end - first, 0) * 2]
        return list(zip(part[::2], part[1::2], strict=True))

    def current(self) -> tuple[int, int]:
        """(lane, start in ns) of the slice under way, or of the wait (`IDLE`)."""
        slices, _ = self._kept
        lane, start = slices[-2:] or (IDLE, 0)
        return lane, start

    def lane_of(self, task: object) -> int | None:
        """The lane of a living task; None for one never seen."""
        return self._numbers.get(id(task))

    def mark(self, kind: MarkKind, lane: int | None = None) -> None:
        """Note that a task made a value or printed: the running one, if no `lane` is given.

        Outside of any task, and in a thread other than the loop's, nothing is noted.
        """
        if lane is None:
            lane = self._lane if threading.get_ident() == self._thread else IDLE
        if lane > IDLE:
            self._marks.append(Mark(lane, self.ns(), kind))

    def note(self, found: Blocked) -> None:
        """Keep `found`, which is over; any thread."""
        self._blocked.append(found)

    # -- for the loop ----------------------------------------------------------

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start recording `loop`, in its thread; tasks that exist already get their lanes."""
        self._thread = threading.get_ident()
        for life in list(self._lives.values()):
            if (task := life.ref()) is not None and task.done():
                self._end(task)
        for task in sorted(asyncio.all_tasks(loop), key=by_age):
            if id(task) not in self._numbers:
                self._number(task)
        if loop.is_running():
            self.ran(asyncio.current_task(loop))
        else:
            self._slice(IDLE)

    def ran(self, task: Any) -> None:
        """A slice begins: of `task`, or of a plain callback if None."""
        last = self._running
        if last is not None and last.done():
            self._end(last)
        self._running = task
        if task is None:
            self._lane = lane = CALLBACK
        else:
            self._lane = lane = self._numbers.get(id(task)) or self._number(task)
        self._slices.extend((lane, self.ns()))

    def turned(self) -> None:
        """A turn of the loop is over."""
        last, self._running = self._running, None
        if last is not None and last.done():
            self._end(last)
        if self._unnamed:
            for number in self._unnamed:
                self._reread(number)
            self._unnamed.clear()
        if len(self._slices) > 2 * self._limit:
            self._cut()

    def waits(self) -> None:
        """The loop waits, or stops running."""
        self.turned()
        if len(self._lives) <= WATCHED:
            for number in list(self._lives):
                self._reread(number)
        self._slice(IDLE)

    def born(self, coro: Any, make: Callable[[], asyncio.Task[Any]]) -> asyncio.Task[Any]:
        """Make a task of `coro` by calling `make`, and give it a lane, born now."""
        at = self.ns()
        task = make()
        if id(task) not in self._numbers:
            self._adopt(task, next(self._next), coro, at, self._lane)
        return task

    def born_eager(self, coro: Any, make: Callable[[], asyncio.Task[Any]]) -> asyncio.Task[Any]:
        """`born`, where a task factory may run the task's first step at once.

        That step is a slice of its own within the slice of the maker, and may
        be the task's last.
        """
        maker, number, at, before = self._lane, next(self._next), self.ns(), self.count
        self._slice(number)
        try:
            task = make()
        except BaseException:
            self._slice(maker)
            raise
        self._adopt(task, number, coro, at, maker)
        if self.count == before + 1 and not stepped(task, coro):
            del self._slices[-2:]
            self._lane = maker
            return task
        self._slice(maker)
        if task.done():
            self._end(task)
        return task

    # -- within ------------------------------------------------------------------

    def _slice(self, lane: int) -> None:
        self._lane = lane
        self._slices.extend((lane, self.ns()))

    def _number(self, task: Any) -> int:
        """The lane of a task that was made unseen."""
        number = next(self._next)
        self._adopt(task, number, task.get_coro(), self.ns(), IDLE)
        return number

    def _adopt(self, task: Any, number: int, coro: Any, at: int, maker: int) -> None:
        key = id(task)

        def died(_: object) -> None:
            self._numbers.pop(key, None)
            self._close(number, "error")

        parent = maker if maker > IDLE else None
        life = Life(number, name_of(task), coro_name(coro), parent, at)
        life.ref = weakref.ref(task, died)
        self._lives[number] = life
        self._numbers[key] = number
        self._unnamed.append(number)

    def _end(self, task: Any) -> None:
        number = self._numbers.pop(id(task), None)
        if number is not None:
            self._reread(number)
            self._close(number, ending(task))

    def _close(self, number: int, how: Ending) -> None:
        life = self._lives.get(number)
        if life is not None:
            life.ref = nobody
            life.ending = (self.ns(), how)
            self._past.append(life)
            self._lives.pop(number, None)

    def _reread(self, number: int) -> None:
        life = self._lives.get(number)
        if life is not None and (task := life.ref()) is not None:
            life.name = name_of(task)

    def _cut(self) -> None:
        first = self._kept[1] + (len(self._slices) - self._limit) // 2
        self._slices = self._slices[-self._limit :]
        self._kept = (self._slices, first)
