"""Running a command that was typed: what it gives back is shown, awaited, or run itself."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from asyncrepl.commands.registry import CommandError, Instead
from asyncrepl.commands.status import Status
from asyncrepl.engine.traces import reached_place
from asyncrepl.views.errors import exception_lines, interrupted_line
from asyncrepl.views.styled import text_lines

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from asyncrepl.commands.shell import Shell
    from asyncrepl.language.reading import Command
    from asyncrepl.views.styled import Line

    Finished = Callable[[Status], None]

__all__ = ["Answering"]


class Answering:
    """The commands of one shell, one at a time."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        #: The task of a command that is awaited.
        self.task: asyncio.Task[Any] | None = None

    def start(self, reading: Command, finished: Finished) -> None:
        """Run the command; `finished` is called once, perhaps at once."""
        session = self._shell.session
        session.column = reading.column
        try:
            self._run(reading, finished)
        finally:
            session.column = 0

    def _run(self, reading: Command, finished: Finished) -> None:
        try:
            command = self._shell.registry.find(reading.name)
            answer = command.run(self._shell, reading.rest)
        except BaseException as error:  # of whatever class: `:load` runs a module of the user's
            finished(self._failed(error))
            return
        if isinstance(answer, Instead):
            self._run_instead(answer, finished)
        elif inspect.isawaitable(answer):
            self._await(command.name, answer, finished)
        else:
            self._shell.console.show(*answer)
            finished(Status())

    def _run_instead(self, answer: Instead, finished: Finished) -> None:
        def done(status: Status) -> None:
            answer.ended()
            finished(status)

        task = self._shell.start_statement(answer.text, done)
        if task is not None:
            answer.started(task)

    def _await(self, name: str, answer: Awaitable[Iterable[Line]], finished: Finished) -> None:
        async def wait() -> None:
            self._shell.console.show(*await answer)

        def ended(task: asyncio.Task[None]) -> None:
            self.task = None
            status = Status("error")
            with self._shell.contained("its answer cannot be shown"):
                self._shell.noticing.look()
                status = self._awaited(task)
            finished(status)

        self.task = asyncio.Task(wait(), loop=self._shell.loop, name=f":{name}")
        self.task.add_done_callback(ended)

    def _awaited(self, task: asyncio.Task[None]) -> Status:
        if task.cancelled():
            self._shell.console.complain([("error", "KeyboardInterrupt")])
            return Status("error")
        error = task.exception()
        return Status() if error is None else self._failed(error)

    def _failed(self, error: BaseException) -> Status:
        """Tell the user's mistake in one line; any other error is one of ours."""
        if isinstance(error, SystemExit):
            return Status("exit", self._shell.exit_code(error))
        if isinstance(error, CommandError):
            lines = text_lines(str(error), "error")
        elif isinstance(error, KeyboardInterrupt):
            lines = [interrupted_line(reached_place(error.__traceback__))]
        else:
            lines = exception_lines(error)
        self._shell.console.complain(*lines)
        return Status("error")
