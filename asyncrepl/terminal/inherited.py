"""The signals of a session at a terminal, whatever it was started with.

A shell's background job has SIGINT ignored, whoever starts a program from a thread may have
signals blocked in it, and both are handed on to all children. Python leaves that as it is:
right for a program that nobody attends, but a person at a prompt presses Ctrl-C to be
heard. So what a terminal sends gets through here, and to programs that are
started here: a handler becomes the default in them, and what is not blocked stays so.

What is meant to be ignored stays so: SIGHUP under ``nohup``, SIGTERM, and SIGTSTP where
no shell could continue the job.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["heard", "is_ignored"]

_HEARD = {
    signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP,
    signal.SIGCONT, signal.SIGWINCH, signal.SIGCHLD, signal.SIGALRM,
}  # fmt: skip


@contextmanager
def heard() -> Iterator[None]:
    """Let signals through within the block; for the main thread.

    SIGCHLD, if it was ignored, is not: the system would keep no status of a child.
    """
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
    childless = is_ignored(signal.SIGCHLD)
    if childless:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        if childless:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def is_ignored(number: signal.Signals) -> bool:
    """Whether the process ignores the signal; any thread."""
    return signal.getsignal(number) is signal.SIG_IGN
