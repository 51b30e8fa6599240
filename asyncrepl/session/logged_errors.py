"""Errors of the user's code that a library has caught and only reported.

A web server goes on when a handler fails: it answers 500, and logs the error with its traceback.
That is where most people see their async mistakes. So what is logged with an error is looked at,
while its traceback is there, by the factory that `logging` has its records made by. What does not
work: a handler at the root logger takes `logging`'s last resort away, and the program's own
settings with it; to keep the error for later keeps alive what it holds. A test that fails under
pytest is told to `explain_failed_test` by our plugin, and one of `unittest` by its `TestResult`.
That is said when all have run: the line of dots and letters, one a test, is not to be torn. What
Python warns of meanwhile, pytest takes for its summary: it is told to `explain_recorded_warning`.
What pytest refuses to run, as it is `async` and no plugin takes it: to `explain_refused_test`.

An error that the user's own code has caught is left alone, as it may be expected, and so is what
asyncio logs: the loop's exception handler is told of that.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
from asyncio import get_running_loop
from asyncio.log import logger
from collections import Counter
from contextlib import contextmanager, suppress
from functools import wraps
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.code_owner import is_users, owner, reaches_users, traceback_entries
from asyncrepl.engine.leaks.leak_log import unawaited_in
from asyncrepl.events.findings import Finding
from asyncrepl.events.object_info import code_of, describe

if TYPE_CHECKING:
    import warnings
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import ModuleType

    from asyncrepl.explain.explanation import Explanation
    from asyncrepl.session.frontend import Console
    from asyncrepl.syntax.sources import Source
    from asyncrepl.views.styled_lines import Line


#: The module of `unittest` that is told how tests end.
TEST_RESULTS = "unittest.result"
#: What explains an error in the sessions that are open: a plugin of pytest's is given none.
_listeners: list[LibraryErrors] = []
#: The modules that tell it what tests end with.
_heard: list[ModuleType] = []


def explain_failed_test(error: BaseException) -> None:
    """Have `error`, with which a test failed, explained by the session in which tests run.

    In the thread of the tests; raises nothing.
    """
    for each in _listeners:
        each.test_failed(error)


def explain_refused_test(
    error: BaseException, tests: Sequence[object], fixtures: Sequence[object]
) -> None:
    """Have it explained that pytest has refused, with `error`, to run what no plugin awaits.

    That may be a function of `tests`, or of their `fixtures`. In the thread of the tests; raises
    nothing.
    """
    if reaches_users(error.__traceback__):
        return  # it has failed by itself
    for function in (*fixtures, *tests):
        code = code_of(function)
        if code is None or not code.co_flags & _ASYNC or not is_users(code.co_filename):
            continue
        for each in _listeners:
            with suppress(Exception):
                each.see(
                    Finding("refused", describe(function), code, 0, int(function in fixtures))
                )


#: Of what is `async def`, with or without a ``yield``.
_ASYNC = CO_COROUTINE | CO_ASYNC_GENERATOR


def explain_unittest(result: ModuleType) -> None:
    """Have the errors explained with which tests end; `result` is the module `unittest.result`."""
    if result in _heard:
        return
    _heard.append(result)
    for name in ("addError", "addFailure", "addSubTest"):
        setattr(result.TestResult, name, _explaining(vars(result.TestResult)[name]))


def explain_recorded_warning(warning: warnings.WarningMessage) -> None:
    """Have the coroutine that `warning` is of, if it is of one, looked at; raises nothing."""
    if type(warning.source) is CoroutineType:
        for each in _listeners:
            with suppress(Exception):
                each.see(_forgotten(warning.source))


def explain_unawaited(
    error: BaseException, sources: Mapping[str, Source], namespace: Mapping[str, object]
) -> Explanation | None:
    """The explanation of `error` where that is Python's warning of a coroutine.

    `sources` are the texts of the session by file name, `namespace` has its names.
    """
    from asyncrepl.explain.evidence import gather_seen
    from asyncrepl.explain.explainer import explain

    seen = map(_forgotten, unawaited_in(error))
    told = (explain(gather_seen(each, sources, namespace)) for each in seen)
    return next(filter(None, told), None)


def _forgotten(coroutine: CoroutineType[Any, Any, Any]) -> Finding:
    """The finding for a `coroutine` that has died before; whether a loop ran, nobody knows."""
    from asyncrepl.engine.tasks.task_findings import dropped_finding

    return dropped_finding(coroutine)._replace(number=0)


def _explaining(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def add(*given: Any) -> Any:
        error = given[-1]
        if type(error) is tuple:
            explain_failed_test(error[1])  # before: `unittest` takes its traceback apart
        return method(*given)

    return add


class LibraryErrors:
    """Has `explain` explain what a library catches in this thread, and says so on `console`.

    `see` is called with what is to be told when the tests have run, and raised nothing.
    """

    def __init__(
        self,
        explain: Callable[[BaseException], list[Line]],
        see: Callable[[Finding], None],
        console: Console,
    ) -> None:
        self.see = see
        self._explain, self._console = explain, console
        self._thread = threading.get_ident()
        self._of_tests: list[Line] = []
        self._times: Counter[object] = Counter()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear what is logged, and which tests fail, for the length of a ``with``."""
        made = logging.getLogRecordFactory()

        def factory(*args: Any, **named: Any) -> logging.LogRecord:
            record = made(*args, **named)
            # The program may have built a factory of its own on this one, which lives on.
            if self in _listeners and record.exc_info and threading.get_ident() == self._thread:
                with suppress(Exception):  # it may be any tuple
                    _, error, _ = record.exc_info
                    if error is not None and record.name != logger.name:
                        self._logged(error)
            return record

        if (known := sys.modules.get(TEST_RESULTS)) is not None:
            explain_unittest(known)
        logging.setLogRecordFactory(factory)
        _listeners.append(self)
        try:
            yield
        finally:
            _listeners.remove(self)
            if logging.getLogRecordFactory() is factory:
                logging.setLogRecordFactory(made)

    def test_failed(self, error: BaseException) -> None:
        """Explain `error`, to be told when all tests have run; raises nothing."""
        self._of_tests += self._lines(error)

    def tell_tests(self) -> None:
        """Say why tests failed."""
        lines, self._of_tests = self._of_tests, []
        if lines:
            self._console.complain(*lines)

    def _logged(self, error: BaseException) -> None:
        """Explain `error` when the library has gone on, and the line of its log is out."""
        if not (lines := self._lines(error)):
            return
        try:
            get_running_loop().call_soon(self._console.complain, *lines)
        except RuntimeError:  # none runs here
            self._console.complain(*lines)

    def _lines(self, error: BaseException) -> list[Line]:
        with suppress(Exception), _no_collection():  # the program is not to fail for it
            place = _place(error)
            self._times[place] += 1
            told = self._times[place] <= _MAX_ALIKE
            if told and (_is_by_library(error) or any(unawaited_in(error))):
                return self._explain(error)
        return []


#: So many errors of one kind are explained at one place, where a suite may have hundreds.
_MAX_ALIKE = 5


def _place(error: BaseException) -> object:
    """The kind of `error`, and the innermost place of the user's; no other where it has none."""
    entries = traceback_entries(error.__traceback__)
    users = [each for each in entries if is_users(each.tb_frame.f_code.co_filename)]
    return (type(error), users[-1].tb_frame.f_code, users[-1].tb_lasti) if users else object()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Collect no garbage: what warns as it dies would be said to be forgotten in our code."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _is_by_library(error: BaseException) -> bool:
    """Whether a library has caught an error of the user's."""
    trace = next(traceback_entries(error.__traceback__), None)
    if trace is None:
        return False
    by_library = owner(trace.tb_frame.f_code.co_filename) == "library"
    return by_library and reaches_users(error.__traceback__)
