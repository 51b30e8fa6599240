"""The terminal of a session: its parts, made and opened before anything else is imported.

The prompt comes first: only what it needs is imported here, and the session behind it (engine,
commands, explanations) while the user already types.

The order of leaving matters. First the user's tasks are cancelled, while the terminal still draws
what they say; then streams and descriptors are given back; then the terminal's thread draws what
is left and leaves raw mode.
"""

from __future__ import annotations

import os
import signal
import sys
import weakref
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO, cast

from asyncrepl.engine.loop.interrupt_shields import rows
from asyncrepl.runtime.configuration import use_ascii, use_color
from asyncrepl.session.frontend import Console
from asyncrepl.terminal.completion import InputCompleter
from asyncrepl.terminal.history_file import open_history
from asyncrepl.terminal.input_line import Editor
from asyncrepl.terminal.loop_bridge import (
    LoopBridge,
    SessionExit,
    signal_handled,
    signals_unblocked,
    to_standard_output,
)
from asyncrepl.terminal.output_queue import OutputQueue
from asyncrepl.terminal.panel import LoopView
from asyncrepl.terminal.terminal_device import TerminalGuard
from asyncrepl.terminal.terminal_streams import QueueStream, StandardDescriptors
from asyncrepl.terminal.terminal_ui import TerminalUI

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.runtime.configuration import Settings
    from asyncrepl.transcript.grammar import Transcript


class ReplayPlan(NamedTuple):
    """What to replay: `speed` divides all delays, `pauses` says whether to wait for keys."""

    transcript: Transcript
    speed: float = 1.0
    pauses: bool = True


class Terminal:
    """The parts of the terminal, as far as the main thread has to do with them."""

    def __init__(self, settings: Settings, session_exit: type[SessionExit] = SessionExit) -> None:
        self.trace = settings.trace
        self.clock = settings.clock, settings.rate
        self.queue = OutputQueue()
        rows.begun = self.queue.has_begun
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
            pretty=True,
        )
        self.descriptors = StandardDescriptors()
        self.loop_view = LoopView(ascii=ascii_only)
        self.completer = InputCompleter()
        self.session_exit = session_exit(lambda: self.ui.stop(0.5))  # leave it as it was found
        self.bridge = LoopBridge(self.session_exit, self.queue)
        history = open_history(
            settings.history, lambda line: self.console.complain([("error", line)])
        )
        self.editor = Editor(history, self.completer, ascii=ascii_only)
        self.ui = TerminalUI(
            self.queue,
            self.descriptors,
            self.editor,
            settings,
            self.bridge,
            self.loop_view,
            color=color,
        )
        self.console.theme = self.ui.theme

    @contextmanager
    def opened(self, *, running: bool) -> Iterator[None]:
        """The prompt is there within the block, except while something is `running`."""
        if running:
            self.ui.controller.run_first()
        with ExitStack() as stack:
            stack.callback(self.descriptors.close)
            stack.enter_context(signals_unblocked())
            stack.enter_context(self.session_exit.signals_handled())
            for number, handler in self._handlers().items():
                stack.enter_context(signal_handled(number, handler))
            # In a forked child nothing is drawn: text goes to descriptor 1, which we read.
            kept = weakref.ref(self.queue)  # a program may go on when this terminal is gone

            def forked() -> None:
                if (queue := kept()) is not None:
                    queue.reset_after_fork(to_standard_output)

            os.register_at_fork(after_in_child=forked)
            self.queue.watch_children(self.descriptors.read)
            self.descriptors.redirect()
            stack.callback(self.ui.stop)
            stack.callback(self.descriptors.restore)
            self.ui.start()
            if modes := self.ui.modes.all():
                found, *ours = modes
                stack.callback(TerminalGuard(found, ours).disarm)
            yield

    def _handlers(self) -> dict[signal.Signals, Any]:
        ui = self.ui

        def interrupted(*_: object) -> None:
            """A Ctrl-C before the session behind the prompt is there."""
            ui.drop_typed_ahead()
            self.bridge.keep_interrupt()

        return {
            signal.SIGINT: interrupted,
            signal.SIGWINCH: lambda *_: ui.call(ui.resized),
            signal.SIGCONT: lambda *_: ui.call(ui.suspension.continued),
        }
