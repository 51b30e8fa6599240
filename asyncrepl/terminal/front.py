"""What commands may ask of the terminal; called on the main thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.commands.front import Front
from asyncrepl.commands.registry import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncrepl.commands.shell import Shell
    from asyncrepl.engine.observing import Observing
    from asyncrepl.terminal.replaying import Replays
    from asyncrepl.terminal.ui import Ui

__all__ = ["TerminalFront", "complete_command"]


class TerminalFront(Front):
    """The terminal as commands see it."""

    def __init__(self, ui: Ui, replays: Replays) -> None:
        self._ui = ui
        self._replays = replays
        self._play: Callable[[str], None] = super().replay
        self._observing: Observing | None = None

    def connect(self, observing: Observing, play: Callable[[str], None]) -> None:
        """Lanes are of what is observed, if the settings want them; `play` starts a replay."""
        self._observing, self._play = observing, play
        self.show_lanes(on=self._ui.panel.on)

    @property
    def lanes(self) -> bool:  # type: ignore[override]
        """Whether live lanes are drawn."""
        return self._ui.panel.on

    @property
    def prompt_width(self) -> int:  # type: ignore[override]
        """The columns of the prompt, behind which a statement begins."""
        return self._ui.prompt_width

    def offer(self, text: str) -> bool:
        """Put `text` on the next input line, to be edited."""
        return self._ui.call(lambda: self._ui.typist.offer(text))

    def show_lanes(self, *, on: bool) -> None:
        """Draw live lanes under the prompt, or stop drawing (and recording) them."""
        self._ui.panel.on = on
        if self._observing is not None:
            (self._observing.want if on else self._observing.drop)("lanes")

    @property
    def vi(self) -> bool:  # type: ignore[override]
        """Whether the keys are those of vi."""
        return self._ui.vi

    def use_vi(self, *, on: bool) -> None:
        """Edit with the keys of vi, or with those of Emacs."""
        self._ui.vi = on

    def show_color(self, *, on: bool) -> None:
        """Colour the prompt and what is under it."""
        self._ui.output.use_color(on=on)

    def show_step_keys(self) -> None:
        """Take keys as steps of what runs next, and show which they are."""
        self._ui.call(self._ui.pause_keys.begin)

    def replay(self, name: str) -> None:
        """Begin to type the transcript `name`."""
        if self._replays.playing:
            raise CommandError(f":replay {name}: another demo is being replayed; :resume goes on")
        self._play(name)

    def control_replay(self, word: str) -> None:
        """Hold ("pause"), go on with ("resume") or do one statement of ("step") the replay."""
        if not self._replays.playing:
            super().control_replay(word)
        self._replays.control(word)

    def history(self) -> list[str]:
        """The inputs so far, oldest first."""
        return self._ui.history()


def complete_command(shell: Shell, text: str) -> Sequence[str]:
    """The words that may stand at the end of `text`, the beginning of a command."""
    name, space, rest = text.removeprefix(":").partition(" ")
    if not space:
        return shell.registry.names
    try:
        command = shell.registry.find(name)
    except CommandError:
        return ()
    return command.complete(shell, rest)
