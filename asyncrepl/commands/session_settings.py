"""The settings of a running session (``:set``), one row a setting.

The configuration file and the options of the command line set the same for every session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asyncrepl.runtime.settings import THEMES
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
    """Something that is on or off, or one of several `values`."""

    name: str
    meaning: str
    get: Callable[[Shell], bool | str]
    set: Callable[[Shell, Any], None]
    values: tuple[str, ...] = ("on", "off")

    def value_of(self, words: Sequence[str]) -> bool | str:
        """The value that `words` name; raises CommandError if they do not."""
        word = words[0].lower()
        switches = self.values == ("on", "off")
        if len(words) > 1 or word not in (_TRUTH_WORDS if switches else self.values):
            *some, last = self.values
            said = " ".join(words)
            raise CommandError(f"{self.name} is {', '.join(some)} or {last}, not {said!r}")
        return _TRUTH_WORDS[word] if switches else word


def _set_color(shell: Shell, on: bool) -> None:
    shell.frontend.show_color(on=on)
    shell.console.color = on


_SESSION_SETTINGS = {
    setting.name: setting
    for setting in (
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
            "theme",
            "colours for a light or a dark background, or none",
            lambda shell: shell.console.theme.chosen,
            lambda shell, name: setattr(shell.console.theme, "chosen", name),
            THEMES,
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
        setting.set(shell, setting.value_of(words))
    return _setting_lines(shell, [setting])


def _setting_lines(shell: Shell, settings: Sequence[_SessionSetting]) -> list[Line]:
    longest = max(len(setting.name) for setting in settings)
    values = [_value_text(setting.get(shell)) for setting in settings]
    widest = max(3, *map(len, values))
    rows = [
        (f"{setting.name:<{longest}}  {value:<{widest}}", setting.meaning)
        for setting, value in zip(settings, values, strict=True)
    ]
    return two_columns(rows, shell.console.width)


def _value_text(value: bool | str) -> str:
    return value if isinstance(value, str) else "on" if value else "off"


def words(_shell: Shell, typed: str) -> CompletionWords:
    """The names with what they are for, and after one of them its values."""
    setting = _SESSION_SETTINGS.get(typed.partition(" ")[0])
    if setting is not None:
        return setting.values
    return {name: setting.meaning for name, setting in _SESSION_SETTINGS.items()}
