"""Reporting what was forgotten, when it happens.

Python warns of a coroutine that nobody awaited, and the loop reports a task that failed or was
destroyed unseen. Both go on as they do without us: the user's filters decide about the warning,
its text is Python's own, and it goes to ``sys.stderr``.

The warning is taken where the module `warnings` writes it out, after everything else has handled
it. What does not work: ``warnings.showwarning`` isn't given the coroutine; and a function around
``warnings._warn_unawaited_coroutine`` shifts the location of the warning, on which the filters go.

One mistake is reported once. A coroutine that an operation refuses dies before the error that the
operation raises is shown: its warning waits for that error, and is given only if nothing explains
it. What an explained error or a shown value has left behind dies later, without a word.
"""

from __future__ import annotations

import asyncio
import linecache
import sys
import threading
import warnings
import weakref
from asyncio.log import logger
from collections import deque
from contextlib import contextmanager, suppress
from functools import partial
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from asyncrepl.engine.code_owner import is_plumbing, traceback_entries
from asyncrepl.engine.leaks.leak_log import ExplainedObjects, LeakLog
from asyncrepl.events.findings import Finding, finding_at
from asyncrepl.events.instrument import Instrument
from asyncrepl.events.object_info import ObjectInfo, describe, is_real_instance
from asyncrepl.runtime.process import PIPE_CLOSED
from asyncrepl.session.frontend import ForegroundView
from asyncrepl.views.error_lines import exception_lines, warning_text
from asyncrepl.views.styled_lines import printable, prose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType

    from asyncrepl.engine.leaks.open_generators import LeftGeneratorFinder
    from asyncrepl.engine.statements import Outcome
    from asyncrepl.events.findings import Leak
    from asyncrepl.session.mistake_reporter import SilentMistakeReporter
    from asyncrepl.views.styled_lines import Line

#: Where the module `warnings` writes a warning out.
_WARNING_WRITER = "_showwarnmsg_impl"
_MAX_ERRORS = 16


class _RefusedCoroutine(NamedTuple):
    """A coroutine that died in an operation: the warning, what was seen, what else to say."""

    text: str
    seen: Finding | None = None
    made: Callable[[], object] | None = None


class _LeakContext(ForegroundView, Protocol):
    """What a leak reporter needs: also who explains."""

    mistake_reporter: SilentMistakeReporter
    runs_own_loop: bool


class LeakReporter(Instrument):
    """What is forgotten in one session; `leaks` are all of it so far."""

    def __init__(self, context: _LeakContext) -> None:
        self.leaks = LeakLog(context.loop.live.instruments)
        self.explained = ExplainedObjects()
        self._refused: list[_RefusedCoroutine] = []
        #: The files whose errors were explained: a loop there was left by the error.
        self._failed: set[str] = set()
        #: What has ended threads, and was not explained yet.
        self._thread_errors: deque[BaseException] = deque(maxlen=_MAX_ERRORS)
        self._context = context
        self._leftovers: LeftGeneratorFinder | None = None
        #: What the program in which the session is open has set to hear of its loop's errors.
        self._programs_handler: Any = None

    @contextmanager
    def active(self) -> Iterator[None]:
        """Hear what the interpreter, the loop and the probes report."""
        written = vars(warnings)[_WARNING_WRITER]
        vars(warnings)[_WARNING_WRITER] = self._on_warning
        self._programs_handler = self._context.loop.get_exception_handler()
        self._context.loop.set_exception_handler(self._on_loop_error)
        self._context.loop.live.instruments.add(self)
        # Each thread keeps the hook that it finds when it is made; this session is not to live on
        # in one of asyncio's.
        threads: Any = sys.modules["threading"]  # everybody's: this module gets a copy of its own
        heard, weakly = threads.excepthook, weakref.ref(self)

        def hook(args: threading.ExceptHookArgs) -> None:
            heard(args)
            if (reporter := weakly()) is not None:
                reporter._on_thread_error(args.exc_value)  # noqa: SLF001

        threads.excepthook = hook
        try:
            yield
        finally:
            if threads.excepthook is hook:
                threads.excepthook = heard
            self._context.loop.set_exception_handler(_closed_loop_handler)
            vars(warnings)[_WARNING_WRITER] = written
            self._context.loop.live.instruments.remove(self)

    def settle(self, error: BaseException, *, explained: bool) -> None:
        """The `error` of a statement is about to be told, and whether it is `explained`."""
        if explained:
            self.account(error)
            trace = traceback_entries(error.__traceback__)
            self._failed |= {each.tb_frame.f_code.co_filename for each in trace}
        self.flush()

    def account(self, error: BaseException) -> None:
        """`error` is explained: what it leaves behind, and what died of it, is no news."""
        self.explained.add_error(error)
        self._refused.clear()

    def flush(self) -> None:
        """Write the warnings that have waited for an error which did not come."""
        waiting, self._refused = self._refused, []
        for each in waiting:
            _write_to_stderr(each.text)
            if each.seen is not None:
                self._context.mistake_reporter.see(each.seen, each.made)

    def look(self, outcome: Outcome | None = None) -> None:
        """Tell the async generators that were left open since the last look.

        `outcome` is that of the statement that has just ended.
        """
        self.explain_thread_errors()  # of those that ended while no loop ran
        # One registry serves all inputs, and knows lines but not files: the second coroutine
        # dropped on a line 1 would go untold. IPython empties it likewise.
        self._context.session.namespace.pop("__warningregistry__", None)
        if not self._context.loop.live.first_steps:
            return
        from asyncrepl.engine.leaks.leak_origins import left_open
        from asyncrepl.engine.leaks.open_generators import LeftGeneratorFinder

        finder = self._leftovers
        if finder is None or self._context.runs_own_loop:
            finder = LeftGeneratorFinder(self._context.loop, self._context.session.namespace)
            self._leftovers = self._leftovers if self._context.runs_own_loop else finder
        well = outcome.source.filename if outcome is not None and outcome.error is None else None
        for left in finder.find():
            by_error = left.filename in self._failed
            leak = left_open(left, self._context.session.sources, well)
            self.leaks.note(leak, quietly=by_error, generator=left.generator)
            seen = Finding("kept", describe(None), *left.first_step)
            script = f"await {leak.name}.aclose()" if leak.name.isidentifier() else ""
            self._context.mistake_reporter.keep(seen, script)

    def leak(self, leak: Leak) -> None:
        """Show `leak`."""
        if leak.kind != "never awaited":  # that was told with the warning
            self._context.console.complain(*self._leak_lines(leak))

    def _leak_lines(self, leak: Leak) -> list[Line]:
        from asyncrepl.views.explanation_lines import leak_lines

        source = self._context.source
        typed = source.filename if source is not None and len(source.lines) == 1 else ""
        return leak_lines(leak, self._context.console.width, typed)

    def _on_warning(self, warning: warnings.WarningMessage) -> None:
        """Write a warning out; it may come from any thread, and out of a finalizer."""
        coroutine: Any = warning.source
        known = self.explained.is_known(warning)
        if type(coroutine) is CoroutineType:
            self._on_dropped_coroutine(warning, coroutine, known=known)
        elif not known:
            self._on_other_warning(warning)

    def _on_dropped_coroutine(
        self,
        warning: warnings.WarningMessage,
        coroutine: CoroutineType[Any, Any, Any],
        *,
        known: bool,
    ) -> None:
        """Python warns of a `coroutine` that nobody awaited; `known` says that it was told of."""
        from asyncrepl.engine.leaks.leak_origins import never_awaited
        from asyncrepl.engine.tasks.task_findings import ORIGIN_DEPTH, dropped_finding

        place = warning.filename, warning.lineno
        leak = never_awaited(coroutine, place, self._context.session.sources)
        # As many as the tracer asks for: that is said in our own way.
        brief = sys.get_coroutine_origin_tracking_depth() <= ORIGIN_DEPTH
        self.leaks.note(leak)
        if known:
            return
        made = partial(self._context.console.complain, *self._leak_lines(leak))
        text = warning_text(warning, brief=brief)
        if self._is_refused(coroutine.cr_code):
            self._refused.append(_RefusedCoroutine(text, dropped_finding(coroutine), made))
            return
        _write_to_stderr(text)
        self._context.mistake_reporter.see(dropped_finding(coroutine), made)

    def _on_other_warning(self, warning: warnings.WarningMessage) -> None:
        from asyncrepl.engine.tasks.task_findings import running_user_frame

        if warning.category is RuntimeWarning and self._is_refused(None):
            self._refused.append(_RefusedCoroutine(warning_text(warning)))
            return
        _write_to_stderr(warning_text(warning), *_source_line(warning))
        if type(warning.source) is AsyncGeneratorType:  # since Python 3.12
            self._context.loop.live.findings.step_dropped(warning.source)
        elif issubclass(warning.category, DeprecationWarning):
            # Of what is called where the user's code runs just now.
            frame = running_user_frame()
            if frame is not None and frame.f_code.co_filename == warning.filename:
                seen = finding_at("deprecated", describe(None), frame)
                self._context.mistake_reporter.see(seen)

    def _is_refused(self, code: CodeType | None) -> bool:
        """Whether what dies was refused: then an error is about to be told in this thread."""
        from asyncrepl.engine.tasks.task_findings import was_refused

        return threading.current_thread() is threading.main_thread() and was_refused(code)

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop's exception handler: what asyncio would write to its log."""
        from asyncrepl.engine.leaks.leak_origins import refused_result

        error = context.get("exception")
        if isinstance(error, SystemExit):
            return  # not an error: the session ends with it
        if isinstance(error, BrokenPipeError) and self._context.console.closed:
            with suppress(RuntimeError):  # the loop is closed: the session ends already
                self._context.loop.call_soon(_end_session, PIPE_CLOSED)
            return
        if (never := refused_result(error)) is not None:
            self._context.loop.live.outside.jobs.discard(never)  # it will never be done
            self._context.mistake_reporter.stopped = True
        leak = self._leak_of_context(context)
        if self._programs_handler is not None:
            with suppress(Exception):
                self._programs_handler(self._context.loop, context)
        elif logger.hasHandlers():  # the program's own
            self._context.loop.default_exception_handler(context)
        self._tell_loop_error(context, leak)
        if leak is not None:
            self.leaks.note(leak)
            silent = self._context.mistake_reporter.silent  # else it has been said
            if silent and leak.kind == "destroyed pending" and loop.is_running():
                self._see_destroyed(leak, context["task"])
        self._see_loop_error(context, leak)

    def _tell_loop_error(self, context: dict[str, Any], leak: Leak | None) -> None:
        """Show the error of the loop's that `context` is of, and what explains it."""
        future, error = context.get("task") or context.get("future"), context.get("exception")
        name = ""
        if isinstance(future, asyncio.Task):
            name = future.get_name() + (f", {leak.what}" if leak and leak.what else "")
        told = context["message"] + (f" ({name})" if name else "")
        lines = prose(told, self._context.console.width, "error", 2)
        if error is not None:
            lines += exception_lines(error)
            lines += self._context.mistake_reporter.explain_lost_error(error)
        self._context.console.complain(*lines)

    def _see_loop_error(self, context: dict[str, Any], leak: Leak | None) -> None:
        """See the misuse that an error of the loop's comes of."""
        from asyncrepl.engine.leaks.leak_origins import first_code

        if "handle" in context:
            self._called_in_vain(getattr(context["handle"], "_callback", None))
        stream = context.get("asyncgen")
        if isinstance(stream, AsyncGeneratorType) and stream.ag_running:
            # It refuses to be closed, for a task waits in it.
            seen = finding_at("in use", describe(stream), stream.ag_frame)
            self._context.mistake_reporter.see(seen)
        future, error = context.get("task") or context.get("future"), context.get("exception")
        if future is None or error is None:
            return
        code = first_code(error, own=not isinstance(future, asyncio.Task))
        if code is not None:
            made = None if leak is None else leak.made
            seen = Finding("failed", ObjectInfo(type(error), code), code, 0, made=made)
            self._context.mistake_reporter.see(seen)

    def _see_destroyed(self, leak: Leak, task: Any) -> None:
        """See a task that nobody held while it waited."""
        code = getattr(task.get_coro(), "cr_code", None)
        if code is not None:
            seen = Finding("destroyed", ObjectInfo(CoroutineType, code), code, 0, made=leak.made)
            self._context.mistake_reporter.keep(seen)

    def _called_in_vain(self, given: object) -> None:
        """See what the loop was to call, if it cannot be called."""
        from asyncrepl.engine.tasks.task_findings import dropped_finding

        if type(given) is CoroutineType:  # it dies, as nobody awaits it
            self._context.mistake_reporter.see(dropped_finding(given))
        elif not callable(given):
            for seen in self._context.loop.live.findings.given:
                if seen.info.kind is type(given):
                    self._context.mistake_reporter.see(seen)

    def _on_thread_error(self, error: BaseException | None) -> None:
        """An error has ended a thread, and was told in it."""
        if error is None or is_real_instance(error, SystemExit):
            return
        self._thread_errors.append(error)
        if self._context.loop.is_running():
            with suppress(RuntimeError):  # it is closed by now
                self._context.loop.call_soon_threadsafe(self.explain_thread_errors)

    def explain_thread_errors(self) -> None:
        """Explain each error that has ended a thread; for the thread of the loop."""
        while self._thread_errors:
            error = self._thread_errors.popleft()
            lines = self._context.mistake_reporter.explain_lost_error(error)
            self._context.console.complain(*lines)

    def _leak_of_context(self, context: dict[str, Any]) -> Leak | None:
        """The leak that asyncio reports: by the very keys it gives in each case."""
        from asyncrepl.engine.leaks.leak_origins import destroyed, never_retrieved

        sources = self._context.session.sources
        if "future" in context and "exception" in context:
            return never_retrieved(context, sources)
        if "task" in context and "exception" not in context:
            return destroyed(context, sources)
        return None


def _end_session(status: int) -> None:
    raise SystemExit(status)


def _source_line(warning: warnings.WarningMessage) -> list[str]:
    """The line of a file that a warning is about, as Python shows it; a typed one is seen."""
    if warning.filename.startswith("<input ") or is_plumbing(warning.filename):
        return []
    line = warning.line or linecache.getline(warning.filename, warning.lineno)
    return [f"  {printable(line.strip())}"] if line.strip() else []


def _closed_loop_handler(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The exception handler of a loop that is closed."""
    if not isinstance(context.get("exception"), SystemExit):
        loop.default_exception_handler(context)


def _write_to_stderr(*lines: str) -> None:
    if sys.stderr is not None:
        # Lines of ours begin a row, where the stream is one that can see to it.
        write = getattr(sys.stderr, "show", sys.stderr.write)
        write("".join(line + "\n" for line in lines))
