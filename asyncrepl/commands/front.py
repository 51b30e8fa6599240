"""What commands may ask of whoever types: the terminal, a pipe, a transcript."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.commands.prompts import PROMPTS
from asyncrepl.commands.registry import CommandError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from asyncrepl.views.styled import Line

__all__ = ["Front"]


class Front:
    """A front that can do nothing but take lines: the base of all others.

    The methods a front does not have raise CommandError, so that a command says
    in one line that it needs a terminal.
    """

    #: Whether whoever types is a person who may want to know what to do next.
    teaches = False

    #: Whether a script types just now.
    scripted = False

    #: Whether live lanes are drawn.
    lanes = False

    #: The columns of the prompt, behind which a statement begins.
    prompt_width = len(PROMPTS[0])

    def offer(self, text: str) -> bool:
        """Put `text` on the next input line, to be edited; False where there is none."""
        return not text

    def suggest(self, text: str) -> bool:
        """Offer `text` on the input line, to be accepted with a key; False where there is none.

        It is offered at each prompt until another is; an empty one ends that.
        """
        return not text

    def page(
        self,
        lines: Sequence[Line],  # noqa: ARG002 - the interface's
        *,
        newest_last: bool,  # noqa: ARG002
    ) -> Awaitable[None] | None:
        """Let the user read `lines`, which then need not be shown; None where they are to be.

        They are if the screen holds them, if a script types, and where there is no screen.
        What is returned ends when they were read. `newest_last` shows the end first.
        """
        return None

    def show_lanes(self, *, on: bool) -> None:
        """Draw live lanes under the prompt, or stop drawing them."""
        raise CommandError(f":lanes {'on' if on else 'off'} needs a terminal to draw in")

    #: Whether the keys are those of vi.
    vi = False

    def use_vi(self, *, on: bool) -> None:
        """Edit with the keys of vi, or with those of Emacs."""
        raise CommandError(f":set vi {'on' if on else 'off'} needs a terminal to edit in")

    def show_color(self, *, on: bool) -> None:
        """Colour what is drawn beside the console's lines, if anything is."""

    def show_step_keys(self) -> None:
        """Take keys as steps of what runs next, and show which they are."""
        raise CommandError(":walk needs a terminal for its keys; :trace tells all steps")

    def replay(self, name: str) -> None:
        """Begin to type the transcript `name`."""
        raise CommandError(f":replay {name} needs a terminal; try: asyncrepl replay {name}")

    def control_replay(self, word: str) -> None:
        """Hold ("pause"), go on with ("resume") or do one statement of ("step") the replay."""
        raise CommandError(f":{word}: no demo is being replayed; :replay NAME starts one")

    def end_process(self) -> None:
        """User code does not give the main thread back, from a thread: end without it."""

    def history(self) -> list[str]:
        """The inputs so far, oldest first."""
        return []
