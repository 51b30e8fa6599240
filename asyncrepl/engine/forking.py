"""A process that user code forks: it has the statement, and nothing else of the session.

``os.fork()``, ``pty.fork()`` and multiprocessing's fork copy the thread that calls them, with
the loop it runs. That loop must not run a second time: both processes have the same selector
in the kernel, so one changes what the other waits for; tickers would print twice, and two
programs read one keyboard. In ``python -m asyncio`` the child runs on, idle, for ever; in
plain ``python`` it ends where its program does. So does ours: when its statement ends, with
the status and the message that a program's end would have, or else when it returns to the
loop. What runs at exit is run; nothing of the session is closed, which is the parent's.

What does not work: to raise SystemExit in the child. On its way out it passes through all
that the session has to put back: the terminal's modes, signal handlers, the loop.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.engine.loop import LiveLoop

__all__ = ["leave_child", "parted_from_children"]

#: The signals whose handlers of ours mean nothing in a child.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH, signal.SIGCONT)
_FAILED = 1

_loops: list[LiveLoop] = []
#: The task that forks, if it is one.
_forking: list[asyncio.Task[Any]] = []


@contextmanager
def parted_from_children(loop: LiveLoop) -> Iterator[None]:
    """What is forked in the block never runs `loop`."""
    _loops.append(loop)
    try:
        yield
    finally:
        _loops.remove(loop)


def leave_child(error: BaseException | None) -> NoReturn:
    """End this process as a program ends, after `error` if there was one."""
    status = _told(error)
    with suppress(BaseException):
        atexit._run_exitfuncs()  # noqa: SLF001  what runs at exit is the process's, also of a child
    _flush()
    if isinstance(error, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(status)


def _told(error: BaseException | None) -> int:
    """Show `error` as a program's end does; the exit status."""
    if error is None:
        return 0
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        with suppress(Exception):
            print(error.code, file=sys.stderr)
        return _FAILED
    with suppress(BaseException):
        sys.excepthook(type(error), error, error.__traceback__)
    return _FAILED


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(BaseException):
            stream.flush()


def _before_fork() -> None:
    """In the parent, whatever thread forks."""
    _forking.clear()
    with suppress(RuntimeError):  # no loop runs in this thread
        if (task := asyncio.current_task()) is not None:
            _forking.append(task)


def _after_fork() -> None:
    """In the child: what the loop would do next is to end."""
    for loop in _loops:
        loop.forget_all(_return_to_loop)
    if _loops:
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            _reset(number)


def _reset(number: int) -> None:
    """Give the signal back, if its handler is ours."""
    home = getattr(signal.getsignal(number), "__module__", None) or ""
    if home.startswith("asyncrepl."):
        default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, default)


def _return_to_loop() -> NoReturn:
    if all(task.done() for task in _forking):
        leave_child(None)
    told = f"asyncrepl: process {os.getpid()} ends: it was forked, and cannot await anything"
    leave_child(SystemExit(told))


os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
