"""The shell: what is typed goes in, what is to be seen goes to the console.

A person at a terminal, a pipe and a transcript all type into the same shell, so a demo cannot
differ from the product, nor a check from a replay.
"""

from __future__ import annotations

import builtins
import sys
import time
from asyncio import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, cast

from asyncrepl.engine.blocking.blocking_reports import SleepMonitor
from asyncrepl.engine.code_owner import part_below_loop
from asyncrepl.engine.loop.live_loop import ObservationRequests
from asyncrepl.engine.statements import (
    MIN_RECURSION_LIMIT,
    low_recursion_limits,
    typed_classes_findable,
)
from asyncrepl.runtime.isolation import look as look_at_folder
from asyncrepl.runtime.process import PIPE_CLOSED, exit_status
from asyncrepl.session.background_jobs import BackgroundJobs
from asyncrepl.session.command_runner import CommandRunner
from asyncrepl.session.debug_commands import DebugCommands
from asyncrepl.session.frontend import Frontend
from asyncrepl.session.guide import Guide
from asyncrepl.session.input_run import ContainedErrors, Status
from asyncrepl.session.iteration_narrator import Narrator
from asyncrepl.session.leak_reporter import LeakReporter
from asyncrepl.session.mistake_reporter import (
    SilentMistakeReporter,
    explain_outcome,
    explain_value,
)
from asyncrepl.session.tape import Tape
from asyncrepl.syntax.parsed_input import as_command, silence_completeness_warnings
from asyncrepl.views.error_lines import describe_error, error_lines, exception_lines
from asyncrepl.views.explanation_lines import explanation_lines
from asyncrepl.views.status_rows import blocked_lines
from asyncrepl.views.styled_lines import prose, text_lines

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from asyncrepl.engine.blocking.blocking_reports import BlockingReport
    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.engine.statements import Outcome, Session, StatementRun
    from asyncrepl.explain.explanation import Explanation
    from asyncrepl.session.command_registry import CommandRegistry, Recorder
    from asyncrepl.session.console import Console
    from asyncrepl.syntax.sources import Source
    from asyncrepl.views.styled_lines import Line

__all__ = ["Shell"]

#: A second Ctrl-C within this many seconds abandons a statement that hangs in cleanup.
ABANDON_WITHIN = 1.0


class Shell:
    """One session, one console, the commands.

    All methods are for the loop's thread. `frontend` is whoever types. `last` is the last
    outcome with an error and `explanation` what is known about it, `first` the first explanation
    there was; `show_error` shows an error with its explanation, until somebody else wants to;
    `observing` says for what the loop is recorded, `leak_reporter` hears of what was forgotten,
    `mistake_reporter` of mistakes that raise nothing, `sleeps` of what blocks for a time that is
    known, `stepping` pauses what runs, `guide` says what to do next; `runs_own_loop` says that a
    program runs which makes its own loop, `closing` that the session is being closed; `left`
    names the tasks that were running then.
    """

    def __init__(
        self,
        session: Session,
        loop: LiveLoop,
        console: Console,
        registry: CommandRegistry,
        frontend: Frontend | None = None,
    ) -> None:
        self.session = session
        self.loop = loop
        self.console = console
        self.registry = registry
        self.frontend = frontend or Frontend()
        self.left: list[str] = []
        #: The exit status that user code asked for in its cleanup.
        self.cleanup_exit_status: int | None = None
        #: Who writes the session to a file when it is over.
        self.recorder: Recorder | None = None
        self.jobs = BackgroundJobs(session, self._job_failed)
        self.observing = ObservationRequests(loop)
        self.leak_reporter = LeakReporter(self)
        self.sleeps = SleepMonitor(loop, self.show_blocks)
        self.tape = Tape(loop.time)
        console.on_lines = self.tape.show
        self.mistake_reporter = SilentMistakeReporter(self)
        self.narrator = Narrator(self)
        self.stepping = DebugCommands(self)
        self.guide = Guide(self)
        self.runs_own_loop = self.closing = False
        self.last: Outcome | None = None
        self.first: Explanation | None = None
        #: All there were.
        self.explained: list[Explanation] = []
        self.show_error = self._show_error
        self._explanation: Explanation | None = None
        self._run: StatementRun | None = None
        self._command_runner = CommandRunner(self)
        self._interrupted_at = 0.0
        self._shown_exit: SystemExit | None = None

    @property
    def explanation(self) -> Explanation | None:
        """What explains the last error, or misuse."""
        return self._explanation

    @explanation.setter
    def explanation(self, found: Explanation | None) -> None:
        self._explanation = found
        self.first = self.first or found
        if found is not None:
            self.explained.append(found)

    @property
    def busy(self) -> bool:
        """Whether a statement or a command runs in the foreground."""
        return self.task is not None

    @property
    def source(self) -> Source | None:
        """The statement that runs in the foreground."""
        return None if self._run is None else self._run.source

    @property
    def task(self) -> asyncio.Task[Any] | None:
        """The task that runs in the foreground."""
        return self._command_runner.task if self._run is None else self._run.task

    @contextmanager
    def active(self) -> Iterator[None]:
        """Take the interpreter's hooks: displayed values, ``__main__``, what is forgotten."""
        before = sys.displayhook, sys.modules["__main__"], sys.excepthook
        sys.displayhook = self.display
        sys.modules["__main__"] = self.session.module
        silence_completeness_warnings()
        try:
            with (
                self.mistake_reporter.active(),
                self.leak_reporter.active(),
                typed_classes_findable(self.session),
            ):
                yield
                vars(builtins).pop("_", None)  # while somebody hears what dies with it
                self.leak_reporter.explained.close(self.session.namespace)
        finally:
            sys.displayhook, sys.modules["__main__"], sys.excepthook = before
            vars(builtins).pop("_", None)
            self.narrator.watch(on=False)
            self.narrator.turn(on=False)

    def submit(
        self,
        text: str,
        done: Callable[[Status], None],
        *,
        interrupt_after: float | None = None,
        filename: str | None = None,
        mode: Literal["single", "exec"] = "single",
    ) -> None:
        """Run `text`, a statement or a command, show what comes of it, then call `done` once.

        With `interrupt_after`, a Ctrl-C reaches it after that many seconds of the
        loop's time.
        """
        timer: asyncio.TimerHandle | None = None
        if interrupt_after is not None:
            timer = self.loop.call_later(interrupt_after, self.interrupt)

        over = False

        def finished(status: Status) -> None:
            nonlocal over
            if over:
                return
            over, self._run = True, None
            with self.contained("the end of the statement cannot be noted"):
                if timer is not None:
                    timer.cancel()
                if mode == "single":
                    self.tape.end()
                self.stepping.ended()
                self.sleeps.ended(f"input {self.session.count}")
                if mode == "single" and not self.closing:
                    self.guide.finished(text, status)
            if not self.closing:  # nobody waits for it: `done` would stop the cleanup
                done(status)

        with self.contained("the beginning of the statement cannot be noted"):
            look_at_folder()
            self.narrator.began()
            self.mistake_reporter.began()
            self.leak_reporter.began()
            if mode == "single":
                self.guide.began()
                self.tape.begin(text, interrupt_after)
        try:
            with self.contained("it cannot be run") as start:
                command = as_command(text) if mode == "single" else None
                if command is not None:
                    self._command_runner.start(command, finished)
                else:
                    self.start_statement(text, finished, filename=filename, mode=mode)
            if start.failed:
                finished(Status("error"))
        except OSError:
            finished(Status("exit", PIPE_CLOSED))

    def contained(self, what: str) -> ContainedErrors:
        """A block whose errors, of whatever class, become one line that begins with `what`."""
        return ContainedErrors(self.console, what)

    def start_statement(
        self,
        text: str,
        finished: Callable[[Status], None],
        *,
        filename: str | None = None,
        mode: Literal["single", "exec"] = "single",
    ) -> asyncio.Task[None] | None:
        """Run `text` in the foreground: its task; None if it was over at once."""
        self._run = self.session.start(
            text,
            lambda outcome: finished(self._finish_statement(outcome)),
            filename=filename,
            mode=mode,
        )
        return None if self._run is None else self._run.task

    def run_alone(self, text: str, filename: str) -> Status:
        """Run the program `text` to its end, with no loop running, and show how it ended."""
        self.narrator.began()
        self.mistake_reporter.began()
        self.runs_own_loop = True
        try:
            return self._finish_statement(self.session.run_alone(text, filename))
        finally:
            self.runs_own_loop = False

    def interrupt(self) -> bool:
        """What Ctrl-C does to what runs in the foreground; False where nothing does."""
        soon = time.monotonic() - self._interrupted_at < ABANDON_WITHIN
        self._interrupted_at = time.monotonic()
        self.stepping.resume_all()
        if self._run is not None:
            if self._run.interrupts and soon:
                self._run.abandon()
            else:
                self._run.interrupt()
        elif self._command_runner.task is not None:
            self._command_runner.task.cancel()
        else:
            return False
        return True

    def display(self, value: object) -> None:
        """Show a value as the prompt does, and keep it in ``_``; the session's displayhook."""
        if value is None:
            return
        if (timeline := self.observing.timeline) is not None:
            timeline.mark("value")
        builtins._ = None  # type: ignore[attr-defined]
        self.console.show(*text_lines(repr(value)))
        builtins._ = value  # type: ignore[attr-defined]
        self.guide.displayed(value)
        self._explain_value(value)

    def printed(self, text: str) -> None:
        """Keep on the tape what user code has written, and mark a line in the record."""
        self.tape.write(text)
        if "\n" in text and (timeline := self.observing.timeline) is not None:
            timeline.mark("print")

    def _explain_value(self, value: object) -> None:
        """Say what a shown value is, where it is not what was meant: a bare coroutine."""
        if self._run is None:
            return
        found = explain_value(self.session, self._run.source.filename, value)
        if found is not None:
            self.leak_reporter.explained.add(value)
            self.console.show(*self.mistake_reporter.said(found))

    def _finish_statement(self, outcome: Outcome) -> Status:
        """Show how a statement ended, if there is anybody to show it to."""
        try:
            with self.contained("the end of the statement cannot be told"):
                self._show_recursion_limit()
                self.narrator.ended(outcome)
                self.tape.fail(outcome)
            status = Status("error")
            with self.contained("its error cannot be shown"):
                status = self.show_outcome(outcome)
            with self.contained("what it has left cannot be told"):
                self.leak_reporter.flush()
                self.leak_reporter.look(outcome)
                self.mistake_reporter.ended(outcome, silently=self._is_explained(outcome))
            return status
        except OSError:
            return Status("exit", PIPE_CLOSED)

    def _show_recursion_limit(self) -> None:
        if low_recursion_limits:
            line = (
                f"a recursion limit of {low_recursion_limits.pop()} leaves no room for the prompt"
            )
            self.console.complain([("dim", f"{line}: it is {MIN_RECURSION_LIMIT} now")])

    def _is_explained(self, outcome: Outcome) -> bool:
        return outcome is self.last and not outcome.interrupted and self.explanation is not None

    def show_outcome(self, outcome: Outcome) -> Status:
        """Show the error with which a statement has ended, if it has; what that means."""
        error = outcome.error
        if error is None:
            return Status()
        # Not isinstance(): it asks a ``__class__`` of the user's.
        kind = type(error)
        if issubclass(kind, SystemExit):
            return Status("exit", self.exit_code(cast("SystemExit", error)))
        if self.closing and issubclass(kind, CancelledError):
            return Status()  # it was not to end by itself: the session ends
        if issubclass(kind, BrokenPipeError) and self.console.closed:
            return Status("exit", PIPE_CLOSED)  # there is nobody to tell it to
        self.report(outcome)
        return Status("error")

    def show_blocks(self, blocks: BlockingReport) -> None:
        """Tell what has blocked the loop."""
        self.console.complain(*blocked_lines(blocks, self.console.width))

    def report(self, outcome: Outcome) -> None:
        """Show the error of `outcome` and explain it; keep it for ``:why`` and ``:fix``."""
        assert outcome.error is not None
        self.last = outcome
        explanation = None
        with self.contained("it cannot be explained"):
            explanation = explain_outcome(self.session, outcome)
            self.leak_reporter.settle(outcome.error, explained=explanation is not None)
            if explanation is not None:
                self.mistake_reporter.note(explanation)
        if not outcome.interrupted:  # else what was said of the statement while it ran holds
            self.explanation = explanation
        _set_last_error(outcome.error)
        with self.contained("it cannot be shown in full") as shown:
            self.show_error(outcome, explanation)
        if shown.failed:
            self.console.complain(*text_lines(describe_error(outcome.error), "error"))

    def report_lost(self, error: BaseException) -> bool:
        """Show an error that ended no statement: a signal handler raised it. Whether it could."""
        with self.contained("an error cannot be shown") as shown:
            error = error.with_traceback(part_below_loop(error.__traceback__))
            self.console.complain(*exception_lines(error))
        return not shown.failed

    def _show_error(self, outcome: Outcome, explanation: Explanation | None) -> None:
        error = outcome.error
        if error is None or outcome.interrupted or sys.excepthook is sys.__excepthook__:
            lines = error_lines(outcome, self.console.width, self.frontend.prompt_width)
        else:
            lines = _excepthook_lines(error)
        if explanation is not None:
            lines += explanation_lines(explanation, self.session.sources, self.console.width)
        self.console.complain(*lines)

    def exit_code(self, error: SystemExit) -> int:
        """The exit status that `error` asks for; its message, if it has one, is shown."""
        status, message = exit_status(error)
        told, self._shown_exit = self._shown_exit, error
        if message is not None and told is not error:  # that of a task is raised where it waits
            self.console.complain(*text_lines(message))
        return status

    def leave(self, error: SystemExit) -> None:
        """Note that user code has raised SystemExit while the session was being closed."""
        self.cleanup_exit_status = self.exit_code(error)

    def _job_failed(self, name: str, outcome: Outcome) -> None:
        assert outcome.error is not None
        if isinstance(outcome.error, SystemExit):
            raise outcome.error  # out of the loop: the whole session is to end
        if outcome.stage == "run":  # else it is about what was just typed
            told = f"in the background, {name}:"
            self.console.complain(*prose(told, self.console.width, "dim", 2))
        self.report(outcome)
        self.mistake_reporter.look(silently=self._is_explained(outcome))


def _set_last_error(error: BaseException) -> None:
    """Let ``pdb.pm()`` find `error`, as Python does."""
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    if sys.version_info >= (3, 12):
        sys.last_exc = error


def _excepthook_lines(error: BaseException) -> list[Line]:
    """Have the user's ``sys.excepthook`` show `error`; what to show where that fails."""
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit:
        raise
    except BaseException as failure:
        failure.__context__ = None  # the error itself, which comes below
        return [
            *text_lines("Error in sys.excepthook:", "error"),
            *exception_lines(failure),
            *text_lines("\nOriginal exception was:", "error"),
            *exception_lines(error),
        ]
    return []
