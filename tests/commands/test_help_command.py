"""`:help`, and the question mark behind a command."""

from __future__ import annotations

import re

import pytest
from support.shells import Typed, typed_shell

from asyncrepl.session.command_registry import COMMAND_GROUPS, CommandRegistry
from asyncrepl.views.glyphs import glyphs_of
from asyncrepl.views.styled_lines import cell_width

NAMES = CommandRegistry().names


def test_help_shows_the_commands_in_groups(type_in: Typed) -> None:
    """Each group has its head and its commands below it, in the order of the groups."""
    shown = type_in(":help")
    places = [shown.index(f"{group}  {what}") for group, what in COMMAND_GROUPS.items()]
    assert places == sorted(places)
    for command in CommandRegistry():
        assert command.group in COMMAND_GROUPS
        assert f"  {command.usage}" in shown


def test_help_has_a_row_for_each_command_on_a_usual_screen() -> None:
    """At 80 columns no summary needs a second one."""
    with typed_shell(width=80) as type_in:
        rows = type_in(":help").splitlines()
    assert len(rows) == len(COMMAND_GROUPS) + len(NAMES) + 1


@pytest.mark.parametrize("group", COMMAND_GROUPS)
def test_one_group_can_be_asked_for(type_in: Typed, group: str) -> None:
    """`:help speed` shows the commands for that alone."""
    shown = type_in(f":help {group}")
    here = [command.usage for command in CommandRegistry() if command.group == group]
    assert [line.split("  ")[1] for line in shown.splitlines()[1:]] == here


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mark", ["?", " ?"])
def test_a_question_mark_asks_for_help(type_in: Typed, name: str, mark: str) -> None:
    """`:NAME?` and `:NAME ?` are `:help NAME`, and do nothing else."""
    assert type_in(f":{name}{mark}") == type_in(f":help {name}")
    assert type_in.status is not None
    assert type_in.status.kind == "ok"


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("name", ["", *NAMES])
def test_help_fits_the_screen(width: int, name: str) -> None:
    """No row is broken by the screen, and no line of it ends within a word."""
    with typed_shell(width=width) as type_in:
        assert max(map(cell_width, type_in(f":help {name}").splitlines())) <= width


def test_help_on_lanes_is_a_legend(type_in: Typed) -> None:
    """Each mark is there with its form in ASCII."""
    shown = type_in(":help lanes")
    for glyph in list(glyphs_of("lanes").values())[1:]:
        assert f"  {glyph.char}  {glyph.ascii}  {glyph.meaning}\n" in shown


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"quit"}))
@pytest.mark.parametrize("rest", ["", " ?", " zzz zzz zzz zzz"])
def test_whatever_follows_a_command_the_answer_is_sensible(name: str, rest: str) -> None:
    """Without words, with too many, with a question mark: an answer or one clear line."""
    with typed_shell(width=80) as type_in:
        shown = type_in(f":{name}{rest}", interrupt_after=0.5)
        assert "Traceback" not in shown
        assert "Error:" not in shown.replace("NameError: name 'zzz'", "").replace(
            "SyntaxError: invalid syntax", ""
        )
        assert type_in("1") == "1\n"


@pytest.mark.parametrize("width", [40, 80])
def test_help_on_keys_fits_the_screen(width: int) -> None:
    """All that this prompt has beside Emacs' or vi's; the list of commands names it."""
    with typed_shell(width=width) as type_in:
        shown = type_in(":help keys")
        assert max(map(cell_width, shown.splitlines())) <= width
        for key in ("Tab", "Ctrl-R", "Alt-Enter", "Ctrl-X Ctrl-E", "Ctrl-S", "Ctrl-C", "Ctrl-D"):
            assert re.search(rf"\n  {key}\s", shown)
        assert ":help keys" in " ".join(type_in(":help").split())


def test_half_a_topic_is_told_the_whole_ones(type_in: Typed) -> None:
    """There are several, and none is more likely."""
    assert type_in(":help async") == (
        "no command :async; there is :help async for, :help async with, :help async def\n"
    )
