"""The shell: what is typed goes in, what is to be seen goes to the console.

A person at a terminal, a pipe and a transcript all type into the same shell, so a demo cannot
differ from the product, nor a check from a replay.

`open_shell` opens one on a loop of its own, and closes it tidily.
"""

from __future__ import annotations

import math
import sys
from contextlib import contextmanager
from functools import cached_property
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.debugger_frames import debuggers_kept_out
from asyncrepl.engine.loop.interrupt_shields import uninterrupted
from asyncrepl.engine.loop.live_loop import LiveLoop, ObservationRequests
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.loop.loop_runner import kept_out_of_forks
from asyncrepl.engine.loop.loop_shutdown import close_loop
from asyncrepl.engine.statements import Session, typed_classes_findable
from asyncrepl.runtime.isolation import look as look_at_folder
from asyncrepl.runtime.process import PIPE_CLOSED, release_collector
from asyncrepl.session.command_registry import CommandError, CommandRegistry
from asyncrepl.session.frontend import Frontend
from asyncrepl.session.input_run import BackgroundJobs, ContainedErrors, Status
from asyncrepl.session.leak_reporter import LeakReporter
from asyncrepl.session.live_reporters import BlockingReporter, Narrator
from asyncrepl.session.mistake_reporter import SilentMistakeReporter
from asyncrepl.session.outcome_reporter import OutcomeReporter
from asyncrepl.session.user_modules import UserModuleFinder
from asyncrepl.syntax.parsed_input import as_command, silence_completeness_warnings
from asyncrepl.views.styled_lines import prose, text_lines

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from asyncrepl.engine.blocking.blocking_reports import SleepMonitor
    from asyncrepl.engine.statements import Outcome, StatementRun
    from asyncrepl.explain.explanation import Explanation
    from asyncrepl.session.command_runner import CommandRunner
    from asyncrepl.session.debug_commands import DebugCommands
    from asyncrepl.session.frontend import Console
    from asyncrepl.session.guide import Guide
    from asyncrepl.session.tape import Tape
    from asyncrepl.session.value_display import ValueDisplay
    from asyncrepl.syntax.sources import Source
    from asyncrepl.views.styled_lines import Line


class Shell:
    """One session, one console, the commands.

    All methods are for the loop's thread. `frontend` is whoever types. `last` is the last
    outcome with an error and `explanation` what is known about it, `first` the first explanation
    there was; `outcomes` shows how statements end, `values` shows values; `observing` says for
    what the loop is recorded, `leak_reporter` hears of what was forgotten, `mistake_reporter` of
    mistakes that raise nothing, `sleeps` of what blocks for a time that is known,
    `debug_commands` pauses what runs, `guide` says what to do next; `runs_own_loop` says that a
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
        self.outcomes = OutcomeReporter(self)
        self.jobs = BackgroundJobs(session, self.outcomes.job_failed)
        self.observing = ObservationRequests(loop)
        self.leak_reporter = LeakReporter(self)
        self.blocking_reporter = BlockingReporter(self)
        console.on_lines = self._keep_lines
        self.mistake_reporter = SilentMistakeReporter(self)
        self.narrator = Narrator(self)
        self.runs_own_loop = self.closing = False
        self.last: Outcome | None = None
        self.first: Explanation | None = None
        #: All there were.
        self.explained: list[Explanation] = []
        self._explanation: Explanation | None = None
        self._run: StatementRun | None = None
        #: The loop's instant at which a Ctrl-C is to reach it.
        self.interrupt_at: float | None = None

    # What only some statements need is made, and its module imported, when one does.

    @cached_property
    def sleeps(self) -> SleepMonitor:
        """What blocks for a time that is known."""
        from asyncrepl.engine.blocking.blocking_reports import SleepMonitor

        return SleepMonitor(self.loop)

    @cached_property
    def tape(self) -> Tape:
        """What was typed, and what came of it."""
        from asyncrepl.session.tape import Tape

        loop = self.loop  # not this shell, which a tape may outlive
        # Asked anew: with another clock the loop has another `time`.
        return Tape(lambda: loop.time())  # noqa: PLW0108

    @cached_property
    def debug_commands(self) -> DebugCommands:
        """Pauses what runs."""
        from asyncrepl.session.debug_commands import DebugCommands

        return DebugCommands(self)

    @cached_property
    def guide(self) -> Guide:
        """Says what to do next."""
        from asyncrepl.session.guide import Guide

        return Guide(self)

    @cached_property
    def values(self) -> ValueDisplay:
        """Shows values."""
        from asyncrepl.session.value_display import ValueDisplay

        return ValueDisplay(self)

    @cached_property
    def _command_runner(self) -> CommandRunner:
        from asyncrepl.session.command_runner import CommandRunner

        return CommandRunner(self)

    def _has(self, part: str) -> bool:
        """Whether one of those above was needed so far."""
        return part in self.__dict__

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
        return self._run is not None or self.task is not None

    @property
    def source(self) -> Source | None:
        """The statement that runs in the foreground."""
        return None if self._run is None else self._run.source

    @property
    def task(self) -> asyncio.Task[Any] | None:
        """The task that runs in the foreground; any thread may ask."""
        run = self._run
        if run is not None:
            return run.task
        return self._command_runner.task if self._has("_command_runner") else None

    @property
    def interrupts(self) -> int:
        """How often what runs in the foreground was interrupted; any thread may ask."""
        return 0 if (run := self._run) is None else run.interrupts

    @contextmanager
    def active(self) -> Iterator[None]:
        """Take the interpreter's hooks: displayed values, ``__main__``, what is forgotten."""
        before = sys.displayhook, sys.modules["__main__"], sys.excepthook
        sys.displayhook = self.outcomes.display
        sys.modules["__main__"] = self.session.module
        silence_completeness_warnings()
        instruments = self.loop.live.instruments
        instruments.add(self.blocking_reporter)
        try:
            with (
                self.mistake_reporter.active(),
                self.leak_reporter.active(),
                typed_classes_findable(self.session),
                debuggers_kept_out(),
                UserModuleFinder(self.session.sources),
            ):
                yield
                self._forget_values()  # while somebody hears what dies with it
                self.leak_reporter.explained.close(self.session.namespace)
        finally:
            sys.displayhook, sys.modules["__main__"], sys.excepthook = before
            self._forget_values()
            self.narrator.close()
            instruments.remove(self.blocking_reporter)

    def submit(
        self,
        text: str,
        done: Callable[[Status], None],
        *,
        interrupt_after: float | None = None,
        filename: str | None = None,
        alone: bool = True,
    ) -> None:
        """Run `text`, a statement or a command, show what comes of it, then call `done` once.

        With a `filename` it is the program in that file, of which no values are shown; see
        `start_statement` for that, and for `alone`. With `interrupt_after`, a Ctrl-C reaches it
        after that many seconds of the loop's time.
        """
        typed = filename is None
        timer: asyncio.TimerHandle | None = None
        self.interrupt_at = None
        if interrupt_after is not None:
            timer = self.loop.call_later(interrupt_after, self._interrupt_by_script)
            self.interrupt_at = timer.when()

        over = False

        def finished(status: Status) -> None:
            nonlocal over
            if over:
                return
            over, self._run = True, None
            if timer is not None:
                timer.cancel()
            self._note_end(text, status, typed=typed)
            if not self.closing:  # nobody waits for it: `done` would stop the cleanup
                done(status)

        self._note_beginning(text, interrupt_after, typed=typed)
        try:
            with self.contained("it cannot be run") as start:
                command = as_command(text) if typed else None
                if command is not None:
                    self._command_runner.start(command, finished)
                else:
                    self.start_statement(text, finished, filename=filename, alone=alone)
            if start.failed:
                finished(Status("error"))
        except OSError:
            finished(Status("exit", PIPE_CLOSED))

    def _interrupt_by_script(self) -> None:
        self.frontend.show_scripted_interrupt()
        self.interrupt()

    @uninterrupted
    def _note_beginning(self, text: str, interrupt_after: float | None, *, typed: bool) -> None:
        """Tell all who follow a statement that `text` begins; `typed` says whether by somebody."""
        with self.contained("the beginning of the statement cannot be noted"):
            look_at_folder()
            self.narrator.began()
            self.mistake_reporter.began()
            self.leak_reporter.explained.begin()
            if typed:
                self.guide.began()
                self.tape.begin(text, interrupt_after)

    @uninterrupted
    def _note_end(self, text: str, status: Status, *, typed: bool) -> None:
        """Tell all who follow a statement that `text` has ended, with this `status`."""
        with self.contained("the end of the statement cannot be noted"):
            if typed:
                self.tape.end()
            if self._has("debug_commands"):
                self.debug_commands.ended()
            if self._has("sleeps"):
                self.sleeps.ended(self.session.task_name)
            if typed and not self.closing:
                self.guide.finished(text, status)

    def contained(self, what: str) -> ContainedErrors:
        """A block whose errors, of whatever class, become one line that begins with `what`."""
        return ContainedErrors(self.console, what)

    def start_statement(
        self,
        text: str,
        finished: Callable[[Status], None],
        *,
        filename: str | None = None,
        alone: bool = True,
    ) -> asyncio.Task[None] | None:
        """Run `text` in the foreground, or the file `filename`: its task; None if it was over.

        A file of which nothing at the top needs a running loop runs when none does, by Python's
        own rules: None, too. But not where it is not to be `alone`, or nobody stops the loop.
        """
        if alone and filename is not None:
            from asyncrepl.session.program_run import run_between, runs_between

            if runs_between(self.loop, text):
                self._run = run_between(self, text, filename, finished)
                return None
        self._run = self.session.start(
            text,
            lambda outcome: finished(self.outcomes.finish(outcome)),
            filename=filename,
        )
        return None if self._run is None else self._run.task

    def use_loop(self, loop: LiveLoop) -> None:
        """Look at `loop` from now on, and not at the one that was looked at."""
        if loop is self.loop:
            return
        if self._has("debug_commands"):
            self.debug_commands.use_loop()
        self.loop, timeline = loop, self.observing.timeline
        self.observing.loop = loop
        if timeline is not None:
            loop.observe(timeline)
        self.narrator.use_loop(loop)
        self.mistake_reporter.count_iterations()
        if self._has("sleeps"):
            self.sleeps.use_loop(loop)

    def name_main_module(self, filename: str) -> None:
        """Give the session the names that Python gives the main module of a file."""
        if not filename.startswith("<"):
            names = {"__file__": filename, "__loader__": SourceFileLoader("__main__", filename)}
            cached = {} if sys.version_info >= (3, 15) else {"__cached__": None}
            self.session.namespace |= {**names, **cached}

    def run_alone(self, text: str, filename: str) -> Status:
        """Run the program `text` to its end, with no loop running, and show how it ended."""
        self.narrator.began()
        self.mistake_reporter.began()
        self.runs_own_loop = True
        try:
            return self.outcomes.finish(self.session.run_alone(text, filename))
        finally:
            self.runs_own_loop = False

    def interrupt(self) -> bool:
        """What Ctrl-C does to what runs in the foreground; False where nothing does."""
        if self._has("debug_commands"):
            self.debug_commands.resume_all()
        run, task = self._run, self.task
        if run is not None:
            run.interrupt()
        elif task is not None:
            task.cancel()
        return run is not None or task is not None

    def end_tasks(self) -> set[asyncio.Task[Any]]:
        """Cancel what was begun here, for the program goes on without it; those tasks."""
        self.closing = True
        tasks = self.jobs.tasks | ({self.task} if self.task is not None else set())
        self.left = sorted(task.get_name() for task in self.jobs.tasks)
        for task in tasks:
            task.cancel()
        return tasks

    def _forget_values(self) -> None:
        if self._has("values"):
            self.values.forget()

    def _keep_lines(self, lines: tuple[Line, ...]) -> None:
        """Keep what the console shows on the tape; before the first input it is of none."""
        if self._has("tape"):
            self.tape.show(lines)

    def printed(self, text: str) -> None:
        """Keep on the tape what user code has written, and mark a line in the record."""
        self.tape.write(text)
        if "\n" in text and (timeline := self.observing.timeline) is not None:
            timeline.mark("print")


def clock_for_settings(mode: str, rate: float | None) -> Clock:
    """The clock that the settings ask for; without a `rate`, a virtual one jumps.

    A virtual one is held: its time passes only while inputs run.
    """
    if mode == "real":
        return Clock.real(rate=1.0 if rate is None else rate)
    clock = Clock.virtual(1.0, rate=math.inf if rate is None else rate)
    clock.hold()
    return clock


@contextmanager
def open_shell(
    console: Console, *, frontend: Frontend | None = None, clock: Clock | None = None
) -> Iterator[Shell]:
    """A shell on a new loop (real time, if no `clock` is given), in this thread.

    On leaving, what was to be recorded is written, tasks are cancelled and awaited, async
    generators closed, the loop closed, and the interpreter's hooks given back.
    """
    release_collector()  # before the user's namespace is there: who refers to what is in it shows
    loop = LiveLoop(clock)
    shell = Shell(Session(loop), loop, console, CommandRegistry(), frontend)

    def close() -> None:
        shell.left = close_loop(
            loop,
            shell.outcomes.note_exit,
            lambda line: console.complain(*text_lines(line, "dim")),
            shell.frontend.end_process,
        )

    with active_until(shell, close):
        yield shell


@contextmanager
def active_until(shell: Shell, close: Callable[[], object]) -> Iterator[None]:
    """`shell` is the one of this process within the block; on leaving, `close` ends its tasks.

    Before, what was to be recorded is written.
    """
    with kept_out_of_forks(shell.loop), shell.active():
        try:
            yield
        finally:
            end_recording(shell)
            shell.closing = True
            close()
            shell.session.sources.forget()
            # It is older than the session, which the collector has to find at the end of Python:
            # the user's objects are to die where those of a main module do, and not later.
            shell.console.on_lines = None


def end_recording(shell: Shell) -> None:
    """Write the end of what is recorded of `shell`, and say where it is."""
    recorder = shell.tape.recorder if "tape" in vars(shell) else None  # nothing is made for it
    if recorder is not None:
        try:
            count = recorder.end()
            told = f"recorded in {recorder.name}, inputs: {count}"
            shell.console.show(*prose(told, shell.console.width, "dim", 2))
        except CommandError as error:
            shell.console.complain(*prose(str(error), shell.console.width, "error", 2))
