"""How an explanation looks at the prompt."""

from __future__ import annotations

from asyncrepl.explain.explanation import Explanation, Fix
from asyncrepl.language.sources import Source
from asyncrepl.views.explanations import explanation_lines, fix_text
from asyncrepl.views.styled import plain

BEFORE = "def f():\n    x = 1\n    async for y in z():\n        print(x, y)\n"


def shown(fix: Fix | None) -> list[str]:
    found = Explanation("id", "title", 1, "because", fix, None, "story")
    sources = {"<input 1>": Source("<input 1>", BEFORE)}
    return [plain(line) for line in explanation_lines(found, sources)]


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
