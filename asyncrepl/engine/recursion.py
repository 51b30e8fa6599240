"""The recursion limit that our own work needs.

The limit is the whole interpreter's: one of 40, set in a statement, would hold for the
prompt, the terminal's thread and the words that tell of an error, too.
"""

from __future__ import annotations

from sys import getrecursionlimit, setrecursionlimit

__all__ = ["NEEDED", "keep_room", "lowered"]

#: Frames: drawing takes 90, importing what explains an error 150.
NEEDED = 400

#: The limits that were too low, and have not been told.
lowered: list[int] = []


def keep_room() -> None:
    """Lift a recursion limit that is lower than `NEEDED`, and note it in `lowered`.

    Takes one frame: there may be no more.
    """
    if (limit := getrecursionlimit()) < NEEDED:
        setrecursionlimit(NEEDED)
        lowered.append(limit)
