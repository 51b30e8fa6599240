"""The slice that holds the loop, as another thread sees it: whose, at which line, for how long.

The frames of the loop's thread are looked at from outside: nothing in the loop
needs to have been prepared, and it costs nothing until somebody asks. What
another thread can't see: code in C that holds the interpreter's lock (a
regular expression, ``sum(range(10**9))``) keeps that thread from asking, too.

Only a name and two numbers come out, and the frame is let go of before
anything else is done: whoever holds it last would have to run the user's
``__del__`` in the wrong thread.

`BlockedSlice` adds up what was seen: since when it runs, where, and how much of it is its own
doing, not that of other threads and processes.
"""

from __future__ import annotations

import gc
import math
import sys
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.engine.blocking.cpu_time import seconds_others_ran
from asyncrepl.engine.code_owner import (
    asks_person,
    is_display_code,
    is_import_system,
    is_observing_code,
    is_terminal_code,
    owner,
    runs_callbacks,
)
from asyncrepl.engine.tasks.task_records import current_task, name_of
from asyncrepl.events import IDLE

if TYPE_CHECKING:
    from types import FrameType

    from asyncrepl.engine.blocking.cpu_time import Probe, Sample
    from asyncrepl.engine.loop.live_loop import LiveLoop


class BlockingLocation(NamedTuple):
    """A line that runs on the loop, and the name of its task; None for a plain callback."""

    task: str | None
    filename: str
    line: int


def blocking_location(loop: LiveLoop, thread_id: int) -> BlockingLocation | None:
    """The user's line that `loop` is running; None if it waits, or runs none of the user's.

    `thread_id` is the thread that runs the loop. Call it from another one. None
    also if the loop went on while it was looked at.
    """
    iteration = loop.live.loop_iteration
    number = iteration.number
    if not iteration.busy:
        return None
    frame = _frame_to_blame(sys._current_frames().get(thread_id))  # noqa: SLF001  the documented way
    if frame is None:
        return None
    filename, line = frame.f_code.co_filename, frame.f_lineno
    del frame
    task = current_task(loop)
    name = None if task is None else name_of(task)
    goes_on = iteration.number == number and iteration.busy
    return BlockingLocation(name, filename, line) if goes_on else None


def _frame_to_blame(frame: FrameType | None) -> FrameType | None:
    """The frame to blame: the user's own innermost one, else a library's that asyncio called.

    None while we work: while we look at something, show or explain it, or import what we need,
    also where a line of the user's was the occasion; and where only we have called a library. None
    while a debugger asks, or help is read: whoever sits there knows what they wait for. And
    None between two callbacks: the line that runs the loop blocks nothing.
    """
    frames = []
    while frame is not None and not runs_callbacks(frame.f_code):
        frames.append(frame)
        frame = frame.f_back
    if frame is None or (frames and is_observing_code(frames[0].f_code.co_filename)):
        return None
    called_by_us = decided = importing = False
    library = None
    for each in frames:
        filename = each.f_code.co_filename
        whose = owner(filename)
        if whose == "user":
            return each
        if asks_person(filename):
            return None
        if whose == "ours":
            # Whatever it is of ours, it is imported, or imports, for itself. Else the innermost
            # of ours decides, it calls for itself or for the user; but what writes to the
            # terminal does so for whoever has called it.
            if importing or (not decided and is_display_code(filename)):
                return None
            called_by_us, decided = True, decided or not is_terminal_code(filename)
        elif is_import_system(filename):
            importing = True
        elif whose == "library":
            library = library or each
    return None if called_by_us else library


#: The generations of garbage that are many, and may take long to go through: Python 3.14 does so
#: in parts, which are the second. (Not by ``gc.callbacks``: what is called there in the user's
#: thread may find its stack full.)
_FULL_GENERATIONS = 1 if sys.version_info >= (3, 14) else 2


class RunningSlice(NamedTuple):
    """What runs at one moment; `key` tells it from other slices.

    `lane` and `at` are the timeline's; it began at `start` or, if that is not known, at or
    after `earliest` (real seconds).
    """

    key: tuple[int, int]
    lane: int | None
    at: int
    start: float | None
    earliest: float


class LoopObservation(NamedTuple):
    """What was seen at one moment: the slice, its line if it is not quite new.

    `recorded_slices` is how many slices there were in the timeline, and `collections` how often
    all garbage was collected.
    """

    at: float
    recorded: int
    slice: RunningSlice | None
    place: BlockingLocation | None
    sample: Sample
    collections: int


def recorded_slices(loop: LiveLoop) -> int:
    """How many slices there have been in the timeline."""
    timeline = loop.live.timeline
    return 0 if timeline is None else timeline.count


def observe_slice(
    loop: LiveLoop, thread_id: int, probe: Probe, *, young: float, due: float = math.inf
) -> LoopObservation:
    """Look at `loop`, which runs in a thread; at no line of a slice up to `young` seconds old.

    The look should have been taken at the instant `due`.
    """
    count = recorded_slices(loop)
    at, slice_, place = monotonic(), _running_slice(loop, count), None
    if slice_ is not None and at - (slice_.start or slice_.earliest) > young:
        place = blocking_location(loop, thread_id)
    # Only now: a sample gives the interpreter lock away, and the loop would go on.
    sample = probe.sample(late=max(at - due, 0.0))
    collections = sum(each["collections"] for each in gc.get_stats()[_FULL_GENERATIONS:])
    return LoopObservation(at, count, slice_, place, sample, collections)


def _running_slice(loop: LiveLoop, count: int) -> RunningSlice | None:
    """The slice that runs at this moment; None while the loop waits or goes on."""
    live = loop.live
    iteration, timeline = live.loop_iteration, live.timeline
    number, since = iteration.number, iteration.since
    if not iteration.busy:
        return None
    if timeline is None:
        return RunningSlice((number, id(current_task(loop))), None, 0, None, since)
    lane, at = timeline.log.last()
    if lane == IDLE or count != timeline.count:
        return None
    start = at / 1e9 if live.clock.untouched else None
    return RunningSlice((number, count), lane, at, start, since)


#: The seconds from which on a slice is too long.
BLOCKED_AFTER = 0.1

#: The place of a slice while nobody could look at it.
UNSEEN_LOCATION = BlockingLocation(None, "", 0)


def seconds_waited(before: Sample, after: Sample) -> float:
    """The seconds between the samples `before` and `after` in which others had the processor."""
    return seconds_others_ran(before, after, sys.getswitchinterval())


class BlockedSlice:
    """A slice that was under way at the last look, and what is known of it.

    It was seen first at `first`; `early` are the seconds before that in which others ran.
    `places` says for how many seconds it was seen where: None for code that is
    not the user's, and that is not told; `UNSEEN_LOCATION` for time in which nobody could look.
    `collected` are the seconds of that in which garbage was.
    """

    def __init__(
        self, slice_: RunningSlice, start: float, first: LoopObservation, early: float
    ) -> None:
        self.slice = slice_
        self.start = start
        # A sample may be taken a while after the look.
        self.waited = self._waited_before = min(early, first.sample.at - start)
        self.places: dict[BlockingLocation | None, float] = {}
        self.collected = 0.0
        #: Whether something else could have run meanwhile.
        self.others = False
        self._collections = first.collections
        self._sample = first.sample
        self._place: BlockingLocation | None = None

    def went_on(self, look: LoopObservation, since: float) -> None:
        """It is under way, and was since the look before, at `since`."""
        self._place = look.place
        self._add(look.place, look, since, look.at)

    def ended(self, look: LoopObservation, since: float, end: float) -> None:
        """It was over at `end`, some time after the look before, at `since`."""
        # What was told already, while it lasted, stays true.
        place = self._place if self.own(since) > BLOCKED_AFTER else UNSEEN_LOCATION
        self._add(place, look, since, end)

    def _add(
        self, place: BlockingLocation | None, look: LoopObservation, since: float, until: float
    ) -> None:
        seconds = max(until - max(since, self.start), 0.0)
        self.places[place] = self.places.get(place, 0.0) + seconds
        # The collector lets nobody look while it works.
        if look.collections > self._collections and seconds > BLOCKED_AFTER / 2:
            self.collected += seconds
        self._collections = look.collections
        # What was waited for after that moment is not counted, or only at the next look.
        waited = self._waited_before + seconds_waited(self._sample, look.sample)
        self.waited = min(waited, self.waited + seconds)

    def own(self, end: float) -> float:
        """The seconds up to `end` that are the slice's own doing."""
        return self.lasted(end) - self.waited

    def lasted(self, end: float) -> float:
        """The seconds up to `end` without those in which no code of the user's ran."""
        return end - self.start - self.places.get(None, 0.0)

    def place(self) -> BlockingLocation | None:
        """Where it was for the longest time; None if nowhere in the user's code."""
        seen = [place for place in self.places if place is not None]
        return max(seen, key=lambda place: self.places[place], default=None)
