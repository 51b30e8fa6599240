"""What the terminal may see of the loop, from its own thread, without touching it."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.engine.blocking.hogs import Hogs
    from asyncrepl.engine.loop import LiveLoop
    from asyncrepl.events import Lane, Snapshot
    from asyncrepl.views.styled import Line

__all__ = ["Watch"]

#: Blocks that are shorter get no row: it would only flicker. Those that come again and
#: again would let it come and go all the time; they have been told.
_BLOCKED, _AGAIN = 0.2, 1.0
_HOGGING = 0.1
_BRIEF = 200_000_000  # nanoseconds: a task that lives shorter gets no row
#: How long the lanes of tasks that have all ended stay, in nanoseconds.
_LINGER = 3_000_000_000
#: A column of the lanes, in nanoseconds. All these are of real time: slow motion shows
#: more of what happens, it does not draw it more slowly.
_COLUMN = 100_000_000


class Watch:
    """Read-only looks at a loop; before there is one there is nothing to see.

    `ascii` says that the terminal shows nothing else.
    """

    def __init__(self, *, ascii: bool = False) -> None:  # noqa: A002  says it best
        self._loop: LiveLoop | None = None
        self._ascii = ascii
        self._hogs: Hogs | None = None
        #: Whether only a script is typed: that its virtual time runs is nothing to tell.
        self.scripted = False

    def connect(self, loop: LiveLoop, hogs: Hogs) -> None:
        """From now on look at `loop`, which `hogs` watches."""
        self._hogs = hogs
        self._loop = loop

    def hogged(self) -> bool:
        """Whether one turn of the loop has been running for longer than 0.1 s."""
        if self._loop is None:
            return False
        turn = self._loop.live.turn
        return turn.busy and time.monotonic() - turn.since > _HOGGING

    def status(self, columns: int) -> Sequence[Line]:
        """One row that says by whom the loop is blocked.

        For longer than 0.2 s; or than 1 s, where it was so before a moment ago.
        """
        if self._hogs is None or (found := self._hogs.current) is None:
            return ()
        if found.seconds < (_AGAIN if self._hogs.again(found) else _BLOCKED):
            return ()
        from asyncrepl.views.blocked import blocked_row

        return [blocked_row(found, columns - 1)]

    def time(self, columns: int, *, running: bool) -> Sequence[Line]:
        """One row with the user's time, where it is other than plain real time."""
        if self._loop is None:
            return ()
        live = self._loop.live
        clock = live.clock
        plain = clock.speed == 1 and (self.scripted or clock.mode == "real")
        if plain and not clock.frozen:
            return ()
        from asyncrepl.views.clock import Time, clock_row

        seen = Time(clock.shown_ns() / 1e9 - live.began, clock.mode, clock.speed, clock.frozen)
        return [clock_row(seen, columns - 1, running=running)]

    def count(self) -> int:
        """How many slices have been recorded: unchanged means that nobody ran."""
        timeline = None if self._loop is None else self._loop.live.timeline
        return 0 if timeline is None else timeline.count

    def lanes(self, columns: int, rows: int) -> Sequence[Line]:
        """The live lanes in at most `rows`; none unless a task has been alive for 0.2 s.

        A row that comes and goes with each short statement would make the prompt
        restless, so tasks that live shorter have none. When the last task has ended
        the picture stands still for a while, so that one can see how, and then goes.
        """
        timeline = None if self._loop is None else self._loop.live.timeline
        if timeline is None or self._loop is None:
            return ()
        clock = self._loop.live.clock
        now, speed = clock.shown_ns(), 1.0 if clock.speed == math.inf else clock.speed
        linger = int(_LINGER * speed)
        seen = timeline.snapshot(since=now - linger - int(columns * _COLUMN * speed))
        snapshot = _without_brief(seen, now, int(_BRIEF * speed), frozen=clock.frozen)
        if all(lane.id in snapshot.ended for lane in snapshot.lanes):
            last = max((snapshot.ended[lane.id].at for lane in snapshot.lanes), default=0)
            if now - last > linger:
                return ()
            now = last
        from asyncrepl.views.lanes import lanes

        return lanes(
            snapshot,
            now,
            columns - 1,
            rows=rows,
            ascii=self._ascii,
            column=int(_COLUMN * speed),
            linger=linger / 1e9,
        )


def _without_brief(snapshot: Snapshot, now: int, brief: int, *, frozen: bool) -> Snapshot:
    """Without the tasks that lived shorter than `brief`; in frozen time nobody grows older."""

    def counts(lane: Lane) -> bool:
        ended = snapshot.ended.get(lane.id)
        lived = (now if ended is None else ended.at) - lane.born
        return lived >= brief or (frozen and ended is None)

    return replace(snapshot, lanes=tuple(filter(counts, snapshot.lanes)))
