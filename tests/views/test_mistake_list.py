"""How the known mistakes look as a list, and each by itself."""

from __future__ import annotations

import pytest

from asyncrepl.explain.explainer import RULES
from asyncrepl.explain.explanation import Rule
from asyncrepl.views.explanation_lines import by_step, catalogue_lines, mistake_lines
from asyncrepl.views.styled_lines import plain


def rule(name: str, title: str, step: int) -> Rule:
    return Rule(name, title, step, "How things are.", lambda _: None)


def test_mistakes_are_listed_by_step_with_their_ids() -> None:
    """Titles and ids stand in two columns; a long title has its id below."""
    rules = (rule("a-b", "a title", 1), rule("c", "x" * 50, 0), rule("a-b", "again", 1))
    assert [plain(line) for line in catalogue_lines(rules, 80)] == [
        "before anything runs",
        "  " + "x" * 50,
        " " * 36 + "c",
        "",
        "1 __aiter__: anything to iterate over?",
        "  a title" + " " * 27 + "a-b",
        "",
        ":why ID tells more of one",
    ]


@pytest.mark.parametrize("width", [80, 40, None])
def test_every_mistake_is_listed_and_fits(width: int | None) -> None:
    """Every id is there once, and no title is broken by the screen."""
    lines = [plain(line) for line in catalogue_lines(RULES, width)]
    ids = [line.split()[-1] for line in lines if line.startswith("  ")]
    assert {rule.id for rule in RULES} <= set(ids)
    assert len({rule.id for rule in RULES}) == sum(len(found) for _, found in by_step(RULES))
    if width:
        assert all(len(line) <= width for line in lines if "-" not in line)


def test_a_mistake_by_itself_shows_where_the_loop_breaks() -> None:
    """The title, how things are, and the six steps with a mark at the one."""
    lines = [plain(line) for line in mistake_lines(rule("a", "a title", 3), 40)]
    assert lines[:5] == [
        "a title",
        "",
        "How things are.",
        "",
        "What `async for` does, and where it",
    ]
    assert "→ 3. the awaitable is awaited: it may" in lines
    assert "     suspend, and others run meanwhile" in lines
    assert all(len(line) <= 40 for line in lines)
