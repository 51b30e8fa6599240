"""What a loop waits for that is not the program's own: connections, threads, processes.

While any of it is pending, a virtual clock may not jump. Everything is looked up when the clock
is about to move, not counted as it comes and goes: a count would cost every loop something, also
those in real time, and would go wrong with the first file descriptor that is closed and used
again. A thread of the user's own making counts as long as it runs: drivers of databases keep one,
and nobody can see from here whether it is at work or waits for some.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import weakref
from asyncio import BaseEventLoop
from concurrent.futures import Future
from queue import Queue
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.engine.code_owner import is_users
from asyncrepl.runtime.descriptors import (
    both_ends,
    is_listening_socket,
    is_starved,
    pipes_of,
    process_of_descriptor,
)
from asyncrepl.runtime.process import alarm_is_set, handles_signals

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Container, Iterator
    from selectors import BaseSelector
    from types import FrameType

#: Threads that only wait for what is counted anyhow: ours, and those of asyncio for processes.
_HELPERS = ("asyncrepl", "asyncio-waitpid-")


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
        running = any(each.get_returncode() is None for each in self.processes)
        if self._busy or handles_signals() or running or self._waits_for_fd():
            return False
        frames = sys._current_frames()  # noqa: SLF001  the documented way
        here, others = threading.get_ident(), list(threading.enumerate())
        own = [each for each in others if each not in self._others and each.ident != here]
        found = [frames.get(each.ident or 0) for each in own if not is_ours(each)]
        waiting = [each for each in found if thread_wait(each) is not None]
        return bool(waiting) and all(each in waiting or is_idle_worker(each) for each in found)

    def _waits_for_fd(self) -> bool:
        fds = [key.fd for key in self._selector.get_map().values()]
        return any(fd != self._own_fd and not is_listening_socket(fd) for fd in fds)


def is_ours(thread: threading.Thread) -> bool:
    """Whether `thread` is none of the program's: ours, or asyncio's for a process."""
    return thread.name.startswith(_HELPERS)


def is_idle_worker(frame: FrameType | None) -> bool:
    """Whether a thread that is at `frame` is one of a pool, and waits for a job."""
    pools: Any = sys.modules.get("concurrent.futures.thread")  # there, if there is a pool
    return frame is not None and pools and frame.f_code is pools._worker.__code__  # noqa: SLF001


def is_at_rest(loop: Any) -> bool:
    """Whether nothing of `loop` is to run, no timer is set, and no signal is handled on it."""
    return not (loop._scheduled or loop._ready or getattr(loop, "_signal_handlers", None))  # noqa: SLF001


class ThreadWait(NamedTuple):
    """A thread waits in the method `name` of `subject` until another does something for it.

    `line` is that of the user's code that called it, 0 where that is the whole job of a thread.
    """

    subject: object
    name: str
    line: int


#: What threads wait in, by the code of the method.
_THREAD_WAITS = {
    vars(kind)[name].__code__
    for kind, names in (
        (Queue, ("get", "put", "join")),
        (threading.Event, ("wait",)),
        (threading.Condition, ("wait", "wait_for")),
        (threading.Barrier, ("wait",)),
        (threading.Semaphore, ("acquire",)),
        (Future, ("result", "exception")),
    )
    for name in names
}


def thread_wait(frame: FrameType | None) -> ThreadWait | None:
    """What a thread that is at `frame` waits for, without a time limit; else None."""
    if frame is None or frame.f_code is not threading.Condition.wait.__code__:
        return None
    if frame.f_locals.get("timeout") is not None:
        return None
    while (caller := frame.f_back) is not None and caller.f_code in _THREAD_WAITS:
        frame = caller
    while caller is not None and not is_users(caller.f_code.co_filename):
        caller = caller.f_back
    line = caller.f_lineno if caller is not None else 0
    return ThreadWait(frame.f_locals.get("self"), frame.f_code.co_name, line)


def loop_run_at(frame: FrameType | None) -> asyncio.AbstractEventLoop | None:
    """The loop that runs for ever in a thread that is at `frame`; None if none does."""
    while frame is not None and frame.f_code is not BaseEventLoop.run_forever.__code__:
        frame = frame.f_back
    return frame.f_locals["self"] if frame is not None else None


def waits_for_ever(thread: threading.Thread) -> bool:
    """Whether `thread` waits for another, without a time limit."""
    return thread_wait(sys._current_frames().get(thread.ident or 0)) is not None  # noqa: SLF001


def wait_of_job(future: object) -> ThreadWait | None:
    """What the thread waits for whose job's end sets `future`; None if that is not known."""
    job = next(filter(None, map(_job_behind, getattr(future, "_callbacks", None) or ())), None)
    frames = sys._current_frames().values() if job is not None else ()  # noqa: SLF001
    return next((thread_wait(each) for each in frames if _job_of(each) is job), None)


def _job_behind(callback: tuple[object, ...]) -> object:
    """The future of a pool that is to be cancelled with the one that has this `callback`."""
    function: Any = callback[0]
    cells = getattr(function, "__closure__", None) or ()
    names = function.__code__.co_freevars if cells else ()
    return (
        dict(zip(names, cells, strict=True))["source"].cell_contents if "source" in names else None
    )


def _job_of(frame: FrameType | None) -> object:
    """The future of the job that a pool's thread is at, which is at `frame`."""
    pools: Any = sys.modules.get("concurrent.futures.thread")
    while frame is not None and pools and frame.f_code is not pools._WorkItem.run.__code__:  # noqa: SLF001
        frame = frame.f_back
    return getattr(frame.f_locals.get("self"), "future", None) if frame and pools else None
