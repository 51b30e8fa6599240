"""The session behind the prompt, on the main thread: loop, shell, streams, hooks, replays."""

from __future__ import annotations

import builtins
import gc
import os
import sys
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.loop.interrupt_shields import uninterrupted
from asyncrepl.engine.loop.interrupts import Interrupter, in_session
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.loop.loop_runner import keep_running
from asyncrepl.engine.loop.loop_shutdown import ended
from asyncrepl.engine.statements import Session
from asyncrepl.runtime.process import INTERRUPTED
from asyncrepl.session.command_registry import CommandError, CommandRegistry
from asyncrepl.session.frontend import current_prompts, prompts_installed
from asyncrepl.session.input_run import run_input
from asyncrepl.session.shell import (
    Shell,
    active_until,
    clock_for_settings,
    open_shell,
)
from asyncrepl.terminal.own_modules import ModulePreloader, install_stdlib_copies
from asyncrepl.terminal.terminal_frontend import (
    ReplayControl,
    TerminalFrontend,
    complete_command,
)
from asyncrepl.terminal.terminal_lease import TerminalLease, hooks_installed
from asyncrepl.terminal.terminal_setup import ReplayPlan
from asyncrepl.terminal.terminal_streams import LeasedInput
from asyncrepl.views.styled_lines import prose, text_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from prompt_toolkit.buffer import Buffer

    from asyncrepl.engine.blocking.blocking_watchdog import BlockingWatchdog
    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.runtime.configuration import Program
    from asyncrepl.session.input_run import Status
    from asyncrepl.terminal.terminal_setup import Terminal

_STATEMENT_LENGTH = 3  # characters: from here on a text is more than a stray key


def run_session(terminal: Terminal, first: list[Program]) -> int:
    """Run a session in the open `terminal` until it is to end; its exit status."""
    with _session_on(terminal, clock_for_settings(*terminal.clock)) as session:
        if first:
            session.run_first(first)
        session.run()
    return terminal.session_exit.code or 0


def run_replays(terminal: Terminal, plans: list[ReplayPlan]) -> int:
    """Play all of `plans`, each in a session of its own; the exit status."""
    for plan in plans:
        clock = Clock.virtual() if plan.transcript.clock == "virtual" else Clock.real()
        terminal.loop_view.scripted = True
        terminal.ui.call(terminal.ui.controller.ignore_keys)
        with _session_on(terminal, clock) as session:
            session.play(plan)
            session.run()
        if terminal.session_exit.requested():
            break
    else:
        from pathlib import Path

        from asyncrepl.session.guide import next_demo_lines

        played = Path(plans[-1].transcript.filename)
        terminal.console.show(*next_demo_lines(played, "asyncrepl replay", terminal.ui.columns))
    return terminal.session_exit.code or 0


#: The built-in names of values that were shown.
_VALUE_NAMES: tuple[str, ...] = ("_", "__", "___", "Out")


@contextmanager
def _shell_within(
    terminal: Terminal, loop: LiveLoop, namespace: dict[str, Any], frontend: TerminalFrontend
) -> Iterator[Shell]:
    """A shell on `loop`, which a program runs, with the names of `namespace`.

    On leaving the loop goes on, and what is built in is as it was. Before, its tasks are to be
    ended (`PromptSession.end_tasks`).
    """
    session = Session(loop, namespace)
    session.module = sys.modules["__main__"]
    session.context.run(in_session.set, True)
    shell = Shell(session, loop, terminal.console, CommandRegistry(), frontend)
    names: dict[str, Any] = vars(builtins)
    before = {name: names[name] for name in _VALUE_NAMES if name in names}
    try:
        with active_until(shell, bool):
            yield shell
    finally:
        names.update(before)


@contextmanager
def session_within(
    terminal: Terminal, loop: LiveLoop, namespace: dict[str, Any], end: Callable[[], object]
) -> Iterator[PromptSession]:
    """A session in the open `terminal` on `loop`, which a program runs, with its `namespace`.

    It takes what is typed within the block; `end` is called on the loop when it is to be left.
    """
    opener = partial(_shell_within, terminal, loop, namespace)
    with _opened_session(terminal, opener) as session, session.connected(end):
        yield session


def _session_on(terminal: Terminal, clock: Clock) -> AbstractContextManager[PromptSession]:
    """A session on a loop of its own."""
    return _opened_session(
        terminal, lambda frontend: open_shell(terminal.console, frontend=frontend, clock=clock)
    )


@contextmanager
def _opened_session(
    terminal: Terminal, opener: Callable[[TerminalFrontend], AbstractContextManager[Shell]]
) -> Iterator[PromptSession]:
    lease = TerminalLease(
        terminal.ui.suspension, terminal.ui.call, terminal.descriptors.terminal_in
    )
    replays = ReplayControl(terminal.ui, terminal.bridge)
    frontend = TerminalFrontend(terminal.ui, replays, lease, terminal.session_exit.end_process)
    with _session_streams(terminal, lease), hooks_installed(lease), prompts_installed():
        with opener(frontend) as shell:
            session = PromptSession(terminal, shell, frontend, lease, replays)
            frontend.connect(shell, session.play_named)
            shell.narrator.turn(on=terminal.trace)
            yield session
        if shell.outcomes.cleanup_exit_status is not None:
            terminal.session_exit.code = shell.outcomes.cleanup_exit_status
        if shell.left:
            count = "1 task was" if len(shell.left) == 1 else f"{len(shell.left)} tasks were"
            shown = ", ".join(shell.left[:5]) + (", …" if len(shell.left) > 5 else "")
            left = f"{count} still running and cancelled: {shown}"
            terminal.console.show(*prose(left, terminal.ui.columns, "dim", 2))


class PromptSession:
    """Gives texts from the terminal to the shell, one after the other."""

    def __init__(
        self,
        terminal: Terminal,
        shell: Shell,
        frontend: TerminalFrontend,
        lease: TerminalLease,
        replays: ReplayControl,
    ) -> None:
        self._terminal = terminal
        self._shell = shell
        terminal.queue.foreground = lambda: shell.task
        self._frontend = frontend
        self._lease = lease
        self._replay_control = replays
        self._over = False
        self._interrupter = Interrupter(
            shell.loop, shell, self._idle_interrupted, self._cannot_interrupt
        )
        self._interrupter.heard = terminal.ui.drop_typed_ahead
        beside = self._interrupter.pressed_beside
        terminal.loop_view.interrupts = lambda: shell.interrupts or beside()
        #: Made when something runs for the first time.
        self._watchdog: BlockingWatchdog | None = None
        shell.blocking_reporter.shows_measured = True
        self._preloader = ModulePreloader(shell.loop.live.loop_iteration)

    def run(self) -> None:
        """Run the loop until the session is to end."""
        terminal = self._terminal
        with self.connected():
            leaving = keep_running(
                self._shell.loop,
                self._interrupter,
                lambda: self._over or terminal.session_exit.requested(),
                lambda line: self._shell.console.complain(*text_lines(line, "error")),
                self._shell.outcomes.report_lost,
            )
            if leaving is not None and not terminal.session_exit.requested():
                terminal.session_exit.request(self._shell.outcomes.exit_code(leaving))

    @contextmanager
    def connected(self, end: Callable[[], object] | None = None) -> Iterator[None]:
        """Take what the terminal sends within the block.

        When the session is to end its loop is stopped, or `end` is called there.
        """
        terminal, loop = self._terminal, self._shell.loop
        terminal.session_exit.connect(loop, self._interrupter.stuck, end)
        terminal.loop_view.connect(loop)
        terminal.completer.connect(
            self._shell.session.namespace, lambda text: complete_command(self._shell, text)
        )
        terminal.editor.lexer.command = self._shell.registry.get
        terminal.ui.call(terminal.ui.painter.redraw)  # what is typed already may need help
        terminal.bridge.connect(loop, self._start)
        install_stdlib_copies()
        if loop.live.borrowed:
            self._begin_within()
        else:
            # What was loaded is taken out of the collector's sight: a full pass took 22 ms of the
            # loop. Before the user's first statement, and in this thread: a collection may run
            # finalizers.
            gc.freeze()
        terminal.out.on_write = self._shell.printed
        # Not its method: the tape is made when there is something to keep.
        terminal.err.on_write = lambda text: self._shell.tape.write(text)  # noqa: PLW0108
        self._interrupter.install()
        terminal.ui.controller.buffer.on_text_changed.add_handler(self._written)
        try:
            yield
        finally:
            terminal.ui.controller.buffer.on_text_changed.remove_handler(self._written)
            self._preloader.close()
            if self._watchdog is not None:
                self._watchdog.close()
            self._interrupter.uninstall()

    def _begin_within(self) -> None:
        """A program runs: it is looked at from the first prompt on, and not held up."""
        self._interrupter.may_hit = in_session.get
        self._terminal.ui.pause_keys.offered = False
        self._prepare()

    def escaped(self, error: BaseException) -> None:
        """Code of the session's, in the background of a program, has raised this to leave."""
        if isinstance(error, SystemExit):
            self._terminal.session_exit.request(self._shell.outcomes.exit_code(error))
        elif isinstance(error, KeyboardInterrupt):
            line = self._interrupter.describe_interrupted(error)
            self._shell.console.complain(*text_lines(line, "error"))

    async def end_tasks(self) -> None:
        """End what the session has begun in a program."""

        def report(line: str) -> None:
            self._shell.console.complain(*text_lines(line.partition(";")[0], "dim"))

        await ended(self._shell.end_tasks(), report)

    def run_first(self, programs: list[Program]) -> None:
        """Run `programs` before the first prompt."""
        self._shell.loop.call_soon(self._run_first, programs)

    def play(self, plan: ReplayPlan) -> None:
        """Play a transcript; then the session is over."""

        def finish() -> None:
            self._over = True
            self._shell.loop.stop()

        self._shell.observing.want("demo")
        self._shell.loop.live.clock.hold()
        # Not at once: what is typed very fast would come before this session is connected,
        # and go to the loop of the one before.
        self._shell.loop.call_soon(
            lambda: self._replay_control.start(plan, lambda: self._post(finish), lingers=True)
        )

    def play_named(self, name: str) -> None:
        """Play the transcript `name` in this session; time stands still but for its statements."""
        from pathlib import Path

        from asyncrepl.runtime.shipped_demos import DemoNotFoundError
        from asyncrepl.transcript.grammar import TranscriptError
        from asyncrepl.transcript.transcript_parser import named_transcript

        try:
            plan = ReplayPlan(named_transcript(name))
        except (DemoNotFoundError, TranscriptError) as error:
            raise CommandError(str(error)) from None
        live, observing = self._shell.loop.live, self._shell.observing
        observing.want("demo")
        live.clock.hold()

        def over() -> None:
            self._shell.guide.replayed(Path(plan.transcript.filename))
            observing.drop("demo")
            if live.clock.mode == "real":  # a virtual one stands until the next input
                live.clock.release()

        self._replay_control.start(plan, lambda: self._post(over), lingers=False)

    def _run_first(self, programs: list[Program]) -> None:
        if not programs:
            self._prompt()
            return
        self._prepare()
        self._lease.begin()
        (text, filename, stays), *rest = programs

        def done(status: Status) -> None:
            status = self._shell.outcomes.program_ended(status, stays=stays)
            if status.kind == "exit":
                self._terminal.session_exit.request(status.exit_code)
            else:
                self._run_first(rest)

        if stays:
            self._shell.name_main_module(filename)
        # What startup.py starts, by whatever function, is the session's: it is never alone.
        run_input(self._shell, text, done, scripted=lambda: False, filename=filename, alone=stays)

    def _prepare(self) -> None:
        """Something is about to run: have what the first prompt does without."""
        self._frontend.observe()
        if self._watchdog is not None:
            return
        from asyncrepl.engine.blocking.blocking_watchdog import BlockingWatchdog

        ui = self._terminal.ui
        ui.call(lambda: ui.pause_keys.connect(self._shell.debug_commands))
        self._shell.sleeps.wanted = self._reports_sleeps_only
        self._watchdog = watchdog = BlockingWatchdog(self._shell.loop)
        watchdog.looks, watchdog.woken = self._interrupter.wake, self._show_again
        watchdog.start()
        self._terminal.loop_view.watchdog = watchdog

    def _start(self, text: str, interrupt_after: float | None) -> None:
        in_session.set(True)
        self._begin()
        run_input(
            self._shell,
            text,
            self._done,
            interrupt_after=interrupt_after,
            scripted=lambda: self._replay_control.playing,
        )
        if self._terminal.bridge.arrived():
            self._shell.interrupt()

    @uninterrupted
    def _begin(self) -> None:
        """A text is about to run."""
        self._prepare()
        install_stdlib_copies()
        self._interrupter.install()
        self._lease.begin()

    def _done(self, status: Status) -> None:
        self._report_blocking()
        if status.kind == "exit":
            self._terminal.session_exit.request(status.exit_code)
        else:
            self._prompt(failed=status.kind == "error")

    @uninterrupted
    def _report_blocking(self) -> None:
        """Before the next prompt, not when the watchdog happens to look next."""
        if (watchdog := self._watchdog) is not None:
            for blocks in watchdog.look(ended=self._shell.session.task_name):
                watchdog.report(blocks)

    def _prompt(self, *, failed: bool = False) -> None:
        self._terminal.queue.show("")  # what the statement has not finished ends here
        self._lease.recall()
        controller, shown = self._terminal.ui.controller, current_prompts()
        self._terminal.ui.call(lambda: controller.done(shown, failed=failed))

    def _idle_interrupted(self) -> None:
        """A Ctrl-C that found nothing running: for a text on its way, or for the line typed."""
        if not self._terminal.bridge.keep_interrupt():
            self._terminal.ui.call(self._terminal.ui.controller.interrupted)

    def _cannot_interrupt(self) -> None:
        """Code has caught every Ctrl-C, and more; in a thread of its own."""
        line = "what runs cannot be interrupted"
        if not self._shell.loop.live.borrowed:
            line += ": the session ends without it"
        self._shell.console.complain([("error", line)])
        self._terminal.session_exit.end_process(INTERRUPTED)

    def _show_again(self) -> None:
        """The loop goes on after it had nothing to do; in the watchdog's thread."""
        panel = self._terminal.ui.panel
        if not panel.nudged:
            self._terminal.ui.call(lambda: panel.nudge(loop_only=True))

    def _written(self, buffer: Buffer) -> None:
        """Somebody writes: what the text may need is loaded by the time it is run."""
        if len(buffer.text) >= _STATEMENT_LENGTH:
            name = buffer.text[1:].split(maxsplit=1)[:1] if buffer.text[0] == ":" else []
            found = self._shell.registry.get(name[0]) if name else None
            saving = found is not None and found.run.__module__.startswith("asyncrepl.export.")
            self._preloader.start(command=bool(name), saving=saving)

    def _reports_sleeps_only(self) -> bool:
        """Whether sleeps are told, and nothing that the watchdog has measured.

        In virtual time a computation takes none. And of a script the same is to be seen in
        each run, and what a check has seen.
        """
        return self._replay_control.playing or self._shell.loop.live.clock.mode == "virtual"

    def _post(self, action: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: it is over already
            self._shell.loop.call_soon_threadsafe(action)


@contextmanager
def _session_streams(terminal: Terminal, lease: TerminalLease) -> Iterator[None]:
    """The session's streams as those of `sys`; what user code put there is dropped."""
    before = sys.stdin, sys.stdout, sys.stderr

    def read_line() -> str:
        terminal.queue.flush()  # a question that is not finished is seen before its answer
        return lease.read_line()

    sys.stdin, sys.stdout = LeasedInput(read_line), terminal.out
    if os.isatty(2):
        sys.stderr = terminal.err
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
