"""A session in the terminal, seen from the main thread, which the user's loop has.

The prompt comes first: only what it needs is imported here, and the session behind
it (engine, commands, explanations) while the user already types.

The order of leaving matters. First the user's tasks are cancelled, while the
terminal still draws what they say; then streams and descriptors are given
back; then the terminal's thread draws what is left and leaves raw mode.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO, cast

from asyncrepl.settings import use_ascii, use_color
from asyncrepl.statuses import FAILED
from asyncrepl.terminal.completing import InputCompleter
from asyncrepl.terminal.crossing import Crossing, to_standard_output
from asyncrepl.terminal.descriptors import Descriptors
from asyncrepl.terminal.editor import Editor
from asyncrepl.terminal.exits import Exits
from asyncrepl.terminal.guard import Guard
from asyncrepl.terminal.history import open_history
from asyncrepl.terminal.inherited import heard
from asyncrepl.terminal.output import OutputQueue
from asyncrepl.terminal.streams import QueueStream
from asyncrepl.terminal.ui import Ui
from asyncrepl.terminal.watching import Watch
from asyncrepl.views.banner import banner_lines
from asyncrepl.views.console import Console
from asyncrepl.views.errors import describe_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.settings import Settings
    from asyncrepl.transcript.grammar import Transcript

__all__ = ["Plan", "Program", "Terminal", "run_terminal"]

#: The text of a program and the name of its file.
Program = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to replay: `speed` divides all delays, `pauses` says whether to wait for keys."""

    transcript: Transcript
    speed: float = 1.0
    pauses: bool = True


def run_terminal(
    settings: Settings, first: Sequence[Program] = (), replays: Sequence[Plan] = ()
) -> int:
    """A session at the prompt, on the terminal that descriptors 0 and 1 are; its exit status.

    `first` are programs to run before the first prompt. With `replays` these are
    played, each in a session of its own, and then it ends.
    """
    terminal = Terminal(settings)
    if replays:
        terminal.ui.typist.only_watch()
    lost: BaseException | None = None
    status = FAILED
    try:
        with terminal.opened(running=bool(first)):
            from asyncrepl.terminal.session import run_replays, run_session

            if replays:
                status = run_replays(terminal, list(replays))
            else:
                status = run_session(terminal, list(first))
    except Exception as error:  # user code has broken what a session needs
        lost = error
    lost = terminal.ui.error or lost
    if lost is not None:
        line = f"asyncrepl: the session cannot go on: {describe_error(lost)}"
        print(line, file=sys.__stderr__)
        return FAILED
    return status


class Terminal:
    """The parts of the terminal, as far as the main thread has to do with them."""

    def __init__(self, settings: Settings) -> None:
        self.trace = settings.trace
        self.clock = settings.clock, settings.rate
        self.queue = OutputQueue()
        self.out = QueueStream(self.queue)
        self.err = QueueStream(self.queue, "<stderr>", 2)
        color, ascii_only = use_color(settings.color, sys.stdout), use_ascii(sys.stdout)
        # Streams of its own: user code may do what it likes to those of `sys`.
        self.console = Console(
            cast("TextIO", QueueStream(self.queue)),
            cast("TextIO", QueueStream(self.queue, "<stderr>", 2)),
            color=color,
            width=lambda: self.ui.columns,
            ascii=ascii_only,
        )
        self.descriptors = Descriptors()
        self.watch = Watch(ascii=ascii_only)
        self.completer = InputCompleter()
        self.exits = Exits(self._last_words)
        self.crossing = Crossing(self.exits, self.queue)
        self.ui = Ui(
            self.queue,
            self.descriptors,
            Editor(open_history(settings.history, self._complain), self.completer),
            settings,
            self.crossing,
            self.watch,
            color=color,
        )
        if settings.banner:
            self.console.show(*banner_lines())

    @contextmanager
    def opened(self, *, running: bool) -> Iterator[None]:
        """The prompt is there within the block, except while something is `running`."""
        if running:
            self.ui.typist.run_first()
        with ExitStack() as stack:
            stack.callback(self.descriptors.close)
            stack.enter_context(heard())
            stack.enter_context(self.exits.watched())
            for number, handler in self._handlers().items():
                stack.enter_context(_handling(number, handler))
            os.register_at_fork(after_in_child=self._forked)
            self.queue.watch_children(self.descriptors.read)
            self.descriptors.take()
            stack.callback(self.ui.stop)
            stack.callback(self.descriptors.give)
            self.ui.start()
            if (modes := self.ui.modes.all()) is not None:
                found, *ours = modes
                stack.callback(Guard(found, ours).stand_down)
            yield

    def _handlers(self) -> dict[signal.Signals, Any]:
        ui = self.ui

        def interrupted(*_: object) -> None:
            """A Ctrl-C before the session behind the prompt is there."""
            ui.drop_typed_ahead()
            self.crossing.keep_interrupt()

        return {
            signal.SIGINT: interrupted,
            signal.SIGWINCH: lambda *_: ui.call(ui.resized),
            signal.SIGCONT: lambda *_: ui.call(ui.away.continued),
        }

    def _complain(self, line: str) -> None:
        self.console.complain([("error", line)])

    def _forked(self) -> None:
        """In a forked child nothing is drawn: text goes to descriptor 1, which we read."""
        self.queue.orphan(to_standard_output)

    def _last_words(self) -> None:
        self.ui.abandon()


@contextmanager
def _handling(number: signal.Signals, handler: Any) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before or signal.SIG_DFL)
