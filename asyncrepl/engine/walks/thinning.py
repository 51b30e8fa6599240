"""How much of what repeats is told: much of the first, a line for a few, then sums.

A loop of a thousand rounds is told in about fifteen lines, one without end in one
more each time its length has doubled: so there is always news of it, and never a
flood. This depends on the count alone, never on time, so that a demo on a virtual
clock tells the same as one that is watched.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["Telling", "next_told", "telling"]

#: What becomes of one of a series: every step of it is told; one line; nothing, but it
#: counts in the next sum; that sum is told, with this one in it. (Not an Enum: looking
#: a member up costs a quarter of what a traced round may cost, on Python 3.11.)
Telling = Literal["full", "line", "sum", "flush"]

#: The first so many are told in full; those up to the second number in a line each.
FULL, LINES = 2, 8


def telling(number: int) -> Telling:
    """What to tell of the `number`-th (1, 2, …)."""
    if number <= FULL:
        return "full"
    if number <= LINES:
        return "line"
    return "flush" if number & (number - 1) == 0 else "sum"


def next_told(number: int) -> int:
    """The next after the `number`-th of which anything is told."""
    return number + 1 if number < LINES else 1 << number.bit_length()
