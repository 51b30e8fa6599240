"""The tour: its lines run and do what is said of them, and it can be left and taken up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.shells import typed_shell

import asyncrepl
from asyncrepl.session.frontend import Frontend
from asyncrepl.session.tour_chapters import CHAPTERS
from asyncrepl.views.styled_lines import cell_width

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.shells import Typed

STEPS = [(number, step) for number, chapter in enumerate(CHAPTERS, 1) for step in chapter.steps]
#: What each line is to show; of these sentences of the tour depend.
SHOWN = {
    ":ticker tick 1": ["tick started: every 1 s"],
    ":load ticks": ["try  async for"],
    "async for n in ticks(3): n": ["1\n", "2\n", "3\n"],
    ":trace async for n in ticks(2): n": ["1 __aiter__", "3 await      suspended", "6 stop", "tick ran"],
    "for n in ticks(3): n": ["TypeError", "why  ", "try  async for n in ticks(3): n"],
    ":fix": ["async for n in ticks(3): n"],
    ":rate 0.25": ["rate 0.25: a second takes 4 s"],
    "async for n in ticks(2, 0.5): n": ["1\n", "2\n"],
    ":rate 1": ["rate 1"],
    ":stop tick": ["tick stopped"],
    ":replay await": [],
}  # fmt: skip


class Target(Frontend):
    """A front that can offer lines, and replay."""

    def __init__(self) -> None:
        self.offered = ""
        self.replayed: list[str] = []

    def suggest(self, text: str) -> bool:
        self.offered = text
        return True

    def replay(self, name: str) -> None:
        self.replayed.append(name)


@pytest.fixture
def target() -> Target:
    return Target()


@pytest.fixture
def typed(target: Target) -> Iterator[Typed]:
    with typed_shell(target) as typed:
        yield typed


def test_it_leads_from_the_first_line_to_the_last(typed: Typed, target: Target) -> None:
    """Each line that is offered runs, does what is said, and is followed by the next."""
    shown = typed(":tour")
    for chapter, step in STEPS:
        assert typed.shell.guide.tour.place[0] == chapter
        assert step.before in shown
        assert target.offered == step.line
        shown = typed(step.line)
        for part in SHOWN[step.line]:
            assert part in shown
        if step.line.startswith(":replay"):
            assert step.after not in shown
            typed.shell.guide.tour.replayed()
            shown = typed.shown()
        assert f"seen  {step.after}" in shown
    assert target.replayed == ["await"]
    assert not typed.shell.guide.tour.on
    assert target.offered == ""


@pytest.mark.parametrize("chapter", range(1, len(CHAPTERS) + 1))
def test_each_chapter_can_be_begun_by_itself(chapter: int) -> None:
    """`:tour N` brings what the chapter needs, and its lines run."""
    target = Target()
    with typed_shell(target) as typed:
        assert f"{chapter}/{len(CHAPTERS)}  {CHAPTERS[chapter - 1].title}" in typed(
            f":tour {chapter}"
        )
        for step in CHAPTERS[chapter - 1].steps:
            assert target.offered == step.line
            shown = typed(step.line)
            assert "NameError" not in shown
        if chapter < len(CHAPTERS):
            assert typed.shell.guide.tour.place == (chapter + 1, 1)


def test_anything_else_may_be_typed_and_the_tour_waits(typed: Typed, target: Target) -> None:
    """Other lines run as ever; nothing is said of them, and the offer stays."""
    typed(":tour")
    assert typed("1 + 1") == "2\n"
    assert "Error" in typed("1/0")
    assert target.offered == STEPS[0][1].line
    assert "seen" in typed(":ticker mine 2")  # another ticker shows the same


def test_a_line_that_fails_does_not_count(typed: Typed, target: Target) -> None:
    """What was to be seen was not seen."""
    typed(":tour")
    assert "seen" not in typed(":ticker tick 0")
    assert target.offered == ":ticker tick 1"


def test_another_error_before_the_fix_leads_back_to_the_mistake(
    typed: Typed, target: Target
) -> None:
    """`:fix` would only say, for ever, that the last error cannot be fixed."""
    typed(":tour 3")
    typed("for n in ticks(3): n")
    typed("1/0")
    assert target.offered == ":fix"
    assert CHAPTERS[2].steps[0].before in typed(":fix")
    assert target.offered == "for n in ticks(3): n"
    typed("for n in ticks(3): n")
    assert "seen" in typed(":fix")


def test_names_that_are_gone_come_back(typed: Typed) -> None:
    """After `:reset` the line that needs them fails once."""
    typed(":tour 2")
    typed(":reset")
    assert "ran   :load ticks" in typed(CHAPTERS[1].steps[0].line)
    assert "seen" in typed(CHAPTERS[1].steps[0].line)


def test_it_can_be_left_and_taken_up_again(typed: Typed, target: Target) -> None:
    """`:tour stop` leaves it, `:tour` goes on at the same line, without the introduction."""
    typed(":tour")
    typed(":ticker tick 1")
    assert "left" in typed(":tour stop")
    assert target.offered == ""
    assert "seen" not in typed(":load ticks")
    assert STEPS[1][1].before in typed(":tour")
    assert target.offered == ":load ticks"


def test_what_is_said_of_leaving_fits_a_narrow_screen() -> None:
    """No word is broken by the end of a row."""
    with typed_shell(Target(), width=40) as typed:
        typed(":tour")
        rows = typed(":tour stop").splitlines()
    assert " ".join(row.strip() for row in rows) == "the tour is left; :tour goes on from here"
    assert max(map(cell_width, rows)) < 40


def test_where_no_line_can_be_offered_it_is_shown(type_in: Typed) -> None:
    """Without a terminal the line to type stands there."""
    assert "type  :ticker tick 1" in type_in(":tour")
    assert "type  :load ticks" in type_in(":ticker tick 1")


def test_it_ends_where_nothing_can_be_replayed(type_in: Typed) -> None:
    """The replay's own refusal says what to do; the tour does not wait for ever."""
    type_in(":tour 5")
    assert "That was the tour" in type_in(":replay await")


def test_it_is_no_part_of_the_session(typed: Typed, tmp_path: Path) -> None:
    """A session that is saved runs again, without a word of the tour."""
    typed(":tour 3")
    typed("for n in ticks(3): n")
    typed(f":save {tmp_path}/talk.pycon")
    text = (tmp_path / "talk.pycon").read_text(encoding="utf-8")
    assert ">>> :load ticks" in text
    for word in ("tour", "seen", "next  ", "3/5"):
        assert word not in text


@pytest.mark.parametrize("width", [40, 80])
def test_its_words_fit_the_screen(width: int) -> None:
    """No row is wider than the screen."""
    target = Target()
    with typed_shell(target, width=width) as typed:
        shown = typed(":tour")
        for _, step in STEPS:
            shown += typed(step.line)
    said = [
        line for line in shown.splitlines() if line.startswith(("next", "seen", "    ", "Five"))
    ]
    assert max(map(cell_width, said)) <= width
    assert all(len(step.line) + 4 <= 40 for _, step in STEPS)


def test_it_has_a_twin() -> None:
    """What the command leads through can be had in a program."""
    lines = [step.line for chapter in asyncrepl.tour() for step in chapter.steps]
    assert lines == [step.line for _, step in STEPS]
    assert set(lines) == set(SHOWN)
