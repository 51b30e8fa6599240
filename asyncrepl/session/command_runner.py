"""Running a typed command: its answer is shown, awaited, or run as a statement."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, Protocol

from asyncrepl.engine.code_owner import reached_location
from asyncrepl.session.command_registry import CommandError, StatementAnswer, StatementFailedError
from asyncrepl.session.frontend import ForegroundView
from asyncrepl.session.input_run import Status
from asyncrepl.views.error_lines import exception_lines, interrupted_line
from asyncrepl.views.styled_lines import flowed, prose

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from asyncrepl.session.command_registry import Answer, Command, CommandRegistry
    from asyncrepl.session.input_run import ContainedErrors
    from asyncrepl.session.leak_reporter import LeakReporter
    from asyncrepl.session.outcome_reporter import OutcomeReporter
    from asyncrepl.session.tape import Tape
    from asyncrepl.syntax import parsed_input as reading
    from asyncrepl.views.styled_lines import Line

    Finished = Callable[[Status], None]


class _RunnerContext(ForegroundView, Protocol):
    """What running commands needs of the session. It is what commands are given, too."""

    registry: CommandRegistry
    leak_reporter: LeakReporter
    outcomes: OutcomeReporter

    @property
    def tape(self) -> Tape: ...
    def contained(self, what: str) -> ContainedErrors: ...
    def start_statement(
        self, text: str, finished: Finished, *, filename: str | None = None
    ) -> asyncio.Task[None] | None: ...


class CommandRunner:
    """The commands of one session, one at a time."""

    def __init__(self, context: _RunnerContext) -> None:
        self._context = context
        #: The task of a command that is awaited.
        self.task: asyncio.Task[Any] | None = None

    def start(self, typed: reading.Command, finished: Finished) -> None:
        """Run the command; `finished` is called once, perhaps at once."""
        session = self._context.session
        session.column = typed.column
        try:
            self._run(typed, finished)
        finally:
            session.column = 0

    def _run(self, typed: reading.Command, finished: Finished) -> None:
        try:
            command, answer = self._asked(typed)
        except BaseException as error:  # of whatever class: `:load` runs a module of the user's
            finished(self._failed(error))
            return
        if isinstance(answer, StatementAnswer):

            def done(status: Status) -> None:
                answer.ended()
                in_file = answer.filename is not None
                finished(self._context.outcomes.program_ended(status, stays=in_file))

            task = self._context.start_statement(answer.text, done, filename=answer.filename)
            if task is not None:
                answer.started(task)
        elif inspect.isawaitable(answer):
            self._await(command, answer, finished)
        elif (page := self._shown(command, answer)) is not None:
            self._await(command, page, finished, shown=True)
        else:
            finished(Status())

    def _asked(self, typed: reading.Command) -> tuple[Command, Answer]:
        """The command that was typed and its answer; with a question mark, the help on it."""
        registry, rest = self._context.registry, typed.rest
        if typed.name.endswith("?") or (rest == "?" and typed.name):
            return registry.find("help"), registry.find("help").run(
                self._context, typed.name.rstrip("?")
            )
        command = registry.find(typed.name)
        command.check(rest)
        if command.own_loop and self._context.loop.live.borrowed:
            why = "the time and names of a program are left alone"
            raise CommandError(f":{command.name} is refused here: {why}")
        return command, command.run(self._context, rest)

    def _shown(self, command: Command, answer: Iterable[Line]) -> Awaitable[None] | None:
        """Show an answer; what is longer than the screen is read in a pager, to be awaited."""
        console = self._context.console
        width = None if command.verbatim else console.width
        lines = [row for line in answer for row in flowed(line, width, 2)]
        page = self._context.frontend.page(lines, newest_last=command.newest_last)
        if page is None:
            console.show(*lines)
        else:
            self._context.tape.show(tuple(lines))  # whoever saves the session gets it all
        return page

    def _await(
        self,
        command: Command,
        awaited: Awaitable[Any],
        finished: Finished,
        *,
        shown: bool = False,
    ) -> None:
        """Wait for an answer, and show it, unless that is `shown` and waited for until read."""

        async def wait() -> None:
            answer = await awaited
            page = None if shown else self._shown(command, answer)
            if page is not None:
                await page

        def ended(task: asyncio.Task[None]) -> None:
            self.task = None
            if inspect.iscoroutine(awaited):
                # Cancelled before its first step, the task has not awaited it: Python would
                # tell the user that somebody forgot to.
                awaited.close()
            status = Status("error")
            with self._context.contained("its answer cannot be shown"):
                self._context.leak_reporter.look()
                status = self._awaited(task)
            finished(status)

        self.task = asyncio.Task(wait(), loop=self._context.loop, name=f":{command.name}")
        self.task.add_done_callback(ended)

    def _awaited(self, task: asyncio.Task[None]) -> Status:
        if task.cancelled():
            self._context.console.complain([("error", "KeyboardInterrupt")])
            return Status("error")
        error = task.exception()
        return Status() if error is None else self._failed(error)

    def _failed(self, error: BaseException) -> Status:
        """Tell the user's mistake in one line; any other error is one of ours."""
        if isinstance(error, SystemExit):
            return Status("exit", self._context.outcomes.exit_code(error))
        if isinstance(error, StatementFailedError):
            return self._context.outcomes.show(error.outcome)
        self._context.tape.refuse(error)
        if isinstance(error, CommandError):
            lines = prose(str(error), self._context.console.width, "error", 2)
        elif isinstance(error, KeyboardInterrupt):
            lines = [interrupted_line(reached_location(error.__traceback__))]
        else:
            lines = exception_lines(error)
        self._context.console.complain(*lines)
        return Status("error")
