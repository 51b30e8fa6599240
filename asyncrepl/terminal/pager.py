"""Reading what is longer than the screen: a page at a time, on the alternate screen.

It is ours, and not ``less``: that is not everywhere, and would keep the user's loop waiting,
since it is waited for in the main thread. Here the loop goes on meanwhile; what it prints
comes after the last page. The screen is then as it was before.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prompt_toolkit.application import Application, get_app, run_in_terminal
from prompt_toolkit.filters import Condition
from prompt_toolkit.input.typeahead import get_typeahead
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import HSplit, Layout, Window

from asyncrepl.terminal.screen_layout import StyledRows
from asyncrepl.terminal.terminal_suspension import stop_job
from asyncrepl.views.styled_lines import cell_width, flowed, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prompt_toolkit.filters import FilterOrBool
    from prompt_toolkit.input import Input
    from prompt_toolkit.key_binding.key_processor import KeyPressEvent

    from asyncrepl.terminal.terminal_suspension import TerminalSuspension
    from asyncrepl.views.styled_lines import Line

#: What the keys do: the first that fits is shown.
_KEYS = "Space next page, b back, / search, q ends", "Space, b, /, q ends", "q ends", ""
#: Rows that a page and the next have in common.
_OVERLAP = 1


class Pages:
    """Lines, and which of their rows a screen of `size` (columns, rows) shows."""

    def __init__(self, lines: Sequence[Line], size: Callable[[], tuple[int, int]]) -> None:
        self.top = 0
        #: What is being searched for while it is typed; None otherwise.
        self.typed: str | None = None
        self._lines = lines
        self._size = size
        self._sought = ""
        self._said = ""
        self._flowed: tuple[int, list[Line]] = 0, []

    @property
    def height(self) -> int:
        """The rows of a page: the last one of the screen says where one is."""
        return max(self._size()[1] - 1, 1)

    @property
    def rows(self) -> list[Line]:
        """All rows, in lines of the screen's width."""
        columns = self._size()[0]
        if self._flowed[0] != columns:
            lines = map(_without_tabs, self._lines)
            rows = [row for line in lines for row in flowed(line, columns, 2)]
            self._flowed = columns, rows
        return self._flowed[1]

    def page(self) -> list[Line]:
        """The rows that are shown."""
        self.go(self.top)  # the screen may have become higher
        return self.rows[self.top : self.top + self.height]

    def foot(self) -> list[Line]:
        """Where one is, and what the keys do."""
        if self.typed is not None:
            return [[("label", "/"), ("", self.typed)]]
        rows, columns = len(self.rows), self._size()[0]
        last = min(self.top + self.height, rows)
        where = self._said or f"{self.top + 1}-{last} of {rows}"
        room = columns - cell_width(where) - 2
        keys = next((keys for keys in _KEYS if len(keys) <= room), "")
        return [[("bold", where), ("dim", f"  {keys}")]]

    def go(self, top: int) -> None:
        """Show the rows from `top` on, if there is a page of them."""
        self.top = max(min(top, len(self.rows) - self.height), 0)

    def move(self, pages: float) -> None:
        """Go on by so many pages; backwards if it is less than none."""
        self._said = ""
        step = max(self.height - _OVERLAP, 1) * pages
        self.go(self.top + (round(step) or (1 if step > 0 else -1)))

    def scroll(self, rows: int) -> None:
        """Go on by so many rows."""
        self._said = ""
        self.go(self.top + rows)

    def seek(self) -> None:
        """Go to the next row with what was typed, or with what was sought before."""
        self._sought = self.typed or self._sought
        self.typed = None
        self.find(1)

    def find(self, direction: int) -> None:
        """Go to the next row with what is sought, or the one before."""
        if not self._sought:
            return
        ahead = range(self.top + 1, len(self.rows)) if direction > 0 else range(self.top)[::-1]
        sought = self._sought.lower()
        for at in ahead:
            if sought in plain(self.rows[at]).lower():
                self._said = ""
                self.go(at)
                return
        self._said = f"no {self._sought!r} {'below' if direction > 0 else 'above'}"


def _without_tabs(line: Line) -> Line:
    """`line` with blanks for its tabs, which a window would show as ``^I``."""
    column, found = 0, []
    for style, text in line:
        expanded = f"{'':{column}}{text}".expandtabs()[column:] if "\t" in text else text
        found.append((style, expanded))
        column += cell_width(expanded)
    return found


class Pager:
    """Shows pages instead of the layout; for the terminal's thread.

    The keys come from an `input` of its own: half a second after each key an Application
    flushes its input, and the layout's would take an Escape that was meant for a page.
    """

    def __init__(
        self, app: Application[None], input_: Input, suspension: TerminalSuspension
    ) -> None:
        self._app = app
        self._input = input_
        self._suspension = suspension
        self._shown: Application[None] | None = None
        #: Called at the end of the reading.
        self._then: Callable[[], object] = bool
        self._task: asyncio.Task[None] | None = None

    def open(self, lines: Sequence[Line], done: Callable[[], None], *, newest_last: bool) -> None:
        """Show `lines` until the user has read them, then call `done`."""
        output = self._app.output

        def size() -> tuple[int, int]:
            now = output.get_size()
            return now.columns, now.rows

        pages = Pages(lines, size)
        if newest_last:
            pages.go(len(pages.rows))
        if self._suspension:  # somebody else has the terminal
            done()
            return
        self._suspension.release_to_pager(self.close)
        self._shown = _application(self._app, self._input, pages)
        self._task = asyncio.get_running_loop().create_task(self._show(self._shown, done))

    def close(self, then: Callable[[], None] | None = None) -> bool:
        """Show the layout again; False if no pages are shown.

        `then` is called when it is there again: that takes one or two iterations.
        """
        app = self._shown
        if app is None:
            return False
        self._then = then or self._then
        if app.is_running and not app.is_done:
            app.exit()
        return True

    def resized(self) -> None:
        """The screen has another size: signals come to the main thread alone."""
        if self._shown is not None and self._shown.is_running:
            self._shown._on_resize()  # noqa: SLF001 - no public way to say it

    async def _show(self, app: Application[None], done: Callable[[], None]) -> None:
        try:
            await app.run_async(set_exception_handler=False, handle_sigint=False)
        finally:
            self._shown = None
            self._suspension.reclaim_from_pager(get_typeahead(app.input))
            done()
            then, self._then = self._then, bool
            then()


def _application(app: Application[None], input_: Input, pages: Pages) -> Application[None]:
    body = Window(StyledRows(pages.page), wrap_lines=False)
    foot = Window(StyledRows(pages.foot), height=1)
    return Application(
        layout=Layout(HSplit([body, foot])),
        style=app.style,
        key_bindings=_page_bindings(pages),
        full_screen=True,
        input=input_,
        output=app.output,
        erase_when_done=True,
        terminal_size_polling_interval=None,  # see `Pager.resized`
    )


def _page_bindings(pages: Pages) -> KeyBindings:
    keys = KeyBindings()
    typing = Condition(lambda: pages.typed is not None)

    def on(
        names: Sequence[str], action: Callable[[], object], *, when: FilterOrBool = ~typing
    ) -> None:
        for name in names:
            keys.add(name, filter=when, eager=True)(lambda _event: action())

    def erase() -> None:
        pages.typed = pages.typed[:-1] if pages.typed else None

    @keys.add(Keys.Any, filter=typing)
    def _type(event: KeyPressEvent) -> None:
        if event.data.isprintable():
            pages.typed = (pages.typed or "") + event.data

    on((" ", "f", "pagedown", "c-f", "c-v"), lambda: pages.move(1))
    on(("b", "pageup", "c-b"), lambda: pages.move(-1))
    on(("d", "c-d"), lambda: pages.move(0.5))
    on(("u", "c-u"), lambda: pages.move(-0.5))
    on(("down", "j", "enter", "c-n", "e"), lambda: pages.scroll(1))
    on(("up", "k", "c-p", "y"), lambda: pages.scroll(-1))
    on(("home", "g", "<"), lambda: pages.scroll(-len(pages.rows)))
    on(("end", "G", ">"), lambda: pages.scroll(len(pages.rows)))
    on(("n",), lambda: pages.find(1))
    on(("N", "p"), lambda: pages.find(-1))
    on(("/",), lambda: setattr(pages, "typed", ""))
    on(("q", "Q", "escape", "c-g"), lambda: get_app().exit())
    on(("c-c",), lambda: get_app().exit(), when=True)
    on(("c-z",), lambda: run_in_terminal(stop_job), when=True)
    on(("backspace",), erase, when=typing)
    on(("enter",), pages.seek, when=typing)
    on(("escape",), lambda: setattr(pages, "typed", None), when=typing)
    return keys
