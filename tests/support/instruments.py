"""Instruments that keep what they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncrepl.events.instrument import Instrument

if TYPE_CHECKING:
    import asyncio

    from asyncrepl.events import BlockingReport
    from asyncrepl.events.findings import Leak
    from asyncrepl.events.iteration_events import IterationEvent

__all__ = ["EventList", "LeakList", "ReportList", "SuspensionList"]


class EventList(Instrument):
    """Keeps the steps of iterations in `events`."""

    def __init__(self, events: list[IterationEvent]) -> None:
        self.events = events

    def iteration_event(self, event: IterationEvent) -> None:
        """Keep it."""
        self.events.append(event)


class SuspensionList(Instrument):
    """Keeps the tasks that were suspended, and notes in `names` what they are called."""

    def __init__(self, names: list[str] | None = None) -> None:
        self.tasks: list[asyncio.Task[Any]] = []
        self.names = [] if names is None else names

    def task_suspended(self, task: asyncio.Task[Any]) -> None:
        """Keep it."""
        self.tasks.append(task)
        self.names.append(f"{task.get_name()} suspends")


class ReportList(Instrument):
    """Keeps the reports of what has blocked the loop."""

    def __init__(self) -> None:
        self.reports: list[BlockingReport] = []

    def blocking_report(self, report: BlockingReport) -> None:
        """Keep it."""
        self.reports.append(report)


class LeakList(Instrument):
    """Keeps the leaks."""

    def __init__(self) -> None:
        self.leaks: list[Leak] = []

    def leak(self, leak: Leak) -> None:
        """Keep it."""
        self.leaks.append(leak)
