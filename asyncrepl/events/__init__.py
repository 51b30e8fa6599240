"""The vocabulary of facts: what the engine records and everything else reads.

Those about walks and leaks are in modules of their own, which are imported when there is
one to tell of: a dataclass takes a millisecond to import.
"""

from asyncrepl.events.tasks import (
    CALLBACK,
    IDLE,
    Blocked,
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
    "Ending",
    "Lane",
    "LaneEnded",
    "Mark",
    "MarkKind",
    "Snapshot",
    "Totals",
]
