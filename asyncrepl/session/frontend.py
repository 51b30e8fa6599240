"""The frontend: whoever types, what commands may ask of it, banner, prompts, and the console.

The terminal, a pipe and a transcript are frontends. `Frontend` is the base of all and can do
nothing but take lines; the terminal's overrides what it can do besides.

The prompts are the user's to choose, as in Python: ``sys.ps1`` and ``sys.ps2``.

`ForegroundView` is what the parts of a session know of what runs in the foreground.
Narration, reports, debug commands, the guide: each is given an object and says in a protocol of
its own, beside it, what it needs of that. The shell fulfils them all, and none of them imports it.
So each can be read, and tested, without the shell; and the shell can change without them.

The console is where the tool's own lines go: results, errors, explanations, answers. It writes
to the same stream as the user's ``print``, so that both keep their order. It holds its own
reference: user code that replaces or closes ``sys.stdout`` does not silence the tool.
"""

from __future__ import annotations

import select
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from asyncrepl.session.command_registry import CommandError
from asyncrepl.views.styled_lines import Line, Theme, ansi, flowed, plain, safe

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from types import TracebackType
    from typing import TextIO

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.engine.statements import Session
    from asyncrepl.syntax.sources import Source

#: What a statement begins with, and each further line of it.
DEFAULT_PROMPTS = ">>> ", "... "

#: A key while a statement is paused, or the first letter of a line that is asked for then, and
#: the method of `asyncrepl.session.debug_commands.DebugCommands` that it stands for.
COMMAND_OF_KEY = {
    "t": "timer", "n": "anext", "v": "values", "c": "resume_all", "e": "evaluate",
}  # fmt: skip


@contextmanager
def prompts_installed() -> Iterator[None]:
    """``sys.ps1`` and ``sys.ps2`` are there within the block: a person types.

    Libraries ask for them, to learn whether one does.
    """
    vars(sys)["ps1"], vars(sys)["ps2"] = DEFAULT_PROMPTS
    try:
        yield
    finally:
        for name in ("ps1", "ps2"):
            vars(sys).pop(name, None)


def banner_lines(version: str, width: int | None = None) -> list[Line]:
    """What is said at the start: who this is, where help is, what to type first.

    `version` is that of this program. At most three lines of 40 columns; where `width` is less,
    the words go on below.
    """
    versions = f" {version}, Python {sys.version.split()[0]}; "
    lines: list[Line] = [
        [("bold", "asyncrepl"), ("dim", versions), ("label", ":help")],
        [
            ("dim", "type "), ("label", ":tour"), ("dim", " to begin, or "),
            ("label", ":load ticks"), ("dim", " and"),
        ],
        [("label", ":trace async for n in ticks(3): n")],
    ]  # fmt: skip
    return [row for line in lines for row in flowed(line, width)]


def current_prompts() -> tuple[str, str]:
    """The two prompts; ours where the user's cannot be had.

    An object is asked for its text each time: this runs the user's code.
    """
    return _prompt_text("ps1", DEFAULT_PROMPTS[0]), _prompt_text("ps2", DEFAULT_PROMPTS[1])


def _prompt_text(name: str, ours: str) -> str:
    try:
        return str(getattr(sys, name))
    except BaseException:  # also a Ctrl-C because it blocks: who is to be asked must be asked
        return ours


class Frontend:
    """A front that can do nothing but take lines: the base of all others.

    The methods a front does not have raise CommandError, so that a command says
    in one line that it needs a terminal.
    """

    #: Whether whoever types is a person who may want to know what to do next.
    teaches = False

    #: Whether that person has an input line on which text can be put, and demos can be played.
    edits = True

    #: Whether a script types just now.
    scripted = False

    #: Whether live lanes are drawn.
    lanes = False

    #: The columns of the prompt, behind which a statement begins; 0 where none is shown.
    prompt_width = len(DEFAULT_PROMPTS[0])

    #: The rows that a value may take before it is shortened.
    value_rows = 20

    def offer(self, text: str) -> bool:
        """Put `text` on the next input line, to be edited; False where there is none."""
        return not text

    def suggest(self, text: str) -> bool:
        """Offer `text` on the input line, to be accepted with a key; False where there is none.

        It is offered at each prompt until another is; an empty one ends that.
        """
        return not text

    def page(
        self,
        lines: Sequence[Line],  # noqa: ARG002 - the interface's
        *,
        newest_last: bool,  # noqa: ARG002
    ) -> Awaitable[None] | None:
        """Let the user read `lines`, which then need not be shown; None where they are to be.

        They are if the screen holds them, if a script types, and where there is no screen.
        What is returned ends when they were read. `newest_last` shows the end first.
        """
        return None

    def show_lanes(self, *, on: bool) -> None:
        """Draw live lanes under the prompt, or stop drawing them."""
        typed = f":lanes {'on' if on else 'off'}"
        raise CommandError(f"{typed} needs a terminal to draw in; :timeline prints them")

    #: Whether the keys are those of vi.
    vi = False

    def use_vi(self, *, on: bool) -> None:
        """Edit with the keys of vi, or with those of Emacs."""
        raise CommandError(f":set vi {'on' if on else 'off'} needs a terminal to edit in")

    #: Whether keys and steps are shown to those who watch.
    audience = False

    def show_audience(self, *, on: bool) -> None:
        """Show keys and steps to those who watch, or do not."""
        raise CommandError(f":set audience {'on' if on else 'off'} needs a terminal to draw in")

    def show_scripted_interrupt(self) -> None:
        """A script presses Ctrl-C: show it to those who watch, if any do."""

    def show_color(self, *, on: bool) -> None:
        """Colour what is drawn beside the console's lines, if anything is."""

    #: Asks for a line, with its end, behind a prompt while an input runs; None: nobody answers.
    ask_line: Callable[[str], str] | None = None

    def show_step_keys(self) -> None:
        """Take keys as steps of what runs next, and show which they are."""
        raise CommandError(":walk needs a terminal for its keys; :trace tells all steps")

    @contextmanager
    def terminal_lent(self) -> Iterator[bool]:
        """Leave the terminal to a program within the block; False where there is none to leave."""
        yield False

    #: Whether `post_mortem` can be asked for.
    debugs = False

    def post_mortem(
        self,
        error: BaseException,  # noqa: ARG002 - the interface's
        entry: TracebackType,  # noqa: ARG002
    ) -> None:
        """Open a debugger where `error` arose: in the frame of this `entry` of its traceback.

        Returns when the user has left it.
        """
        raise CommandError(":debug needs a terminal to ask in")

    def replay(self, name: str) -> None:
        """Begin to type the transcript `name`."""
        raise CommandError(f":replay {name} needs a terminal; try: asyncrepl replay {name}")

    def control_replay(self, word: str) -> None:
        """Hold ("pause"), go on with ("resume"), "step" or "stop" the replay."""
        typed = "replay stop" if word == "stop" else word
        raise CommandError(f":{typed}: no demo is being replayed; :replay NAME starts one")

    def end_process(self) -> None:
        """User code does not give the main thread back, from a thread: end without it."""

    def history(self) -> list[str]:
        """The inputs so far, oldest first."""
        return []


class ForegroundView(Protocol):
    """The session, its loop and console, and what runs there just now. For the loop's thread."""

    #: Where lines are shown.
    console: Console
    #: Who types.
    frontend: Frontend
    #: Where the session lives.
    loop: LiveLoop
    #: The names and the sources.
    session: Session

    @property
    def source(self) -> Source | None:
        """The statement that runs in the foreground."""

    @property
    def task(self) -> asyncio.Task[Any] | None:
        """The task that runs in the foreground."""


class Console:
    """Writes whole styled lines to an output and an error stream.

    `color` says whether styles become escape codes; without it only the text
    is written, and nothing is lost: no meaning is in colour alone. `width` tells
    the columns of a screen; without it text is not wrapped. `ascii` says that the screen
    shows nothing else: pictures are then drawn with it. With `pretty` long values are laid out for
    a person who reads them there. With `raw`, control characters are
    written as they are: for a program that reads them.
    """

    def __init__(
        self,
        out: TextIO,
        err: TextIO | None = None,
        *,
        color: bool = False,
        width: Callable[[], int] | None = None,
        ascii: bool = False,
        pretty: bool = False,
        raw: bool = False,
    ) -> None:
        self.out = out
        self._width = width
        self.err = out if err is None else err
        self.color = color
        self.ascii = ascii
        self.pretty = pretty
        #: In which colours the lines are drawn.
        self.theme = Theme()
        self._raw = raw
        #: Hears of all lines, if set.
        self.on_lines: Callable[[tuple[Line, ...]], object] | None = None

    @property
    def width(self) -> int | None:
        """The columns to wrap prose at; None where the output is no screen."""
        return None if self._width is None else self._width()

    @property
    def closed(self) -> bool:
        """Whether nobody reads the output any more: it goes to a pipe that is closed."""
        try:
            poll = select.poll()
            poll.register(self.out.fileno(), select.POLLERR)
        except (OSError, ValueError):  # not a file
            return False
        return bool(poll.poll(0))

    def show(self, *lines: Line, recorded: Sequence[Line] | None = None) -> None:
        """Write `lines` to the output stream, in one piece.

        Who hears of all lines hears of those that are `recorded` in their place, if given.
        """
        if recorded is not None and self.on_lines is not None:
            self.on_lines(tuple(recorded))
            self.show_unrecorded(*lines)
        else:
            self._write(self.out, lines)

    def complain(self, *lines: Line) -> None:
        """Write `lines` to the error stream, in one piece.

        Where there is no room for them nobody hears of it, but an exit status tells.
        """
        try:
            self._write(self.err, lines)
        except OSError as error:
            if self.err is self.out or isinstance(error, BrokenPipeError):
                raise

    def show_unrecorded(self, *lines: Line) -> None:
        """Write `lines` to the output stream, but not as a part of the session: tell nobody."""
        told, self.on_lines = self.on_lines, None
        try:
            self._write(self.out, lines)
        finally:
            self.on_lines = told

    def _write(self, stream: TextIO, lines: tuple[Line, ...]) -> None:
        if not lines or stream.closed:
            return
        if self.on_lines is not None:
            self.on_lines(lines)
        shown = [line if self._raw else safe(line) for line in lines]
        styles = self.theme.styles
        drawn = [ansi(line, styles) if self.color else plain(line) for line in shown]
        text = "".join(line + "\n" for line in drawn)
        # A stream that knows the column begins a row for them, if it has to.
        getattr(stream, "show", stream.write)(text)
        stream.flush()
