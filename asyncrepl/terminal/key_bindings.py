"""What keys do beyond plain editing, at the prompt and while a statement runs.

At the prompt: run the text, indent, drop the line, leave. Keys typed while a statement runs
wait, as in a shell, and are typed again at the next prompt; but for those of a pause.

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
import math
import re
import time
from typing import TYPE_CHECKING, Protocol

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition, has_completions, has_focus, has_selection
from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings
from prompt_toolkit.key_binding.bindings.auto_suggest import load_auto_suggest_bindings
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import Dimension, Window
from prompt_toolkit.layout.controls import BufferControl

from asyncrepl.terminal.input_line import picture_length

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prompt_toolkit.document import Document
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.key_binding import KeyBindingsBase, KeyPress
    from prompt_toolkit.key_binding.key_processor import KeyPressEvent

    from asyncrepl.engine.loop.debug_control import DebugMode
    from asyncrepl.views.styled_lines import Line

__all__ = [
    "DebugCommandTarget",
    "KeyActions",
    "PauseKeys",
    "build_key_bindings",
    "indent_after",
    "wants_to_run",
]

EXPRESSION_PROMPT = "value of "
_PAUSE = (Keys.ControlS, Keys.ControlQ)
#: What the keys ask for: methods of `asyncrepl.session.debug_commands.DebugCommands`.
_COMMAND_OF_KEY: dict[str, str] = {
    "t": "timer",
    "n": "anext",
    "v": "values",
    "c": "resume_all",
    Keys.ControlQ: "resume_all",
    Keys.ControlS: "pause",
}


class DebugCommandTarget(Protocol):
    """The side of the main thread; both may be asked for in any thread."""

    @property
    def mode(self) -> DebugMode:
        """How the program stands."""

    @property
    def passed(self) -> int:
        """Nanoseconds of the user's time since the statement began."""

    @property
    def steps_iterations(self) -> bool:
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
            get_line_prefix=_expression_prefix,
            wrap_lines=True,
            dont_extend_height=True,
        )
        self._focus = focus
        self._steps: DebugCommandTarget | None = None
        #: What was asked for before there was anybody to ask.
        self._kept: list[str] = []

    def connect(self, steps: DebugCommandTarget) -> None:
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
        if self._steps is None or (mode := self._steps.mode) == "off":
            return waiting_rows(columns)
        steps = self._steps
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


def _expression_prefix(_line: int, wraps: int) -> StyleAndTextTuples:
    return [] if wraps else [("class:prompt", EXPRESSION_PROMPT)]


INDENT = "    "
#: Seconds in which nobody types a line.
_FASTEST_LINE = 0.05
_LEAVES_BLOCK = r"\s*(return|raise|pass|break|continue)\b"


class KeyActions(Protocol):
    """What the keys ask of the terminal."""

    pause_keys: PauseKeys

    @property
    def listening(self) -> bool:
        """Whether keys go into a line; else all but a few are kept or looked at."""

    @property
    def suggested(self) -> str:
        """The rest of the line that is offered to be typed; empty where none is."""

    @property
    def next_key(self) -> str:
        """The key that was pressed after this one, already; empty without one."""

    def accept(self) -> None:
        """Run the text of the buffer."""

    def drop(self) -> None:
        """Ctrl-C at the prompt."""

    def leave(self) -> None:
        """Ctrl-D on an empty line."""

    def suspend(self) -> None:
        """Ctrl-Z."""

    def edit(self) -> None:
        """Open the text in an external editor."""

    def clear(self) -> None:
        """Ctrl-L."""

    def type_later(self, keys: list[KeyPress]) -> None:
        """Keep keys for the next prompt."""


def build_key_bindings(
    actions: KeyActions, buffer: Buffer, is_complete: Callable[[str], bool]
) -> KeyBindingsBase:
    """All bindings beyond prompt_toolkit's own, which are those of Emacs or vi.

    They edit `buffer` and call `actions`; `is_complete` says whether Enter may run a text.
    """
    return merge_key_bindings(
        [
            load_auto_suggest_bindings(),
            _editing_bindings(actions, buffer),
            _enter_bindings(actions, buffer, is_complete),
            _control_bindings(actions, buffer),
            _expression_bindings(actions),
        ]
    )


def wants_to_run(document: Document, is_complete: Callable[[str], bool]) -> bool:
    """Whether Enter runs the text: `is_complete`, and `document` has its cursor at the end.

    White space that auto-indent put on the last line does not make it less empty.
    """
    if "\n" in document.text_after_cursor.rstrip():
        return False
    head, newline, last = document.text.rpartition("\n")
    return is_complete(document.text if last.strip() else head + newline)


def indent_after(line: str) -> str:
    """The indentation of the line after `line`."""
    indent = line[: len(line) - len(line.lstrip())]
    if line.partition("#")[0].rstrip().endswith(":"):
        return indent + INDENT
    if re.match(_LEAVES_BLOCK, line):
        return indent.removesuffix(INDENT)
    return indent


def _enter_bindings(
    actions: KeyActions, buffer: Buffer, is_complete: Callable[[str], bool]
) -> KeyBindings:
    keys = KeyBindings()
    typing = has_focus(buffer)
    pasted = _PastedIndentation()

    @keys.add("enter", filter=typing)
    def _enter(_event: KeyPressEvent) -> None:
        indented = pasted.begins_line(actions.next_key)
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
        elif wants_to_run(buffer.document, is_complete):
            pasted.end(actions.next_key)
            actions.accept()
        elif indented:
            buffer.insert_text("\n")
        else:
            _newline(buffer)

    @keys.add("escape", "enter", filter=typing)
    def _alt_enter(_event: KeyPressEvent) -> None:
        _newline(buffer)

    return keys


class _PastedIndentation:
    """Whether lines that a terminal types, pasting without brackets, have their own indentation.

    With ours they would have it twice. What tells them from lines of somebody who relies on ours
    is that one has begun with a blank, and that the keys come faster than fingers.
    """

    def __init__(self) -> None:
        self._own = False
        self._before = -math.inf

    def end(self, next_key: str) -> None:
        """An input ends; what is pasted does so, too, unless there is a `next_key`."""
        self._own = self._own and bool(next_key)

    def begins_line(self, next_key: str) -> bool:
        """Enter was pressed, and `next_key` is there already, if it is not empty."""
        now = time.monotonic()
        fast = bool(next_key) or now - self._before < _FASTEST_LINE
        blank = next_key in (" ", Keys.ControlI)
        self._own, self._before = fast and (self._own or blank), now
        return self._own


def _expression_bindings(actions: KeyActions) -> KeyBindings:
    keys = KeyBindings()
    asking = Condition(lambda: actions.pause_keys.asking)

    @keys.add("escape", filter=asking, eager=True)
    @keys.add("c-g", filter=asking)
    @keys.add("c-d", filter=asking)
    @keys.add("c-s", filter=asking, eager=True)
    def _dismiss(_event: KeyPressEvent) -> None:
        actions.pause_keys.dismiss()

    return keys


def _newline(buffer: Buffer) -> None:
    buffer.insert_text("\n" + indent_after(buffer.document.current_line_before_cursor))


def _editing_bindings(actions: KeyActions, buffer: Buffer) -> KeyBindings:
    keys = KeyBindings()
    typing = has_focus(buffer)
    indenting = Condition(lambda: not buffer.document.current_line_before_cursor.strip())

    def before() -> int:
        return picture_length(buffer.document.current_line_before_cursor, at_end=True)

    def behind() -> int:
        return picture_length(buffer.document.current_line_after_cursor, at_end=False)

    @keys.add("tab", filter=typing & indenting & ~has_completions & ~has_selection)
    def _indent(_event: KeyPressEvent) -> None:
        column = buffer.document.cursor_position_col
        buffer.insert_text(" " * (len(INDENT) - column % len(INDENT)))

    @keys.add("tab", filter=typing & ~indenting)
    def _complete(_event: KeyPressEvent) -> None:
        if buffer.complete_state:
            buffer.complete_next()
        else:
            buffer.start_completion(insert_common_part=True)

    @keys.add("tab", filter=typing & Condition(lambda: bool(actions.suggested)) & ~has_completions)
    def _take(_event: KeyPressEvent) -> None:
        buffer.insert_text(actions.suggested)

    @keys.add("backspace", filter=typing & ~has_selection & Condition(lambda: before() > 1))
    def _erase(_event: KeyPressEvent) -> None:
        buffer.delete_before_cursor(before())

    @keys.add("delete", filter=typing & ~has_selection & Condition(lambda: behind() > 1))
    def _delete(_event: KeyPressEvent) -> None:
        buffer.delete(behind())

    @keys.add("backspace", filter=typing & indenting & ~has_selection)
    def _dedent(_event: KeyPressEvent) -> None:
        column = buffer.document.cursor_position_col
        width = (column - 1) % len(INDENT) + 1 if column else 1
        buffer.delete_before_cursor(width)

    return keys


def _control_bindings(actions: KeyActions, buffer: Buffer) -> KeyBindings:
    keys = KeyBindings()
    typing = has_focus(buffer)
    listening = Condition(lambda: actions.listening)
    empty = Condition(lambda: not buffer.text)

    @keys.add(Keys.Any, filter=~listening, eager=True)
    def _later(event: KeyPressEvent) -> None:
        actions.type_later(list(event.key_sequence))

    @keys.add("c-c", filter=typing & listening)
    def _drop(_event: KeyPressEvent) -> None:
        actions.drop()

    @keys.add("c-d", filter=typing & empty & listening)
    def _leave(_event: KeyPressEvent) -> None:
        actions.leave()

    @keys.add("c-z", eager=True)
    def _suspend(_event: KeyPressEvent) -> None:
        actions.suspend()

    @keys.add("c-l", eager=True)
    def _clear(_event: KeyPressEvent) -> None:
        actions.clear()

    @keys.add("c-x", "c-e", filter=typing & listening)
    def _edit(_event: KeyPressEvent) -> None:
        actions.edit()

    return keys
