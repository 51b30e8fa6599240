"""The blocking watchdog: a thread that looks all the time whether the loop is blocked.

While the loop waits it sleeps: an idle prompt must not cost a laptop its battery. Between two
looks at which nothing ran it leaves its alarm with the loop's iteration
(`asyncrepl.engine.loop.loop_iteration`), which rings it when the next one begins. What happened
while it slept is no mystery: nothing. So the last look counts as taken when it was woken.

A *slice* is what runs between two moments at which the loop could have run something
else: one step of a task, one callback. One of more than 0.1 s blocks the loop. While it lasts,
`BlockingWatchdog.current` says who it is; when it is over, it is reported once, with its whole
length, and kept in the timeline. Blocked time is real time, whatever clock the
loop lives on. Only a terminal has a watchdog: what a check or a pipe prints must not
depend on how fast the machine is.

What is reported is the slice's own doing: time in which other threads or processes had
the processor is not counted (see `asyncrepl.engine.blocking.cpu_time`). It is reported at the
line of the user's where it was seen for the longest time.

With a timeline the slices are the recorded ones, and their length is exact in real time.
Without one, or when the loop's time is not the real one, slices are told apart by looking:
they begin with the loop's iteration, or when they were first seen. Code in C that holds
the interpreter's lock keeps this thread from looking, and is found right after it
has ended; if its slice is over by then, the timeline knows the task, but not the line.
"""

from __future__ import annotations

import linecache
import math
import signal
import threading
from collections import deque
from contextlib import contextmanager, suppress
from itertools import pairwise
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING

from asyncrepl.engine.blocking.blocked_slice import (
    BLOCKED_AFTER,
    UNSEEN_LOCATION,
    BlockedSlice,
    LoopObservation,
    RunningSlice,
    observe_slice,
    recorded_slices,
    seconds_waited,
)
from asyncrepl.engine.blocking.blocking_reports import ReportThrottle
from asyncrepl.engine.blocking.cpu_time import cpu_probe
from asyncrepl.engine.code_owner import is_ours
from asyncrepl.engine.loop.hidden_threads import HiddenThread
from asyncrepl.events import IDLE, Blocked, BlockingReport
from asyncrepl.events.object_info import code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncrepl.engine.blocking.cpu_time import Probe, Sample
    from asyncrepl.engine.loop.live_loop import LiveLoop

#: Seconds between two looks: at a slice under way, and while the loop waits.
BUSY_INTERVAL, IDLE_INTERVAL = 0.02, 0.04
#: Seconds after which a sample is too old to tell what happened just before a slice.
STALE_AFTER = 0.5


class BlockingWatchdog:
    """Watches `loop`, which runs in the thread that makes this.

    The loop's instruments are told of blocks that are over: see `ReportThrottle` for
    how often. `current` is the block under way, readable from any thread.
    """

    def __init__(self, loop: LiveLoop, *, probe: Probe | None = None) -> None:
        self.current: Blocked | None = None
        #: Called by the watch before each of its looks, in its thread.
        self.looks: Callable[[], object] = bool
        #: Called in the watchdog's thread when it has slept and the loop is busy again.
        self.woken: Callable[[], object] = bool
        #: What ended the watch before `close` did.
        self.problem: Exception | None = None
        self._loop = loop
        self._thread = threading.current_thread()
        self._probe = self._given_probe = probe
        self._watching: threading.Thread | None = None
        self._gathering = ReportThrottle()
        #: What the watch has found and the loop has not heard of: it may end before it does.
        self._undelivered: deque[BlockingReport] = deque()
        self._blocked: BlockedSlice | None = None
        self._last: LoopObservation | None = None
        #: That of the look before the last, and an older one.
        self._samples: tuple[Sample, ...] = ()
        self._look_lock = threading.Lock()
        #: Taken while the watch goes on. Waiting for it is the cheapest sleep that can be ended.
        self._watch_lock = threading.Lock()
        #: Ends the sleep while the loop waits. A lock may be released once; this may be rung
        #: again and again, and a signal handler cannot come in between.
        self._alarms: SimpleQueue[None] = SimpleQueue()
        self._woken_at: float | None = None
        #: The number of the loop's iteration at the look before.
        self._number = -1

    def start(self) -> None:
        """Watch from now on."""
        self._watch_lock.acquire()
        with self._look_lock:  # the probe has to know all threads of ours
            watch = HiddenThread(self._watch, "asyncrepl watch")
            watch.start()
            self._probe = self._given_probe or cpu_probe(self._thread, watch)
            self._watching = watch
            self._look()

    def close(self) -> None:
        """Watch no more."""
        self.current = None
        if self._watch_lock.locked():
            self._watch_lock.release()
        self._alarms.put(None)

    def pause(self) -> None:
        """Watch no more, and wait for the end of the thread; `start` goes on."""
        self.close()
        if self._watching is not None:
            self._watching.join()
        if self._watch_lock.locked():  # its last deed
            self._watch_lock.release()

    @property
    def asleep(self) -> bool:
        """Whether it waits for the loop, which has nothing to do; any thread may ask."""
        return self._loop.live.loop_iteration.wake is not None

    def again(self, found: Blocked) -> bool:
        """Whether the place of `found` has blocked the loop before, not long ago; any thread."""
        return self._gathering.knows(found)

    def look(self, ended: str | None = None) -> list[BlockingReport]:
        """Look once; what is to be told now. From any thread.

        `ended` is the name of a task that is over: what was gathered of it is told, too.
        """
        with self._look_alone() as alone:
            if not alone:
                return []
            told = self._look()
            return told + self._gathering.rest(ended) if ended else told

    def look_last(self) -> list[BlockingReport]:
        """Look when the loop runs no more: what is to be told now, or was to be by the loop.

        In the thread of the loop.
        """
        told = self.look()  # first: the watch may be about to find something
        return [*self._taken(), *told]

    def _taken(self) -> Iterator[BlockingReport]:
        """Take what is to be delivered, one after the other; for any thread."""
        with suppress(IndexError):
            while True:
                yield self._undelivered.popleft()

    @contextmanager
    def _look_alone(self) -> Iterator[bool]:
        # With a time limit: a forked child has the lock, but not who would release it.
        alone = self._look_lock.acquire(timeout=BLOCKED_AFTER)
        try:
            yield alone
        finally:
            if alone:
                self._look_lock.release()

    def report(self, blocks: BlockingReport) -> None:
        """Tell the instruments of the loop of `blocks`; in its thread."""
        for hear in self._loop.live.instruments.blocking_report:
            hear(blocks)

    def _watch(self) -> None:
        # A signal that this thread took would not wake the main thread.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            while not self._watch_lock.acquire(
                timeout=BUSY_INTERVAL if self._blocked else IDLE_INTERVAL
            ):
                self.looks()
                self._look_and_report()
                iteration = self._loop.live.loop_iteration
                before, self._number = self._number, iteration.number
                # Nothing ran since the look before, nor is to be told later.
                if not iteration.busy and self._number == before and self._nothing_pending():
                    self._sleep()
        except Exception as error:
            self.problem, self.current = error, None

    def _look_and_report(self) -> None:
        with self._look_alone() as alone:
            found = self._look() if alone else []
            self._undelivered += found
        if found:
            with suppress(RuntimeError):  # the loop is closed: nobody listens
                self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        for blocks in self._taken():
            self.report(blocks)

    def _sleep(self) -> None:
        """Wait for the loop's next iteration, or for `close`."""
        iteration = self._loop.live.loop_iteration
        iteration.wake = self._alarm
        # The loop may have gone on before it could see the alarm, `close` before this began.
        slept = (
            not iteration.busy and iteration.number == self._number and self._watch_lock.locked()
        )
        if slept:
            self._alarms.get()
        iteration.wake = None
        with suppress(Empty):
            while True:
                self._alarms.get_nowait()
        # Who was woken, and got the interpreter lock only now, must not wait once more: what
        # has held it is at its line for this moment.
        if self._woken_at is not None and monotonic() - self._woken_at > BUSY_INTERVAL:
            self._look_and_report()
        if slept:
            self.woken()

    def _nothing_pending(self) -> bool:
        """Whether the watch may sleep; the last look is completed, for it may be long."""
        with self._look_alone() as alone:
            if not alone or self._blocked or self._gathering.pending():
                return False
            if self._last is not None and self._probe is not None:
                self._last = self._last._replace(sample=self._probe.sample())
            return True

    def _alarm(self, since: float) -> None:
        """The loop's iteration has begun at `since`; in the loop's thread."""
        if self._woken_at is None:
            self._woken_at = since
        self._alarms.put(None)

    def _look(self) -> list[BlockingReport]:
        if self._probe is None:
            return []
        # The last look is one at the moment at which the loop woke up, as nothing ran before: else
        # the sleep would count as time in which others kept the watch from looking.
        woken, self._woken_at, last = self._woken_at, None, self._last
        if woken is not None and last is not None and woken > last.at:
            self._last = last._replace(at=woken, sample=last.sample._replace(at=woken))
        if (calm := self._calm()) is not None:
            self._last = calm
            return self._gathering.due(calm.at)
        due = math.inf
        if self._last is not None and not self.asleep:
            due = self._last.at + IDLE_INTERVAL
        thread_id = self._thread.ident or 0
        now = observe_slice(self._loop, thread_id, self._probe, young=BUSY_INTERVAL, due=due)
        before, self._last = self._last or now, now
        self._samples = (*self._samples[-1:], before.sample)
        told = []
        for found in self._ended_blocks(before, now):
            told += self._gathering.add(found, now.at)
            for hear in self._loop.live.instruments.blocked:
                hear(found)
        self._continue_slice(before, now)
        return told + self._gathering.due(now.at)

    def _calm(self) -> LoopObservation | None:
        """A look at a loop on which nothing long can have run, nor does: it waits.

        No sample is taken then: with cold caches that costs four times all the rest.
        """
        at, last = monotonic(), self._last
        if last is None or self._blocked is not None or self._loop.live.loop_iteration.busy:
            return None
        if at - last.at > BLOCKED_AFTER or at - last.sample.at > STALE_AFTER:
            return None
        return LoopObservation(
            at, recorded_slices(self._loop), None, None, last.sample, last.collections
        )

    def _ended_blocks(self, before: LoopObservation, now: LoopObservation) -> list[Blocked]:
        """The blocks that have ended since the look `before`."""
        over = []
        held = self._blocked
        if held is not None and (now.slice is None or now.slice.key != held.slice.key):
            end = self._end(held.slice, before.at, now.at)
            held.ended(now, before.at, end)
            over.append(self._to_report(held, end))
            self._blocked = self.current = None
        if now.at - before.at > BLOCKED_AFTER:
            over += self._missed(before, now)
        return [found for found in over if found is not None]

    def _continue_slice(self, before: LoopObservation, now: LoopObservation) -> None:
        """Go on with the slice under way, or begin with it."""
        if now.slice is None:
            return
        held = self._blocked
        if held is None:
            start, earliest = now.slice.start, now.slice.earliest
            if start is None:  # it began since the look before, as well as is known
                start = earliest if earliest > before.at else now.at
            early = self._waited_since(start, now)
            held = self._blocked = BlockedSlice(now.slice, start, now, early)
        if now.at - held.start > BUSY_INTERVAL:
            held.went_on(now, before.at)
            held.others |= self._has_more_ready() or self._loop.deadline() < self._loop.time()
            self.current = self._to_report(held, now.at)

    def _has_more_ready(self) -> bool:
        """Whether the loop has more to run, besides what we look with."""
        with suppress(RuntimeError):  # it has begun the next iteration
            handles = [each for each in self._loop._ready if not each.cancelled()]  # noqa: SLF001
            codes = [code_of(each._callback) for each in handles]  # type: ignore[attr-defined]  # noqa: SLF001
            return any(each is None or not is_ours(each.co_filename) for each in codes)
        return False

    def _waited_since(self, start: float, now: LoopObservation) -> float:
        """The seconds from `start` to `now`, at most, in which others ran.

        From a sample that was taken before `start`: that of the look before may have come
        late. If there is none, all the time up to the first one counts.
        """
        older = [sample for sample in self._samples if sample.at <= start]
        if older:
            return seconds_waited(older[-1], now.sample)
        first = self._samples[0]
        return first.at - start + seconds_waited(first, now.sample)

    def _end(self, slice_: RunningSlice, before: float, now: float) -> float:
        """When a slice that was under way at the last look ended, as well as is known.

        If this look comes late and there is no record, only the last one is certain.
        """
        timeline = self._loop.live.timeline
        if timeline is None or slice_.start is None or not self._loop.live.clock.untouched:
            return min(now, before + BUSY_INTERVAL)
        number = slice_.key[1]
        after = next(timeline.log.between(number, number + 1), None)
        return after[1] / 1e9 if after else now

    def _to_report(self, held: BlockedSlice, end: float) -> Blocked | None:
        """What is to be said of a slice, if it is one to speak of: too long, and the user's."""
        place, lane = held.place(), held.slice.lane
        if held.own(end) <= BLOCKED_AFTER or place is None:
            return None
        seconds = held.lasted(end)
        if place is UNSEEN_LOCATION:
            found = self._unseen(lane, held.slice.at, seconds, held.waited)
        else:
            source = linecache.getline(place.filename, place.line).strip()
            found = Blocked(*place, source, seconds, held.waited, lane, held.slice.at)
            found = found._replace(others=held.others)
        return found and found._replace(collected=min(held.collected, seconds))

    def _missed(self, before: LoopObservation, now: LoopObservation) -> list[Blocked | None]:
        """The long slices that came and went while this thread could not look."""
        timeline = self._loop.live.timeline
        if timeline is None or not self._loop.live.clock.untouched:
            return []
        missed = []
        for (lane, at), (_, end) in pairwise(timeline.log.between(before.recorded, now.recorded)):
            seconds = (end - at) / 1e9
            if (
                seconds > BLOCKED_AFTER
                and seconds - (away := self._waited_since(at / 1e9, now)) > BLOCKED_AFTER
            ):
                found = self._unseen(lane, at, seconds, away)
                collected = seconds * (now.collections > before.collections)
                missed.append(found and found._replace(collected=collected))
        return missed

    def _unseen(self, lane: int | None, at: int, seconds: float, waited: float) -> Blocked | None:
        """What is to be said of a slice of which only the timeline knows: that of a task."""
        timeline = self._loop.live.timeline
        if timeline is None or lane is None or lane <= IDLE:
            return None
        record = timeline.record_of_lane(lane)
        name = None if record is None else record.name
        return Blocked(name, "", 0, "", seconds, waited, lane, at)
