"""A file that brings its own loop, run from a prompt while the session's loop stands.

Where nothing at its top needs a running loop, it runs by Python's own rules. Tools look at its
loop then, the first of those that are open, as at any other time at the session's.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from asyncrepl.engine.loop.loop_runner import asyncio_makes_live_loops
from asyncrepl.engine.statements import Outcome, Session, StatementRun
from asyncrepl.engine.tasks.task_records import all_tasks, sorted_by_name
from asyncrepl.session.input_run import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from asyncrepl.engine.loop.interrupts import Interrupter
    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.session.frontend import Frontend
    from asyncrepl.session.outcome_reporter import OutcomeReporter


class _ProgramContext(Protocol):
    """The shell, for which a program runs: what it looks at, and who shows how it ended.

    `interrupt_at` is the instant of the loop at which a Ctrl-C is to reach what runs.
    """

    loop: LiveLoop
    runs_own_loop: bool

    interrupt_at: float | None
    session: Session
    frontend: Frontend
    outcomes: OutcomeReporter

    def use_loop(self, loop: LiveLoop) -> None: ...


def runs_between(loop: LiveLoop, text: str) -> bool:
    """Whether the program `text` runs while `loop` stands: at its top it needs none."""
    from asyncrepl.instrument.compilation import expects_loop

    return loop.live.between is not None and not expects_loop(text)


def run_between(
    shell: _ProgramContext, text: str, filename: str, finished: Callable[[Status], None]
) -> StatementRun | None:
    """Have the program `text` run when the loop of `shell` stands, which is soon.

    When that goes on, `finished` is called. None where `text` does not compile: it was called.
    """
    compiled = shell.session.prepare(text, filename, "module")
    if isinstance(compiled, Outcome):
        finished(shell.outcomes.finish(compiled))
        return None
    run, code = StatementRun(compiled[0], lambda _outcome: None), compiled[1]
    standing = shell.loop

    def run_program(interrupter: Interrupter) -> None:
        status, shell.runs_own_loop = Status("error"), True
        try:
            made = partial(_loop_made, shell, standing, run, interrupter)
            with asyncio_makes_live_loops(standing, made):
                outcome = _outcome_of_program(shell.session, run, code, interrupter)
                if outcome.interrupted:
                    interrupter.heard()
                status = shell.outcomes.finish(outcome)
        finally:
            shell.use_loop(standing)
            standing.use_clock(standing.live.clock)  # which followed the last that was made
            shell.runs_own_loop = False
            standing.call_soon(finished, status)

    assert standing.live.between is not None
    standing.live.between.append(run_program)
    standing.stop()
    return run


def _outcome_of_program(
    session: Session, run: StatementRun, code: CodeType, interrupter: Interrupter
) -> Outcome:
    try:
        with interrupter.lent():
            if run.interrupts:
                raise KeyboardInterrupt
            return session.run_prepared(run.source, code)
    except KeyboardInterrupt as error:  # just before it begins, or after it has ended
        return Outcome(run.source, error.with_traceback(None), interrupted=True)


def _loop_made(
    shell: _ProgramContext,
    standing: LiveLoop,
    run: StatementRun,
    interrupter: Interrupter,
    loop: LiveLoop,
) -> None:
    """A program has made `loop` while `standing` stands: it is looked at, if no other is open."""
    if shell.loop is not standing and not shell.loop.is_closed():
        return

    def begins() -> None:
        run.task = next(iter(sorted_by_name(all_tasks(loop))), None)

    def interrupt() -> None:
        shell.frontend.show_scripted_interrupt()
        raise KeyboardInterrupt

    shell.use_loop(loop)
    interrupter.watch_beside()
    loop.call_soon(begins)
    if shell.interrupt_at is not None:
        loop.call_at(shell.interrupt_at, interrupt)
