"""The session on a terminal that cannot move its cursor: Emacs' shell, ``TERM=dumb``.

Lines in, lines out. What is printed while the prompt waits cannot go above the line that is typed,
so it begins a row of its own, and the prompt comes again behind it; what was typed is still there,
the terminal keeps it until Enter.

A line is read only when the prompt asks for one: `input`, pdb and programs read the same keyboard.
"""

from __future__ import annotations

import select
import signal
import sys
import threading
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

from asyncrepl import __version__
from asyncrepl.cli.plain_session import LineRunner, read_and_run, run_source
from asyncrepl.session.frontend import Frontend, banner_lines, current_prompts, prompts_installed
from asyncrepl.session.input_run import Status
from asyncrepl.transcript.transcript_output import TeeStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from asyncrepl.runtime.configuration import Program
    from asyncrepl.session.frontend import Console
    from asyncrepl.session.shell import Shell
    from asyncrepl.syntax.input_splitter import InputSplitter

_SIGNAL_DELAY = 0.3  # seconds after which a Ctrl-C is seen at the latest


class LineFrontend(Frontend):
    """A person who types whole lines."""

    debugs = True
    teaches = True
    edits = False

    @staticmethod
    def ask_line(prompt: str) -> str:
        """A line that is typed, whole; Ctrl-C ends the question, also between slices of a task."""
        ours = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            print(prompt, end="", flush=True)
            _wait_for_line()
            return sys.stdin.readline()  # not `input`, which reads past `_Keyboard`
        finally:
            signal.signal(signal.SIGINT, ours)

    def __init__(self) -> None:
        #: The inputs so far, oldest first.
        self.inputs: list[str] = []

    def history(self) -> list[str]:
        """The inputs so far, oldest first."""
        return list(self.inputs)

    def show_step_keys(self) -> None:
        """Nothing to show yet: at each stop a line is asked for, which nothing else reads then."""

    @contextmanager
    def terminal_lent(self) -> Iterator[bool]:
        """The program has the terminal already: nothing else reads it while an input runs."""
        yield True

    def post_mortem(self, error: BaseException, entry: TracebackType) -> None:
        """Open pdb in the frame of `entry`."""
        from asyncrepl.terminal.terminal_lease import debug_post_mortem

        debug_post_mortem(error, entry)


def _wait_for_line() -> None:
    """Wait until a line can be read.

    A signal that comes right before a read is seen by Python only after it, so the wait for what
    may never be typed is one that ends from time to time.
    """
    with suppress(OSError, ValueError):  # no file of the system: reading will say so
        while not select.select([sys.stdin], [], [], _SIGNAL_DELAY)[0]:
            pass


def run_typed(
    shell: Shell, frontend: LineFrontend, stream: TextIO, first: Sequence[Program], *, banner: bool
) -> int:
    """Run what a person types to a terminal that cannot move its cursor; the exit status.

    `first` are programs to run before the first prompt. An error
    does not end the session, the end of `stream` does.
    """
    from asyncrepl.syntax.input_splitter import InputSplitter

    console = shell.console
    if banner:
        show = console.show if _writes_to(console) is console.out else console.complain
        show(*banner_lines(__version__, console.width))
    with prompts_installed():
        for text, filename, stays in first:
            if stays:
                shell.name_main_module(filename)
            ended = run_source(shell, text, filename, alone=stays)
            if (status := shell.outcomes.program_ended(ended, stays=stays)).kind == "exit":
                return status.exit_code
        row, splitter = _PromptRow(shell), InputSplitter(typed=True)
        with row.watched():
            lines = _TypedLineRunner(shell, splitter, row, frontend.inputs)
            code = read_and_run(shell, stream, lines)
    print(file=_writes_to(console), flush=True)
    return code


def _writes_to(console: Console) -> TextIO:
    """Where the prompts go: to the terminal, also where the output goes to a file."""
    at_terminal = console.out.isatty() or not console.err.isatty()
    return console.out if at_terminal else console.err


class _PromptRow:
    """The row of the cursor: whether it is begun, and whether a prompt stands in it.

    `printed` is for any thread, the rest for that of the loop.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell, self._out = shell, _writes_to(shell.console)
        self._begun = self._redraw_due = False
        #: Whether a line is asked for, and whether the cursor stands behind its prompt.
        self._asking = self._behind_prompt = False
        self._prompt = 0

    def ask(self, prompt: int) -> None:
        """Show the prompt of this number at the beginning of a row."""
        self.begin()
        self._prompt, self._asking, self._behind_prompt = prompt, True, True
        self._redraw_due = False
        self._out.write(current_prompts()[prompt])
        self._out.flush()

    def answered(self) -> None:
        """A line was typed: its Enter has begun the next row."""
        self._asking = self._behind_prompt = self._begun = False

    def begin(self) -> None:
        """What comes next begins a row."""
        if self._begun or self._behind_prompt:
            self._begun = self._behind_prompt = False
            self._out.write("\n")

    def printed(self, text: str) -> None:
        """`text` is about to be written: not behind the prompt, which comes again after it."""
        if not text:
            return
        if self._behind_prompt:
            self.begin()
        if self._asking and not self._redraw_due:
            self._redraw_due = True
            with suppress(RuntimeError):  # the loop is closed
                self._shell.loop.call_soon_threadsafe(self._ask_again)
        self._begun = not text.endswith("\n")

    def entered(self) -> None:
        """A program has read a line: its Enter has begun the next row."""
        self._begun = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """What is printed, shown and entered is heard of within the block."""
        console, keyboard = self._shell.console, sys.stdin
        out, err = console.out, console.err
        with redirect_stdout(self._stream(sys.stdout)), redirect_stderr(self._stream(sys.stderr)):
            console.out, console.err = self._stream(out), self._stream(err)
            sys.stdin = cast("TextIO", _Keyboard(keyboard, self))
            try:
                yield
            finally:
                sys.stdin, console.out, console.err = keyboard, out, err

    def _stream(self, stream: TextIO) -> TextIO:
        return cast("TextIO", _TerminalStream(stream, self)) if stream.isatty() else stream

    def _ask_again(self) -> None:
        if self._redraw_due and self._asking:
            self.ask(self._prompt)
        self._redraw_due = False


class _TerminalStream(TeeStream):
    """Writes to the terminal, whose cursor `row` knows."""

    def __init__(self, stream: TextIO, row: _PromptRow) -> None:
        super().__init__(stream, row.printed)
        self._row = row

    def show(self, text: str) -> None:
        """Write lines of the tool's own, which begin a row."""
        self._row.begin()
        super().show(text)


class _Keyboard:
    """``sys.stdin``, whose lines begin a row of the terminal; all else the stream answers."""

    def __init__(self, stream: TextIO, row: _PromptRow) -> None:
        self._stream, self._row = stream, row

    def readline(self, size: int = -1) -> str:
        """A line that is typed."""
        line = self._stream.readline(size)
        self._row.entered()
        return line

    def __iter__(self) -> Iterator[str]:
        return iter(self.readline, "")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _TypedLineRunner(LineRunner):
    """Runs what is typed: only the end of the input ends it."""

    typed = True

    def __init__(
        self, shell: Shell, splitter: InputSplitter, row: _PromptRow, inputs: list[str]
    ) -> None:
        super().__init__(shell, splitter)
        self._row, self._inputs = row, inputs
        self._reading, self._wanted = False, threading.Semaphore(0)

    def lines(self, stream: TextIO) -> Iterator[str]:
        """The lines of the terminal, each read when the prompt asks for it."""
        while self._wanted.acquire() and (line := stream.readline()):
            yield line.rstrip("\n")

    def interrupted(self) -> None:
        """Ctrl-C while nothing runs: drop what was typed."""
        self.splitter.drop()
        self._row.begin()
        self._row.answered()
        self.shell.console.show([("error", "KeyboardInterrupt")])
        self.wait()

    def wait(self) -> None:
        """Ask for a line."""
        self._row.ask(self.splitter.pending)
        if not self._reading:
            self._reading = True
            self._wanted.release()

    def take(self, line: str | None) -> None:
        """A line was typed."""
        self._reading = False
        self._row.answered()
        super().take(line)

    def begin(self, text: str) -> None:
        """The input `text` is about to run: from now on it is history."""
        self._inputs.append(text)

    def done(self, status: Status) -> None:
        """An input has ended."""
        super().done(status if status.kind == "exit" else Status())
