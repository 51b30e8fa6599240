"""What a loop waits for that is not the program's own: connections, threads, processes.

While any of it is pending, a virtual clock may not jump. Everything is looked up when the clock
is about to move, not counted as it comes and goes: a count would cost every loop something, also
those in real time, and would go wrong with the first file descriptor that is closed and used
again. A thread of the user's own making counts as long as it runs: drivers of databases keep one,
and nobody can see from here whether it is at work or waits for some.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import weakref
from typing import TYPE_CHECKING

from asyncrepl.engine.loop.waiting_threads import is_ours, none_acts_but
from asyncrepl.runtime.descriptors import (
    both_ends,
    is_listening_socket,
    is_starved,
    pipes_of,
    process_of_descriptor,
)
from asyncrepl.runtime.process import alarm_is_set

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from selectors import BaseSelector


class ExternalWaits:
    """What lies outside the program of one loop; for the loop's thread.

    `own_fd` is the loop's self-pipe. A listening socket does not count: it may listen for ever;
    its clients do. Threads from before do not count, nor do those of a pool: their jobs do.
    """

    def __init__(self, selector: BaseSelector, own_fd: int) -> None:
        self._selector = selector
        self._own_fd = own_fd
        #: What counts until it is done, or has ended.
        self.jobs: weakref.WeakSet[asyncio.Future[object]] = weakref.WeakSet()
        self.processes: weakref.WeakSet[asyncio.SubprocessTransport] = weakref.WeakSet()
        self._others = weakref.WeakSet(threading.enumerate())
        self._busy = 0
        self._joins_pool = False

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Count as pending for the length of a ``with``."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    @contextlib.contextmanager
    def joining_pool(self) -> Iterator[None]:
        """Count as pending while the loop waits for the end of its pool, for `joins_for_ever`."""
        self._joins_pool = True
        try:
            with self.busy():
                yield
        finally:
            self._joins_pool = False

    def pending(self) -> bool:
        """Whether the program waits for anything outside itself."""
        return self._waits_for_fd() or self._waits_for_others()

    def _waits_for_others(self, besides: Container[object] = ()) -> bool:
        if self._busy or any(not job.done() for job in self.jobs) or alarm_is_set():
            return True
        if any(each.get_returncode() is None and each not in besides for each in self.processes):
            return True
        pools = sys.modules.get("concurrent.futures.thread")  # else there is no pool
        pool: Container[threading.Thread] = getattr(pools, "_threads_queues", ())
        return any(
            each not in self._others and each not in pool and not is_ours(each)
            for each in threading.enumerate()
        )

    def only_itself(self) -> bool:
        """Whether all that may come is this loop's own doing.

        It is from its sockets, connected to each other, or from processes that wait for it.
        """
        starved = [each for each in self.processes if is_starved(each)]
        if self._waits_for_others(starved):
            return False
        pids = {each.get_pid() for each in starved}
        known = {self._own_fd, *(fd for each in starved for fd in pipes_of(each))}
        fds = [key.fd for key in self._selector.get_map().values() if key.fd not in known]
        fds = [fd for fd in fds if not (starved and process_of_descriptor(fd) in pids)]
        # A client that is still to come could feed a process.
        ends = [both_ends(fd) for fd in fds if starved or not is_listening_socket(fd)]
        return bool(ends or starved) and all(each and each[::-1] in ends for each in ends)

    def only_waiting_threads(self) -> bool:
        """Whether there are threads that wait, and nothing else that could do anything.

        Each waits without a time limit: for another of them, or for a task of the loop.
        """
        return not self._busy and self._none_acts_but(threading.get_ident())

    def joins_for_ever(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether `loop` waits for the end of its pool, where a job has none; any thread.

        Nothing else of it is to come but the time limit of that, if it has one.
        """
        thread = getattr(loop, "_thread_id", None)
        if not self._joins_pool or thread is None:
            return False
        timers = [each for each in [*loop._scheduled] if not each.cancelled()]  # type: ignore[attr-defined]  # noqa: SLF001
        limits = [type(getattr(each._callback, "__self__", None)) for each in timers]  # noqa: SLF001
        return all(each is asyncio.Timeout for each in limits) and self._none_acts_but(thread)

    def _none_acts_but(self, thread: int) -> bool:
        """Whether all threads but this one, of which there are some, wait for ever."""
        running = any(each.get_returncode() is None for each in self.processes)
        return not running and not self._waits_for_fd() and none_acts_but(thread)

    def _waits_for_fd(self) -> bool:
        fds = [key.fd for key in self._selector.get_map().values()]
        return any(fd != self._own_fd and not is_listening_socket(fd) for fd in fds)
