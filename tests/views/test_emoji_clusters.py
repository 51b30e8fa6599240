"""How wide joined emoji are in our own lines, and where these are cut."""

from __future__ import annotations

import pytest
from wcwidth import wcswidth

from asyncrepl.views.live_rows import LiveRows
from asyncrepl.views.styled_lines import cell_width, clusters, cut, cut_front, fit, wrapped

FAMILY, FLAG, THUMB = "👩\u200d👩\u200d👧", "🇩🇪", "👍🏽"
PICTURES = [FAMILY, FLAG, THUMB, "❤\ufe0f", "1\ufe0f\u20e3", "👩🏽\u200d🚀", "🏳\ufe0f\u200d🌈"]


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_is_one_cluster_of_two_columns(picture: str) -> None:
    """As `wcswidth` has it."""
    assert clusters(f"a{picture}b") == ["a", picture, "b"]
    assert cell_width(f"a{picture}b") == wcswidth(picture) + 2 == 4


@pytest.mark.parametrize(
    "text", ["abc", "日本", "e\u0301", "a\u200db", "☺", "→\n", "\ufe0f", "\u200d"]
)
def test_other_text_is_characters(text: str) -> None:
    """Of which each has its own width."""
    assert clusters(text) == list(text)


def test_no_picture_is_cut_apart() -> None:
    """At the end, at the front, and where rows break."""
    text = f"a{FAMILY}{FLAG}z"
    assert [cut(text, width) for width in (5, 4, 3)] == [f"a{FAMILY}…", f"a{FAMILY}…", "a…"]
    assert [cut_front(text, width) for width in (5, 4, 3)] == [f"…{FLAG}z", f"…{FLAG}z", "…z"]
    assert cell_width(fit(text, 9)) == 9
    assert wrapped(f"{FAMILY} " * 12, 12) == [" ".join([FAMILY] * 4)] * 3


def test_rows_of_a_program_hold_whole_pictures() -> None:
    """Each in two cells; what is written over one leaves a blank."""
    rows = LiveRows(6, 10)
    rows.feed(f"{FAMILY}{FLAG}{THUMB}{FAMILY}")
    assert [["".join(char for _, char in row)] for row in rows.rows] == [
        [FAMILY + FLAG + THUMB], [FAMILY],
    ]  # fmt: skip
    rows = LiveRows(6, 10)
    rows.feed(f"{FAMILY}x\r z")
    assert "".join(char for _, char in rows.rows[0]) == " zx"
