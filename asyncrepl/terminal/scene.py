"""What stands on the screen, from top to bottom, and in which colours.

::

    the row a program has not finished        tail
    >>> the input line                        editor (hidden while a statement runs)
    ... with its continuation
    (reverse-i-search)                        while searching
    value of …                                while paused, on demand
    loop blocked 1.3 s by task 'tick' …       status
    time stands still at 3.2 s                time
    tick  ──●────●──                          lanes

One container of floats around all of it, so that the menu of completions lies
over the panel and needs no rows of its own. While a statement runs, the tail is
always shown: the cursor stands where the program's next character would go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from prompt_toolkit.data_structures import Point
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI, fragment_list_len, to_formatted_text
from prompt_toolkit.layout import (
    ConditionalContainer,
    FloatContainer,
    HSplit,
    Layout,
    VerticalAlign,
    Window,
)
from prompt_toolkit.layout.controls import FormattedTextControl, UIContent, UIControl
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.styles import Style

from asyncrepl.views.styled import STYLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from asyncrepl.terminal.editor import Editor
    from asyncrepl.terminal.pausing import PauseKeys
    from asyncrepl.views.styled import Line

__all__ = ["STYLE", "Rows", "TailRow", "build_layout"]

_TAIL_ROWS = 4
_LINK = r"\x1b\]8;[^\x00-\x1f\x7f-\x9f]*(?:\x1b\\|\x07)"
_SGR_NAMES = {
    "": "",
    "1": "bold",
    "2": "ansibrightblack",
    "31": "ansired",
    "32": "ansigreen",
    "33": "ansiyellow",
    "34": "ansiblue",
    "35": "ansimagenta",
    "36": "ansicyan",
}

STYLE = Style(
    [(name, _SGR_NAMES.get(sgr, "")) for name, sgr in STYLES.items() if name]
    + [
        ("prompt", "ansibrightblack"),
        ("command", "ansicyan"),
        ("status", "ansired"),
        ("matching-bracket.cursor", "bold"),
        ("matching-bracket.other", "bold"),
        ("pygments.keyword", "ansimagenta"),
        ("pygments.operator.word", "ansimagenta"),
        ("pygments.literal.string", "ansiyellow"),
        ("pygments.literal.number", "ansicyan"),
        ("pygments.comment", "ansibrightblack"),
        ("pygments.name.function", ""),
        ("pygments.name.builtin", ""),
        ("pygments.error", ""),
        ("auto-suggestion", "ansibrightblack"),
        # prompt_toolkit's own black letters on grey, reversed, are black on a dark screen.
        ("completion-menu", "fg:default bg:default"),
        ("completion-menu.completion", "reverse"),
        ("completion-menu.completion.current", "fg:default bg:default noreverse bold"),
        ("completion-menu.meta.completion", "fg:default bg:default reverse"),
        ("completion-menu.meta.completion.current", "fg:default bg:default noreverse bold"),
        ("scrollbar.background", ""),
        ("scrollbar.button", "reverse"),
    ]
)


class Rows(UIControl):
    """Styled lines as rows of a window: one list of fragments each, nothing else.

    The cheapest of the ways measured (0.6–3 ms a frame); a text control parses and
    splits the same fragments again.
    """

    def __init__(self, lines: Callable[[], Sequence[Line]]) -> None:
        self._lines = lines

    def preferred_height(self, *_: object) -> int:
        """One row a line."""
        return len(self._lines())

    def create_content(self, *_: object) -> UIContent:
        """The rows as they are now."""
        rows: list[StyleAndTextTuples] = [
            [(f"class:{style}" if style else "", text) for style, text in line]
            for line in self._lines()
        ]
        return UIContent(rows.__getitem__, line_count=len(rows), show_cursor=False)


class TailRow:
    """The unfinished row, with the cursor at its end: a terminal's own look."""

    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text
        self.window = Window(
            FormattedTextControl(
                self._fragments,
                focusable=True,
                get_cursor_position=self._end,
            ),
            height=Dimension(min=1, max=_TAIL_ROWS),
            wrap_lines=True,
            dont_extend_height=True,
        )

    def _fragments(self) -> StyleAndTextTuples:
        # prompt_toolkit's parser knows colours, but not links.
        return to_formatted_text(ANSI(re.sub(_LINK, "", self._text())))

    def _end(self) -> Point:
        return Point(x=fragment_list_len(self._fragments()), y=0)


def build_layout(
    tail: TailRow,
    editor: Editor,
    pause: PauseKeys,
    below: Sequence[Callable[[], Sequence[Line]]],
    *,
    running: Callable[[], bool],
    has_tail: Callable[[], bool],
) -> Layout:
    """The layout above; the functions are asked at each redraw.

    Those `below` the lines that are typed give the rows of a window each.
    """
    rows = HSplit(
        [
            _shown(tail.window, lambda: running() or has_tail()),
            _shown(editor.window, lambda: not running()),
            editor.search,
            _shown(pause.window, lambda: pause.asking),
            *map(_shown_rows, below),
        ],
        align=VerticalAlign.TOP,
    )
    return Layout(FloatContainer(rows, [editor.menu]), editor.window)


def _shown(window: Window, when: Callable[[], bool]) -> ConditionalContainer:
    return ConditionalContainer(window, Condition(when))


def _shown_rows(lines: Callable[[], Sequence[Line]]) -> ConditionalContainer:
    return _shown(_window(lines), lambda: bool(lines()))


def _window(lines: Callable[[], Sequence[Line]]) -> Window:
    return Window(Rows(lines), dont_extend_height=True, wrap_lines=False)
