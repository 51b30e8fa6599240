"""Names and their meanings, on any screen."""

from __future__ import annotations

from asyncrepl.views.styled_lines import plain, two_columns

ROWS = [("a", "the first"), ("long name", "the second of them")]


def shown(width: int | None, others: list[tuple[str, str]] | None = None) -> list[str]:
    return [plain(line) for line in two_columns(ROWS, width, others or [])]


def test_on_a_wide_screen_they_stand_side_by_side() -> None:
    """Names make a column, meanings another."""
    assert shown(80) == ["a          the first", "long name  the second of them"]
    assert shown(None) == shown(80)


def test_on_a_narrow_screen_the_meaning_stands_below() -> None:
    """No line is longer than the screen, and no word is torn."""
    lines = shown(20)
    assert lines == ["a", "    the first", "long name", "    the second of", "    them"]
    assert all(len(line) < 20 for line in lines)


def test_tables_that_belong_together_look_alike() -> None:
    """A longer row of another table decides for both."""
    assert shown(60, [("x" * 20, "y")])[0] == f"{'a':<20}  the first"
    assert shown(60, [("x" * 60, "y")])[0] == "a"
