"""How an explanation looks at the prompt."""

from __future__ import annotations

from asyncrepl.explain.explanation import Explanation, Fix
from asyncrepl.syntax.sources import Source
from asyncrepl.views.explanation_lines import explanation_lines, fix_text
from asyncrepl.views.styled_lines import plain

BEFORE = "def f():\n    x = 1\n    async for y in z():\n        print(x, y)\n"


def shown(fix: Fix | None, why: str = "because", width: int | None = None) -> list[str]:
    found = Explanation("id", "title", 1, why, fix, None, "story")
    sources = {"<input 1>": Source("<input 1>", BEFORE)}
    return [plain(line) for line in explanation_lines(found, sources, width)]


def test_without_a_fix_there_is_the_cause() -> None:
    """An explanation without a correction is one line."""
    assert shown(None) == ["why  because"]


def test_a_short_fix_is_shown_whole() -> None:
    """A correction of one or two lines stands as it is to be typed."""
    assert shown(Fix("<input 1>", "a\nb\n")) == ["why  because", "try  a", "     b"]


def test_of_a_long_fix_the_changed_lines_are_shown() -> None:
    """A longer correction shows what changes, and how to get it all."""
    fix = Fix("<input 1>", BEFORE.replace("def", "async def"))
    assert shown(fix) == ["why  because", "try  async def f():   (:fix writes it all)"]


def test_an_explanation_never_takes_more_than_four_lines() -> None:
    """However much changes, the rest is left to :fix."""
    assert len(shown(Fix("<input 1>", "\n".join("abcdefgh")))) <= 4


def test_a_fix_of_several_inputs_is_one_input() -> None:
    """:fix writes all that changes, in order."""
    assert fix_text(Fix("<input 1>", "a\n", (("<input 2>", "b\n"),))) == "a\nb"


def test_what_does_not_fit_is_cut_and_fix_writes_it_all() -> None:
    """A line of code is never broken by the screen, and the hint always has its place."""
    fix = Fix("<input 1>", "print(" + "x" * 60 + ")\n")
    assert shown(fix, width=40) == ["why  because", "try  print(" + "x" * 20 + "…  (:fix)"]


def test_a_long_reason_leaves_less_room_for_the_correction() -> None:
    """Together they are four lines, at 80 columns."""
    fix = Fix("<input 1>", "a\nb\n")
    lines = shown(fix, "because " * 25, 80)
    assert len(lines) == 4
    assert lines[-1] == "try  a   (:fix writes it all)"


def test_a_correction_that_only_takes_away_says_how_to_get_it() -> None:
    """There is no new line to show, but there is a corrected text."""
    fix = Fix("<input 1>", BEFORE.replace("    x = 1\n", ""))
    assert shown(fix) == ["why  because", "try  (:fix writes it all)"]


def test_a_program_has_no_command_to_type() -> None:
    """Where nothing was typed, the program that shows the whole correction is named."""
    found = Explanation("id", "title", 1, "because", Fix("f.py", "a\nb\nc\n"), None, "story")
    lines = explanation_lines(found, {"f.py": Source("f.py", "a\nx\nc\n")})
    assert plain(lines[-1]) == "try  b   (asyncrepl explain shows it all)"
