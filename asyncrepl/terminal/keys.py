"""What keys do beyond plain editing: run, indent, drop the line, leave.

Keys typed while a statement runs wait, as in a shell, and are typed again at the next
prompt; but for those of a pause (see `asyncrepl.terminal.pausing`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from prompt_toolkit.filters import Condition, has_completions, has_focus, has_selection
from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings
from prompt_toolkit.key_binding.bindings.auto_suggest import load_auto_suggest_bindings
from prompt_toolkit.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.document import Document
    from prompt_toolkit.key_binding import KeyBindingsBase, KeyPress
    from prompt_toolkit.key_binding.key_processor import KeyPressEvent

    from asyncrepl.terminal.pausing import PauseKeys

__all__ = ["Hands", "bindings", "indent_after", "wants_to_run"]

INDENT = "    "
_LEAVES_BLOCK = r"\s*(return|raise|pass|break|continue)\b"


class Hands(Protocol):
    """What the keys ask of the terminal."""

    pause_keys: PauseKeys

    @property
    def listening(self) -> bool:
        """Whether keys go into a line; else all but a few are kept or looked at."""

    @property
    def suggested(self) -> str:
        """The rest of the line that is offered to be typed; empty where none is."""

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


def bindings(hands: Hands, buffer: Buffer, is_complete: Callable[[str], bool]) -> KeyBindingsBase:
    """All bindings beyond prompt_toolkit's own, which are those of Emacs or vi."""
    return merge_key_bindings(
        [
            load_auto_suggest_bindings(),
            _editing(hands, buffer),
            _entering(hands, buffer, is_complete),
            _controlling(hands, buffer),
            _asking(hands),
        ]
    )


def wants_to_run(document: Document, is_complete: Callable[[str], bool]) -> bool:
    """Whether Enter runs the text: it is complete, and the cursor is in its last line.

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


def _entering(hands: Hands, buffer: Buffer, is_complete: Callable[[str], bool]) -> KeyBindings:
    keys = KeyBindings()
    typing = has_focus(buffer)

    @keys.add("enter", filter=typing)
    def _enter(_event: KeyPressEvent) -> None:
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
        elif wants_to_run(buffer.document, is_complete):
            hands.accept()
        else:
            _newline(buffer)

    @keys.add("escape", "enter", filter=typing)
    def _alt_enter(_event: KeyPressEvent) -> None:
        _newline(buffer)

    return keys


def _asking(hands: Hands) -> KeyBindings:
    keys = KeyBindings()
    asking = Condition(lambda: hands.pause_keys.asking)

    @keys.add("escape", filter=asking, eager=True)
    @keys.add("c-g", filter=asking)
    @keys.add("c-d", filter=asking)
    @keys.add("c-s", filter=asking, eager=True)
    def _dismiss(_event: KeyPressEvent) -> None:
        hands.pause_keys.dismiss()

    return keys


def _newline(buffer: Buffer) -> None:
    buffer.insert_text("\n" + indent_after(buffer.document.current_line_before_cursor))


def _editing(hands: Hands, buffer: Buffer) -> KeyBindings:
    keys = KeyBindings()
    typing = has_focus(buffer)
    indenting = Condition(lambda: not buffer.document.current_line_before_cursor.strip())

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

    @keys.add("tab", filter=typing & Condition(lambda: bool(hands.suggested)) & ~has_completions)
    def _take(_event: KeyPressEvent) -> None:
        buffer.insert_text(hands.suggested)

    @keys.add("backspace", filter=typing & indenting & ~has_selection)
    def _dedent(_event: KeyPressEvent) -> None:
        column = buffer.document.cursor_position_col
        width = (column - 1) % len(INDENT) + 1 if column else 1
        buffer.delete_before_cursor(width)

    return keys


def _controlling(hands: Hands, buffer: Buffer) -> KeyBindings:
    keys = KeyBindings()
    typing = has_focus(buffer)
    listening = Condition(lambda: hands.listening)
    empty = Condition(lambda: not buffer.text)

    @keys.add(Keys.Any, filter=~listening, eager=True)
    def _later(event: KeyPressEvent) -> None:
        hands.type_later(list(event.key_sequence))

    @keys.add("c-c", filter=typing & listening)
    def _drop(_event: KeyPressEvent) -> None:
        hands.drop()

    @keys.add("c-d", filter=typing & empty & listening)
    def _leave(_event: KeyPressEvent) -> None:
        hands.leave()

    @keys.add("c-z", eager=True)
    def _suspend(_event: KeyPressEvent) -> None:
        hands.suspend()

    @keys.add("c-l", eager=True)
    def _clear(_event: KeyPressEvent) -> None:
        hands.clear()

    @keys.add("c-x", "c-e", filter=typing & listening)
    def _edit(_event: KeyPressEvent) -> None:
        hands.edit()

    return keys
