"""The row of a pause, and the names in scope."""

from __future__ import annotations

import pytest

from asyncrepl.engine.loop.debug_control import FrameScope
from asyncrepl.views.status_rows import asking_rows, pause_rows, scope_lines, waiting_rows
from asyncrepl.views.styled_lines import plain

NS = 1_000_000_000


def test_a_pause_tells_its_time_and_its_keys() -> None:
    """In one row of 80 columns."""
    (row,) = pause_rows("paused", 1_200_000_000, 80)
    assert plain(row) == "paused, 1.200 s  t timer  n __anext__  v values  e evaluate  c go on"
    (row,) = pause_rows("step", NS, 80)
    assert plain(row).startswith("at __anext__, 1.000 s  t timer")


def test_while_it_goes_on_it_says_where_to() -> None:
    """And how to stop."""
    (row,) = pause_rows("anext", 0, 80)
    assert plain(row) == "on to the next __anext__  Ctrl-S pauses  c goes on"


@pytest.mark.parametrize("mode", ["paused", "step", "anext"])
def test_40_columns_hold_two_rows(mode: str) -> None:
    """None of them is cut, also after an hour."""
    for rows in (pause_rows(mode, 3600 * NS, 40), waiting_rows(40), asking_rows(40)):  # type: ignore[arg-type]
        assert len(rows) == 2
        assert all(len(plain(row)) < 40 for row in rows)


def test_what_is_not_paused_has_no_row() -> None:
    """Nothing is shown."""
    assert pause_rows("off", 0, 80) == []


def test_names_stand_below_their_frame() -> None:
    """A line each; one that is too long, or has lines of its own, is cut to one."""
    scopes = [
        FrameScope("f", "a.py:3", "await x", [("n", "'" + "a" * 50 + "'"), ("m", "a\nb")]),
        FrameScope("<module>", "<input 1>:1", "", []),
    ]
    assert [plain(line) for line in scope_lines(scopes, 30)] == [
        "f  a.py:3: await x",
        "  n = '" + "a" * 22 + "…",
        "  m = a\\nb",
        "<input 1>:1",
    ]


def test_many_names_are_counted() -> None:
    """Twenty are listed."""
    lines = scope_lines([FrameScope("f", "a.py:3", "", [(f"n{n}", "1") for n in range(25)])], None)
    assert [plain(line) for line in lines[-2:]] == ["  n19 = 1", "  + 5 more"]
