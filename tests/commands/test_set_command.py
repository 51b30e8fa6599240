"""`:set` shows the settings of the session, and changes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asyncrepl.session.frontend import Frontend

if TYPE_CHECKING:
    from support.shells import Typed


def test_all_settings_are_shown_with_their_values(type_in: Typed) -> None:
    """A line a setting: its name, its value, what it is."""
    assert type_in(":set").splitlines() == [
        "audience  off   show keys and steps to those who watch; demos pause longer",
        "color     off   colour the screen",
        "lanes     off   draw a row a task under the prompt",
        "theme     auto  auto, light, dark or mono: colours for that background, or none",
        "trace     off   tell the six steps of each async for",
        "vi        off   edit with the keys of vi, not of Emacs",
        "to change one: :set lanes off; asyncrepl --print-config tells how to keep it",
    ]


def test_one_is_changed_and_shown(type_in: Typed) -> None:
    """What is set is in force at once, and the same as by its own command."""
    assert type_in(":set trace on") == "trace  on   tell the six steps of each async for\n"
    assert type_in(":set trace").startswith("trace  on ")
    type_in(":trace off")
    assert type_in(":set trace").startswith("trace  off")
    assert "\x1b" in type_in(":set color=on")
    assert "\x1b" not in type_in(":set color off")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (":set colour on", "no setting 'colour': did you mean color?"),
        (":set qqq", "no setting 'qqq': there are audience, color, lanes, theme, trace, vi"),
        (":set trace maybe", "trace is on or off, not 'maybe'"),
        (":set theme purple", "theme is auto, light, dark or mono, not 'purple'"),
        (":set trace on off", "trace is on or off, not 'on off'"),
        (":set vi on", ":set vi on needs a terminal to edit in"),
        (":set audience on", ":set audience on needs a terminal to draw in"),
        (":set lanes on", ":lanes on needs a terminal to draw in; :timeline prints them"),
    ],
)
def test_a_mistake_is_one_line(type_in: Typed, command: str, told: str) -> None:
    """What is wrong, the value, and what there is."""
    assert type_in(command) == told + "\n"


def test_names_and_then_values_are_completed(type_in: Typed) -> None:
    """After :set come the names, after a name its values."""
    complete = type_in.shell.registry.find("set").complete
    assert list(complete(type_in.shell, "")) == [
        "audience",
        "color",
        "lanes",
        "theme",
        "trace",
        "vi",
    ]
    assert complete(type_in.shell, "lanes ") == ("on", "off")


def test_a_front_says_whether_it_has_vi_keys() -> None:
    """Without a terminal there are none."""
    assert Frontend().vi is False
