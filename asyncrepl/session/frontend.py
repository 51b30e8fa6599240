"""The frontend protocol: what commands may ask of whoever types, and the prompts.

The terminal, a pipe and a transcript are frontends. `Frontend` is the base of all and can do
nothing but take lines; the terminal's overrides what it can do besides.

The prompts are the user's to choose, as in Python: ``sys.ps1`` and ``sys.ps2``.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncrepl.session.command_registry import CommandError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator, Sequence
    from types import TracebackType

    from asyncrepl.views.styled_lines import Line

__all__ = ["DEFAULT_PROMPTS", "Frontend", "current_prompts", "prompts_installed"]

#: What a statement begins with, and each further line of it.
DEFAULT_PROMPTS = ">>> ", "... "


@contextmanager
def prompts_installed() -> Iterator[None]:
    """``sys.ps1`` and ``sys.ps2`` are there within the block: a person types.

    Libraries ask for them, to learn whether one does.
    """
    vars(sys)["ps1"], vars(sys)["ps2"] = DEFAULT_PROMPTS
    try:
        yield
    finally:
        for name in ("ps1", "ps2"):
            vars(sys).pop(name, None)


def current_prompts() -> tuple[str, str]:
    """The two prompts; ours where the user's cannot be had.

    An object is asked for its text each time: this runs the user's code.
    """
    return _prompt_text("ps1", DEFAULT_PROMPTS[0]), _prompt_text("ps2", DEFAULT_PROMPTS[1])


def _prompt_text(name: str, ours: str) -> str:
    try:
        return str(getattr(sys, name))
    except Exception:
        return ours


class Frontend:
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
    prompt_width = len(DEFAULT_PROMPTS[0])

    #: The rows that a value may take before it is shortened.
    value_rows = 20

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

    #: Whether keys and steps are shown to those who watch.
    audience = False

    def show_audience(self, *, on: bool) -> None:
        """Show keys and steps to those who watch, or do not."""
        raise CommandError(f":set audience {'on' if on else 'off'} needs a terminal to draw in")

    def show_color(self, *, on: bool) -> None:
        """Colour what is drawn beside the console's lines, if anything is."""

    def show_step_keys(self) -> None:
        """Take keys as steps of what runs next, and show which they are."""
        raise CommandError(":walk needs a terminal for its keys; :trace tells all steps")

    @contextmanager
    def terminal_lent(self) -> Iterator[bool]:
        """Leave the terminal to a program within the block; False where there is none to leave."""
        yield False

    #: Whether `post_mortem` can be asked for.
    debugs = False

    def post_mortem(
        self,
        error: BaseException,  # noqa: ARG002 - the interface's
        entry: TracebackType,  # noqa: ARG002
    ) -> None:
        """Open a debugger where `error` arose: in the frame of this `entry` of its traceback.

        Returns when the user has left it.
        """
        raise CommandError(":debug needs a terminal to ask in")

    def replay(self, name: str) -> None:
        """Begin to type the transcript `name`."""
        raise CommandError(f":replay {name} needs a terminal; try: asyncrepl replay {name}")

    def control_replay(self, word: str) -> None:
        """Hold ("pause"), go on with ("resume"), "step" or "stop" the replay."""
        typed = "replay stop" if word == "stop" else word
        raise CommandError(f":{typed}: no demo is being replayed; :replay NAME starts one")

    def end_process(self) -> None:
        """User code does not give the main thread back, from a thread: end without it."""

    def history(self) -> list[str]:
        """The inputs so far, oldest first."""
        return []
