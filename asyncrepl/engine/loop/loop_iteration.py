"""One iteration of the loop, as other threads see it: running, waiting (for what), or stopped.

A loop calls ``select()`` once an iteration: while it is inside, the loop waits;
outside, it runs callbacks. Noting just that is enough to know from another
thread, or from a signal handler, whether the loop is busy and since when.

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
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from asyncrepl.events.instrument import Instruments

if TYPE_CHECKING:
    from collections.abc import Callable
    from selectors import SelectorKey

#: What ``select`` gives: who is ready, and for what.
Ready: TypeAlias = "list[tuple[SelectorKey, int]]"

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
