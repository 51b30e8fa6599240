"""What commands may ask of the terminal; called on the main thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.commands.front import Front
from asyncrepl.commands.registry import CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.commands.shell import Shell
    from asyncrepl.terminal.ui import Ui

__all__ = ["TerminalFront", "complete_command"]


class TerminalFront(Front):
    """The terminal as commands see it."""

    ui: Ui

    @property
    def lanes(self) -> bool:  # type: ignore[override]
        """Whether live lanes are drawn."""
        return self.ui.panel.on

    def offer(self, text: str) -> bool:
        """Put `text` on the next input line, to be edited."""
        return self.ui.call(lambda: self.ui.typist.offer(text))

    def show_lanes(self, *, on: bool) -> None:
        """Draw live lanes under the prompt, or stop drawing them."""
        self.ui.panel.on = on

    def history(self) -> list[str]:
        """The inputs so far, oldest first."""
        return self.ui.history()


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
