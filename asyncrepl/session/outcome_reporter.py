"""How an outcome is shown: the value, or the error and what explains it; and the exit status."""

from __future__ import annotations

import sys
from asyncio import CancelledError
from typing import TYPE_CHECKING, Protocol, cast

from asyncrepl.engine.code_owner import part_below_loop
from asyncrepl.engine.statements import MIN_RECURSION_LIMIT, low_recursion_limits
from asyncrepl.runtime.process import PIPE_CLOSED, exit_status
from asyncrepl.session.frontend import ForegroundView
from asyncrepl.session.input_run import ContainedErrors, Status
from asyncrepl.session.mistake_reporter import explain_outcome, explain_value
from asyncrepl.views.error_lines import describe_error, error_lines, exception_lines
from asyncrepl.views.styled_lines import prose, text_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.loop.live_loop import ObservationRequests
    from asyncrepl.engine.statements import Outcome
    from asyncrepl.explain.explanation import Explanation
    from asyncrepl.session.guide import Guide
    from asyncrepl.session.leak_reporter import LeakReporter
    from asyncrepl.session.live_reporters import Narrator
    from asyncrepl.session.mistake_reporter import SilentMistakeReporter
    from asyncrepl.session.tape import Tape
    from asyncrepl.session.value_display import ValueDisplay
    from asyncrepl.views.styled_lines import Line


class _OutcomeContext(ForegroundView, Protocol):
    """What showing an outcome needs: also who hears of it, and where it is kept.

    `last` is the last outcome with an error, `explanation` what explains that.
    """

    last: Outcome | None
    explanation: Explanation | None

    closing: bool

    @property
    def guide(self) -> Guide: ...

    observing: ObservationRequests
    narrator: Narrator
    leak_reporter: LeakReporter
    mistake_reporter: SilentMistakeReporter

    @property
    def tape(self) -> Tape: ...
    @property
    def values(self) -> ValueDisplay: ...
    def contained(self, what: str) -> ContainedErrors: ...


class OutcomeReporter:
    """Shows how statements end; for the loop's thread.

    `show_error` shows an error with its explanation, until somebody else wants to.
    """

    def __init__(self, context: _OutcomeContext) -> None:
        self._context = context
        self.show_error = self._show_error
        #: Called first of all when a statement has ended.
        self.ended: Callable[[], object] = bool
        #: The exit status that user code asked for in its cleanup.
        self.cleanup_exit_status: int | None = None
        self._shown_exit: SystemExit | None = None

    def display(self, value: object) -> None:
        """Show a value as the prompt does, and keep it in ``_``; the session's displayhook."""
        if value is None:
            return
        if (timeline := self._context.observing.timeline) is not None:
            timeline.mark("value")
        self._context.values.show(value)
        self._context.guide.displayed(value)
        source, found = self._context.source, None
        if source is not None:
            found = explain_value(self._context.session, source.filename, value)
        if found is None:
            self._context.values.say_kind(value)
        else:  # it is not what was meant: a bare coroutine
            self._context.leak_reporter.explained.add(value)
            self._context.console.show(*self._context.mistake_reporter.said(found))

    def finish(self, outcome: Outcome) -> Status:
        """Show how a statement ended, if there is anybody to show it to."""
        self.ended()
        try:
            with self._context.contained("the end of the statement cannot be told"):
                if low_recursion_limits:
                    limit = f"a recursion limit of {low_recursion_limits.pop()}"
                    text = (
                        f"{limit} leaves no room for the prompt: it is {MIN_RECURSION_LIMIT} now"
                    )
                    self._context.console.complain([("dim", text)])
                self._context.narrator.ended(outcome)
                if outcome.error is not None:
                    self._context.tape.fail(outcome)
            status = Status("error")
            with self._context.contained("its error cannot be shown"):
                status = self.show(outcome)
            with self._context.contained("what it has left cannot be told"):
                self._context.values.statement_ended()
                self._context.leak_reporter.flush()
                self._context.leak_reporter.look(outcome)
                self._context.mistake_reporter.ended(outcome, silently=self._is_explained(outcome))
            return status
        except OSError:
            return Status("exit", PIPE_CLOSED)

    def _is_explained(self, outcome: Outcome) -> bool:
        return (
            outcome is self._context.last
            and not outcome.interrupted
            and self._context.explanation is not None
        )

    def show(self, outcome: Outcome) -> Status:
        """Show the error with which a statement has ended, if it has; what that means."""
        error = outcome.error
        if error is None:
            return Status()
        # Not isinstance(): it asks a ``__class__`` of the user's.
        kind = type(error)
        if issubclass(kind, SystemExit):
            return Status("exit", self.exit_code(cast("SystemExit", error)))
        if self._context.closing and issubclass(kind, CancelledError):
            return Status()  # it was not to end by itself: the session ends
        if issubclass(kind, BrokenPipeError) and self._context.console.closed:
            return Status("exit", PIPE_CLOSED)  # there is nobody to tell it to
        self.report(outcome)
        return Status("error")

    def report(self, outcome: Outcome) -> None:
        """Show the error of `outcome` and explain it; keep it for ``:why`` and ``:fix``."""
        assert outcome.error is not None
        self._context.last = outcome
        explanation = None
        with self._context.contained("it cannot be explained"):
            asked = self._context.mistake_reporter.silent  # else an end by Ctrl-C may be meant
            explanation = explain_outcome(self._context.session, outcome, endless=asked)
            self._context.leak_reporter.settle(outcome.error, explained=explanation is not None)
            if explanation is not None:
                self._context.mistake_reporter.note(explanation)
        if not outcome.interrupted:  # else what was said of the statement while it ran holds
            self._context.explanation = explanation
        set_last_error(outcome.error)
        with self._context.contained("it cannot be shown in full") as shown:
            self.show_error(outcome, explanation)
        if shown.failed:
            self._context.console.complain(*text_lines(describe_error(outcome.error), "error"))

    def report_lost(self, error: BaseException) -> bool:
        """Show an error that ended no statement: a signal handler raised it. Whether it could."""
        with self._context.contained("an error cannot be shown") as shown:
            error = error.with_traceback(part_below_loop(error.__traceback__))
            self._context.console.complain(*exception_lines(error))
        return not shown.failed

    def _show_error(self, outcome: Outcome, explanation: Explanation | None) -> None:
        error = outcome.error
        if error is None or outcome.interrupted or sys.excepthook is sys.__excepthook__:
            lines = error_lines(
                outcome, self._context.console.width, self._context.frontend.prompt_width
            )
        else:
            lines = _excepthook_lines(error)
        if explanation is not None:
            from asyncrepl.views.explanation_lines import explanation_lines

            lines += explanation_lines(
                explanation, self._context.session.sources, self._context.console.width
            )
        self._context.console.complain(*lines)

    def exit_code(self, error: SystemExit) -> int:
        """The exit status that `error` asks for; its message, if it has one, is shown."""
        status, message = exit_status(error)
        told, self._shown_exit = self._shown_exit, error
        if message is not None and told is not error:  # that of a task is raised where it waits
            self._context.console.complain(*text_lines(message))
        return status

    def program_ended(self, status: Status, *, stays: bool) -> Status:
        """The `status` of a file that was run: if the session `stays`, it alone is ended."""
        if not stays or status.kind != "exit" or self._context.console.closed:
            return status
        if status.exit_code:
            self._context.console.complain([("dim", f"exit status {status.exit_code}")])
        return Status("error" if status.exit_code else "ok")

    def note_exit(self, error: SystemExit) -> None:
        """Note that user code has raised SystemExit while the session was being closed."""
        self.cleanup_exit_status = self.exit_code(error)

    def job_failed(self, name: str, outcome: Outcome) -> None:
        """Show how the background job `name` has failed; SystemExit ends the session."""
        assert outcome.error is not None
        if isinstance(outcome.error, SystemExit):
            raise outcome.error  # out of the loop: the whole session is to end
        if outcome.stage == "run":  # else it is about what was just typed
            told = f"in the background, {name}:"
            self._context.console.complain(*prose(told, self._context.console.width, "dim", 2))
        self.report(outcome)
        self._context.mistake_reporter.look(silently=self._is_explained(outcome))


def set_last_error(error: BaseException) -> None:
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
