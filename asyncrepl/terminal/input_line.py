"""The input line: buffer, prompt, highlighting, suggestions, menu of completions.

It only edits; what Enter means is decided by the key bindings, what happens to a text that was
accepted by the input controller.

Colours: Python by Pygments, the tool's commands by one style. Pygments' Python lexer takes as
long to import as the whole of asyncio. The first prompt is empty and needs no lexer; so it is
imported once that prompt is on the screen, in another thread (`InputLexer.load`). Until then what
is typed has no colours: no key waits for them. What goes to the scrollback does.

Joined emoji in prompt_toolkit's layout, which puts each character of a text into a cell.

Three things make a cell of a whole picture: the width of a string of several characters is that of
its pictures (`measure_joined_emoji`); a line gives a picture as one item, and an empty one for
each further character of it, so that the columns of the cursor still count characters
(`joined_cells`); and the cursor does not stop within one (`boundary`).

What does not work: a character for private use in the picture's place. It would come out of the
terminal's own selection.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import prompt_toolkit.utils
from prompt_toolkit.application import get_app
from prompt_toolkit.auto_suggest import AutoSuggest, AutoSuggestFromHistory, Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import ThreadedCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import has_focus
from prompt_toolkit.formatted_text import ANSI, fragment_list_width, to_formatted_text
from prompt_toolkit.layout.containers import Float, Window
from prompt_toolkit.layout.controls import BufferControl, UIContent
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.layout.processors import (
    AppendAutoSuggestion,
    HighlightIncrementalSearchProcessor,
    HighlightMatchingBracketProcessor,
    HighlightSelectionProcessor,
    TabsProcessor,
    Transformation,
)
from prompt_toolkit.lexers import Lexer, PygmentsLexer, SimpleLexer
from prompt_toolkit.widgets import SearchToolbar

from asyncrepl.session.frontend import DEFAULT_PROMPTS
from asyncrepl.syntax.input_splitter import pasted_inputs
from asyncrepl.terminal.own_modules import threads_can_start
from asyncrepl.views.styled_lines import cell_width, clusters, has_joined, printable, python_lexer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable, Iterator, Sequence

    from prompt_toolkit.completion import CompleteEvent, Completion
    from prompt_toolkit.data_structures import Size
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.history import History
    from prompt_toolkit.layout.processors import TransformationInput

    from asyncrepl.session.command_registry import Command
    from asyncrepl.terminal.completion import InputCompleter
    from asyncrepl.views.styled_lines import Line

_Widths: Any = prompt_toolkit.utils._CHAR_SIZES_CACHE.__class__  # noqa: SLF001 - no public way


class _PictureWidths(_Widths):  # type: ignore[misc]
    """prompt_toolkit's memory of widths, with those of joined emoji."""

    def __missing__(self, string: str) -> int:
        if len(string) > 1 and has_joined(string):
            return cell_width(string)
        width: int = super().__missing__(string)
        return width


def measure_joined_emoji() -> None:
    """Let prompt_toolkit measure joined emoji as the console does."""
    if not isinstance(prompt_toolkit.utils._CHAR_SIZES_CACHE, _PictureWidths):  # noqa: SLF001
        prompt_toolkit.utils._CHAR_SIZES_CACHE = _PictureWidths()  # noqa: SLF001


class _Cells(str):
    """A text that gives its pictures when it is gone through."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        for cluster in clusters(str(self)):
            yield cluster
            for _ in cluster[1:]:
                yield ""


def joined_cells(line: StyleAndTextTuples) -> StyleAndTextTuples:
    """`line` with a cell for each picture; a picture has the style of its first character."""
    text = "".join([fragment[1] for fragment in line])
    if not has_joined(text):
        return line
    # Fragments may part a picture: then all of it belongs to the first.
    ends, at = list[int](), 0
    for cluster in clusters(text):
        at += len(cluster)
        ends.append(at)
    joined: StyleAndTextTuples = []
    start = at = 0
    for style, piece, *_ in line:
        at += len(piece)
        end = next((each for each in ends if each >= at), at)
        joined.append((style, _Cells(text[start : max(end, start)])))
        start = max(end, start)
    return joined


def boundary(text: str, position: int, before: int) -> int:
    """Where the cursor stands that has come from `before` to `position`: not within a picture."""
    start = text.rfind("\n", 0, position) + 1
    line = text[start : text.find("\n", position) if "\n" in text[position:] else len(text)]
    if not has_joined(line):
        return position
    at = start
    for cluster in clusters(line):
        end = at + len(cluster)
        if at < position < end:
            return end if before <= at else at
        at = end
    return position


def picture_length(line: str, *, at_end: bool) -> int:
    """The characters of the last picture of `line`, or its first; 1 if it is no joined one."""
    if not has_joined(line):
        return 1
    return len(clusters(line)[-1 if at_end else 0])


class JoinedBufferControl(BufferControl):
    """The control of a buffer that gives each joined emoji a cell."""

    def create_content(self, width: int, height: int, preview_search: bool = False) -> UIContent:
        """The content for `width` × `height` cells, with a cell for each picture."""
        content = super().create_content(width, height, preview_search)
        get_line = content.get_line
        content.get_line = lambda number: joined_cells(get_line(number))
        return content


#: Columns from one stop of a pasted tab to the next.
_TAB_STOP = 4


class _Tabs(TabsProcessor):
    """Tabs as the blanks that the echo shows, in the few lines that have any."""

    def apply_transformation(self, ti: TransformationInput) -> Transformation:
        if any("\t" in fragment[1] for fragment in ti.fragments):
            return super().apply_transformation(ti)
        return Transformation(ti.fragments)


_COMMAND = r":\w*[ \t]*"


class InputLexer(Lexer):
    """Styles a line that starts with ``:`` as a command, everything else as Python."""

    def __init__(self) -> None:
        self._python: Lexer | None = None
        #: The command of this name, or a beginning of it; none, until they are known.
        self.command: Callable[[str], Command | None] = lambda _name: None

    def load(self) -> Lexer:
        """The Python lexer; the first call imports it. Any thread may do so."""
        if self._python is None:
            self._python = PygmentsLexer(python_lexer())
        return self._python

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """A function that gives the fragments of line N."""
        if not document.text:
            return SimpleLexer().lex_document(document)
        if document.text.startswith(":"):
            return self._lex_command(document)
        return (self._python or SimpleLexer()).lex_document(document)

    def _lex_command(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        found = re.match(_COMMAND, document.text)
        assert found is not None
        name, rest = found[0], document.text[found.end() :]
        command = self.command(name.strip().removeprefix(":"))
        takes_python = command is not None and command.takes_python
        lexer = (self._python if takes_python else None) or SimpleLexer()
        line = lexer.lex_document(Document(rest))
        return lambda number: [("class:command", name), *line(0)] if number == 0 else line(number)

    def invalidation_hash(self) -> Hashable:
        """What changes the colours of the same text: that the lexer and the commands are there."""
        return self._python is not None, id(self.command)


_MENU_ROWS = 8
_PYTHON_FILE = ".py"


class LineSuggester(AutoSuggest):
    """What could be typed: the line that is `offered`, else one from the history."""

    def __init__(self) -> None:
        self.offered = ""
        #: Whether it is a script that types, to whom nothing is to be suggested.
        self.scripted: Callable[[], bool] = lambda: False
        self._history = AutoSuggestFromHistory()

    def rest(self, typed: str) -> str:
        """The rest of the offered line behind `typed`; empty if that is not its beginning."""
        fits = self.offered.startswith(typed) and not self.scripted()
        return self.offered[len(typed) :] if fits else ""

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        """What to show behind the cursor of `document`; prompt_toolkit asks after each key."""
        rest = self.rest(document.text)
        return Suggestion(rest) if rest else self._history.get_suggestion(buffer, document)


class _InputBuffer(Buffer):
    """Undoes and redoes what was typed in one go: a word with the keys of Emacs, with vi's all.

    prompt_toolkit keeps a state for each character, though it means not to.
    """

    #: The texts at which another key was pressed: there one go ends, and the next begins.
    _ends: frozenset[str] = frozenset()

    def save_to_undo_stack(self, clear_redo_stack: bool = True) -> None:
        """Keep the text as it is before a key."""
        if self._undo_stack and self._undo_stack[-1][0] == self.text:
            self._ends |= {self.text}
        super().save_to_undo_stack(clear_redo_stack)

    def reset(self, *args: Any, **kwargs: Any) -> None:
        """Begin another text, as prompt_toolkit's own does: nothing of the last can come back."""
        super().reset(*args, **kwargs)
        self._ends = frozenset()

    def undo(self) -> None:
        """Take back what was typed, or what another key has changed."""
        length = len(self.text)
        super().undo()
        typed = length == len(self.text) + 1  # else another key has changed it
        while typed and self._undo_stack and self._in_one_go(*self._undo_stack[-1], self.text):
            super().undo()

    def redo(self) -> None:
        """Type it again."""
        length = len(self.text)
        super().redo()
        typed = length == len(self.text) - 1
        while (
            typed
            and self._redo_stack
            and self._in_one_go(self.text, self.cursor_position, self._redo_stack[-1][0])
        ):
            super().redo()

    def _in_one_go(self, text: str, at: int, longer: str) -> bool:
        return self.text not in self._ends and _typed(text, at, longer)


def _typed(text: str, at: int, longer: str) -> bool:
    """Whether a key that inserts itself `at` this place of `text` has made it `longer`."""
    key = longer[at : at + 1]
    inserts = bool(key) and longer == text[:at] + key + text[at:]
    return inserts and (key != " " or get_app().editing_mode is EditingMode.VI)


class _BackgroundCompleter(ThreadedCompleter):
    """Completes in a thread, so that keys never wait; where none can be started, without one."""

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """The completions, each as soon as it is found."""
        if threads_can_start():
            async for each in super().get_completions_async(document, complete_event):
                yield each
        else:
            for each in self.completer.get_completions(document, complete_event):
                yield each


class Editor:
    """One multi-line input buffer and the windows that show it."""

    def __init__(
        self, history: History, completer: InputCompleter, *, ascii: bool = False
    ) -> None:
        self._completer = completer
        self._ascii = ascii
        measure_joined_emoji()
        self._stood_at = 0
        self.set_prompts(*DEFAULT_PROMPTS)
        self._helped: tuple[object, Sequence[Line]] = (None, ())
        self.lexer = InputLexer()
        self.suggester = LineSuggester()
        self.buffer = _InputBuffer(
            name="input",
            multiline=True,
            history=history,
            completer=_BackgroundCompleter(completer),
            complete_while_typing=False,
            enable_history_search=True,
            auto_suggest=self.suggester,
            on_cursor_position_changed=lambda _buffer: self._leave_picture(),
            on_text_changed=lambda _buffer: self.suggest(),
            tempfile_suffix=_PYTHON_FILE,
        )
        self.search = SearchToolbar(ignore_case=True)
        self.control = self._input_control()
        self.window = Window(
            self.control,
            height=self._height,
            get_line_prefix=self._prefix,
            wrap_lines=True,
            dont_extend_height=True,
        )
        self.menu = Float(
            xcursor=True,
            ycursor=True,
            content=CompletionsMenu(
                max_height=_MENU_ROWS, scroll_offset=1, extra_filter=has_focus(self.buffer)
            ),
        )

    def _input_control(self) -> BufferControl:
        return JoinedBufferControl(
            self.buffer,
            input_processors=[
                HighlightIncrementalSearchProcessor(),
                HighlightSelectionProcessor(),
                # Few characters around the cursor: the search for the other
                # bracket goes through the text at each redraw.
                HighlightMatchingBracketProcessor(max_cursor_distance=1000),
                AppendAutoSuggestion(),
                _Tabs(_TAB_STOP, " ", " ", style=""),
            ],
            include_default_input_processors=False,
            lexer=self.lexer,
            search_buffer_control=self.search.control,
            preview_search=True,
        )

    def suggest(self) -> None:
        """Show the rest of the line that is offered, if what is typed is its beginning.

        prompt_toolkit looks for a suggestion only after a key that inserts something: not at
        an empty prompt, and not after Backspace.
        """
        rest = self.suggester.rest(self.buffer.text)
        if rest:
            self.buffer.suggestion = Suggestion(rest)

    def _leave_picture(self) -> None:
        """Let the cursor not stop within a joined emoji, which it would seem to be behind."""
        buffer = self.buffer
        before, self._stood_at = self._stood_at, buffer.cursor_position
        at = boundary(buffer.text, buffer.cursor_position, before)
        if at != buffer.cursor_position:
            buffer.cursor_position = at

    def echo(self, text: str) -> StyleAndTextTuples:
        """`text` as it stands in the scrollback: prompts, colours, a newline at the end."""
        document = Document(text.expandtabs(_TAB_STOP))
        self.lexer.load()
        line = self.lexer.lex_document(document)
        fragments: StyleAndTextTuples = []
        for number in range(document.line_count):
            fragments += [*self._prefix(number, 0), *line(number), ("", "\n")]
        return fragments

    @property
    def prompt_width(self) -> int:
        """The columns of the first prompt; for any thread."""
        return fragment_list_width(self._prompts[0])

    def set_prompts(self, first: str, further: str) -> None:
        """Begin a statement with `first`, and each further line of it with `further`."""
        self._prompts = _prompt_fragments(first), _prompt_fragments(further)

    def _prefix(self, line: int, wraps: int) -> StyleAndTextTuples:
        """The prompt before a line; nothing before the rows into which a long line wraps.

        So a wrapped line looks the same before and after Enter, and can be copied.
        """
        return [] if wraps else self._prompts[line > 0]

    def help(self) -> Sequence[Line]:
        """Rows about the call that is being typed; asked at each redraw.

        Of a session that was pasted, what Enter will do.
        """
        document, size = self.buffer.document, get_app().output.get_size()
        if not self._completer.connected:
            return ()
        if (document, size) != self._helped[0]:
            self._helped = (document, size), self._help(document, size)
        return self._helped[1]

    def _help(self, document: Document, size: Size) -> Sequence[Line]:
        if paste := _paste_help(document.text):
            return [[("dim", paste)]]
        # A quarter of the screen: what is typed, the menu and the lanes need the rest.
        height = max(size.rows // 4, 1)
        dots = "..." if self._ascii else "…"
        return self._completer.signature(
            document.text_before_cursor, size.columns - 1, height, dots
        )

    def _height(self) -> Dimension:
        """Room for the menu under the first line, while there is one; else what the text needs.

        Never more than half of the screen: a layout that does not fit is not drawn at all.
        """
        state = self.buffer.complete_state
        if state is None:
            return Dimension(min=1)
        rows = min(len(state.completions), _MENU_ROWS) + 1
        return Dimension(min=min(rows, get_app().output.get_size().rows // 2))


def _paste_help(text: str) -> str:
    inputs = pasted_inputs(text)
    if not inputs or "\n" not in text:
        return ""
    several = f"these {len(inputs)} inputs in order"
    return f"Enter runs {'this input' if len(inputs) == 1 else several}"


def _prompt_fragments(prompt: str) -> StyleAndTextTuples:
    """The last line of `prompt`, in its own colours if it has any, else in ours.

    Nothing else that it asks of the terminal is done; marks for readline are left out.
    """
    line = prompt.rpartition("\n")[2].replace("\x01", "").replace("\x02", "")
    fragments = to_formatted_text(ANSI(line)) if "\x1b[" in line else [("", line)]
    return [(style or "class:prompt", printable(text)) for style, text, *_ in fragments]
