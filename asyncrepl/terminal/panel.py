"""The panel under the input line: what it may show of the loop, and its frames.

`LoopView` looks at the user's loop from the terminal's thread, without touching it. `Panel` holds
the rows and draws 15 frames a second while something moves, 2 otherwise, and one soon after
`Panel.nudge` says that something has happened; none while there is nothing to show and the loop
waits. A view that raises must not end the frames: the exception is kept in `Panel.problem`, and
the next frame is tried.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

from asyncrepl.views.styled_lines import flowed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncrepl.engine.blocking.blocking_watchdog import BlockingWatchdog
    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.terminal.painter import Painter
    from asyncrepl.views.styled_lines import Line

#: Blocks that are shorter get no row: it would only flicker. Those that come again and
#: again would let it come and go all the time; they have been told.
_SHOW_BLOCKED_AFTER, _SHOW_REPEATED_AFTER = 0.2, 1.0
_BLOCKED_AFTER, _SHOW_INTERRUPTED_AFTER = 0.1, 0.4
_PROGRAM_GOES_ON = "it goes on after Ctrl-C: press it again"
_STATEMENT_GOES_ON = "it goes on after Ctrl-C: press it twice"
_BRIEF_NS = 200_000_000  # nanoseconds: a task that lives shorter gets no row
#: How long the lanes of tasks that have all ended stay, in nanoseconds.
_LINGER_NS = 3_000_000_000
#: A column of the lanes, in nanoseconds. All these are of real time: slow motion shows
#: more of what happens, it does not draw it more slowly.
_COLUMN_NS = 100_000_000
#: Of this time it is told how many ran of those that have no lane; of the user's.
_LATELY_NS = 1_000_000_000


class LoopView:
    """Read-only looks at a loop; before there is one there is nothing to see.

    `ascii` says that the terminal shows nothing else.
    """

    def __init__(self, *, ascii: bool = False) -> None:
        self._loop: LiveLoop | None = None
        self._ascii = ascii
        #: Who watches the loop, once somebody does.
        self.watchdog: BlockingWatchdog | None = None
        #: Whether only a script is typed: that its virtual time runs is nothing to tell.
        self.scripted = False
        #: How often Ctrl-C was pressed for what runs in the foreground.
        self.interrupts: Callable[[], int] = int
        #: How often that was at the last look, and when the last was seen, in real time.
        self._interrupts = 0, 0.0
        #: When the last task has ended, in the user's time, and when that was seen, in real time.
        self._last_end = 0, 0.0

    def connect(self, loop: LiveLoop) -> None:
        """From now on look at `loop`, on which nothing of the user's runs yet."""
        self.watchdog = None
        self._loop = loop

    def loop_blocked(self) -> bool:
        """Whether one loop iteration has been running for longer than 0.1 s."""
        if self._loop is None:
            return False
        iteration = self._loop.live.loop_iteration
        return iteration.busy and time.monotonic() - iteration.since > _BLOCKED_AFTER

    def at_rest(self) -> bool:
        """Whether the loop waits, and who watches it will say when it goes on.

        Nobody watches before something runs for the first time: that is said, too.
        """
        return self._loop is not None and (self.watchdog is None or self.watchdog.asleep)

    def status(self, columns: int) -> Sequence[Line]:
        """One row that says by whom the loop is blocked.

        For longer than 0.2 s; or than 1 s, where it was so before a moment ago.
        """
        if self.watchdog is None or (found := self.watchdog.current) is None:
            return ()
        again = self.watchdog.again(found)
        if found.seconds < (_SHOW_REPEATED_AFTER if again else _SHOW_BLOCKED_AFTER):
            return ()
        from asyncrepl.views.status_rows import blocked_row

        return [blocked_row(found, columns - 1)]

    def time(self, columns: int, *, running: bool) -> Sequence[Line]:
        """One row of `columns` cells with the user's time, where that is not plain real time.

        `running` says whether a statement runs, and time with it.
        """
        if self._loop is None:
            return ()
        live = self._loop.live
        clock = live.clock
        plain = clock.speed == 1 and (self.scripted or clock.mode == "real")
        if plain and not clock.frozen:
            return ()
        from asyncrepl.views.time_display import ClockReading, clock_row

        at = clock.shown_ns() / 1e9 - live.began
        seen = ClockReading(at, clock.mode, clock.speed, clock.frozen)
        return [clock_row(seen, columns - 1, running=running)]

    def interrupted_anew(self) -> bool:
        """Whether Ctrl-C was pressed for what runs since the last call."""
        count = self.interrupts()
        anew = count > self._interrupts[0]
        self._interrupts = count, time.monotonic() if anew else self._interrupts[1]
        return anew

    def outlives_interrupt(self) -> str:
        """What can be done about what goes on after a Ctrl-C; not while it may be cleaning up."""
        count, at = self._interrupts
        if not count or time.monotonic() - at < _SHOW_INTERRUPTED_AFTER or self._loop is None:
            return ""
        return _PROGRAM_GOES_ON if self._loop.live.stands_by else _STATEMENT_GOES_ON

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
        from asyncrepl.engine.tasks.living_tasks import LaneWindow

        clock = self._loop.live.clock
        now, speed = clock.shown_ns(), 1.0 if clock.speed == math.inf else clock.speed
        linger = int(_LINGER_NS * speed)
        brief = int(_BRIEF_NS * speed)
        snapshot = timeline.recent(
            LaneWindow(
                since=now - linger - int(columns * _COLUMN_NS * speed),
                born_by=None if clock.frozen else now - brief,  # nobody grows older there
                shortest=brief,
                ended_after=now - linger,
                ran_since=now - _LATELY_NS,
                rows=rows,
            )
        )
        if not snapshot.others and all(lane.id in snapshot.ended for lane in snapshot.lanes):
            last = max((snapshot.ended[lane.id].at for lane in snapshot.lanes), default=0)
            if now - last > linger or self._over_for(last) > _LINGER_NS / 1e9:
                return ()
            now = last
        from asyncrepl.views.lanes import lane_lines

        column, seconds = int(_COLUMN_NS * speed), linger / 1e9
        return lane_lines(
            snapshot, now, columns - 1,
            rows=rows, ascii=self._ascii, column=column, linger=seconds,
        )  # fmt: skip

    def _over_for(self, last: int) -> float:
        """Seconds since the `last` end of a task was seen: the user's time may stand still."""
        if self._last_end[0] != last:
            self._last_end = last, time.monotonic()
        return time.monotonic() - self._last_end[1]


#: What may be shown only after a moment is shown after these seconds, if at all.
_SETTLED_AFTER = 1.0
#: Seconds between two frames; the last where there is nothing to show, but the terminal's size
#: is looked at: the signal that tells of it may have a handler of the user's.
_MOVING_INTERVAL, _STILL_INTERVAL, _REST_INTERVAL = 1 / 15, 1 / 2, 1.0
_MAX_LANES = 8
#: After so many seconds it is said what can be done about a statement that runs.
_HINT_AFTER = 3.0
_RUNNING_HINT = "Ctrl-S pauses, Ctrl-C stops"
_REST_FACTOR = 9  # times as long as a frame took: with 10,000 tasks a picture costs milliseconds


class Panel:
    """The rows under the input line, and their frames."""

    def __init__(
        self, loop_view: LoopView, size: Callable[[], tuple[int, int]], *, lanes: bool
    ) -> None:
        self.on = lanes
        self.status: Sequence[Line] = ()
        self.time: Sequence[Line] = ()
        self.lanes: Sequence[Line] = ()
        #: What is shown to those who watch: keys, and the step that happens.
        self.audience: Sequence[Line] = ()
        self.audience_rows: Callable[[int], Sequence[Line]] = lambda _columns: ()
        #: Whether that will change by itself.
        self.audience_moves: Callable[[], bool] = bool
        self.problem: BaseException | None = None
        #: What is said of a pause.
        self.pause: Callable[[int], Sequence[Line]] = lambda _columns: ()
        self._loop_view = loop_view
        self._size = size
        self._hint = ""
        self._running = False
        #: Since when the statement runs about which may be said what can be done.
        self._since: float | None = None
        self._hint_shown = False
        self._count = 0
        self._ran = False
        self._loop_only = False
        #: Whether nothing moves, and the next frame is waited for.
        self._calm, self._paused_at = False, 0.0
        self._nudge = asyncio.Event()
        self._nudged_at = self._woken_at = self._looked_at = time.monotonic()
        #: Whether a frame comes soon in any case; any thread may ask.
        self.nudged = True

    def nudge(self, *, loop_only: bool = False) -> None:
        """There may be something to show again; for the terminal's thread.

        `loop_only`: only if anything has run since the last look, which may be this moment's.
        """
        self._loop_only = loop_only and (self._loop_only or not self.nudged)
        self._nudged_at = time.monotonic()
        self._woken_at = self._woken_at if self.nudged else self._nudged_at
        self.nudged = True
        self._nudge.set()

    def started(self, *, scripted: bool = False) -> None:
        """A statement runs from now on; `scripted` where no person has typed it."""
        self._running = True
        self._since = None if scripted or self._hint_shown else time.monotonic()
        self.nudge()

    def ended(self) -> None:
        """No statement runs."""
        self._running, self._since = False, None
        self.refresh()

    def hint(self, text: str) -> None:
        """Show `text` under the input line; nothing if it is empty."""
        self._hint = text
        self.nudge()

    def refresh(self) -> bool:
        """Look again; whether anything is to be drawn."""
        before = self.status, self.time, self.lanes, self.audience
        self._looked_at = time.monotonic()
        try:
            self.status, self.time, self.lanes = self._look()
        except Exception as error:
            self.problem, self.time, self.lanes, self.audience = error, (), (), ()
        return (self.status, self.time, self.lanes, self.audience) != before

    def text_comes(self) -> None:
        """Look again now, if nothing moves: the layout is drawn below new text anyway.

        So who prints once a second costs no frame of its own for the slice in which it did.
        """
        if self._calm and time.monotonic() - self._looked_at > _MOVING_INTERVAL:
            self.refresh()
            self.nudged = False
            if self._moving():
                self.nudge()

    def _look(self) -> tuple[Sequence[Line], Sequence[Line], Sequence[Line]]:
        columns, rows = self._size()
        self.audience = self.audience_rows(columns - 1)
        lanes = self._loop_view.lanes(columns, min(_MAX_LANES, rows // 3)) if self.on else ()
        pause = self.pause(columns)  # it tells the time, too
        time = () if pause else self._loop_view.time(columns, running=self._running)
        status = [*self._loop_view.status(columns), *pause]
        return status or self._hints(columns), time, lanes

    def _moving(self) -> bool:
        """Whether the next frame will differ by more than the time that has passed.

        What ran only before the last of several frames is drawn; who ticks once a second does
        not move.
        """
        count, self._count = self._count, self._loop_view.count()
        before, self._ran = self._ran, count != self._count
        lanes_move = self.lanes and self._ran and before
        return bool(self.status or self._running or lanes_move or self.audience_moves())

    def _hints(self, columns: int) -> Sequence[Line]:
        hint = self._hint or self._loop_view.outlives_interrupt() or self._while_running()
        return flowed([("dim", hint)], columns - 1) if hint else ()

    def _while_running(self) -> str:
        """What can be done about a statement that takes long; said of the first one only."""
        if self._since is None or time.monotonic() - self._since < _HINT_AFTER:
            return ""
        self._hint_shown = True
        return _RUNNING_HINT

    def _resting(self) -> bool:
        """Whether nothing can come to be shown before somebody nudges."""
        shows = self._hint or self.status or self.time or self.lanes
        if self._running or shows or self.audience_moves():
            return False
        # Not since the nudge until now: on a busy machine no frame may have come meanwhile.
        settled = self._looked_at - self._nudged_at > _SETTLED_AFTER
        return settled and self._loop_view.at_rest()

    async def animate(
        self, painter: Painter, look: Callable[[], None], failed: Callable[[BaseException], object]
    ) -> None:
        """Draw frames for ever; `look` is called before each, `failed` for one that raises."""
        took = 0.0
        while True:
            await self._pause(took * _REST_FACTOR)
            began = time.perf_counter()
            try:
                look()
                if not self._resting() and self.refresh():
                    painter.redraw()
            except Exception as error:  # the next frame is tried all the same
                failed(error)
            took = time.perf_counter() - began

    async def _pause(self, least: float) -> None:
        """Wait until the next frame is due, `least` seconds after the last look at least."""
        self._calm, self._paused_at = not self._moving(), time.monotonic()
        if self._calm:
            self.nudged = False
        while (left := self._due(least) - time.monotonic()) > 0 or self._woken_for_nothing():
            self._nudge.clear()
            timer = asyncio.get_running_loop().call_later(left, self._nudge.set)
            await self._nudge.wait()
            timer.cancel()
        self._calm = False

    def _woken_for_nothing(self) -> bool:
        """Whether what the loop did has been seen; then nothing is due any more."""
        nothing = self._calm and self._loop_only and self._loop_view.count() == self._count
        if nothing:
            self.nudged = self._loop_only = False
        return nothing

    def _due(self, least: float) -> float:
        """When the next frame is drawn; text that comes meanwhile, or a nudge, may change it."""
        since = max(self._looked_at, self._paused_at)  # where all rests, nobody looks
        if not self._calm:
            return since + max(_MOVING_INTERVAL, least)
        if self.nudged:  # a moment later: what it is about has not been seen yet
            return max(since, self._woken_at) + max(_MOVING_INTERVAL, least)
        return since + max(_REST_INTERVAL if self._resting() else _STILL_INTERVAL, least)
