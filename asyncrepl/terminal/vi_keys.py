"""The keys of vi, beyond prompt_toolkit's own and where those do something else than vi.

Its `ci"` takes away what stands before the string, or doubles it, where the cursor is outside of
quotes or nothing is between them, and its `cw` takes the blank behind the word.

The modes have a row that names them, as vi has it, and a shape of the cursor. With the keys of
Emacs the cursor is left as the user's terminal draws it.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from prompt_toolkit.clipboard import ClipboardData
from prompt_toolkit.cursor_shapes import CursorShape, CursorShapeConfig
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import has_focus, vi_navigation_mode
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.bindings.vi import TextObject, create_text_object_decorator
from prompt_toolkit.key_binding.vi_state import InputMode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prompt_toolkit.application import Application
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.key_binding.key_processor import KeyPressEvent

    from asyncrepl.views.styled_lines import Line

_MODE_NAMES = {
    InputMode.NAVIGATION: "NORMAL",
    **dict.fromkeys((InputMode.INSERT, InputMode.INSERT_MULTIPLE), "INSERT"),
    **dict.fromkeys((InputMode.REPLACE, InputMode.REPLACE_SINGLE), "REPLACE"),
}
_SHAPES = {"INSERT": CursorShape.BEAM, "REPLACE": CursorShape.UNDERLINE}
#: What encloses text, and the keys that name it.
_BRACKETS = {"()": "()b", "[]": "[]", "{}": "{}B", "<>": "<>"}
_QUOTES = "\"'`"


def vi_bindings(buffer: Buffer, newline: Callable[[Buffer], None]) -> KeyBindings:
    """The bindings for `buffer`, in which `newline` begins a line as Enter would."""
    keys = KeyBindings()
    commanding = has_focus(buffer) & vi_navigation_mode

    # As in vi, where it searches nothing. To keep the text would forget what there is to redo.
    @keys.add("c-r", filter=commanding, save_before=lambda _event: False)
    def _redo(_event: KeyPressEvent) -> None:
        buffer.redo()

    @keys.add("o", filter=commanding)
    def _open(event: KeyPressEvent) -> None:
        buffer.cursor_position += buffer.document.get_end_of_line_position()
        newline(buffer)
        event.app.vi_state.input_mode = InputMode.INSERT

    for key in "wW":

        @keys.add("c", key, filter=commanding)
        def _change_word(event: KeyPressEvent) -> None:
            long = event.key_sequence[-1].key == "W"
            length = _word_length(buffer.document, event.arg, long=long)
            event.app.clipboard.set_data(ClipboardData(buffer.delete(length)))
            event.app.vi_state.input_mode = InputMode.INSERT

    _add_enclosed_text(keys, buffer)
    return keys


def _word_length(document: Document, count: int, *, long: bool) -> int:
    """The length of so many words, without the blanks behind them; of blanks, if it is on some."""
    if document.current_char.isspace():
        length = document.find_next_word_beginning(count, WORD=long)
    else:
        length = document.find_next_word_ending(True, count, WORD=long)
    return length or len(document.current_line_after_cursor)


class _Enclosed(TextObject):
    """What stands between two characters, perhaps nothing at all."""

    def cut(self, buffer: Buffer) -> tuple[Document, ClipboardData]:
        """The text without it, and it itself."""
        text, at = buffer.text, buffer.cursor_position
        start, end = at + self.start, at + self.end
        return Document(text[:start] + text[end:], start), ClipboardData(text[start:end])


def _add_enclosed_text(keys: KeyBindings, buffer: Buffer) -> None:
    """``i"``, ``a(`` and the like, behind ``c``, ``d`` or ``y``; where there is none, no key."""
    text_object = create_text_object_decorator(keys)

    def add(key: str, find: Callable[[Document], tuple[int, int] | None]) -> None:
        for name, more in (("i", 0), ("a", 1)):
            # Without a filter of this buffer's: those of prompt_toolkit's own with which it is
            # joined live for ever, and keep what they were joined with.
            @text_object(name, key, no_move_handler=True, no_selection_handler=True)
            def _enclosed(_event: KeyPressEvent, more: int = more) -> Any:
                found = find(buffer.document)
                return found and _Enclosed(found[0] + 1 - more, found[1] + more)

    for pair, names in _BRACKETS.items():
        for name in names:
            add(name, partial(_brackets, pair=pair))
    for quote in _QUOTES:
        add(quote, partial(_quotes, quote=quote))


def _brackets(document: Document, pair: str) -> tuple[int, int] | None:
    """Where the brackets around the cursor are, seen from there."""
    opening = document.find_enclosing_bracket_left(*pair)
    closing = document.find_enclosing_bracket_right(*pair)
    return None if opening is None or closing is None else (opening, closing)


def _quotes(document: Document, quote: str) -> tuple[int, int] | None:
    """Where the quotes around the cursor are; else the next ones in the line, as in vi."""
    column = document.cursor_position_col
    strings = re.finditer(rf"{quote}(?:\\.|[^\\{quote}])*{quote}", document.current_line)
    within = next((each for each in strings if column < each.end()), None)
    return within and (within.start() - column, within.end() - 1 - column)


class ViCursorShapes(CursorShapeConfig):
    """A bar where text is inserted, an underline where it is replaced, else a block."""

    def get_cursor_shape(self, application: Application[Any]) -> CursorShape:
        """The shape for the mode; none of ours with other keys."""
        if application.editing_mode is not EditingMode.VI:
            return CursorShape._NEVER_CHANGE  # noqa: SLF001 - as prompt_toolkit's own do
        return _SHAPES.get(_mode(application), CursorShape.BLOCK)


def vi_mode_rows(application: Application[Any]) -> Sequence[Line]:
    """The row that names the mode, and the register that keys are recorded in; none without vi."""
    if application.editing_mode is not EditingMode.VI:
        return ()
    register = application.vi_state.recording_register
    recording = f"recording @{register}" if register else ""
    return [[("dim", f"-- {_mode(application)} --{recording}")]]


def _mode(application: Application[Any]) -> str:
    selection = application.current_buffer.selection_state
    if selection is not None and application.vi_state.input_mode is InputMode.NAVIGATION:
        return "VISUAL"
    return _MODE_NAMES[application.vi_state.input_mode]
