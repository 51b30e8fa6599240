"""Telling what has blocked the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.events.instrument import Instrument
from asyncrepl.views.status_rows import blocked_lines

if TYPE_CHECKING:
    from asyncrepl.events import BlockingReport
    from asyncrepl.session.shell import Shell

__all__ = ["BlockingReporter"]


class BlockingReporter(Instrument):
    """Shows in the console of `shell` what has blocked its loop.

    What a watchdog has measured is another number in each run: it is shown only where
    `shows_measured` says so, and not while sleeps are told, whose length is known.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self.shows_measured = False

    def blocking_report(self, report: BlockingReport) -> None:
        """Show `report`, unless an explanation of it was shown in the same statement."""
        if not report.measured or (self._is_measured_shown() and not self._is_explained(report)):
            console = self._shell.console
            console.complain(*blocked_lines(report, console.width))

    def _is_measured_shown(self) -> bool:
        return self.shows_measured and not self._shell.sleeps.wanted()

    def _is_explained(self, report: BlockingReport) -> bool:
        """Whether it was told what to write instead; of another task, this says which it is."""
        shell, last = self._shell, report.last
        own = set(report.tasks) <= {f"input {shell.session.count}"}
        return own and shell.mistake_reporter.is_reported_blocking(last.filename, last.line)
