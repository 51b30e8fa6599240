"""A session in the terminal, seen from the main thread, which the user's loop has.

The order of leaving matters. First the user's tasks are cancelled, while the
terminal still draws what they say; then streams and descriptors are given
back; then the terminal's thread draws what is left and leaves raw mode.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from asyncrepl.commands.opening import open_shell
from asyncrepl.engine.interrupts import Interrupter
from asyncrepl.engine.running import keep_running
from asyncrepl.settings import use_color
from asyncrepl.terminal.completing import InputCompleter
from asyncrepl.terminal.descriptors import Descriptors
from asyncrepl.terminal.editor import Editor
from asyncrepl.terminal.exits import Exits
from asyncrepl.terminal.front import TerminalFront, complete_command
from asyncrepl.terminal.history import open_history
from asyncrepl.terminal.hooks import installed
from asyncrepl.terminal.lending import Lender
from asyncrepl.terminal.output import OutputQueue
from asyncrepl.terminal.streams import LentInput, QueueStream
from asyncrepl.terminal.ui import Ui
from asyncrepl.terminal.watching import Watch
from asyncrepl.views.banner import banner_lines
from asyncrepl.views.console import Console
from asyncrepl.views.styled import text_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from asyncrepl.commands.shell import Shell, Status
    from asyncrepl.settings import Settings

__all__ = ["run_terminal"]

_SWITCH = 0.001  # seconds: echo beside a CPU-bound task takes 3 ms instead of 12

#: The text of a program and the name of its file.
Program = tuple[str, str]


def run_terminal(settings: Settings, first: Sequence[Program] = ()) -> int:
    """A session at the prompt, on the terminal that descriptors 0 and 1 are; its exit status.

    `first` are programs to run before the first prompt.
    """
    queue = OutputQueue()
    out, err = QueueStream(queue.put), QueueStream(queue.put, "<stderr>", 2)
    console = Console(out, err, color=use_color(settings.color, sys.stdout))
    front = TerminalFront()
    with ExitStack() as terminal:
        descriptors = Descriptors()
        terminal.callback(descriptors.close)
        with open_shell(console, front=front) as shell:
            main = TerminalMain(shell, settings, queue, descriptors)
            front.ui = main.ui
            terminal.enter_context(main.opened(out, err))
            code = main.run(list(first))
        if shell.left:
            console.show([("dim", _left(shell.left))])
    return code


class TerminalMain:
    """What the main thread does for the terminal's: see `asyncrepl.terminal.ui.Main`."""

    def __init__(
        self, shell: Shell, settings: Settings, queue: OutputQueue, descriptors: Descriptors
    ) -> None:
        self._shell = shell
        self._settings = settings
        self._queue = queue
        self._descriptors = descriptors
        watch = Watch(shell.loop, threading.get_ident())
        completer = InputCompleter(
            shell.session.namespace, lambda text: complete_command(shell, text)
        )
        history = open_history(settings.history, self._complain)
        self.ui = Ui(queue, descriptors, Editor(history, completer), settings, self, watch)
        self.lender = Lender(self.ui, self.ui.call, descriptors.terminal_in)
        self.interrupter = Interrupter(shell.loop, shell, self._interrupted_idle)
        self.exits = Exits(shell.loop, self.interrupter.stuck, self.ui.abandon)

    # -- for the terminal's thread --------------------------------------------------

    def submit(self, text: str) -> None:
        """Run `text` on the loop; the terminal prompts again when it is done."""
        with suppress(RuntimeError):  # the loop is closed: the session ends
            self._shell.loop.call_soon_threadsafe(self._start, text)

    def interrupt(self) -> None:
        """Ctrl-C for whatever hogs the loop."""
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def leave(self, code: int) -> None:
        """End the session."""
        self.exits.request(code)

    def gone(self) -> None:
        """The terminal's thread has ended: so does the session, if it was not to."""
        self._queue.bypass(_to_standard_output)
        self.exits.request(128 + signal.SIGHUP)

    # -- on the main thread -----------------------------------------------------------

    @contextmanager
    def opened(self, out: QueueStream, err: QueueStream) -> Iterator[None]:
        """The terminal belongs to the session within the block, and so do its streams."""
        with ExitStack() as stack:
            self.exits.install()
            stack.callback(self.exits.uninstall)
            stack.callback(self.ui.stop)
            stack.callback(self._descriptors.give)
            stack.enter_context(_streams(out, err, LentInput(self.lender.read_line)))
            stack.enter_context(installed(self.lender))
            stack.enter_context(_signals(self.ui))
            self._queue.watch_children(self._descriptors.read)
            self._descriptors.take()
            stack.enter_context(_quick_switching())
            yield

    def run(self, first: list[Program]) -> int:
        """Run the loop until the session is to end; its exit status."""
        if self._settings.banner:
            self._shell.console.show(*banner_lines())
        if first:
            self.ui.typist.running = True
            self._shell.loop.call_soon(self._start_first, first)
        self.interrupter.install()
        self.ui.start()
        self._shell.loop.call_later(0.5, _freeze)
        try:
            keep_running(self._shell.loop, self.interrupter, self.exits.requested, self._hit)
        except SystemExit as leaving:
            self.exits.request(leaving.code if isinstance(leaving.code, int) else 1)
        finally:
            self.interrupter.uninstall()
        return self.exits.code or 0

    def _start_first(self, programs: list[Program]) -> None:
        if not programs:
            self.ui.call(self.ui.typist.done)
            return
        (text, filename), *rest = programs

        def done(status: Status) -> None:
            if status.kind == "exit":
                self.exits.request(status.exit_code)
            else:
                self._start_first(rest)

        self._shell.submit(text, done, filename=filename, mode="exec")

    def _start(self, text: str) -> None:
        self.interrupter.install()
        self._shell.submit(text, self._done)

    def _done(self, status: Status) -> None:
        if status.kind == "exit":
            self.exits.request(status.exit_code)
        else:
            self.lender.recall()
            self.ui.call(self.ui.typist.done)

    def _hit(self, line: str) -> None:
        self._shell.console.complain(*text_lines(line, "error"))

    def _interrupted_idle(self) -> None:
        self.ui.call(self.ui.typist.interrupted)

    def _complain(self, line: str) -> None:
        self._shell.console.complain(*text_lines(line, "error"))


@contextmanager
def _streams(out: QueueStream, err: QueueStream, stdin: LentInput) -> Iterator[None]:
    """The session's streams as those of `sys`; what user code put there is dropped."""
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout = stdin, out
    if os.isatty(2):
        sys.stderr = err
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


@contextmanager
def _signals(ui: Ui) -> Iterator[None]:
    """Signals that only the terminal's thread has something to do for."""
    handlers: dict[signal.Signals, Any] = {
        signal.SIGWINCH: lambda *_: ui.call(ui.resized),
        signal.SIGCONT: lambda *_: ui.call(ui.continued),
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


@contextmanager
def _quick_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _freeze() -> None:
    """Take what was loaded out of the collector's sight: a full pass took 22 ms of the loop."""
    gc.collect()
    gc.freeze()


def _left(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    count = "1 task was" if len(names) == 1 else f"{len(names)} tasks were"
    return f"{count} still running and cancelled: {shown}"


def _to_standard_output(text: str) -> None:
    """Where text goes when there is no terminal's thread any more."""
    with suppress(OSError):
        os.write(1, text.encode("utf-8", "backslashreplace"))
