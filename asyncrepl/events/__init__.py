"""The vocabulary of facts: what the engine records and everything else reads.

Those about iterations and leaks are in modules of their own, which are imported when there is
one to report: a dataclass takes a millisecond to import.
"""

from asyncrepl.events.task_events import (
    CALLBACK,
    IDLE,
    Blocked,
    BlockingReport,
    Ending,
    Lane,
    LaneEnded,
    Mark,
    MarkKind,
    Snapshot,
    Totals,
)

__all__ = [
    "CALLBACK",
    "IDLE",
    "Blocked",
    "BlockingReport",
    "Ending",
    "Lane",
    "LaneEnded",
    "Mark",
    "MarkKind",
    "Snapshot",
    "Totals",
]
