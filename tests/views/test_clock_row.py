"""The user's time, as one row."""

from __future__ import annotations

import math

import pytest

from asyncrepl.views.styled_lines import plain
from asyncrepl.views.time_display import ClockReading, clock_row


@pytest.mark.parametrize(
    ("time", "running", "wide", "narrow"),
    [
        (
            ClockReading(3.2, "real", 1.0, frozen=True),
            False,
            "time stands still at 3.2 s, :thaw goes on",
            "time stands still at 3.2 s (:thaw)",
        ),
        (
            ClockReading(3.2, "real", 1.0, frozen=True),
            True,
            "time stands still at 3.2 s, Ctrl-S steps on, Ctrl-C ends the statement",
            "time stands still (Ctrl-S, Ctrl-C)",
        ),
        (
            ClockReading(123456.7894, "virtual", 1.0, frozen=True),
            False,
            "time stands still at 123456.789 s, :thaw goes on",
            "time stands still at 123456.789 s",
        ),
        (
            ClockReading(0.66, "virtual", math.inf, frozen=False),
            False,
            "virtual time 0.66 s, moves only while a statement runs",
            "virtual time 0.66 s",
        ),
        (ClockReading(12.34, "real", 10, frozen=False), False, *["time 12 s, rate 10"] * 2),
        (ClockReading(12.34, "real", 0.5, frozen=False), True, *["time 12.3 s, rate 0.5"] * 2),
        (
            ClockReading(12.34567, "real", 1e-6, frozen=False),
            True,
            *["time 12.346 s, rate 0.000001"] * 2,
        ),
        (
            ClockReading(12.34, "virtual", 0.01, frozen=False),
            False,
            *["virtual time 12.34 s, rate 0.01"] * 2,
        ),
    ],
)
def test_the_row_fits(time: ClockReading, running: bool, wide: str, narrow: str) -> None:
    """At 80 columns it says what to do, at 40 what is; slow time has more digits."""
    assert plain(clock_row(time, 79, running=running)) == wide
    assert plain(clock_row(time, 39, running=running)) == narrow
    assert len(plain(clock_row(time, 10, running=running))) == 10
