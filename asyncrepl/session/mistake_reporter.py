"""Explaining mistakes: those that raise an error, and those that raise nothing.

Errors: `explain_outcome`, `explain_error` and `explain_value` lead from what a statement ended
with to an explanation. The rules are imported at the first error. That takes some 40 ms, and half
as long again the lexer that colours the correction; nobody at a prompt should wait for it, so
there a thread loads them while the statement is typed (`asyncrepl.terminal.own_modules`).

Mistakes that raise nothing: `SilentMistakeReporter` reports them quietly, once, and only what is
certain. What the probes, the loop and the interpreter find is noted where it happens, in the
middle of user code. Here it is explained as an error would be, when that code has given the loop
back: after what it printed, and before the next input.
"""

from __future__ import annotations

import builtins
import threading
import weakref
from asyncio import current_task
from contextlib import contextmanager, suppress
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING, Any, Protocol

from asyncrepl.engine.code_owner import is_users, short_filename
from asyncrepl.engine.tasks.task_records import all_tasks, ending, sorted_by_name
from asyncrepl.events.finding_log import install
from asyncrepl.events.findings import Finding, code_of_whole_text
from asyncrepl.events.instrument import Instrument
from asyncrepl.events.object_info import ObjectInfo, describe, refused_operands
from asyncrepl.session.frontend import ForegroundView
from asyncrepl.session.logged_errors import LibraryErrors, explain_unawaited

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Container, Iterable, Iterator
    from types import CodeType

    from asyncrepl.engine.blocking.blocking_reports import SleepMonitor
    from asyncrepl.engine.leaks.leak_log import ExplainedObjects, LeakLog
    from asyncrepl.engine.statements import Outcome, Session
    from asyncrepl.engine.tasks.recurrence import Recurrence
    from asyncrepl.events import Ending
    from asyncrepl.explain.explanation import Explanation
    from asyncrepl.views.styled_lines import Line


def explain_outcome(
    session: Session, outcome: Outcome, *, more: bool = False, endless: bool = False
) -> Explanation | None:
    """The explanation of the error in `outcome`; None where it is not about async iteration.

    `more` says that another error of the same input is to be explained after it, `endless` that
    why it had to be interrupted is a question, too.
    """
    if outcome.error is None or (outcome.interrupted and not endless):
        return None
    try:
        return explain_error(session, outcome.error)
    finally:
        if not more:
            refused_operands.clear()  # the next error's evidence is its own


def explain_error(session: Session, error: BaseException) -> Explanation | None:
    """The explanation of `error`, whose traceback begins in the user's code."""
    from asyncrepl.explain.handled_refusals import explain_raised

    found = explain_raised(error, session.sources, refused_operands, session.namespace)
    return found or explain_unawaited(error, session.sources, session.namespace)


def explain_value(session: Session, filename: str, value: object) -> Explanation | None:
    """Why the shown `value` is not what was meant, a bare coroutine say; None if it may be.

    `filename` is the source of `session` that gave it. Runs no code of the user's.
    """
    if type(value) is not AsyncGeneratorType and not hasattr(type(value), "__await__"):
        return None
    from asyncrepl.explain.evidence import gather_value
    from asyncrepl.explain.explainer import explain

    return explain(gather_value(value, session.sources, filename, session.namespace))


#: What follows from another thing that was told of the same statement.
_CONSEQUENCES, _CAUSES = {"starved", "hogged"}, {"blocks", "hogged"}
_LOOP_ITERATIONS = 2
#: What is seen of something that was made for an expression, or used there.
_MADE = {"dropped", "lost", "shown", "unwalked"}


class _LeakAccount(Protocol):
    """Who keeps what was forgotten."""

    leaks: LeakLog
    explained: ExplainedObjects

    def account(self, error: BaseException) -> None: ...


class _MistakeContext(ForegroundView, Protocol):
    """What it needs: `explanation` explains the last error or misuse, `first` the first of all."""

    explanation: Explanation | None
    first: Explanation | None
    runs_own_loop: bool

    @property
    def sleeps(self) -> SleepMonitor: ...
    @property
    def leak_reporter(self) -> _LeakAccount: ...


class SilentMistakeReporter(Instrument):
    """What one session has to say of mistakes that raised nothing."""

    def __init__(self, context: _MistakeContext) -> None:
        self._context = context
        self._findings = context.loop.live.findings
        #: How many tasks of the statement were cancelled before they ever ran.
        self._never_ran = 0
        self._reported_kinds: set[str] = set()
        self._began_in_iteration = 0
        self._reported: set[tuple[str, str]] = set()
        #: The corrections that were told: all the texts of each, with their names.
        self._fixes: set[frozenset[tuple[str, str]]] = set()
        #: The files and lines of which it was told that they block the loop.
        self._reported_blocking: set[tuple[str, int]] = set()
        #: The code of the coroutines that were said to be forgotten in this statement.
        self._forgotten_code: set[CodeType | None] = set()
        #: The tasks in which something was seen that is not looked at yet.
        self._tasks_with_findings: list[weakref.ref[asyncio.Task[Any]]] = []
        self._look_scheduled = False
        #: The ``id`` of the task that was found stuck.
        self._stuck_task_id = 0
        #: What the statement that ends now has raised; what explains the first error lost.
        self._error: BaseException | None = None
        self._first_lost: Explanation | None = None
        self._library_errors = LibraryErrors(self.explain_lost_error, self.see, context.console)
        #: Whether a StopIteration has come out of a thread, for which somebody waits in vain.
        self.stopped = False
        #: Whether nothing is told: somebody tells the first of all in the end.
        self.silent = False
        #: Called when what runs in the foreground waits for ever, and that was told.
        self.stuck: Callable[[], object] = bool
        self._unexplained: set[object] = set()
        self._fallbacks: dict[tuple[object, ...], Callable[[], object]] = {}

    @contextmanager
    def active(self) -> Iterator[None]:
        """Hear what is seen."""
        instruments = self._context.loop.live.instruments
        self._findings.clear()
        # Who measures is made when first asked for.
        self._findings.sleep = lambda frame: self._context.sleeps.replacement_at(frame)  # noqa: PLW0108
        instruments.add(self)
        before = install(self._findings)
        try:
            with self._library_errors.listening():
                yield
        finally:
            self.look()
            install(before)
            instruments.remove(self)
            self._findings.sleep = None

    def see(self, finding: Finding, otherwise: Callable[[], object] | None = None) -> None:
        """Note `finding`; `otherwise` is called if nobody can explain it."""
        if otherwise is not None:
            self._fallbacks[finding.key] = otherwise
        self._findings.add(finding)

    def tell(self, findings: Iterable[Finding]) -> None:
        """Note `findings` and tell them now, though a loop may run in another thread."""
        self._look_scheduled = True  # nobody but us is going to look
        for each in findings:
            self.see(each)
        self.look()

    def explain_lost_error(self, error: BaseException) -> list[Line]:
        """What explains an error that nobody was given: more than what was noticed before."""
        found = explain_error(self._context.session, error)
        if found is None:
            return []
        self._context.leak_reporter.account(error)
        told, self._context.first = self._is_reported(found), self._first_lost
        lines = self.said(found)
        self._first_lost = self._context.first
        return [] if told else lines

    def tell_lost_errors(self, tasks: Iterable[asyncio.Task[Any]]) -> bool:
        """Tell what explains the errors of `tasks` that nobody asked; whether anything does."""
        before = self._context.explanation
        for each in tasks:
            if (error := each._exception) is not None:  # noqa: SLF001
                self._context.console.complain(*self.explain_lost_error(error))
        return self._context.explanation is not before

    def began(self) -> None:
        """A statement begins."""
        self.count_iterations()
        self._reported_kinds.clear()
        self._reported_blocking.clear()
        self._forgotten_code.clear()
        self.stopped = False
        self._never_ran = 0

    def count_iterations(self) -> None:
        """Count the loop's iterations from now on: it may be another loop now."""
        self._began_in_iteration = self._context.loop.live.loop_iteration.number

    def ended(self, outcome: Outcome, *, silently: bool) -> None:
        """A statement ended with `outcome`: tell what was seen, and the tasks left behind.

        With `silently` it is noted as told, but not shown.
        """
        self._stuck_task_id = 0
        self._findings.review_pending()
        self._error = outcome.error
        self.look(silently=silently)
        self._error = None
        # It is started in one loop iteration, runs in the next, and is reported in the one after.
        passed = self._context.loop.live.loop_iteration.number - self._began_in_iteration
        if passed <= _LOOP_ITERATIONS and outcome.error is None and self._never_ran:
            code = code_of_whole_text(outcome.source.filename)
            self.see(Finding("unsuspended", describe(None), code, 0))
            self.look()
        self._library_errors.tell_tests()
        if isinstance(outcome.error, SystemExit | None) and not silently:  # as `unittest` ends
            self._look_at_handled()
        last = vars(builtins).get("_")
        if type(last) is CoroutineType and last.cr_code in self._forgotten_code:
            self._context.leak_reporter.explained.add(last)  # one more, that dies later

    def keep(self, finding: Finding, script: str = "") -> None:
        """Explain `finding`, told in another way with a `script` to type, when ``:why`` asks."""
        found = self.explanation_of(finding)
        if found is not None:
            fix = found.fix and found.fix._replace(script=script or found.fix.script)
            self.said(found._replace(fix=fix))

    def look(self, *, silently: bool = False) -> None:
        """Tell what was seen since the last look; `silently` where an error tells it better."""
        self._look_scheduled = False
        for finding in self._findings.take():
            otherwise = self._fallbacks.pop(finding.key, None)
            if silently or (finding.what in _CONSEQUENCES and self._reported_kinds & _CAUSES):
                continue
            if finding.what == "lost":
                from asyncrepl.engine.leaks.leak_origins import never_iterated

                if (leak := never_iterated(finding)) is not None:
                    self._context.leak_reporter.leaks.note(leak, quietly=True)
            found = self.explanation_of(finding)
            if found is not None:
                self._reported_kinds.add(finding.what)
                self._forgotten_code.add(finding.info.code)
                if finding.what in _CAUSES and finding.place is not None:
                    self._reported_blocking.add((finding.code.co_filename, finding.place.lineno))
                if not self._is_reported(found):
                    self._context.console.complain(
                        *self.said(found, self._location_text(found, finding))
                    )
            elif otherwise is not None:
                otherwise()

    def _look_at_handled(self) -> None:
        """Tell the first refusal that a handler of the user's has only reported."""
        if not refused_operands.certain():
            return
        from asyncrepl.explain.explainer import explain
        from asyncrepl.explain.handled_refusals import gather_handled

        session = self._context.session
        for evidence in gather_handled(refused_operands, session.sources, session.namespace):
            found = explain(evidence)
            if found is not None and not self._is_reported(found):
                self._context.console.complain(*self.said(found))
        refused_operands.clear()

    def asked(self) -> Explanation | None:
        """What might be a mistake in what ran last, for somebody who asks; if nothing else is."""
        for finding in self._findings.take_tentative():
            if (found := self.explanation_of(finding)) is not None:
                return found
        return None

    def note_blocked(self, filename: str, line: int, milliseconds: int) -> None:
        """`line` of `filename` held the loop for `milliseconds`, and others could have run."""
        if not self.is_reported_blocking(filename, line):
            code, made = code_of_whole_text(filename), (filename, line)
            self.see(Finding("blocked", describe(None), code, 0, milliseconds, made))
            self.look()

    def note(self, found: Explanation) -> None:
        """`found` is told: it is not told a second time."""
        self._reported.add((found.id, found.why))
        if found.fix is not None:
            self._fixes.add(frozenset(found.fix.texts.items()))

    def _is_reported(self, found: Explanation) -> bool:
        """Whether it was told; what is put right by the very same correction is one mistake."""
        fixed = found.fix is not None and frozenset(found.fix.texts.items()) in self._fixes
        if self.silent and found.fix is not None:
            return fixed  # who tells all in the end puts it right at each place
        return fixed or (found.id, found.why) in self._reported

    def is_reported_blocking(self, filename: str, line: int) -> bool:
        """Whether this statement was said to block the loop on `line` of `filename`."""
        return (filename, line) in self._reported_blocking

    def forget(self) -> None:
        """Tell again what was told."""
        self._reported.clear()
        self._fixes.clear()
        self._findings.clear()

    def task_ended(self, lane: int, how: Ending, slices: int) -> None:  # noqa: ARG002
        """Count the task, if `how` is "cancelled" and `slices` is 1: it never ran."""
        self._never_ran += how == "cancelled" and slices == 1

    def finding(self, finding: Finding) -> None:
        """Look as soon as the code that runs gives the loop back."""
        loop = self._context.loop
        if not loop.is_running():
            # Else the program's end, or its loop, is near.
            if not (loop.is_closed() or self._context.runs_own_loop):
                self.look()
            return
        here = threading.get_ident() == getattr(loop, "_thread_id", None)
        if here and (task := current_task(loop)) is not None:
            self._tasks_with_findings.append(weakref.ref(task))
        if self._look_scheduled or (finding.what == "made outside" and not here):
            return  # what another thread has made does not wake the loop: nor do we
        self._look_scheduled = True
        if here:
            loop.call_soon(self._look_soon)
        else:
            loop.call_soon_threadsafe(self._look_soon)

    def _look_soon(self) -> None:
        if (task := self._context.task) is not None and task.done():
            return  # its end is to be told first
        seen_in, self._tasks_with_findings = self._tasks_with_findings, []
        seen = [each for ref in seen_in if (each := ref()) is not None]
        if any(each.done() and ending(each) == "error" for each in seen):
            self._look_scheduled = False  # so is an error that is on its way through other tasks
        else:
            self.look()

    def loop_waits(self) -> None:
        """Ask whether what runs in the foreground waits for ever, as the loop is about to wait."""
        task, context = self._foreground(), self._context
        if not (task or context.runs_own_loop) or not context.loop.is_deadlocked():
            return
        if id(task) != self._stuck_task_id:
            from asyncrepl.engine.tasks.task_findings import unseen_failures
            from asyncrepl.engine.tasks.task_survey import deadlock_findings

            self._stuck_task_id = id(task)
            self._look_scheduled = True  # nobody but us is going to look
            told = self.tell_lost_errors(unseen_failures(task)) if task is not None else False
            for seen in () if told else deadlock_findings(task):
                stopped = self.stopped and seen.what == "stuck"
                self.see(seen._replace(what="stopped") if stopped else seen)
                if seen.what == "stuck" or self.explanation_of(seen) is not None:
                    break
            self.look()
        if task or "idle" in self._reported_kinds:
            self.stuck()  # each time: what has swallowed its cancellation waits on

    def loop_sleeps_on(self) -> None:
        """Wake the loop, for what another thread has made ready did not; from any thread."""
        from asyncrepl.engine.tasks.task_survey import deadlock_findings

        task = self._foreground()
        for seen in deadlock_findings(task) if task is not None else ():
            if seen.what == "stuck":
                self.see(seen._replace(what="unwoken"))
        with suppress(RuntimeError):  # it is closed by now
            self._context.loop.call_soon_threadsafe(bool)

    def goes_on_for_ever(self, recurrence: Recurrence) -> bool:
        """Look if the program goes round for ever; whether that was told. On the loop's thread."""
        from asyncrepl.engine.tasks.await_graph import endless_findings, has_few_tasks

        found = recurrence.findings() if recurrence.look() else []
        task = self._foreground() if has_few_tasks(self._context.loop) else None
        if task is not None:
            found = endless_findings(task, recurrence.is_idle) or found
        for seen in [each for each in found if each.key not in self._unexplained]:
            if self.explanation_of(seen) is not None:
                self.see(seen)
                self.look()
                return True
        self._unexplained |= {each.key for each in found if each.what == "unfinished"}
        return False

    def note_survivors(self, asked: Container[int]) -> None:
        """The tasks with the ``id`` in `asked` were cancelled and go on; from any thread."""
        for task in all_tasks(self._context.loop):
            code = getattr(task.get_coro(), "cr_code", None)
            if id(task) in asked and code is not None and is_users(code.co_filename):
                self.see(Finding("swallowed", ObjectInfo(CoroutineType, code), code, 0, 2))

    def _foreground(self) -> asyncio.Task[Any] | None:
        """The task whose end is waited for; of a program on its own, the first it has made."""
        if not self._context.runs_own_loop:
            return self._context.task
        return next(iter(sorted_by_name(all_tasks(self._context.loop))), None)

    def explanation_of(self, finding: Finding) -> Explanation | None:
        """What explains `finding`, in any thread; None if that is no mistake."""
        from asyncrepl.explain.dropped_coroutines import is_abandoned
        from asyncrepl.explain.evidence import gather, gather_seen
        from asyncrepl.explain.explainer import explain

        session = self._context.session
        if self._error is not None and finding.what in (*_MADE, "left over"):
            error = gather(self._error, session.sources, refused_operands, session.namespace)
            if is_abandoned(error, finding):
                return None
        return explain(gather_seen(finding, session.sources, session.namespace))

    def _location_text(self, found: Explanation, finding: Finding) -> str:
        """Where it is, unless that is the one line just typed."""
        from asyncrepl.views.explanation_lines import changed_line

        sources, typed = self._context.session.sources, self._context.source
        line = finding.place.lineno if finding.place is not None else finding.code.co_firstlineno
        filename, line = finding.made or (finding.code.co_filename, line)
        if filename.startswith("<") and filename not in sources and (code := finding.info.code):
            filename, line = code.co_filename, code.co_firstlineno  # generated code has made it
        if found.fix is not None:
            filename, line = found.fix.filename, changed_line(found.fix, sources)
        if typed is not None and typed.filename == filename and len(typed.lines) == 1:
            return ""
        return f"{short_filename(filename)}:{line}"

    def said(self, found: Explanation, place: str = "") -> list[Line]:
        """The lines that tell `found`; it is not told a second time, and ``:why`` knows it."""
        self.note(found)
        context = self._context
        context.explanation = found
        if self.silent:
            return []
        from asyncrepl.views.explanation_lines import explanation_lines

        return explanation_lines(found, context.session.sources, context.console.width, place)
