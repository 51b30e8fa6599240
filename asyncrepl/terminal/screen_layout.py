"""What stands on the screen, from top to bottom, and in which colours.

::

    the rows a program has not finished       program
    >>> the input line                        editor (hidden while a statement runs)
    ... with its continuation
    (reverse-i-search)                        while searching
    value of …                                while paused, on demand
    loop blocked 1.3 s by task 'tick' …       status
    time stands still at 3.2 s                time
    tick  ──●────●──                          lanes

One container of floats around all of it, so that the menu of completions lies over the panel and
needs no rows of its own. While a statement runs, the program's rows are always shown: the cursor
stands where the program's next character would go.

After the terminal has become narrower (`rows_added_by_reflow`): some terminals cut rows that are
too long, others wrap them anew, and nobody asks us: the layout then takes more rows than were
drawn, and erasing those leaves its first ones on the screen. To erase too many would take away
what was printed. So rows are counted for tmux alone, where this was looked at; it says who it is.
(To ask for the cursor's position does not help: where it was before is not known.)
"""

from __future__ import annotations

import os
from functools import cache, lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from prompt_toolkit.data_structures import Point
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI, to_formatted_text
from prompt_toolkit.layout import (
    ConditionalContainer,
    FloatContainer,
    HSplit,
    Layout,
    VerticalAlign,
    Window,
)
from prompt_toolkit.layout.controls import UIContent, UIControl
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.styles import Attrs, DynamicStyle, Style

from asyncrepl.terminal.input_line import joined_cells
from asyncrepl.views.screen_cells import has_background
from asyncrepl.views.styled_lines import Theme

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prompt_toolkit.application import Application
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.layout.screen import Screen
    from prompt_toolkit.styles import BaseStyle

    from asyncrepl.terminal.input_line import Editor
    from asyncrepl.terminal.pause_keys import PauseKeys
    from asyncrepl.views.live_rows import LiveRows
    from asyncrepl.views.screen_cells import Cell
    from asyncrepl.views.styled_lines import Line

#: Fainter than the rest: not "bright black", which is the very background in some palettes
#: (Solarized), and nothing where colours are off. Early versions of prompt_toolkit lack it.
_DIM = "dim" if "dim" in Attrs._fields else "ansibrightblack"
_SGR_NAMES = {
    "": "", "1": "bold", "1;4": "bold underline", "2": _DIM, "7": "reverse", "31": "ansired",
    "32": "ansigreen", "33": "ansiyellow", "34": "ansiblue", "35": "ansimagenta", "36": "ansicyan",
}  # fmt: skip

_FIXED_STYLES = [
    # With a colour, whichever, the blank behind it is written, too: programs wait for ">>> ".
    ("prompt", f"fg:default {_DIM}"),
    ("status", "ansired"),
    ("matching-bracket.cursor", "bold"),
    ("matching-bracket.other", "bold"),
    ("auto-suggestion", f"fg:default {_DIM}"),
    # prompt_toolkit's own black letters on grey, reversed, are black on a dark screen.
    ("completion-menu", "fg:default bg:default"),
    ("completion-menu.completion", "reverse"),
    ("completion-menu.completion.current", "fg:default bg:default noreverse bold"),
    ("completion-menu.meta.completion", "fg:default bg:default reverse"),
    ("completion-menu.meta.completion.current", "fg:default bg:default noreverse bold"),
    ("scrollbar.background", ""),
    ("scrollbar.button", "reverse"),
]
#: What Pygments calls something → our style of it.
_TOKEN_STYLES = {
    "pygments.keyword": "keyword",
    "pygments.operator.word": "keyword",
    "pygments.literal.string": "string",
    "pygments.literal.number": "number",
    "pygments.comment": "comment",
    "command": "label",
}


def screen_style(theme: Theme) -> BaseStyle:
    """The colours of `theme`; asked again at each redraw."""
    return DynamicStyle(lambda: _style_named(theme.name))


@cache
def _style_named(name: str) -> Style:
    styles = {style: _SGR_NAMES.get(sgr, "") for style, sgr in Theme(name).styles.items()}
    ours = [(style, look) for style, look in styles.items() if style]
    tokens = [(token, styles[style]) for token, style in _TOKEN_STYLES.items()]
    return Style([*ours, *_FIXED_STYLES, *tokens])


class StyledRows(UIControl):
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
            joined_cells([(f"class:{style}" if style else "", text) for style, text in line])
            for line in self._lines()
        ]
        return UIContent(rows.__getitem__, line_count=len(rows), show_cursor=False)


class ProgramRows(UIControl):
    """The rows that a program has not finished, and its cursor: a terminal's own look."""

    def __init__(self, rows: LiveRows) -> None:
        self._rows = rows
        self.window = Window(
            self, height=Dimension(min=1), wrap_lines=False, dont_extend_height=True
        )

    def is_focusable(self) -> bool:
        """The cursor is there while a statement runs."""
        return True

    def preferred_height(self, *_: object) -> int:
        """One row each."""
        return self._height()

    def create_content(self, width: int, _height: int | None) -> UIContent:
        """The rows as they are now, for a screen of `width` cells."""
        rows = [_fragments(row) for row in self._rows.rows[: self._height()]]
        y = min(self._rows.y, len(rows) - 1)
        row, column = self._rows.rows[y], min(self._rows.x, width - 1)
        # The cursor can stand only on something, and its place counts characters, not cells.
        rows[y].append(("", " " * (column + 1 - len(row))))
        before = "".join([char for _, char in row[:column]])
        return UIContent(
            rows.__getitem__,
            line_count=len(rows),
            cursor_position=Point(x=max(column - len(row), 0) + len(before), y=y),
            show_cursor=not self._rows.hidden,
        )

    def _height(self) -> int:
        """How many rows are drawn: without blank ones at the end, if no cursor stands there."""
        rows = self._rows.rows
        count = len(rows)
        while (
            self._rows.hidden
            and count > 1
            and not any(
                char != " " or has_background(style.sgr) for style, char in rows[count - 1]
            )
        ):
            count -= 1
        return count


def _fragments(row: Sequence[Cell]) -> StyleAndTextTuples:
    """The cells of a row; the layout knows colours, but not links."""
    groups = groupby(row, key=lambda cell: cell[0].sgr)
    return joined_cells(
        [(_toolkit_style(sgr), "".join([char for _, char in group])) for sgr, group in groups]
    )


@lru_cache(maxsize=512)
def _toolkit_style(sgr: str) -> str:
    return to_formatted_text(ANSI(f"\x1b[{sgr}mx"))[0][0]


def build_layout(
    program: ProgramRows,
    editor: Editor,
    pause: PauseKeys,
    below: Sequence[Callable[[], Sequence[Line]]],
    *,
    running: Callable[[], bool],
    unfinished: Callable[[], bool],
) -> Layout:
    """The layout above; the functions are asked at each redraw.

    Those `below` the lines that are typed give the rows of a window each.
    """
    rows = HSplit(
        [
            _shown_while(program.window, lambda: running() or unfinished()),
            _shown_while(editor.window, lambda: not running()),
            editor.search,
            _shown_while(pause.window, lambda: pause.asking),
            *map(_shown_rows, below),
        ],
        align=VerticalAlign.TOP,
    )
    return Layout(FloatContainer(rows, [editor.menu]), editor.window)


def _shown_while(window: Window, when: Callable[[], bool]) -> ConditionalContainer:
    return ConditionalContainer(window, Condition(when))


def _shown_rows(lines: Callable[[], Sequence[Line]]) -> ConditionalContainer:
    window = Window(StyledRows(lines), dont_extend_height=True, wrap_lines=False)
    return _shown_while(window, lambda: bool(lines()))


def rows_added_by_reflow(app: Application[Any], columns: int) -> int:
    """How many rows more than drawn stand above the cursor, now that there are `columns`."""
    screen = app.renderer.last_rendered_screen
    reflows = "TMUX" in os.environ or os.environ.get("TERM", "").startswith("tmux")
    if screen is None or not reflows:
        return 0
    cursor = app.renderer._cursor_pos  # noqa: SLF001 - no public way to ask
    above = sum(_rows_needed(_row_length(screen, row), columns) for row in range(cursor.y))
    inside = min(cursor.x // columns, _rows_needed(_row_length(screen, cursor.y), columns) - 1)
    return above + inside - cursor.y


def _rows_needed(length: int, columns: int) -> int:
    return max(1, -(-length // columns))


def _row_length(screen: Screen, row: int) -> int:
    """The columns of a row up to the last character drawn."""
    cells = screen.data_buffer[row].items()
    return max((column + cell.width for column, cell in cells if cell.char.strip()), default=0)
