"""From instants to columns: the time axis under a picture.

A scale gives a whole number of columns to a round number of seconds, its step.
So the ticks of the axis stand exactly where what happens at a round instant is
drawn, and on a virtual clock, where most things do, equal waits look equal.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.views.styled import Line

__all__ = ["SECOND", "Scale", "axis_line", "round_steps"]

SECOND = 1_000_000_000

#: Columns between two ticks: fewer do not hold their labels.
APART = 8


class Scale(NamedTuple):
    """From the instant `start` on, `per` columns for each `step`; both in nanoseconds."""

    start: int
    step: int
    per: int

    @classmethod
    def fitting(cls, start: int, span: int, room: int) -> Scale:
        """The scale on which `span` nanoseconds fill at most `room` columns, and nearly all."""
        span = max(span, 1000)
        for step in round_steps():
            per = (room - 1) * step // span
            if per >= min(APART, room - 1):
                break
        return cls(start, step, per - per % 5 if per > 9 else max(per, 1))

    def column(self, at: int) -> int:
        """The column of the instant `at`; negative before the start."""
        return (at - self.start) * self.per // self.step

    def nearest(self, at: int) -> int:
        """The column that begins nearest to the instant `at`."""
        return (2 * (at - self.start) * self.per + self.step) // (2 * self.step)

    def instant(self, column: int) -> int:
        """The first instant of `column`."""
        return self.start - (-column * self.step // self.per)


def round_steps() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50, … microseconds and on, in nanoseconds."""
    for power in count(3):
        for digit in (1, 2, 5):
            yield digit * 10**power


def axis_line(scale: Scale, columns: range, room: int) -> Line:
    """The seconds since the scale's start under these columns, in at most `room` cells.

    Each label begins in the column of its instant. The last one names the unit.
    """
    for step in round_steps():
        apart, between = divmod(step * scale.per, scale.step)
        if not between and apart > 2:
            ticks = range(-(-columns.start // apart), -(-columns.stop // apart))
            labels = [f"{tick * step / SECOND:.9g}" for tick in ticks]
            if apart >= max(map(len, labels), default=0) + 2:
                break
    text = ""
    for tick, label in zip(ticks, labels, strict=True):
        longer = text.ljust(tick * apart - columns.start) + label
        text = longer if len(longer) + 2 <= room else text
    return [("dim", text + " s" if text else "")]
