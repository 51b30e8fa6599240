"""Time as text, as a row, and as the axis under a picture.

*Spans* (`duration`): short, in one unit, in a style that does not jump about: ``0 s``, ``0.41
ms``, ``12 ms``, ``0.33 s``, ``12.3 s``, ``3:05 min``, ``2:05 h``. Two or three digits that
count; milliseconds below a tenth of a second, as delays are typed in seconds (``sleep(0.33)``)
and what runs takes milliseconds. Not microseconds: their sign is no ASCII, and nobody needs to
distinguish 3 of them from 5.

*The user's clock*, in answers and in a row under the prompt: ``rate 0.5: a second takes 2 s``,
``3 timers fired at 4.05 s``. Instants are seconds since the session began: those of the loop
itself, on a real clock, are as long as the machine has been running.

*Scales*: from instants to columns. A scale gives a whole number of columns to a round number of
seconds, its step. So the ticks of the axis are exactly where what happens at a round instant is
drawn, and on a virtual clock, where most things do, equal waits look equal.
"""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asyncrepl.views.styled_lines import Line


def duration(ns: int) -> str:
    """Say a span of nanoseconds; at most nine characters below 1,000 hours."""
    ms, seconds = ns / 1e6, ns / 1e9
    if ns <= 0:
        return "0 s"
    if ms < 0.01:
        return "<0.01 ms"
    # The bounds are where it would be rounded up to the next: 1.00 ms, 100 ms, 60.0 s.
    if ms < 99.5:
        return f"{ms:.{2 if ms < 0.995 else 1 if ms < 9.95 else 0}f} ms"
    if seconds < 59.95:
        return f"{seconds:.{2 if seconds < 0.995 else 1}f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    return f"{minutes // 60}:{minutes % 60:02} h"


class ClockReading(NamedTuple):
    """The user's time at a moment: `at` is in seconds since the session began."""

    at: float
    mode: Literal["real", "virtual"]
    speed: float
    frozen: bool


def instant_text(seconds: float) -> str:
    """Say an instant to the millisecond: "3.2 s"."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"


def rate_text(rate: float) -> str:
    """What a rate means."""
    if rate == math.inf:
        return "rate inf: time jumps from timer to timer"
    return f"rate {_decimal(rate, 6)}: a second takes {_decimal(1 / rate, 3)} s"


def _decimal(number: float, digits: int) -> str:
    """`number` with so many digits, and without an exponent."""
    return f"{float(f'{number:.{digits}g}'):.9f}".rstrip("0").rstrip(".")


def clock_text(mode: str, rate: float) -> str:
    """What a clock of this `mode` ("real", "virtual") does at `rate`: its seconds a real one."""
    if mode == "real":
        return "real clock: time passes" + f" at rate {_decimal(rate, 6)}" * (rate != 1)
    how = (
        "jumps from timer to timer" if rate == math.inf else f"passes at rate {_decimal(rate, 6)}"
    )
    return f"virtual clock: time {how}, only while a statement runs"


def fired_text(fired: int, at: float, *, more: bool) -> str:
    """What a step from timer to timer did: so many `fired`, at the instant `at` (seconds).

    `more` says that other timers are set.
    """
    if not fired:
        return "no timer is set: there is nothing to fire"
    timers = "1 timer" if fired == 1 else f"{fired} timers"
    return f"{timers} fired at {instant_text(at)}" + "; no more are set" * (not more)


def clock_row(time: ClockReading, columns: int, *, running: bool) -> Line:
    """The user's time in at most `columns`, while it is other than plain real time.

    `running` says that a statement runs: then other keys do something.
    """
    texts = _frozen_texts(time, running=running) if time.frozen else _moving_texts(time)
    text = next((text for text in texts if len(text) <= columns), texts[-1])
    return [("name" if time.frozen else "dim", text[:columns])]


def _frozen_texts(time: ClockReading, *, running: bool) -> tuple[str, ...]:
    head = f"time stands still at {instant_text(time.at)}"
    if running:
        # A pause goes from timer to timer, also where time stood still before it.
        long, keys = "Ctrl-S steps on, Ctrl-C ends the statement", "(Ctrl-S, Ctrl-C)"
        return f"{head}, {long}", f"{head} {keys}", f"time stands still {keys}", head
    return f"{head}, :thaw goes on", f"{head} (:thaw)", head


def _moving_texts(time: ClockReading) -> tuple[str, ...]:
    if time.speed == math.inf:
        head = f"virtual time {instant_text(time.at)}"
        return f"{head}, moves only while a statement runs", head
    # As many digits as change about once in a real second: more would flicker.
    digits = min(max(math.ceil(-math.log10(time.speed)), 0), 3)
    head = f"{'virtual ' * (time.mode == 'virtual')}time {time.at:.{digits}f} s"
    return (f"{head}, rate {_decimal(time.speed, 6)}",)


SECOND = 1_000_000_000

#: Columns between two ticks: fewer do not hold their labels.
MIN_TICK_DISTANCE = 8


class Scale(NamedTuple):
    """From the instant `start` on, `per` columns for each `step`; both in nanoseconds."""

    start: int
    step: int
    per: int

    @classmethod
    def fitting(cls, start: int, span: int, room: int) -> Scale:
        """The scale from `start` where `span` ns fill at most `room` columns, and nearly all."""
        span = max(span, 1000)
        for step in round_steps():
            per = (room - 1) * step // span
            if per >= min(MIN_TICK_DISTANCE, room - 1):
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
    labels = _axis_labels(scale, columns, round_steps())
    if len(labels) < 2:  # an axis of one label has no scale
        labels = _axis_labels(scale, columns, (2 * step for step in round_steps()))
    text = ""
    for column, label in labels:
        longer = text.ljust(column - columns.start) + label
        text = longer if len(longer) + 2 <= room else text
    return [("dim", text + " s" if text else "")]


def _axis_labels(scale: Scale, columns: range, steps: Iterable[int]) -> list[tuple[int, str]]:
    """Columns and their labels, at the first of `steps` (ns) at which they have room."""
    for step in steps:
        apart, between = divmod(step * scale.per, scale.step)
        if not between and apart > 2:
            ticks = range(-(-columns.start // apart), -(-columns.stop // apart))
            labels = [(tick * apart, f"{tick * step / SECOND:.9g}") for tick in ticks]
            if apart >= max((len(label) for _, label in labels), default=0) + 2:
                return labels
    raise AssertionError("the steps end")
