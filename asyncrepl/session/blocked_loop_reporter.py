"""Telling what has blocked the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asyncrepl.events.instrument import Instrument
from asyncrepl.session.foreground_view import ForegroundView
from asyncrepl.views.status_rows import blocked_lines

if TYPE_CHECKING:
    from asyncrepl.engine.blocking.blocking_reports import SleepMonitor
    from asyncrepl.events import BlockingReport

__all__ = ["BlockingContext", "BlockingReporter"]


class BlockingExplainer(Protocol):
    """Who explains what blocks."""

    def is_reported_blocking(self, filename: str, line: int) -> bool:
        """Whether it was said in this statement that it blocks the loop on this line."""


class BlockingContext(ForegroundView, Protocol):
    """What a blocking reporter needs: also who else tells of it."""

    @property
    def sleeps(self) -> SleepMonitor:
        """What blocks for a time that is known."""

    @property
    def mistake_reporter(self) -> BlockingExplainer:
        """Who explains what blocks."""


class BlockingReporter(Instrument):
    """Shows in the console of `context` what has blocked its loop.

    What a watchdog has measured is another number in each run: it is shown only where
    `shows_measured` says so, and not while sleeps are told, whose length is known.
    """

    def __init__(self, context: BlockingContext) -> None:
        self._context = context
        self.shows_measured = False

    def blocking_report(self, report: BlockingReport) -> None:
        """Show `report`, unless an explanation of it was shown in the same statement."""
        if not report.measured or (self._is_measured_shown() and not self._is_explained(report)):
            console = self._context.console
            console.complain(*blocked_lines(report, console.width))

    def _is_measured_shown(self) -> bool:
        return self.shows_measured and not self._context.sleeps.wanted()

    def _is_explained(self, report: BlockingReport) -> bool:
        """Whether it was told what to write instead; of another task, this says which it is."""
        context, last = self._context, report.last
        own = set(report.tasks) <= {f"input {context.session.count}"}
        return own and context.mistake_reporter.is_reported_blocking(last.filename, last.line)
