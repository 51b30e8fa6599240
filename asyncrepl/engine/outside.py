"""What a program waits for that is not its own: connections, threads, processes.

While any of it is pending, a virtual clock may not jump. Everything is looked
up when the clock is about to move, not counted as it comes and goes: a count
would cost every loop something, also those in real time, and would go wrong
with the first file descriptor that is closed and used again.

A thread of the user's own making counts as long as it lives: drivers of databases
keep one, and nobody can see from here whether it is at work or waits for some.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Container, Iterator
    from selectors import BaseSelector

__all__ = ["Outside"]


class Outside:
    """What lies outside the program of one loop; for the loop's thread.

    `own_fd` is the loop's self-pipe. A listening socket does not count: it may
    listen for ever, and the client that connects counts. Threads that were there
    before do not count, nor do those of a pool: their jobs do.
    """

    def __init__(self, selector: BaseSelector, own_fd: int) -> None:
        self._selector = selector
        self._own_fd = own_fd
        self._jobs: weakref.WeakSet[asyncio.Future[object]] = weakref.WeakSet()
        self._processes: weakref.WeakSet[asyncio.SubprocessTransport] = weakref.WeakSet()
        self._others = weakref.WeakSet(threading.enumerate())
        self._busy = 0

    def job(self, future: asyncio.Future[object]) -> None:
        """Count `future` until it is done."""
        self._jobs.add(future)

    def lost(self, future: asyncio.Future[object]) -> None:
        """`future`, a job's, will never be done: its result could not be set."""
        self._jobs.discard(future)

    def process(self, transport: asyncio.SubprocessTransport) -> None:
        """Count the process of `transport` until it has ended."""
        self._processes.add(transport)

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Count as pending for the length of a ``with``."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def pending(self) -> bool:
        """Whether the program waits for anything outside itself."""
        return (
            self._busy > 0
            or self._waits_for_fd()
            or (bool(self._jobs) and any(not job.done() for job in self._jobs))
            or (bool(self._processes) and any(map(_runs, self._processes)))
            or any(_works(each) for each in threading.enumerate() if each not in self._others)
        )

    def _waits_for_fd(self) -> bool:
        registered = self._selector.get_map()
        if len(registered) == 1:  # its own
            return False
        fds = [key.fd for key in registered.values()]
        return any(fd != self._own_fd and not _listens(fd) for fd in fds)


def _runs(process: asyncio.SubprocessTransport) -> bool:
    return process.get_returncode() is None


def _works(thread: threading.Thread) -> bool:
    """Whether `thread` is neither one of ours nor one of a pool, whose jobs are counted."""
    pools = sys.modules.get("concurrent.futures.thread")  # else there is no pool
    pool: Container[threading.Thread] = getattr(pools, "_threads_queues", ())
    return not thread.name.startswith("asyncrepl") and thread not in pool


def _listens(fd: int) -> bool:
    """Whether `fd` is a listening socket; the family and type given here are not looked at."""
    try:
        probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=fd)
    except OSError:  # a pipe, a terminal, …
        return False
    try:
        return bool(probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False
    finally:
        probe.detach()
