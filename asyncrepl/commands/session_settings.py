"""The settings of a running session (``:set``), one row a setting.

The configuration file and the options of the command line set the same for every session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncrepl.runtime.shipped_demos import closest_match
from asyncrepl.session.command_registry import CommandError
from asyncrepl.views.styled_lines import two_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncrepl.session.command_registry import CompletionWords
    from asyncrepl.session.shell import Shell
    from asyncrepl.views.styled_lines import Line

__all__ = ["choose", "words"]

_TRUTH_WORDS = {"on": True, "off": False, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class _SessionSetting:
    """Something that is on or off."""

    name: str
    meaning: str
    get: Callable[[Shell], bool]
    set: Callable[[Shell, bool], None]


def _set_color(shell: Shell, on: bool) -> None:
    shell.frontend.show_color(on=on)
    shell.console.color = on


_SESSION_SETTINGS = {
    setting.name: setting
    for setting in (
        _SessionSetting(
            "audience",
            "show keys and steps to those who watch; demos pause longer",
            lambda shell: shell.frontend.audience,
            lambda shell, on: shell.frontend.show_audience(on=on),
        ),
        _SessionSetting(
            "color", "colour the screen", lambda shell: shell.console.color, _set_color
        ),
        _SessionSetting(
            "lanes",
            "draw a row a task under the prompt",
            lambda shell: shell.frontend.lanes,
            lambda shell, on: shell.frontend.show_lanes(on=on),
        ),
        _SessionSetting(
            "trace",
            "tell the six steps of each async for",
            lambda shell: shell.narrator.on,
            lambda shell, on: shell.narrator.turn(on=on),
        ),
        _SessionSetting(
            "vi",
            "edit with the keys of vi, not of Emacs",
            lambda shell: shell.frontend.vi,
            lambda shell, on: shell.frontend.use_vi(on=on),
        ),
    )
}


def choose(shell: Shell, rest: str) -> list[Line]:
    """Show all settings, or the one that `rest` names; change it first, if it says so."""
    name, *words = rest.replace("=", " ").split() or [""]
    if not name:
        return _setting_lines(shell, list(_SESSION_SETTINGS.values()))
    setting = _SESSION_SETTINGS.get(name)
    if setting is None:
        near = closest_match(name, _SESSION_SETTINGS)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(_SESSION_SETTINGS)}"
        raise CommandError(f"no setting {name!r}: {hint}")
    if words:
        if len(words) > 1 or words[0].lower() not in _TRUTH_WORDS:
            raise CommandError(f"{name} is on or off, not {' '.join(words)!r}")
        setting.set(shell, _TRUTH_WORDS[words[0].lower()])
    return _setting_lines(shell, [setting])


def _setting_lines(shell: Shell, settings: Sequence[_SessionSetting]) -> list[Line]:
    longest = max(len(setting.name) for setting in settings)
    rows = [
        (f"{setting.name:<{longest}}  {_on_or_off(setting.get(shell)):<3}", setting.meaning)
        for setting in settings
    ]
    return two_columns(rows, shell.console.width)


def _on_or_off(on: bool) -> str:
    return "on" if on else "off"


def words(_shell: Shell, typed: str) -> CompletionWords:
    """The names with what they are for, and after one of them its values."""
    if typed.partition(" ")[0] in _SESSION_SETTINGS:
        return ("on", "off")
    return {name: setting.meaning for name, setting in _SESSION_SETTINGS.items()}
