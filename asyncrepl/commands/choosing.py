"""What can be chosen in a session, one row a setting.

The configuration file and the options of the command line set the same for every session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncrepl.commands.registry import CommandError
from asyncrepl.language.likeness import most_like
from asyncrepl.views.table import meaning_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncrepl.commands.registry import Words
    from asyncrepl.commands.shell import Shell
    from asyncrepl.views.styled import Line

__all__ = ["choose", "words"]

_WORDS = {"on": True, "off": False, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class _Setting:
    """Something that is on or off."""

    name: str
    meaning: str
    get: Callable[[Shell], bool]
    set: Callable[[Shell, bool], None]


def _set_color(shell: Shell, on: bool) -> None:
    shell.front.show_color(on=on)
    shell.console.color = on


_SETTINGS = {
    setting.name: setting
    for setting in (
        _Setting("color", "colour the screen", lambda shell: shell.console.color, _set_color),
        _Setting(
            "lanes",
            "draw a row a task under the prompt",
            lambda shell: shell.front.lanes,
            lambda shell, on: shell.front.show_lanes(on=on),
        ),
        _Setting(
            "trace",
            "tell the six steps of each async for",
            lambda shell: shell.narrator.on,
            lambda shell, on: shell.narrator.turn(on=on),
        ),
        _Setting(
            "vi",
            "edit with the keys of vi, not of Emacs",
            lambda shell: shell.front.vi,
            lambda shell, on: shell.front.use_vi(on=on),
        ),
    )
}


def choose(shell: Shell, rest: str) -> list[Line]:
    """Show all settings, or the one that `rest` names; change it first, if it says so."""
    name, *words = rest.replace("=", " ").split() or [""]
    if not name:
        return _shown(shell, list(_SETTINGS.values()))
    setting = _SETTINGS.get(name)
    if setting is None:
        near = most_like(name, _SETTINGS)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(_SETTINGS)}"
        raise CommandError(f"no setting {name!r}: {hint}")
    if words:
        if len(words) > 1 or words[0].lower() not in _WORDS:
            raise CommandError(f"{name} is on or off, not {' '.join(words)!r}")
        setting.set(shell, _WORDS[words[0].lower()])
    return _shown(shell, [setting])


def _shown(shell: Shell, settings: Sequence[_Setting]) -> list[Line]:
    longest = max(len(setting.name) for setting in settings)
    rows = [
        (f"{setting.name:<{longest}}  {_word(setting.get(shell)):<3}", setting.meaning)
        for setting in settings
    ]
    return meaning_lines(rows, shell.console.width)


def _word(on: bool) -> str:
    return "on" if on else "off"


def words(_shell: Shell, typed: str) -> Words:
    """The names with what they are for, and after one of them its values."""
    if typed.partition(" ")[0] in _SETTINGS:
        return ("on", "off")
    return {name: setting.meaning for name, setting in _SETTINGS.items()}
