"""Reports of a blocked loop: how often they come, and ``time.sleep``, whose length is known.

*How often.* The first blocks at a place are reported one by one, as they happen. From then on
they are gathered and reported as a sum: after 5 s, then after 10, 20, 40 and
each 60; and 5 s after the last. A place that was quiet for so long is new the next time.

*Calls of time.sleep.* How long the watchdog (`asyncrepl.engine.blocking.blocking_watchdog`) finds
a loop blocked is another number in each run, and on a virtual clock none at all: there a
computation takes no time. But a sleep says how long it is. On a virtual clock it takes as long as
it says, so that what was due meanwhile is late, as it is in real life; and it is found in each
run, at the same place, with the same length. Known are the calls in code that was typed or
loaded, in the loop's thread. What else blocks takes no virtual time and is not reported.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeAlias

from asyncrepl.engine.blocking.blocked_slice import BLOCKED_AFTER, BlockingLocation
from asyncrepl.engine.code_owner import cut_to_user_part
from asyncrepl.engine.tasks.task_records import name_of
from asyncrepl.events import Blocked, BlockingReport

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from asyncrepl.engine.loop.live_loop import LiveLoop

_PlaceKey: TypeAlias = tuple[str, int, str | None]
#: Seconds between two sums of a place: at first, and at most.
_PAUSE, _LONGEST_PAUSE = 5.0, 60.0


class _PlaceHistory:
    """What is known of one place: how often it was told, what is gathered, when it is due."""

    def __init__(self, pause: float, due: float, last: float) -> None:
        self.pause = pause
        self.due = due
        self.last = last
        self.told = 0
        self.kept: BlockingReport | None = None


class ReportThrottle:
    """Decides what is told when; all instants are seconds of one clock."""

    def __init__(self, at_once: int = 3) -> None:
        self._at_once = at_once
        self._places: dict[_PlaceKey, _PlaceHistory] = {}

    def add(self, found: Blocked, now: float) -> list[BlockingReport]:
        """Take in the block `found`, over at `now` (seconds); what is to be told at once."""
        place = self._places.setdefault(_key(found), _PlaceHistory(_PAUSE, now, now))
        place.last = now
        if place.told < self._at_once:
            place.told += 1
            place.due = now + place.pause
            return [_report_with(None, found)]
        place.kept = _report_with(place.kept, found)
        return []

    def knows(self, found: Blocked) -> bool:
        """Whether its place has blocked the loop lately; any thread may ask."""
        return _key(found) in self._places

    def pending(self) -> bool:
        """Whether time alone will change what is to be told, or what is known."""
        return bool(self._places)

    def due(self, now: float) -> list[BlockingReport]:
        """The sums that are due by now."""
        if not self._places:
            return []
        quiet = now - _PAUSE
        told = []
        for key, place in list(self._places.items()):
            if place.kept is not None and (place.due <= now or place.last <= quiet):
                told.append(place.kept)
                place.kept = None
                place.pause = min(place.pause * 2, _LONGEST_PAUSE)
                place.due = now + place.pause
            if place.kept is None and place.last <= quiet:
                del self._places[key]
        return told

    def rest(self, task: str) -> list[BlockingReport]:
        """What was gathered of `task`, which is over, so that it isn't told much later."""
        told = []
        for place in self._places.values():
            if place.kept is not None and task in place.kept.tasks:
                told.append(place.kept)
                place.kept = None
        return told


def _key(found: Blocked) -> _PlaceKey:
    return found.filename, found.line, None if found.filename else found.task


def _report_with(kept: BlockingReport | None, found: Blocked) -> BlockingReport:
    if kept is None:
        return BlockingReport(found, 1, found.seconds, frozenset({found.task}))
    return kept._replace(
        last=found,
        times=kept.times + 1,
        seconds=kept.seconds + found.seconds,
        tasks=kept.tasks | {found.task},
    )


class SleepMonitor:
    """The calls of ``time.sleep`` on `loop`; for its thread, except `replacement_at`.

    The loop's instruments are told what has blocked it, once the slice is over that did; but
    only as long as `wanted` says so.
    """

    def __init__(self, loop: LiveLoop) -> None:
        self.wanted: Callable[[], bool] = bool
        self._loop = loop
        self._gathering = ReportThrottle()
        #: Seconds by place, of the slice under way.
        self._slept_seconds: dict[BlockingLocation, float] = {}

    def use_loop(self, loop: LiveLoop) -> None:
        """Hear of the calls on `loop` from now on."""
        self._loop = loop

    def replacement_at(self, frame: FrameType) -> Callable[[float], None]:
        """What to call for the ``time.sleep`` that `frame` is about to call."""
        if asyncio._get_running_loop() is not self._loop:  # noqa: SLF001  as `get_running_loop`
            return time.sleep
        if self._loop.live.clock.mode != "virtual" and not self.wanted():
            return time.sleep
        return _MeasuredSleep(self, frame.f_code.co_filename, frame.f_lineno)

    def slept(self, filename: str, line: int, seconds: float) -> None:
        """The code at `line` of `filename` has slept for `seconds`; called in the loop's thread.

        On a virtual clock so much time has passed then.
        """
        clock = self._loop.live.clock
        if clock.mode == "virtual" and not clock.stands:
            clock.move_to(clock.time() + seconds)
        task = asyncio.current_task(self._loop)
        place = BlockingLocation(None if task is None else name_of(task), filename, line)
        if not self._slept_seconds:
            self._loop.call_soon(self._over)
        self._slept_seconds[place] = self._slept_seconds.get(place, 0.0) + seconds

    def ended(self, task: str) -> None:
        """The task of this name is over: what was gathered of it is told."""
        for blocks in self._gathering.rest(task):
            self._report(blocks)

    def _report(self, blocks: BlockingReport) -> None:
        for hear in self._loop.live.instruments.blocking_report:
            hear(blocks._replace(measured=False))

    def _over(self) -> None:
        """The loop iteration in which somebody slept is over: tell of each too long slice."""
        slept, self._slept_seconds = self._slept_seconds, {}
        for task in dict.fromkeys(place.task for place in slept):
            own = {place: seconds for place, seconds in slept.items() if place.task == task}
            if sum(own.values()) >= BLOCKED_AFTER and self.wanted():
                self._note(max(own, key=lambda place: own[place]), sum(own.values()))

    def _note(self, place: BlockingLocation, seconds: float) -> None:
        import linecache

        source = linecache.getline(place.filename, place.line).strip()
        now, found = self._loop.time(), Blocked(*place, source, seconds)
        for blocks in [*self._gathering.add(found, now), *self._gathering.due(now)]:
            self._report(blocks)


class _MeasuredSleep:
    """``time.sleep``, which tells how long it was."""

    __slots__ = ("_filename", "_line", "_sleeps")

    def __init__(self, sleeps: SleepMonitor, filename: str, line: int) -> None:
        self._sleeps = sleeps
        self._filename = filename
        self._line = line

    def __call__(self, *args: float, **kwargs: float) -> None:
        try:
            time.sleep(*args, **kwargs)
        except BaseException as error:
            cut_to_user_part(error)
            raise
        self._sleeps.slept(self._filename, self._line, float(args[0]))
