"""The record of one observed loop: bounded, and readable while it is written.

Only the loop's thread writes, except for `Timeline.blocked` and `Timeline.finding`.
`Timeline.snapshot` and `Timeline.totals` may be called from any thread and take no lock
(see `asyncrepl.engine.tasks.task_records`).

How a task ended is learned by looking at it when its slice is over, before the
loop lets go of it: it can only end in its own slice. What does not work:

- ``add_done_callback``: it shows in ``task._callbacks``, and schedules a handle
  that the program can count.
- Asking at the next slice through a weak reference: the last task of a loop iteration is
  gone by then, if nobody else holds it.
- Keeping it alive until then: "Task was destroyed but it is pending" would come
  too late. So it is asked at once, while the iteration still holds its handle.
- Noting only ``id(task)`` and looking all up when the iteration is over: an ``id()``
  may be used again within it.
- ``task.exception()``: it marks the exception as retrieved.

How long each task was busy is added up as its slices end: about 90 ns a slice.
Adding it up from the log when that is packed or cut is no cheaper, 80 to 110, and
comes in lumps.

Names are read late, when the loop iteration is over, and more than once: a TaskGroup on
Python 3.11 and 3.12 names its task only after making it. Never by a reader in
another thread, who might then be the last to hold a task and would have to run
its ``__del__`` there.
"""

from __future__ import annotations

import itertools
import sys
import threading
import weakref
from asyncio import Queue
from bisect import bisect_right
from collections import deque
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.code_owner import innermost_user_frame
from asyncrepl.engine.tasks.await_chain import is_task
from asyncrepl.engine.tasks.living_tasks import LivingTasks
from asyncrepl.engine.tasks.task_findings import (
    CutOffTasks,
    is_expiring,
    note_lost_item,
    note_swallowed_cancellation,
)
from asyncrepl.engine.tasks.task_records import (
    SliceLog,
    TaskRecord,
    TaskRef,
    all_tasks,
    coro_name,
    current_task,
    ending,
    has_started,
    is_done,
    name_of,
    no_task,
    pending_cancellations,
    sorted_by_name,
    task_coroutine,
)
from asyncrepl.events import CALLBACK, IDLE, LaneEnded, Mark, Snapshot, Totals
from asyncrepl.events.finding_log import FindingLog
from asyncrepl.events.instrument import Instrument, Instruments

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Mapping

    from asyncrepl.engine.tasks.living_tasks import LaneWindow
    from asyncrepl.events import Blocked, Ending, MarkKind
    from asyncrepl.events.findings import Finding
    from asyncrepl.events.iteration_events import IterationEvent

#: While there are so few tasks, their names are read again before each wait.
REREAD_NAMES_UP_TO = 16
_GET = Queue.get.__qualname__

#: Marks that are alike are so many nanoseconds apart.
MIN_MARK_DISTANCE = 1_000_000


class Timeline(Instrument):
    """Who ran when on a loop, which tasks there were, what they produced.

    It keeps the last `slices` slices (16 bytes each), the last `marks` marks, the last `steps`
    events of iterations, and the last `past` tasks that ended, times the loop was blocked, and
    findings. It refers to tasks weakly only. Give it to ``loop.observe``.

    Of tasks and slices it learns from the loop itself, and tells the loop's instruments; of all
    else it is told as one of them.
    """

    def __init__(
        self, *, slices: int = 1 << 16, marks: int = 4096, past: int = 256, steps: int = 4096
    ) -> None:
        #: Those of the loop that is recorded.
        self.instruments = Instruments()
        # For the loop's iterations:
        self.ns: Callable[[], int] = monotonic_ns
        self.log = SliceLog(slices)
        self._living = LivingTasks()
        self.records = self._living.by_id
        self.callbacks = TaskRecord(CALLBACK)
        #: Whose slice it is, and since when.
        self.record = self._idle = TaskRecord(IDLE)
        self.since = 0
        #: The type of the C tasks' steps, once one was seen.
        self.step: type = Timeline
        self._marks: deque[Mark] = deque(maxlen=marks)
        self._past_records: deque[TaskRecord] = deque(maxlen=past)
        self._blocked: deque[Blocked] = deque(maxlen=past)
        self._iteration_events: deque[IterationEvent] = deque(maxlen=steps)
        self._findings: deque[Finding] = deque(maxlen=past)
        #: The last tasks that ended in an error, or were cancelled, dead or alive.
        self.failed: deque[weakref.ref[Any]] = deque(maxlen=past)
        self._finding_log = FindingLog(self.instruments)
        self._next = itertools.count(1)
        self.unnamed: list[TaskRecord] = []
        #: One for all references: each would have a method of its own, of 64 bytes.
        self._destroyed = self._task_destroyed
        self._place: tuple[str, int] | None = None
        #: Those that have fired.
        self._timeouts: weakref.WeakSet[Any] = weakref.WeakSet()
        self.cuts = CutOffTasks(self._finding_log)
        self._thread = 0

    # -- for anybody -----------------------------------------------------------

    def snapshot(self, since: int | None = None) -> Snapshot:
        """What is recorded at this moment; any thread, no lock.

        With `since`, an instant in nanoseconds, only the slices from then on: many times
        a second, a copy of all would be noticed.
        """
        if self.unnamed and threading.get_ident() == self._thread:
            self._read_names()
        slices, first = self.log.copy(since)
        records = self._known()
        return Snapshot(
            lanes=tuple(record.lane() for record in records),
            ended=_endings(records),
            marks=tuple(self._marks),
            slices=slices,
            first=first,
            blocked=tuple(self._blocked),
            iteration_events=tuple(self._iteration_events),
            findings=tuple(self._findings),
        )

    def recent(self, window: LaneWindow) -> Snapshot:
        """What the live lanes show of this moment; any thread, no lock.

        Lanes, ends, marks and slices are those of the `window`, nothing else is there. Where lanes
        are too few for the living, no task that is over has one. However many tasks live, it
        costs little more than what is shown.
        """
        choice = self._living.chosen(window.born_by, window.rows)
        past = [] if choice.others else list(self._past_records)
        over = [
            record
            for record in past
            if record.ending is not None
            and record.ending[0] >= max(window.ended_after, record.born + window.shortest)
        ]
        shown = {record.number: record for record in (*choice.shown, *over)}
        slices, first = self.log.copy(window.since)
        ran = 0
        if choice.others:
            starts = memoryview(slices)[1::2]
            lately = slices[2 * max(bisect_right(starts, window.ran_since) - 1, 0) :: 2]
            ran = self._living.count_among(choice, lately)
        records = [shown[number] for number in sorted(shown)]
        return Snapshot(
            lanes=tuple(record.lane() for record in records),
            ended=_endings(records),
            marks=tuple(self._marks),
            slices=slices,
            first=first,
            others=choice.others,
            others_ran=ran,
        )

    def totals(self) -> Mapping[int, Totals]:
        """How often and how long each known task has run, by lane; any thread, no lock."""
        running, open_for = self.record, self.ns() - self.since
        return {
            record.number: Totals(
                record.slices, record.busy + (open_for if record is running else 0)
            )
            for record in self._known()
        }

    def _known(self) -> list[TaskRecord]:
        # In this order: a task that ends just then is in both, never in none.
        records = list(self.records.values())
        known = {record.number: record for record in (*records, *list(self._past_records))}
        return [known[number] for number in sorted(known)]

    @property
    def count(self) -> int:
        """How many slices there have been: grown between two looks means somebody ran."""
        return self.log.count

    def lane_of(self, task: object) -> int | None:
        """The lane of a living task; None for one never seen."""
        record = self.records.get(id(task))
        return None if record is None else record.number

    def timed_out(self, lane: int) -> bool:
        """Whether an ``asyncio.timeout`` cancelled the task of `lane`, which has not left it yet.

        For the loop's thread.
        """
        fired = [each for each in self._timeouts if is_expiring(each)]
        return any(self.lane_of(each._task) == lane for each in fired)  # noqa: SLF001

    def record_of_lane(self, lane: int) -> TaskRecord | None:
        """What is known of a lane; None if it is forgotten. Any thread."""
        if self.unnamed and threading.get_ident() == self._thread:
            self._read_names()
        every = (*self.records.values(), *self._past_records)  # copied in one step
        return next((record for record in every if record.number == lane), None)

    def mark(self, kind: MarkKind, lane: int | None = None) -> None:
        """Note what a task (the running one, if no `lane` is given) made, by `kind`.

        Outside of any task, and in a thread other than the loop's, nothing is noted; nor
        is what follows the same within a millisecond: pictures cannot show it.
        """
        if lane is None:
            lane = self.record.number if threading.get_ident() == self._thread else IDLE
        if lane <= IDLE:
            return
        at, last = self.ns(), self._marks[-1] if self._marks else None
        if (
            last is None
            or at - last.at >= MIN_MARK_DISTANCE
            or (last.lane, last.kind) != (lane, kind)
        ):
            self._marks.append(Mark(lane, at, kind))

    # -- as an instrument --------------------------------------------------------

    def blocked(self, found: Blocked) -> None:
        """Keep `found`; any thread."""
        self._blocked.append(found)

    def iteration_event(self, event: IterationEvent) -> None:
        """Keep `event`."""
        self._iteration_events.append(event)

    def finding(self, finding: Finding) -> None:
        """Keep `finding`; any thread."""
        self._findings.append(finding)

    # -- for the loop and its iterations -----------------------------------------

    def begin(
        self, loop: asyncio.AbstractEventLoop, instruments: Instruments, findings: FindingLog
    ) -> None:
        """Start recording `loop`, in its thread; tasks that exist already get their lanes.

        What happens is told to `instruments`, mistakes are noted in `findings`.
        """
        self._thread = threading.get_ident()
        self.instruments, self._finding_log = instruments, findings
        self.cuts = CutOffTasks(self._finding_log)
        for record in list(self.records.values()):
            # What is left on a loop that was closed goes on never more.
            if (task := record.ref()) is not None and (
                is_done(task) or task.get_loop().is_closed()
            ):
                self.end_task(task)
        for task in sorted_by_name(all_tasks(loop)):
            if id(task) not in self.records:
                self.add_unseen_task(task)
        self.since = self.ns()
        task = current_task(loop) if loop.is_running() else None
        if task is not None:
            self._begin_slice(self.records[id(task)])
        else:
            self._begin_slice(self.callbacks if loop.is_running() else self._idle)

    def iteration_ended(self) -> None:
        """A loop iteration is over."""
        self.log.tidy()
        if self.unnamed:
            self._read_names()

    def loop_stands(self) -> None:
        """The loop waits, or stops running."""
        self.log.mend()
        self.iteration_ended()
        if len(self.records) <= REREAD_NAMES_UP_TO:
            for record in list(self.records.values()):
                self._reread_name(record)
        self._begin_slice(self._idle)

    def exception_escaped(self) -> None:
        """An exception has left the loop; it may have ended the task that ran."""
        if (task := self.record.ref()) is not None and is_done(task):
            self.end_task(task)

    def end_task(self, task: Any) -> None:
        """The slice of `task` is over, and so is the task."""
        record = self.records.get(id(task))
        if record is not None:
            self._living.rename(record, name_of(task))
            how = ending(task)
            if how == "done" and pending_cancellations(task) > self.cuts.by_groups(task):
                note_swallowed_cancellation(task, self._finding_log)
            # It has waited: one that ran eagerly, and to its end, has no coroutine any more, and
            # Python 3.12.1 dies when asked for it.
            if how == "done" and record.slices > 1 and record.coro == _GET:
                note_lost_item(task, self._finding_log)
            if self.cuts.given_up:
                self.cuts.note_shared(task, cancelled=how == "cancelled")
            if how != "done":
                self.failed.append(weakref.ref(task))
            self._close_record(id(task), record, how)

    def add_unseen_task(self, task: Any) -> TaskRecord:
        """The record of a task that was made unseen."""
        record = TaskRecord(next(self._next), self.ns())
        self._keep_record(record, task, task_coroutine(task))
        self._living.rename(record, name_of(task))  # its slice begins, and may be a long one
        return record

    def timeout_expires(self, timeout: Any) -> None:
        """The time of `timeout` is over: it is about to cancel its task."""
        self.cuts.note(timeout._task, timeout)  # noqa: SLF001
        self._timeouts.add(timeout)

    def add_created_task(self, task: Any, coro: Any, at: int) -> None:
        """The task that runs made `task` of `coro` at `at` (ns), two calls further out."""
        if id(task) not in self.records:
            self._keep_record(self._newborn(at), task, coro)

    def create_eager_task(
        self, coro: Any, make: Callable[[], asyncio.Task[Any]]
    ) -> asyncio.Task[Any]:
        """Have `make` make a task of `coro`, where a factory may run its first step at once.

        That step is a slice of its own within the slice of the maker, and may
        be the task's last.
        """
        record, maker, before = self._newborn(self.ns()), self.record, self.count
        began = maker.busy, self.since
        self._begin_slice(record)
        try:
            task = make()
        except BaseException:
            self._begin_slice(maker)
            raise
        if not is_task(task):  # a factory may give anything, such as a coroutine
            self._begin_slice(maker)
            return task
        self._keep_record(record, task, coro)
        if self.count == before + 1 and not has_started(task, coro):
            del self.log.fresh[-2:]
            record.slices, self.record = 0, maker
            maker.busy, self.since = began
            return task
        self._begin_slice(maker)
        if is_done(task):
            self.end_task(task)
        return task

    # -- within ------------------------------------------------------------------

    def _begin_slice(self, record: TaskRecord) -> None:
        now = self.ns()
        self.record.busy += now - self.since
        self.record, self.since = record, now
        record.slices += 1
        self.log.fresh += record.number, now

    def _newborn(self, at: int) -> TaskRecord:
        maker = self.record.number
        frame = innermost_user_frame(sys._getframe(3))  # noqa: SLF001
        made = None if frame is None else (frame.f_code.co_filename, frame.f_lineno)
        if made == self._place:  # who makes thousands makes them in one line
            made = self._place
        self._place = made
        return TaskRecord(next(self._next), at, maker if maker > IDLE else None, made)

    def _read_names(self) -> None:
        for record in self.unnamed:
            self._reread_name(record)
        self.unnamed.clear()

    def _reread_name(self, record: TaskRecord) -> None:
        if (task := record.ref()) is not None:
            self._living.rename(record, name_of(task))

    def _keep_record(self, record: TaskRecord, task: Any, coro: Any) -> None:
        record.name = record.coro = coro_name(coro)  # until the iteration is over
        record.ref = ref = TaskRef(task, self._destroyed)
        ref.key = id(task)
        self._living.add(ref.key, record)
        self.unnamed.append(record)
        for hear in self.instruments.task_made:
            hear(record.number, record.parent)

    def _task_destroyed(self, ref: TaskRef) -> None:
        record = self.records.get(ref.key)
        if record is not None:
            self._close_record(ref.key, record, "error")

    def _close_record(self, key: int, record: TaskRecord, how: Ending) -> None:
        record.ref = no_task
        record.ending = (self.ns(), how)
        self._past_records.append(record)
        self._living.remove(key)
        for hear in self.instruments.task_ended:
            hear(record.number, how, record.slices)


def _endings(records: Iterable[TaskRecord]) -> dict[int, LaneEnded]:
    return {
        record.number: LaneEnded(record.number, *record.ending)
        for record in records
        if record.ending
    }
