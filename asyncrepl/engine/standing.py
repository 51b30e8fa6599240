"""A stand: the loop's thread waits inside a call of the program's, which then goes on.

Holding the clock stops timers only; what needs none runs on. A source that never
suspends would give all its values before anybody could look at one. So where a single
step is asked for, the whole thread stands, as in a debugger, and runs nothing but the
actions that are posted to it: no task, no callback.

What does not work:

- Running the loop inside the call (``run_once`` again): other tasks would run between
  two lines of code that has no ``await`` between them.
- Waiting in ``select()`` for whoever wakes the loop: any thread of the user's may do so.
- Posting to the loop alone, or to the stand alone: whoever posts cannot know which of
  the two the thread is in when it gets there. So an action is kept here, and the loop
  is woken as well; it is run by whoever comes first.
"""

from __future__ import annotations

import contextlib
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.loop import LiveLoop

__all__ = ["Stand"]


class Stand:
    """The one stand of `loop`; `post` and `leave` may be called by any thread."""

    def __init__(self, loop: LiveLoop) -> None:
        #: Whether the loop's thread stands.
        self.on = False
        self._loop = loop
        # Its put() may be called in a signal handler, also while this thread is in get().
        self._actions: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def post(self, action: Callable[[], object]) -> None:
        """Have `action` called in the loop's thread: by the stand, or else by the loop."""
        self._actions.put(action)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nothing stands there
            self._loop.call_soon_threadsafe(self._act)

    def here(self) -> None:
        """Stand until `leave`; the loop does not count as busy meanwhile.

        What an action raises comes out of here.
        """
        turn, self.on = self._loop.live.turn, True
        turn.busy = False
        try:
            while self.on:
                self._actions.get()()
        finally:
            self.on = False
            turn.since = monotonic()
            turn.busy = True

    def leave(self) -> None:
        """Let the program go on; does nothing where it does not stand."""
        if self.on:
            self._actions.put(self._leave)

    def _leave(self) -> None:
        self.on = False

    def _act(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._actions.get_nowait()()
