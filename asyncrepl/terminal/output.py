r"""The one queue through which everything reaches the screen.

`print`, tracebacks, results, children's output: all of it, from any thread,
goes into one deque, so that the order on the screen is the order of the
``write`` calls. The terminal's thread takes it out and draws.

What did not work:

- prompt_toolkit's ``patch_stdout`` batches for 0.2 s (20 prints 50 ms apart
  arrive at 6 instants) and has no back-pressure (``while True: print(…)`` grew
  to 600 MB, and no prompt came back within 30 s of Ctrl-C).
- A limit in bytes alone: 64 kB of ``"z\\n"`` are 32,000 lines, seconds of scrolling.
- A ``Condition`` for the back-pressure: a KeyboardInterrupt inside its ``wait``
  leaves the lock in an unknown state. A plain lock used as a signal, waited
  for with a time limit, can be left at any point.
- A plain (not re-entrant) lock around the deque: a signal handler or a
  ``__del__`` that prints while its own thread is inside `put` waits for itself.
- Flushing before each child process by an audit hook: hooks can't be removed
  and tax every ``id()`` and ``open()``. Looking into the children's pipe
  before text is queued gives the same order.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OutputQueue"]

_POLL = 0.05  # seconds a held-back writer sleeps at most before it looks again
_LOOK = 0.0005  # seconds between two looks at what children wrote
_ASLEEP, _LATER, _NOW = range(3)


class OutputQueue:
    """Text on its way to the screen, in the order it was written; for any thread.

    A writer waits while more than `max_chars` characters or `max_lines` lines
    are queued, except the thread that takes them out.
    """

    def __init__(self, *, max_chars: int = 64 * 1024, max_lines: int = 2000) -> None:
        self._max_chars = max_chars
        self._max_lines = max_lines
        self._items: deque[str] = deque()
        # Counted without the lock: a lost update is put right by the next take.
        self._chars = 0
        self._lines = 0
        self._lock = threading.RLock()
        self._room = threading.Lock()
        self._consumer: int | None = None
        self._wake: Callable[[bool], None] = _nobody
        self._woken = _ASLEEP
        self._bypass: Callable[[str], None] | None = None
        self._children: Callable[[], str] = str
        self._looked = 0.0

    def put(self, text: str) -> None:
        """Queue `text`; wait while the queue is over its limit."""
        complete = "\n" in text
        if complete:
            self._look()
        if self._bypass is not None:
            self._put_past(text)
            return
        self._append(text)
        wanted = _NOW if complete else _LATER
        if self._woken < wanted:
            self._woken = wanted
            self._wake(complete)
        if self._lines > self._max_lines or self._chars > self._max_chars:
            self._wait_for_room()

    def take(self) -> str:
        """Everything queued so far; makes room for the writers."""
        self._woken = _ASLEEP
        with self._lock:
            self._look(at_once=True)
            items = self._items
            # Not "".join and clear: somebody may append in between.
            text = "".join([items.popleft() for _ in range(len(items))])
            self._chars = self._lines = 0
        if self._room.locked():
            self._room.release()
        return text

    def pull(self) -> None:
        """Look at what children wrote, also while nothing is taken."""
        with self._lock:
            self._take_from_children()

    @property
    def pressing(self) -> bool:
        """Whether more than half of the limit is used: taking should not wait."""
        return self._chars * 2 > self._max_chars or self._lines * 2 > self._max_lines

    def listen(self, wake: Callable[[bool], None]) -> None:
        """Call `wake(line_is_complete)` in the writer's thread when there is something to take.

        Once for a piece of a line and once for its end, not again until `take`. The
        calling thread becomes the consumer.
        """
        self._consumer = threading.get_ident()
        self._wake = wake

    def bypass(self, write: Callable[[str], None] | None) -> None:
        """Hand text to `write` at once instead of queueing it; None ends that.

        `write` is called in the writer's thread, one call at a time; first with
        what is queued, so that the order is kept.
        """
        with self._lock:
            self._bypass = write
            if write is not None and (queued := self.take()):
                write(queued)
        if self._room.locked():
            self._room.release()

    def orphan(self, write: Callable[[str], None]) -> None:
        """In a forked child: no thread takes anything out any more, and no lock is held."""
        self._lock = threading.RLock()
        self._items.clear()
        self._chars = self._lines = 0
        self._wake, self._children, self._bypass = _nobody, str, write

    def watch_children(self, read: Callable[[], str]) -> None:
        """Look into `read` (non-blocking) for children's text before anything is queued."""
        with self._lock:
            self._children = read

    def _put_past(self, text: str) -> None:
        with self._lock:
            if self._bypass is not None:
                self._bypass(text)
            else:
                self._append(text)

    def _look(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._looked < _LOOK:
            return
        self._looked = now
        with self._lock:
            self._take_from_children()

    def _take_from_children(self) -> None:
        text = self._children()
        if text and self._bypass is not None:
            self._bypass(text)
        elif text:
            self._append(text)

    def _append(self, text: str) -> None:
        self._items.append(text)
        self._chars += len(text)
        self._lines += text.count("\n")

    def _wait_for_room(self) -> None:
        while self._bypass is None and threading.get_ident() != self._consumer:
            if self._lines <= self._max_lines and self._chars <= self._max_chars:
                return
            # Acquired or not: the next look at the limit decides.
            self._room.acquire(timeout=_POLL)


def _nobody(_complete: bool) -> None:
    """Nobody listens yet: the text waits."""
