"""Errors of the user's code that a library has caught and only reported.

A web server goes on when a handler fails: it answers 500, and logs the error with its traceback.
That is where most people see their async mistakes. So what is logged with an error is looked at,
while its traceback is there, by the factory that `logging` has its records made by. What does not
work: a handler at the root logger takes `logging`'s last resort away, and the program's own
settings with it; to keep the error for later keeps alive what it holds. A test that fails under
pytest is told to `explain_failed_test` by our plugin.

An error that the user's own code has caught is left alone, as it may be expected, and so is what
asyncio logs: the loop's exception handler is told of that.
"""

from __future__ import annotations

import logging
import threading
from asyncio import get_running_loop
from asyncio.log import logger
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.code_owner import owner, reaches_users, traceback_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncrepl.session.frontend import Console
    from asyncrepl.views.styled_lines import Line


#: What the sessions that are open do with an error: a plugin of pytest's is given no session.
_listeners: list[Callable[[BaseException], None]] = []


def explain_failed_test(error: BaseException) -> None:
    """Have `error`, with which a test failed, explained by the session in which tests run.

    In the thread of the tests; raises nothing.
    """
    for each in _listeners:
        each(error)


@contextmanager
def logged_errors_explained(
    explain: Callable[[BaseException], list[Line]], console: Console
) -> Iterator[None]:
    """Have `explain` explain what a library logs, in this thread, and say so on `console`.

    That is shown when the library has gone on, and the line of its log is out.
    """
    thread, made = threading.get_ident(), logging.getLogRecordFactory()

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
        with suppress(Exception):  # the program is not to fail for it
            if _is_by_library(error):
                _tell(explain(error), console)

    logging.setLogRecordFactory(factory)
    _listeners.append(caught)
    try:
        yield
    finally:
        _listeners.remove(caught)
        if logging.getLogRecordFactory() is factory:
            logging.setLogRecordFactory(made)


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
