"""The vocabulary of facts: what the engine records and everything else reads.

Those about walks are in `asyncrepl.events.walks`, which is imported when something is
traced: a dataclass takes a millisecond to import.
"""

from asyncrepl.events.tasks import (
    CALLBACK,
    IDLE,
    Blocked,
    Ending,
    Lane,
    LaneEnded,
    Leak,
    LeakKind,
    Mark,
    MarkKind,
    Snapshot,
    Totals,
)

__all__ = [
    "CALLBACK",
    "IDLE",
    "Blocked",
    "Ending",
    "Lane",
    "LaneEnded",
    "Leak",
    "LeakKind",
    "Mark",
    "MarkKind",
    "Snapshot",
    "Totals",
]
