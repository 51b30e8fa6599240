"""The pause of a statement: its keys, and the line of an expression that is asked for.

Ctrl-S begins a pause. It is what has always stopped a terminal's output, every terminal sends
it, and nobody types it ahead for the next prompt, which all other keys wait for. So letters
cannot begin a pause; once it has begun, they are the debug commands, and nothing is typed
ahead. A statement that reads the keyboard itself has the terminal for as long, and all keys.

Not used for it: Space or ``p`` (typed ahead, they belong to the next line), function and Alt
keys (desktops and terminals keep some for themselves, and Escape cannot be told from Alt at
once), Ctrl-Z (it stops the whole job), Ctrl-backslash (it kills it).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import Dimension, Window
from prompt_toolkit.layout.controls import BufferControl

from asyncrepl.session.frontend import COMMAND_OF_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncrepl.session.debug_commands import DebugCommands
    from asyncrepl.views.styled_lines import Line

EXPRESSION_PROMPT = "value of "
_COMMAND_OF_KEY = COMMAND_OF_KEY | {Keys.ControlQ: "resume_all", Keys.ControlS: "pause"}


class PauseKeys:
    """The pause of the statement that runs, if it is paused; for the terminal's thread.

    `focus` is called when the keys begin or cease to go into the expression's line.
    """

    def __init__(self, focus: Callable[[], None]) -> None:
        #: Whether a pause was asked for and not ended.
        self.on = False
        #: Whether there are any: not in a program, which is not to stand still.
        self.offered = True
        #: Whether an expression is being typed.
        self.asking = False
        self.buffer = Buffer(name="expression", multiline=False, accept_handler=self._accept)
        self.window = Window(
            BufferControl(self.buffer),
            height=Dimension(min=1),
            get_line_prefix=lambda _line, wraps: (
                [] if wraps else [("class:prompt", EXPRESSION_PROMPT)]
            ),
            wrap_lines=True,
            dont_extend_height=True,
        )
        self._focus = focus
        self._steps: DebugCommands | None = None
        #: What was asked for before there was anybody to ask.
        self._kept: list[str] = []

    def connect(self, steps: DebugCommands) -> None:
        """From now on keys ask `steps`; first what was asked for so far."""
        self._steps = steps
        for word in self._kept:
            steps.press(word)
        self._kept.clear()

    def begin(self) -> None:
        """What runs is being stepped, without a key for it."""
        self.on = True

    def takes(self, key: str) -> bool:
        """Do what `key` asks for; False for a key that has nothing to do with pausing."""
        if not (self.on or (key == Keys.ControlS and self.offered)):
            return False
        if key == "e" and self.on:
            self._ask(True)
        elif (word := _COMMAND_OF_KEY.get(key)) is not None:
            self.on = word != "resume_all"
            # After the text that may have come in one piece with this key.
            asyncio.get_running_loop().call_soon(self._press, word)
        return True

    def dismiss(self) -> None:
        """No expression, after all."""
        self._ask(False)

    def ended(self) -> None:
        """The statement is over."""
        self.on = False
        self._ask(False)

    def rows(self, columns: int) -> Sequence[Line]:
        """What is said of the pause."""
        if not self.on:
            return ()
        from asyncrepl.views.status_rows import asking_rows, pause_rows, waiting_rows

        if self.asking:
            return asking_rows(columns)
        steps = self._steps
        if steps is None or (mode := steps.mode) == "off":
            return waiting_rows(columns, loop_runs=steps is None or steps.loop_runs)
        return pause_rows(mode, steps.passed, columns, steps_iterations=steps.steps_iterations)

    def _press(self, word: str) -> None:
        if self._steps is None:
            self._kept.append(word)
        else:
            self._steps.press(word)

    def _ask(self, asking: bool) -> None:
        if asking != self.asking:
            self.asking = asking
            self.buffer.reset()
            self._focus()

    def _accept(self, buffer: Buffer) -> bool:
        expression = buffer.text
        self._ask(False)
        if expression.strip() and self._steps is not None:
            self._steps.press("evaluate", expression)
        return False
