"""Blocks whose length is known: ``time.sleep`` on the loop, where time is not measured.

How long the watch (see `asyncrepl.engine.blocking.hogs`) finds a loop blocked is another
number in each run, and on a virtual clock none at all: there a computation takes no
time. But a sleep says how long it is. On a virtual clock it takes as long as it says, so
that what was due meanwhile is late, as it is in real life; and it is found in each run,
at the same place, with the same length.

Known are the calls in code that was typed or loaded, in the loop's thread. What else
blocks takes no virtual time and is not told.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.engine.blocking.gathering import Blocks, Gathering
from asyncrepl.engine.blocking.holding import LONG
from asyncrepl.engine.lives import name_of
from asyncrepl.engine.traces import user_part
from asyncrepl.events import Blocked

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from asyncrepl.engine.loop import LiveLoop

__all__ = ["Sleeps"]


class _Place(NamedTuple):
    task: str | None
    filename: str
    line: int


class Sleeps:
    """The calls of ``time.sleep`` on `loop`; for its thread, except `stand_in`.

    `tell` is called with what has blocked the loop, once the slice is over that did; but
    only as long as `wanted` says so.
    """

    def __init__(self, loop: LiveLoop, tell: Callable[[Blocks], object]) -> None:
        self.wanted: Callable[[], bool] = bool
        self._loop = loop
        self._tell = tell
        self._gathering = Gathering()
        #: Seconds by place, of the slice under way.
        self._slept: dict[_Place, float] = {}

    def stand_in(self, frame: FrameType) -> Callable[[float], None]:
        """What to call for the ``time.sleep`` that `frame` is about to call."""
        if asyncio._get_running_loop() is not self._loop:  # noqa: SLF001  as `get_running_loop`
            return time.sleep
        if self._loop.live.clock.mode != "virtual" and not self.wanted():
            return time.sleep
        return _Sleep(self, frame.f_code.co_filename, frame.f_lineno)

    def slept(self, filename: str, line: int, seconds: float) -> None:
        """The code there has slept so long."""
        clock = self._loop.live.clock
        if clock.mode == "virtual" and not clock.stands:
            clock.move_to(clock.time() + seconds)
        task = asyncio.current_task(self._loop)
        place = _Place(None if task is None else name_of(task), filename, line)
        if not self._slept:
            self._loop.call_soon(self._over)
        self._slept[place] = self._slept.get(place, 0.0) + seconds

    def ended(self, task: str) -> None:
        """The task of this name is over: what was gathered of it is told."""
        for blocks in self._gathering.rest(task):
            self._tell(blocks)

    def _over(self) -> None:
        """The turn is over in which somebody slept: tell of each slice that was too long."""
        slept, self._slept = self._slept, {}
        for task in dict.fromkeys(place.task for place in slept):
            own = {place: seconds for place, seconds in slept.items() if place.task == task}
            if sum(own.values()) >= LONG and self.wanted():
                self._note(max(own, key=lambda place: own[place]), sum(own.values()))

    def _note(self, place: _Place, seconds: float) -> None:
        import linecache

        source = linecache.getline(place.filename, place.line).strip()
        now, found = self._loop.time(), Blocked(*place, source, seconds)
        for blocks in [*self._gathering.add(found, now), *self._gathering.due(now)]:
            self._tell(blocks)


class _Sleep:
    """``time.sleep``, which tells how long it was."""

    __slots__ = ("_filename", "_line", "_sleeps")

    def __init__(self, sleeps: Sleeps, filename: str, line: int) -> None:
        self._sleeps = sleeps
        self._filename = filename
        self._line = line

    def __call__(self, *args: float, **kwargs: float) -> None:
        try:
            time.sleep(*args, **kwargs)
        except BaseException as error:
            error.__traceback__ = user_part(error.__traceback__)
            del error
            raise
        self._sleeps.slept(self._filename, self._line, float(args[0]))
