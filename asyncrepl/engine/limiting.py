"""A time limit for user code that the tool itself calls: a ``__repr__``, a typed expression.

It is a signal, because that also ends what waits in C (``time.sleep``, a lock). Where
the program uses the same signal, its own handler and timer are left as they are, and
there is no limit; Ctrl-C remains.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TimeUpError", "time_limit"]

_AGAIN = 0.1  # seconds: code that catches everything is told again


class TimeUpError(BaseException):
    """The limit has passed. Not an Exception: user code is not to catch it in passing."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUpError in the block when it takes longer; for the main thread."""
    if signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _time_is_up(*_: object) -> None:
    raise TimeUpError
