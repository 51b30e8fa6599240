"""What is shown while the user's code runs: each step of iterations, and what blocks the loop.

`Narrator` follows all iterations of a session, or those of one statement, and shows each of their
six steps while it happens. The lines are made by `views`; here is decided whose steps are shown
and since when times count. `BlockingReporter` says what has blocked the loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asyncrepl.events.instrument import Instrument
from asyncrepl.session.frontend import ForegroundView

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from asyncrepl.engine.blocking.blocking_reports import SleepMonitor
    from asyncrepl.engine.iteration.iteration_state import IterationState
    from asyncrepl.engine.iteration.tracer import Tracer
    from asyncrepl.engine.loop.live_loop import LiveLoop, ObservationRequests
    from asyncrepl.engine.statements import Outcome
    from asyncrepl.events import BlockingReport
    from asyncrepl.events.iteration_events import IterationEvent
    from asyncrepl.session.mistake_reporter import SilentMistakeReporter
    from asyncrepl.views.styled_lines import Line


class _NarrationContext(ForegroundView, Protocol):
    """What a narrator needs: also who wants the loop to be recorded."""

    observing: ObservationRequests


class Narrator(Instrument):
    """Narrates the asynchronous iterations of a session, all of them or those of one statement."""

    def __init__(self, context: _NarrationContext) -> None:
        self._context = context
        #: The instant (ns) since which times count.
        self.since = 0
        self._follows_task = False
        self._tracer: Tracer | None = None
        self._lines: Callable[..., list[Line]]
        #: Whether all iterations are narrated.
        self.on = False
        #: Whether anything was narrated of the statement that was typed last.
        self.narrated_any = False
        self._shows_steps = True
        #: Whether somebody wants what is narrated now; else the iterations are only looked at.
        self._narrating = self._watched = False

    def use_loop(self, loop: LiveLoop) -> None:
        """Narrate what happens on `loop` from now on."""
        if self._tracer is not None:
            self._tracer.use_loop(loop)

    def watch(self, *, on: bool) -> None:
        """Trace all iterations, for `open_iterations`; without narrating them."""
        self._watched = on
        if not self._narrating:
            self._stop()

    def open_iterations(self) -> list[IterationState]:
        """The iterations under way that are traced; for any thread."""
        return [] if self._tracer is None else self._tracer.open_iterations.seen()

    def turn(self, *, on: bool) -> None:
        """Narrate all iterations from now on, or none; who listens goes on."""
        self.on = on or not self._shows_steps
        if self.on:
            self._start(None)
        else:
            self._stop()

    def listen(self) -> None:
        """Examine all iterations until `close`, and show none."""
        self._shows_steps = False
        self.turn(on=True)

    def close(self) -> None:
        """Hear of no iteration any more: the session ends."""
        self.on = self._watched = False
        self._stop()

    def narrate_task(self, task: asyncio.Task[None]) -> None:
        """Narrate the iterations of `task`, and of the tasks it makes; if not all are narrated."""
        if not self.on:
            self._start(task)
            self.began()  # the first time, importing has taken some

    def narrated_task_ended(self) -> None:
        """The task is over."""
        if not self.on:
            self._stop()

    def follow(self, task: asyncio.Task[None], asked: Callable[[], object]) -> list[bool]:
        """Narrate `task` round by round; of those under way, whether they are traced.

        `asked` is called at each step 2.
        """
        if not self._narrating:
            self._start(task)
            self._follows_task = True
        assert self._tracer is not None
        self._tracer.asked = asked
        return self._tracer.join()

    def relax(self) -> None:
        """Sum up rounds again, and call nobody."""
        if self._tracer is not None:
            self._tracer.relax()

    def unfollow(self) -> None:
        """What was followed is over."""
        self.relax()
        if self._follows_task:
            self._follows_task = False
            self._stop()

    def began(self) -> None:
        """A statement begins: times count from now on."""
        self.narrated_any = False
        self.since = self._context.loop.live.clock.time_ns()

    def ended(self, outcome: Outcome) -> None:
        """The statement is over."""
        if self._tracer is not None:
            self._tracer.finish(outcome.error)

    def _start(self, task: asyncio.Task[None] | None) -> None:
        self._narrating = True
        self._trace(task)

    def _trace(self, task: asyncio.Task[None] | None) -> None:
        if self._tracer is None:
            # Not at start-up, and not at the first event: that would count as its time.
            from asyncrepl.engine.iteration.tracer import Tracer
            from asyncrepl.views.narration_lines import narration_lines

            self._tracer, self._lines = Tracer(self._context.loop), narration_lines
        if self._narrating:
            # Not longer than that: the marks in builtins keep the tracer, and it the loop.
            self._context.loop.live.instruments.add(self)
        self._tracer.start(self._context.observing.want("trace"), task)

    def _stop(self) -> None:
        self._narrating = False
        self._context.loop.live.instruments.remove(self)
        if self._watched:
            self._trace(None)
            return
        if self._tracer is not None:
            self._tracer.stop()
        self._context.observing.drop("trace")

    def iteration_event(self, event: IterationEvent) -> None:
        """Show `event`."""
        if not self._shows_steps:
            return
        self.narrated_any = True
        foreground = self._context.task
        name = "" if foreground is None else foreground.get_name()
        console = self._context.console
        console.show(*self._lines(event, self.since, console.width, name))


class _BlockingContext(ForegroundView, Protocol):
    """What a blocking reporter needs: also who else tells of it."""

    mistake_reporter: SilentMistakeReporter

    @property
    def sleeps(self) -> SleepMonitor: ...


class BlockingReporter(Instrument):
    """Shows in the console of `context` what has blocked its loop.

    What a watchdog has measured is another number in each run: it is shown only where
    `shows_measured` says so, and not while sleeps are told, whose length is known.
    """

    def __init__(self, context: _BlockingContext) -> None:
        self._context = context
        self.shows_measured = False

    def blocking_report(self, report: BlockingReport) -> None:
        """Show `report`, unless an explanation of it was shown in the same statement."""
        measured = self.shows_measured and not self._context.sleeps.wanted()
        if not report.measured or (measured and not self._is_explained(report)):
            from asyncrepl.views.status_rows import blocked_lines

            console = self._context.console
            console.complain(*blocked_lines(report, console.width))

    def _is_explained(self, report: BlockingReport) -> bool:
        """Whether it was told what to write instead; of another task, this says which it is."""
        context, last = self._context, report.last
        own = set(report.tasks) <= {context.session.task_name}
        return own and context.mistake_reporter.is_reported_blocking(last.filename, last.line)
