"""What keys do beyond plain editing, at the prompt and while a statement runs.

At the prompt: run the text, indent, drop the line, leave. Keys typed while a statement runs
wait, as in a shell, and are typed again at the next prompt; but for those of a pause (see
`asyncrepl.terminal.pause_keys`).
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from prompt_toolkit.document import Document
from prompt_toolkit.filters import (
    Condition,
    Filter,
    has_completions,
    has_focus,
    has_selection,
    is_searching,
    vi_navigation_mode,
)
from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings
from prompt_toolkit.key_binding.bindings.auto_suggest import load_auto_suggest_bindings
from prompt_toolkit.keys import Keys
from prompt_toolkit.search import SearchDirection, start_search, stop_search

from asyncrepl.syntax.cursor_context import INDENT, dedented_clause, indent_after
from asyncrepl.syntax.input_splitter import fitted_paste, is_invalid
from asyncrepl.terminal.input_line import picture_length
from asyncrepl.terminal.vi_keys import vi_bindings

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.filters import FilterOrBool
    from prompt_toolkit.key_binding import KeyBindingsBase
    from prompt_toolkit.key_binding.key_processor import KeyPressEvent

    from asyncrepl.terminal.input_controller import InputController

#: Seconds in which nobody types a line.
_FASTEST_LINE = 0.05


def build_key_bindings(controller: InputController) -> KeyBindingsBase:
    """All bindings beyond prompt_toolkit's own, which are those of Emacs or vi.

    They edit the buffer of `controller` and call its methods.
    """
    return merge_key_bindings(
        [
            load_auto_suggest_bindings(),
            _indentation_bindings(controller.buffer),
            _editing_bindings(controller, controller.buffer),
            _enter_bindings(controller, controller.buffer),
            _control_bindings(controller, controller.buffer),
            _search_bindings(controller.buffer),
            vi_bindings(controller.buffer, _newline),
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


def _enter_bindings(actions: InputController, buffer: Buffer) -> KeyBindings:
    keys = KeyBindings()
    typing = has_focus(buffer)
    pasted = _PastedIndentation()

    @keys.add("enter", filter=typing)
    def _enter(_event: KeyPressEvent) -> None:
        indented = pasted.begins_line(actions.next_key)
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
            return
        if buffer.document.is_cursor_at_the_end:
            buffer.text = dedented_clause(buffer.text)
        if wants_to_run(buffer.document, actions.is_whole):
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


def _newline(buffer: Buffer) -> None:
    buffer.insert_text("\n" + indent_after(buffer.document.current_line_before_cursor))


def _editing_bindings(actions: InputController, buffer: Buffer) -> KeyBindings:
    keys = KeyBindings()
    typing = has_focus(buffer)
    indenting = _before_the_first_character(buffer)

    def before() -> int:
        return picture_length(buffer.document.current_line_before_cursor, at_end=True)

    def behind() -> int:
        return picture_length(buffer.document.current_line_after_cursor, at_end=False)

    @keys.add(Keys.BracketedPaste, filter=typing)
    def _paste(event: KeyPressEvent) -> None:
        text = event.data.replace("\r\n", "\n").replace("\r", "\n")
        if "\xa0" in text and is_invalid(text):  # as web pages have it in place of blanks
            text = text.replace("\xa0", " ")
        document = buffer.document
        buffer.insert_text(
            fitted_paste(document.text_before_cursor, text, document.text_after_cursor)
        )

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

    return keys


def _indentation_bindings(buffer: Buffer) -> KeyBindings:
    keys = KeyBindings()
    typing = has_focus(buffer)
    indenting = _before_the_first_character(buffer)

    @keys.add("tab", filter=typing & indenting & ~has_completions & ~has_selection)
    def _indent(_event: KeyPressEvent) -> None:
        column = buffer.document.cursor_position_col
        buffer.insert_text(" " * (len(INDENT) - column % len(INDENT)))

    @keys.add("s-tab", filter=typing & ~has_completions & ~has_selection)
    def _dedent_line(_event: KeyPressEvent) -> None:
        buffer.document = _dedented(buffer.document)

    @keys.add("backspace", filter=typing & indenting & ~has_selection)
    def _dedent(_event: KeyPressEvent) -> None:
        column = buffer.document.cursor_position_col
        width = (column - 1) % len(INDENT) + 1 if column else 1
        buffer.delete_before_cursor(width)

    return keys


def _before_the_first_character(buffer: Buffer) -> Condition:
    return Condition(lambda: not buffer.document.current_line_before_cursor.strip())


def _dedented(document: Document) -> Document:
    """`document` with a step less before the line of the cursor, which stays at its character."""
    at, line = document.cursor_position, document.current_line
    blanks = len(line) - len(line.lstrip(" "))
    width = (blanks - 1) % len(INDENT) + 1 if blanks else 0
    start = at - document.cursor_position_col
    return Document(document.text[:start] + document.text[start + width :], max(start, at - width))


def _control_bindings(actions: InputController, buffer: Buffer) -> KeyBindings:
    keys = KeyBindings()
    typing = has_focus(buffer)
    listening = Condition(lambda: actions.listening)
    empty = Condition(lambda: not buffer.text)

    asking = Condition(lambda: actions.pause_keys.asking)

    @keys.add(Keys.Any, filter=~listening, eager=True)
    def _later(event: KeyPressEvent) -> None:
        actions.type_later(list(event.key_sequence))

    def on(*names: str, do: Callable[[], None], when: FilterOrBool, eager: bool = False) -> None:
        keys.add(*names, filter=when, eager=eager)(lambda _event: do())

    on("c-c", do=actions.drop, when=typing & listening)
    on("c-d", do=actions.leave, when=typing & empty & listening)
    on("c-z", do=actions.suspend, when=True, eager=True)
    on("c-l", do=actions.clear, when=True, eager=True)
    on("c-x", "c-e", do=actions.edit, when=typing & listening)

    for name in ("escape", "c-s"):
        on(name, do=actions.pause_keys.dismiss, when=asking, eager=True)
    for name in ("c-g", "c-d"):
        on(name, do=actions.pause_keys.dismiss, when=asking)
    return keys


def _search_bindings(buffer: Buffer) -> KeyBindings:
    """Who gives a search up has their line again; prompt_toolkit keeps what Ctrl-R found."""
    keys = KeyBindings()
    left = (0, 0)

    def begins(key: str, direction: SearchDirection, when: Filter) -> None:
        @keys.add(key, filter=has_focus(buffer) & when)
        def _begin(_event: KeyPressEvent) -> None:
            nonlocal left
            left = buffer.working_index, buffer.cursor_position
            start_search(direction=direction)

    for back, forward, when in (
        ("c-r", "c-s", ~vi_navigation_mode),
        ("/", "?", vi_navigation_mode),
    ):
        begins(back, SearchDirection.BACKWARD, when)
        begins(forward, SearchDirection.FORWARD, when)

    @keys.add("c-g", filter=is_searching)
    @keys.add("c-c", filter=is_searching)
    def _give_up(_event: KeyPressEvent) -> None:
        stop_search()
        buffer.go_to_history(left[0])
        buffer.cursor_position = left[1]

    return keys
