"""One iteration of the loop, as other threads see it: running, waiting (for what), or stopped.

A loop calls ``select()`` once an iteration: while it is inside, the loop waits;
outside, it runs callbacks. Noting just that is enough to know from another
thread, or from a signal handler, whether the loop is busy and since when.

*What it waits for* that is not the program's own: connections, threads, processes. While any of
it is pending, a virtual clock may not jump. Everything is looked up when the clock is about to
move, not counted as it comes and goes: a count would cost every loop something, also those in
real time, and would go wrong with the first file descriptor that is closed and used again. A
thread of the user's own making counts as long as it runs: drivers of databases keep one, and
nobody can see from here whether it is at work or waits for some.

*Stopped at a breakpoint*, the loop's thread waits inside a call of the program's, which then goes
on. Holding the clock stops timers only; what needs none runs on. A source that never suspends
would give all its values before anybody could look at one. So where a single step is asked for,
the whole thread stops, as in a debugger, and runs nothing but the actions that are posted to it:
no task, no callback. What does not work:

- Running the loop inside the call (``run_once`` again): other tasks would run between two lines
  of code that has no ``await`` between them.
- Waiting in ``select()`` for whoever wakes the loop: any thread of the user's may do so.
- Posting to the loop alone, or to the breakpoint alone: whoever posts cannot know which of the
  two the thread is in when it gets there. So an action is kept here, and the loop is woken as
  well; it is run by whoever comes first.
"""

from __future__ import annotations

import contextlib
import select
import selectors
import sys
import threading
import weakref
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from asyncrepl.events.instrument import Instruments
from asyncrepl.runtime.descriptors import (
    both_ends,
    is_listening_socket,
    is_starved,
    pipes_of,
    process_of_descriptor,
)
from asyncrepl.runtime.process import alarm_is_set

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Container, Iterator
    from selectors import BaseSelector, SelectorKey
    from types import FrameType

#: What ``select`` gives: who is ready, and for what.
Ready: TypeAlias = "list[tuple[SelectorKey, int]]"

#: Threads that only wait for what is counted anyhow: ours, and those of asyncio for processes.
_HELPERS = ("asyncrepl", "asyncio-waitpid-")

#: isinstance()'s second argument; without epoll (macOS) nothing is one.
_EPOLL: Any = getattr(select, "epoll", ())


class LoopIteration:
    """One round of the loop; written by its thread, readable from any.

    `busy` is False while the loop waits or does not run; `since` is the
    ``time.monotonic()`` (s) at which the iteration began; `number` counts the iterations.

    `wake` is for one other thread that sleeps while the loop waits: it is called in the loop's
    thread, with `since`, as soon as the loop is busy, and at each further iteration until that
    thread, awake, has put None there. So it must not matter how often it is called, nor whether
    a signal handler interrupts it. Who sets it looks at `busy` and `number` afterwards: the
    loop may have gone on before.
    """

    __slots__ = ("busy", "number", "since", "wake")

    def __init__(self) -> None:
        self.busy, self.number, self.since = False, 0, monotonic()
        self.wake: Callable[[float], object] | None = None

    def resume(self) -> None:
        """Go on with an iteration that has waited in its middle."""
        self.since, self.busy = monotonic(), True
        if self.wake is not None:
            self.wake(self.since)


def _perhaps(_timeout: float, _limit: int) -> bool:
    """Whether anything is ready, where only a wait can tell."""
    return True


class WatchingSelector(selectors.DefaultSelector):
    """A selector that notes the loop's iterations.

    `poll` is the system's own ``select``, with which `select` waits until `wait_with` says
    otherwise. It keeps no method of itself, so that it dies with its loop, as a selector does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.watch()

    def watch(self) -> None:
        """Have what the notes need; also for a selector that becomes one of these."""
        self.iteration = LoopIteration()
        self._wait: Callable[[float | None], Ready] | None = None
        # Asking epoll directly whether there is anything pays for the notes.
        epoll = getattr(self, "_selector", None)
        self._anything = epoll.poll if isinstance(epoll, _EPOLL) else _perhaps
        #: Who looks at the loop: told of a wait that only the outside can end.
        self.instruments = Instruments()

    def poll(self, timeout: float | None) -> Ready:
        """Wait as the system does."""
        return super().select(timeout)

    def wait_with(self, wait: Callable[[float | None], Ready]) -> None:
        """Let `select` wait by calling `wait`."""
        self._wait, self._anything = wait, _perhaps

    def select(self, timeout: float | None = None) -> Ready:
        """Wait for I/O; between the return and the next call a loop iteration runs."""
        current = self.iteration
        current.busy = False
        if timeout is None:
            for hear in self.instruments.loop_waits:
                hear()
        ready: Ready = []
        if timeout != 0 or self._anything(0, 1):
            ready = (self._wait or super().select)(timeout)
        current.number += 1
        current.since = monotonic()
        current.busy = True
        if current.wake is not None:
            current.wake(current.since)
        return ready


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
            each not in self._others and each not in pool and not each.name.startswith(_HELPERS)
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

    def only_threads_of(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether jobs wait for threads, and all that there are wait for `loop`."""
        running = any(each.get_returncode() is None for each in self.processes)
        if self._busy or alarm_is_set() or running or self._waits_for_fd():
            return False
        frames = sys._current_frames()  # noqa: SLF001  the documented way
        here, others = threading.get_ident(), list(threading.enumerate())
        own = [each for each in others if each not in self._others and each.ident != here]
        found = [frames.get(each.ident or 0) for each in own if not each.name.startswith(_HELPERS)]
        waiting = [each for each in found if _loop_waited_for(each) is loop]
        more = sum(not job.done() for job in self.jobs) > len(waiting) > 0
        return more and all(each in waiting or _is_idle_worker(each) for each in found)

    def _waits_for_fd(self) -> bool:
        fds = [key.fd for key in self._selector.get_map().values()]
        return any(fd != self._own_fd and not is_listening_socket(fd) for fd in fds)


def _is_idle_worker(frame: FrameType | None) -> bool:
    """Whether a thread that is at `frame` is one of a pool, and waits for a job."""
    pools: Any = sys.modules.get("concurrent.futures.thread")  # there, if there is a pool
    return frame is not None and pools and frame.f_code is pools._worker.__code__  # noqa: SLF001


def _loop_waited_for(frame: FrameType | None) -> object:
    """The loop whose task is waited for, for ever, where a thread is at `frame`; else None.

    That is the ``result()`` of what ``run_coroutine_threadsafe`` has given.
    """
    caller = frame.f_back if frame is not None else None
    if frame is None or caller is None or frame.f_code is not threading.Condition.wait.__code__:
        return None
    future, limit = caller.f_locals.get("self"), frame.f_locals.get("timeout")
    if caller.f_code is not Future.result.__code__ or limit is not None:
        return None
    for callback in getattr(future, "_done_callbacks", ()):
        code = getattr(callback, "__code__", None)
        cells = (
            dict(zip(code.co_freevars, callback.__closure__ or (), strict=True)) if code else {}
        )
        if "source_loop" in cells:
            return cells["source_loop"].cell_contents
    return None


class Breakpoint:
    """The one breakpoint of a loop; `post` and `leave` may be called by any thread.

    `iteration` is that of the loop, and `call_soon_threadsafe` its method.
    """

    def __init__(
        self,
        iteration: LoopIteration,
        call_soon_threadsafe: Callable[[Callable[[], object]], object],
    ) -> None:
        #: Whether the loop's thread is stopped at it.
        self.on = False
        self._iteration = iteration
        self._call_soon_threadsafe = call_soon_threadsafe
        # Its put() may be called in a signal handler, also while this thread is in get().
        self._actions: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def post(self, action: Callable[[], object]) -> None:
        """Have `action` called in the loop's thread: by the breakpoint, or else by the loop."""
        self._actions.put(action)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nothing stops there
            self._call_soon_threadsafe(self._act)

    def here(self) -> None:
        """Stop here until `leave`; until then the loop does not count as busy.

        What an action raises comes out of here.
        """
        self.on = True
        self._iteration.busy = False
        try:
            while self.on:
                self._actions.get()()
        finally:
            self.on = False
            self._iteration.resume()

    def leave(self) -> None:
        """Let the program go on; does nothing where it is not stopped."""

        def left() -> None:
            self.on = False

        if self.on:
            self._actions.put(left)

    def _act(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._actions.get_nowait()()
