"""Errors of the user's code that a library has caught and only reported.

A web server goes on when a handler fails: it answers 500, and logs the error with its traceback.
That is where most people see their async mistakes. So what is logged with an error is looked at,
while its traceback is there, by the factory that `logging` has its records made by. What does not
work: a handler at the root logger takes `logging`'s last resort away, and the program's own
settings with it; to keep the error for later keeps alive what it holds. A test that fails under
pytest is told to `explain_failed_test` by our plugin, and what Python warns of meanwhile, which
pytest takes for its summary, to `explain_recorded_warning`.

An error that the user's own code has caught is left alone, as it may be expected, and so is what
asyncio logs: the loop's exception handler is told of that.
"""

from __future__ import annotations

import gc
import logging
import threading
from asyncio import get_running_loop
from asyncio.log import logger
from collections import Counter
from contextlib import contextmanager, suppress
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.code_owner import is_users, owner, reaches_users, traceback_entries
from asyncrepl.engine.leaks.leak_log import unawaited_in

if TYPE_CHECKING:
    import warnings
    from collections.abc import Callable, Iterator, Mapping

    from asyncrepl.events.findings import Finding
    from asyncrepl.explain.explanation import Explanation
    from asyncrepl.session.frontend import Console
    from asyncrepl.syntax.sources import Source
    from asyncrepl.views.styled_lines import Line


#: What the sessions that are open do with an error, and with a coroutine that nobody awaited: a
#: plugin of pytest's is given no session.
_listeners: list[Callable[[BaseException], None]] = []
_forgotten_listeners: list[Callable[[Finding], None]] = []


def explain_failed_test(error: BaseException) -> None:
    """Have `error`, with which a test failed, explained by the session in which tests run.

    In the thread of the tests; raises nothing.
    """
    for each in _listeners:
        each(error)


def explain_recorded_warning(warning: warnings.WarningMessage) -> None:
    """Have the coroutine that `warning` is of, if it is of one, looked at; raises nothing."""
    if type(warning.source) is CoroutineType:
        for each in _forgotten_listeners:
            with suppress(Exception):
                each(_forgotten(warning.source))


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


@contextmanager
def logged_errors_explained(
    explain: Callable[[BaseException], list[Line]],
    see_forgotten: Callable[[Finding], None],
    console: Console,
) -> Iterator[None]:
    """Have `explain` explain what a library logs, in this thread, and say so on `console`.

    That is shown when the library has gone on, and the line of its log is out. `see_forgotten` is
    called with what Python's warning was kept of for later.
    """
    thread, made = threading.get_ident(), logging.getLogRecordFactory()
    times: Counter[object] = Counter()

    def factory(*args: Any, **named: Any) -> logging.LogRecord:
        record = made(*args, **named)
        # The program may have built a factory of its own on this one, which outlives the session.
        if caught in _listeners and record.exc_info and threading.get_ident() == thread:
            with suppress(Exception):  # it may be any tuple
                _, error, _ = record.exc_info
                if error is not None and record.name != logger.name:
                    caught(error)
        return record

    def caught(error: BaseException) -> None:
        with suppress(Exception), _no_collection():  # the program is not to fail for it
            place = _place(error)
            times[place] += 1
            told = times[place] <= _MAX_ALIKE
            if told and (_is_by_library(error) or any(unawaited_in(error))):
                _tell(explain(error), console)

    logging.setLogRecordFactory(factory)
    _listeners.append(caught)
    _forgotten_listeners.append(see_forgotten)
    try:
        yield
    finally:
        _listeners.remove(caught)
        _forgotten_listeners.remove(see_forgotten)
        if logging.getLogRecordFactory() is factory:
            logging.setLogRecordFactory(made)


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


def _tell(lines: list[Line], console: Console) -> None:
    if not lines:
        return
    try:
        get_running_loop().call_soon(console.complain, *lines)
    except RuntimeError:  # none runs here
        console.complain(*lines)
