"""The session behind the prompt: loop, shell, streams and hooks, on the main thread."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from asyncrepl.commands.guiding import next_demo_lines
from asyncrepl.commands.opening import chosen_clock, open_shell
from asyncrepl.commands.prompts import prompting, prompts
from asyncrepl.commands.registry import CommandError
from asyncrepl.engine.blocking.hogs import Hogs
from asyncrepl.engine.clock import Clock
from asyncrepl.engine.interrupts import Interrupter
from asyncrepl.engine.running import keep_running
from asyncrepl.language.shipped import ShippedError
from asyncrepl.own_names import keep_names
from asyncrepl.statuses import INTERRUPTED
from asyncrepl.terminal.ahead import LoadingAhead
from asyncrepl.terminal.driver import Plan
from asyncrepl.terminal.front import TerminalFront, complete_command
from asyncrepl.terminal.hooks import installed
from asyncrepl.terminal.lending import Lender
from asyncrepl.terminal.replaying import Replays
from asyncrepl.terminal.streams import LentInput
from asyncrepl.transcript.finding import find
from asyncrepl.transcript.grammar import TranscriptError
from asyncrepl.transcript.performing import perform
from asyncrepl.views.styled import prose, text_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from asyncrepl.commands.shell import Shell
    from asyncrepl.commands.status import Status
    from asyncrepl.engine.blocking.gathering import Blocks
    from asyncrepl.terminal.driver import Program, Terminal

__all__ = ["run_replays", "run_session"]

_SWITCH = 0.001  # seconds: echo beside a CPU-bound task takes 3 ms instead of 12


def run_session(terminal: Terminal, first: list[Program]) -> int:
    """Run a session in the open `terminal` until it is to end; its exit status."""
    with _session(terminal, chosen_clock(*terminal.clock)) as session:
        if first:
            session.run_first(first)
        session.run()
    return terminal.exits.code or 0


def run_replays(terminal: Terminal, plans: list[Plan]) -> int:
    """Play all of `plans`, each in a session of its own; the exit status."""
    for plan in plans:
        clock = Clock.virtual() if plan.transcript.clock == "virtual" else Clock.real()
        terminal.watch.scripted = True
        terminal.ui.call(terminal.ui.typist.only_watch)
        with _session(terminal, clock) as session:
            session.play(plan)
            session.run()
        if terminal.exits.requested():
            break
    else:
        played = Path(plans[-1].transcript.filename)
        terminal.console.show(*next_demo_lines(played, "asyncrepl replay", terminal.ui.columns))
    return terminal.exits.code or 0


@contextmanager
def _session(terminal: Terminal, clock: Clock) -> Iterator[_Session]:
    lender = Lender(terminal.ui.away, terminal.ui.call, terminal.descriptors.terminal_in)
    replays = Replays(terminal.ui, terminal.crossing)
    front = TerminalFront(terminal.ui, replays, terminal.exits.end_process)
    with ExitStack() as stack:
        for context in (
            _streams(terminal, lender),
            installed(lender),
            _quick_switching(),
            prompting(),
        ):
            stack.enter_context(context)
        with open_shell(terminal.console, front=front, clock=clock) as shell:
            session = _Session(terminal, shell, lender, replays)
            front.connect(shell, session.play_named)
            shell.narrator.turn(on=terminal.trace)
            yield session
        if shell.left_with is not None:
            terminal.exits.code = shell.left_with
        if shell.left:
            terminal.console.show(*prose(_left(shell.left), terminal.ui.columns, "dim", 2))


class _Session:
    """Gives texts from the terminal to the shell, one after the other."""

    def __init__(self, terminal: Terminal, shell: Shell, lender: Lender, replays: Replays) -> None:
        self._terminal = terminal
        self._shell = shell
        self._lender = lender
        self._replays = replays
        self._over = False
        self._interrupter = Interrupter(
            shell.loop, shell, self._found_nothing, self._cannot_interrupt
        )
        self._interrupter.heard = terminal.ui.drop_typed_ahead
        self._hogs = Hogs(shell.loop, self._blocked)
        shell.sleeps.wanted = self._slept
        self._ahead = LoadingAhead(shell.loop.live.turn)

    def run(self) -> None:
        """Run the loop until the session is to end."""
        terminal, loop = self._terminal, self._shell.loop
        terminal.exits.connect(loop, self._interrupter.stuck)
        terminal.watch.connect(loop, self._hogs)
        terminal.completer.connect(
            self._shell.session.namespace, lambda text: complete_command(self._shell, text)
        )
        terminal.ui.call(terminal.ui.painter.redraw)  # what is typed already may need help
        terminal.crossing.connect(loop, self._start, self._start)
        terminal.ui.call(lambda: terminal.ui.pause_keys.connect(self._shell.stepping))
        keep_names()
        _freeze()
        terminal.out.on_write = self._shell.printed
        terminal.err.on_write = self._shell.tape.write
        self._interrupter.install()
        self._hogs.start()
        self._ahead.start()
        try:
            leaving = keep_running(
                loop, self._interrupter, self._ended, self._hit, self._shell.report_lost
            )
            if leaving is not None and not terminal.exits.requested():
                terminal.exits.request(self._shell.exit_code(leaving))
        finally:
            self._ahead.close()
            self._hogs.close()
            self._interrupter.uninstall()

    def run_first(self, programs: list[Program]) -> None:
        """Run `programs` before the first prompt."""
        self._shell.loop.call_soon(self._run_first, programs)

    def play(self, plan: Plan) -> None:
        """Play a transcript; then the session is over."""
        self._shell.observing.want("demo")
        self._shell.loop.live.clock.hold()
        # Not at once: what is typed very fast would come before this session is connected,
        # and go to the loop of the one before.
        self._shell.loop.call_soon(
            lambda: self._replays.start(plan, lambda: self._post(self._finish), lingers=True)
        )

    def play_named(self, name: str) -> None:
        """Play the transcript `name` in this session; time stands still but for its statements."""
        try:
            plan = Plan(find(name))
        except (ShippedError, TranscriptError) as error:
            raise CommandError(str(error)) from None
        live, observing = self._shell.loop.live, self._shell.observing
        observing.want("demo")
        live.clock.hold()

        def over() -> None:
            self._shell.guide.replayed(Path(plan.transcript.filename))
            observing.drop("demo")
            if live.clock.mode == "real":  # a virtual one stands until the next input
                live.clock.release()

        self._replays.start(plan, lambda: self._post(over), lingers=False)

    def _run_first(self, programs: list[Program]) -> None:
        if not programs:
            self._prompt()
            return
        (text, filename), *rest = programs

        def done(status: Status) -> None:
            if status.kind == "exit":
                self._terminal.exits.request(status.exit_code)
            else:
                self._run_first(rest)

        perform(self._shell, text, done, scripted=lambda: False, filename=filename, mode="exec")

    def _start(self, text: str, interrupt_after: float | None = None) -> None:
        keep_names()
        self._interrupter.install()
        perform(
            self._shell,
            text,
            self._done,
            interrupt_after=interrupt_after,
            scripted=lambda: self._replays.playing,
        )
        if self._terminal.crossing.arrived():
            self._shell.interrupt()

    def _done(self, status: Status) -> None:
        # Before the next prompt, not when the watch happens to look next.
        for blocks in self._hogs.look(ended=f"input {self._shell.session.count}"):
            self._blocked(blocks)
        if status.kind == "exit":
            self._terminal.exits.request(status.exit_code)
        else:
            self._prompt(failed=status.kind == "error")

    def _prompt(self, *, failed: bool = False) -> None:
        self._terminal.queue.show("")  # what the statement has not finished ends here
        self._lender.recall()
        typist, shown = self._terminal.ui.typist, prompts()
        self._terminal.ui.call(lambda: typist.done(shown, failed=failed))

    def _found_nothing(self) -> None:
        """A Ctrl-C that found nothing running: for a text on its way, or for the line typed."""
        if not self._terminal.crossing.keep_interrupt():
            self._terminal.ui.call(self._terminal.ui.typist.interrupted)

    def _cannot_interrupt(self) -> None:
        """Code has caught every Ctrl-C, and more; in a thread of its own."""
        line = "what runs cannot be interrupted: the session ends without it"
        self._shell.console.complain([("error", line)])
        self._terminal.exits.end_process(INTERRUPTED)

    def _hit(self, line: str) -> None:
        self._shell.console.complain(*text_lines(line, "error"))

    def _blocked(self, blocks: Blocks) -> None:
        if self._slept():
            return
        own = set(blocks.tasks) <= {f"input {self._shell.session.count}"}
        if own and self._shell.remarks.tells_of(blocks.last.filename, blocks.last.line):
            return  # it was told what to write instead; of another task, this says which it is
        self._shell.tell_blocks(blocks)

    def _slept(self) -> bool:
        """Whether sleeps are told, and nothing that the watch has measured.

        In virtual time a computation takes none. And of a script the same is to be seen in
        each run, and what a check has seen.
        """
        return self._replays.playing or self._shell.loop.live.clock.mode == "virtual"

    def _ended(self) -> bool:
        return self._over or self._terminal.exits.requested()

    def _finish(self) -> None:
        self._over = True
        self._shell.loop.stop()

    def _post(self, action: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: it is over already
            self._shell.loop.call_soon_threadsafe(action)


@contextmanager
def _streams(terminal: Terminal, lender: Lender) -> Iterator[None]:
    """The session's streams as those of `sys`; what user code put there is dropped."""
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout = LentInput(lender.read_line), terminal.out
    if os.isatty(2):
        sys.stderr = terminal.err
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


@contextmanager
def _quick_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _freeze() -> None:
    """Take what was loaded out of the collector's sight: a full pass took 22 ms of the loop.

    Before the user's first statement, and in this thread: a collection may run finalizers.
    """
    gc.collect()
    gc.freeze()


def _left(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    count = "1 task was" if len(names) == 1 else f"{len(names)} tasks were"
    return f"{count} still running and cancelled: {shown}"
