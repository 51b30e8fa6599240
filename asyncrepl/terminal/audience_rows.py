"""Rows for those who watch: the keys that are pressed, and the step that happens.

The row of the keys is there as long as the audience is, also without keys: what stands below it
must not jump. The rows of the step come with the first ``async for`` of a statement and stay a
moment after it; each frame draws the cells that have changed, in one write, so nothing flickers.
"""

from __future__ import annotations

from collections import deque
from itertools import groupby
from time import monotonic
from typing import TYPE_CHECKING

from prompt_toolkit.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prompt_toolkit.key_binding import KeyPress

    from asyncrepl.session.shell import Shell
    from asyncrepl.views.narration_lines import Seen, StepFollower
    from asyncrepl.views.styled_lines import Line

#: Seconds for which a key stays shown, and how many are.
_SHOWN_FOR, _MAX_KEYS = 2.5, 40
_SPACE = "Space"
_KEY_NAMES = {
    " ": _SPACE,
    Keys.ControlM: "Enter",
    Keys.ControlI: "Tab",
    Keys.BackTab: "Shift-Tab",
    Keys.ControlH: "Backspace",
    Keys.Escape: "Esc",
    Keys.BracketedPaste: "paste",
    Keys.PageUp: "Page-Up",
    Keys.PageDown: "Page-Down",
}
_MODIFIERS = {"c": "Ctrl", "s": "Shift"}


class AudienceRows:
    """The rows for those who watch; for the terminal's thread, but for `connect`."""

    def __init__(self, *, ascii: bool, now: Callable[[], float] = monotonic) -> None:
        self.on = False
        #: Called when there is something new to show.
        self.changed: Callable[[], object] = bool
        #: Whether each letter is a command, and not text that is typed.
        self.commands: Callable[[], bool] = bool
        self._dots, self._times = ("...", "x") if ascii else ("…", "×")
        self._now = now
        self._keys: deque[tuple[float, str]] = deque(maxlen=_MAX_KEYS)
        self._shell: Shell | None = None
        self._follower: StepFollower | None = None

    def connect(self, shell: Shell) -> None:
        """From now on follow what runs in `shell`."""
        self._shell = shell

    # -- keys ------------------------------------------------------------------------------

    def pressed(self, keys: Sequence[KeyPress]) -> None:
        """Keys were read from the keyboard."""
        if self.on:
            now, gap = self._now(), " " * self.commands()
            pressed = [key for key in keys if key.key != Keys.CPRResponse]
            self._keys += [(now, key_name(key) + gap) for key in pressed]
            self.changed()

    def moves(self) -> bool:
        """Whether the rows will change though nothing happens: keys go, steps come one by one."""
        step = self._follower is not None and self._follower.moves
        return self.on and (bool(self._keys) or step)

    def rows(self, width: int) -> Sequence[Line]:
        """All of them, as they are now."""
        return [*self.key_rows(width), *self.step_rows(width)] if self.on else ()

    def key_rows(self, width: int) -> Sequence[Line]:
        """One row with the last keys, the newest at its end; none without an audience."""
        if not self.on:
            return ()
        from asyncrepl.views.styled_lines import cut_front

        while self._keys and self._now() - self._keys[0][0] > _SHOWN_FOR:
            self._keys.popleft()
        head = "keys "
        text = _joined([name for _, name in self._keys], self._times)
        shown = cut_front(text, max(width - len(head), 1), self._dots)
        return [[("dim", head), ("name", shown)]]

    # -- steps -----------------------------------------------------------------------------

    def step_rows(self, width: int) -> Sequence[Line]:
        """The line of the ``async for`` that runs, its step marked; none if none does."""
        if not self.on or self._shell is None:
            return ()
        from asyncrepl.commands.view_commands import STEP_MEANINGS
        from asyncrepl.views.narration_lines import StepFollower, step_rows

        self._follower = self._follower or StepFollower()
        shown = self._follower.look(self._now(), self._seen(self._shell))
        source = None if shown is None else self._shell.session.sources.get(shown.site.filename)
        if shown is None or source is None:
            return ()
        name, what = STEP_MEANINGS[shown.step - 1]
        return step_rows(shown, source, f"{name}  {what}", width, self._dots)

    def _seen(self, shell: Shell) -> Seen | None:
        """Where the innermost iteration of the statement is; None if it has none."""
        from asyncrepl.views.narration_lines import Seen

        task = shell.task
        name = None if task is None else task.get_name()
        every = [each for each in shell.narrator.open_iterations() if each.iteration.task == name]
        if not every:
            return None
        found = max(every, key=lambda each: (each.iteration.depth, each.iteration.number))
        return Seen(found.iteration.number, found.round, found.phase, found.iteration.site)


def key_name(key: KeyPress) -> str:
    """How a key is called on a keyboard: ``Ctrl-R``, ``Up``, ``a``."""
    name = str(getattr(key.key, "value", key.key))
    if key.key in _KEY_NAMES:
        return _KEY_NAMES[key.key]
    if len(name) == 1:
        return name
    *modifiers, last = name.split("-") if not name.endswith("--") else [name]
    spelled = [_MODIFIERS.get(each, each.title()) for each in modifiers]
    return "-".join([*spelled, last.upper() if len(last) == 1 else last.title()])


def _joined(names: Sequence[str], times: str) -> str:
    """The names with blanks between; text as it is typed, and what is repeated once, numbered.

    A letter with a blank behind it is no text.
    """
    pieces: list[str] = []
    text = ""
    for name, group in groupby(names):
        count = len(list(group))
        if len(name) == 1:
            text += name * count
        elif name == _SPACE and count == 1 and text:
            text += " "
        else:
            key = name.rstrip()
            pieces += [*_typed(text), key if count == 1 else f"{key} {times}{count}"]
            text = ""
    return " ".join([*pieces, *_typed(text)])


def _typed(text: str) -> list[str]:
    """The text that was typed; a blank at its end, where nobody would see it, by its name."""
    return [each for each in (text.removesuffix(" "), _SPACE * text.endswith(" ")) if each]
