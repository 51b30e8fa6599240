"""Keys while a statement runs: pausing it, stepping, looking.

Ctrl-S begins it. It is what has always stopped a terminal's output, every terminal
sends it, and nobody types it ahead for the next prompt, which all other keys wait
for. So letters cannot begin a pause; once it has begun, they are the steps, and
nothing is typed ahead. A statement that reads the keyboard itself has the terminal
for as long, and all keys.

Not used: Space or ``p`` (typed ahead, they belong to the next line), function and Alt keys
(desktops and terminals keep some for themselves, and Escape cannot be told from Alt at
once), Ctrl-Z (it stops the whole job), Ctrl-backslash (it kills it).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import Dimension, Window
from prompt_toolkit.layout.controls import BufferControl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from asyncrepl.engine.pausing import Mode
    from asyncrepl.views.styled import Line

__all__ = ["PauseKeys", "Steps"]

ASK = "value of "
_PAUSE = (Keys.ControlS, Keys.ControlQ)
#: What the keys ask for: methods of `asyncrepl.commands.stepping.Stepping`.
_WORDS: dict[str, str] = {
    "t": "timer",
    "n": "anext",
    "v": "values",
    "c": "go_on",
    Keys.ControlQ: "go_on",
    Keys.ControlS: "pause",
}


class Steps(Protocol):
    """The side of the main thread; both may be asked for in any thread."""

    @property
    def mode(self) -> Mode:
        """How the program stands."""

    @property
    def passed(self) -> int:
        """Nanoseconds of the user's time since the statement began."""

    @property
    def steps_walks(self) -> bool:
        """Whether it can go on to the next step of an ``async for``."""

    def press(self, word: str, *texts: str) -> None:
        """Do what `word` says."""


class PauseKeys:
    """The pause of the statement that runs, if it is paused; for the terminal's thread.

    `focus` is called when the keys begin or cease to go into the expression's line.
    """

    def __init__(self, focus: Callable[[], None]) -> None:
        #: Whether a pause was asked for and not ended.
        self.on = False
        #: Whether an expression is being typed.
        self.asking = False
        self.buffer = Buffer(name="expression", multiline=False, accept_handler=self._accept)
        self.window = Window(
            BufferControl(self.buffer),
            height=Dimension(min=1),
            get_line_prefix=_prefix,
            wrap_lines=True,
            dont_extend_height=True,
        )
        self._focus = focus
        self._steps: Steps | None = None
        #: What was asked for before there was anybody to ask.
        self._kept: list[str] = []

    def connect(self, steps: Steps) -> None:
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
        if not (self.on or key == Keys.ControlS):
            return False
        if key == "e" and self.on:
            self._ask(True)
        elif (word := _WORDS.get(key)) is not None:
            self.on = word != "go_on"
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
        from asyncrepl.views.paused import asking_rows, pause_rows, waiting_rows

        if self.asking:
            return asking_rows(columns)
        if self._steps is None or (mode := self._steps.mode) == "off":
            return waiting_rows(columns)
        steps = self._steps
        return pause_rows(mode, steps.passed, columns, steps_walks=steps.steps_walks)

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


def _prefix(_line: int, wraps: int) -> StyleAndTextTuples:
    return [] if wraps else [("class:prompt", ASK)]
