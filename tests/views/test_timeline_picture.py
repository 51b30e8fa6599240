"""The timeline: who ran when, with an axis and a legend."""

from __future__ import annotations

import pytest
from support.snapshots import MS, lane, snapshot

from asyncrepl.events import IDLE, Snapshot
from asyncrepl.views.lanes import timeline_lines
from asyncrepl.views.styled_lines import STYLES, plain


def draw(picture: Snapshot, now: int, width: int = 40, **options: object) -> str:
    """The lines for the instant `now` (in ms), each closed by a newline."""
    lines = timeline_lines(picture, now * MS, width, **options)  # type: ignore[arg-type]
    return "".join(plain(line) + "\n" for line in lines)


FAMILY = snapshot(
    [lane(1, "tick"), lane(2, "input 2", born=1000), lane(3, "child", parent=2, born=1000)],
    slices=[
        (1, 0), (IDLE, 0),
        (2, 1000), (3, 1000), (IDLE, 1000),
        (1, 1200), (IDLE, 1200),
        (2, 1300), (IDLE, 1500),
        (1, 1500), (IDLE, 1500),
    ],
    marks=[(1, 1200, "print"), (2, 1600, "value")],
    ended=[(3, 1800, "cancelled"), (2, 2000, "done")],
)  # fmt: skip


def test_the_picture_of_a_family() -> None:
    """Children stand under their parent; time counts from the left edge; used glyphs are told."""
    assert draw(FAMILY, 2000) == (
        "tick     ──────•────────┴───────────────\n"
        "input 2  ┴────────██████───●───────────┤\n"
        "  child  ┴───────────────────────○\n"
        "         0     0.2   0.4   0.6   0.8 s\n"
        "─ waits   ┴ runs briefly   █ runs\n"
        "• prints   ● value   ┤ ends\n"
        "○ cancelled\n"
    )


def test_the_same_in_ascii() -> None:
    """Where the screen shows nothing else, all of it is ASCII."""
    text = draw(FAMILY, 2000, ascii=True)
    assert text.isascii()
    assert text.splitlines()[1] == "input 2  +--------======---@-----------|"


def test_without_seconds_it_begins_with_what_was_typed_last() -> None:
    """The left edge is the birth of the youngest task that no task made."""
    assert draw(FAMILY, 2000) == draw(FAMILY, 2000, seconds=1.0)


def test_without_seconds_it_shows_ten_at_most() -> None:
    """However long ago a ticker was started, it is drawn as far as one can tell its ticks."""
    ticker = snapshot([lane(1, "tick")])
    assert draw(ticker, 60_000) == draw(ticker, 60_000, seconds=10.0)


def test_it_ends_with_the_last_task() -> None:
    """While nobody lives nothing is to be seen: the picture ends where the last one ended."""
    over = snapshot([lane(1, "a")], ended=[(1, 500, "done")])
    assert draw(over, 90_000) == draw(over, 500) != ""


def test_statements_that_took_no_time_have_no_row() -> None:
    """Definitions do not crowd the picture; what failed or showed something stays."""
    brief = [lane(number, name) for number, name in enumerate(["def", "bad", "shown", "a"], 1)]
    picture = snapshot(
        brief,
        marks=[(3, 0, "value")],
        ended=[(1, 0, "done"), (2, 0, "error"), (3, 0, "done"), (4, 800, "done")],
    )
    rows = draw(picture, 800, seconds=1.0).splitlines()
    assert [row.split()[0] for row in rows[:3]] == ["bad", "shown", "a"]


def test_commands_that_wait_have_no_row() -> None:
    """The task in which a command waits is not the user's."""
    assert "wait" not in draw(snapshot([lane(1, ":wait"), lane(2, "tick")]), 500).split("\n")[0]


def test_who_ended_before_is_left_out() -> None:
    """A task that lived only before the window has no row."""
    picture = snapshot([lane(1, "early"), lane(2, "late", born=500)], ended=[(1, 400, "done")])
    assert "early" not in draw(picture, 1000, seconds=0.6)
    assert "early" in draw(picture, 1000, seconds=0.7)


def test_nobody_is_no_picture() -> None:
    """Where no task lived there is nothing, not an empty axis."""
    assert draw(snapshot([]), 1000) == ""


def test_too_many_are_summed_up() -> None:
    """Who lived longest has a row; the others are counted."""
    crowd = [lane(number, f"t{number}", born=10 * number) for number in range(1, 31)]
    rows = draw(snapshot(crowd, slices=[(25, 300), (IDLE, 310)]), 500, seconds=1.0).splitlines()
    assert [row.split()[0] for row in rows[:20]] == [*(f"t{n}" for n in range(1, 20)), "+"]
    assert rows[19] == "+ 11 more: 1 ran"


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("span", [1, 330, 10_000, 3_600_000])
def test_no_line_is_wider_than_asked(width: int, span: int) -> None:
    """Rows, axis and legend fit, whatever the span, and every style is known."""
    picture = snapshot([lane(1, "a name of some length"), lane(2, "b", parent=1)])
    lines = timeline_lines(picture, span * MS, width, seconds=span / 1000)
    assert max(len(plain(line)) for line in lines) <= width
    assert {style for line in lines for style, _ in line} <= set(STYLES)


def test_rows_use_most_of_the_width() -> None:
    """A wide screen is used: the picture fills at least two thirds of what is there."""
    for span in (100, 330, 990, 1500, 7000, 10_000):
        row = draw(snapshot([lane(1, "tick")]), span, width=80, seconds=span / 1000).split("\n")[0]
        assert len(row) >= 53
