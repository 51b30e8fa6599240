"""Spans of time in words."""

from __future__ import annotations

import pytest

from asyncrepl.views.time_display import duration, rate_text

US, MS, S = 1_000, 1_000_000, 1_000_000_000
SPANS = {
    0: "0 s",
    -5: "0 s",
    1: "<0.01 ms",
    412 * US: "0.41 ms",
    1_290 * US: "1.3 ms",
    12 * MS: "12 ms",
    99_700 * US: "0.10 s",
    330 * MS: "0.33 s",
    997 * US: "1.0 ms",
    9_970 * US: "10 ms",
    997 * MS: "1.0 s",
    59_970 * MS: "1:00 min",
    1_200 * MS: "1.2 s",
    12_340 * MS: "12.3 s",
    185 * S: "3:05 min",
    7_500 * S: "2:05 h",
    100_000 * S: "27:46 h",
}


@pytest.mark.parametrize("ns", SPANS)
def test_a_span_is_told_in_one_unit(ns: int) -> None:
    """Two or three digits and the unit that suits them."""
    assert duration(ns) == SPANS[ns]


def test_a_rate_is_told_without_exponents() -> None:
    """From the slowest to the fastest."""
    told = {rate: rate_text(rate).partition(" takes ")[2] for rate in (1e-6, 0.001, 0.3, 1e6)}
    assert list(told.values()) == ["1000000 s", "1000 s", "3.33 s", "0.000001 s"]
    assert rate_text(1e-6).startswith("rate 0.000001: ")


def test_no_span_is_wide() -> None:
    """A column of nine cells holds any span below 1,000 hours."""
    assert max(len(duration(7**n)) for n in range(18)) <= 9
