"""The one queue through which everything reaches the screen.

`print`, tracebacks, results, children's output: all of it, from any thread, goes into one
deque, so that the order on the screen is the order of the ``write`` calls. The terminal's thread
takes it out and draws.

Lines stay whole. ``print`` writes its text and its newline apart, so each thread's text waits here
for its newline; not for longer than a moment, and not after a ``flush``: a spinner is to be seen.
And each piece says where it goes (see `Place`): a line of another task or thread comes above rows
that are not finished (a progress bar), and the session's own lines never continue a row.

The writer of a text is the task that runs, else the thread. Two writers that leave rows
unfinished would draw into each other's. A task is known by a weak reference: a strong one would
keep it, and the exception nobody has retrieved would be reported later, or never.

What did not work, beside what docs/decisions/08-output.md tells (``patch_stdout``, a
``Condition`` for the back-pressure; a plain lock used as a signal, waited for with a time limit,
can be left at any point):

- A limit in bytes alone: 64 kB of lines of one letter are 32,000 lines, seconds of scrolling.
- A limit that a single text may exceed: an unfinished row of 10 MB took 800 MB.
- A plain (not re-entrant) lock around the deque: a signal handler or a ``__del__`` that prints
  while its own thread is inside `write` waits for itself.
- Flushing before each child process by an audit hook: hooks can't be removed and tax every
  ``id()`` and ``open()``. Looking into the children's pipe before text is queued gives the same
  order.
- Rows of its own for each writer: ``rich`` draws one display from two threads.
"""

from __future__ import annotations

import os
import re
import threading
import weakref
from asyncio import Task, _get_running_loop, current_task
from collections import deque
from enum import Enum
from itertools import groupby
from operator import itemgetter
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: A weak reference to a task, or a thread's number.
Writer = weakref.ref[Any] | int

#: Child processes, all of them: they share one terminal. Where there is none, what comes from
#: there is of the task in the foreground, and nobody else has the end of a line that is begun.
CHILDREN = -1

_task_done = Task.done


def current_writer() -> Writer:
    """The writer that runs in this thread now; the same task gives the same object."""
    loop = _get_running_loop()
    task = None if loop is None else current_task(loop)
    return threading.get_ident() if task is None else weakref.ref(task)


def is_same(one: Writer, other: Writer) -> bool:
    """Whether `one` is `other`; never by comparing tasks, which could run user code."""
    return one is other or (isinstance(one, int) and isinstance(other, int) and one == other)


def is_alive(writer: Writer, seconds: float) -> bool:
    """Whether `writer`, silent for so many seconds, may go on with its rows.

    Of a thread, or a child, nobody knows what it does next: the rows of a display change more
    often than every five seconds. The main thread's callbacks end where they began.
    """
    if writer == CHILDREN and not _has_children():
        return False
    if isinstance(writer, int):
        others = {each.ident for each in threading.enumerate()} - {threading.main_thread().ident}
        return seconds < 5 and writer in {CHILDREN, *others}
    task = writer()
    try:
        return task is not None and not _task_done(task)
    except TypeError:  # no asyncio task
        return False


_POLL = 0.05  # seconds a held-back writer sleeps at most before it looks again
_CHILDREN_INTERVAL = 0.0005  # seconds between two looks at what children wrote
_UNFINISHED_DELAY = 0.02  # seconds an unfinished line waits for its end
_FOREIGN_ROWS_DELAY = 0.3  # the same while rows of somebody else are unfinished
_MAX_PIECE = 16 * 1024  # characters of a longer text that go on together
_ASLEEP, _LATER, _NOW = range(3)

#: Text that moves the cursor only to the next rows: lines, in colours or not.
_WHOLE_LINES = re.compile(r"[^\r\b\x1b]*(?:\x1b\[[0-9;:]*m[^\r\b\x1b]*)*\Z")


class Place(Enum):
    """Where a piece of text goes."""

    FLOW = "at the cursor, as on any terminal"
    ABOVE = "above the rows that are not finished, which go on"
    AFTER = "on a row of its own: what is not finished ends here"


class Piece(NamedTuple):
    """Some text on its way to the screen."""

    place: Place
    text: str


class _UnfinishedLine(NamedTuple):
    """A line that is not finished: its text, whose it is, since when, and who is to hear of it."""

    text: str
    writer: Writer
    since: float
    on_queue: Callable[[str], None] | None


class OutputQueue:
    """Text on its way to the screen, in the order it was written; for any thread.

    A writer waits while more than `max_chars` characters or `max_lines` lines
    are queued, except the thread that takes them out.
    """

    def __init__(self, *, max_chars: int = 64 * 1024, max_lines: int = 2000) -> None:
        self._max_chars = max_chars
        self._max_lines = max_lines
        self._items: deque[Piece] = deque()
        # Counted without the lock: a lost update is put right by the next take.
        self._chars = 0
        self._lines = 0
        self._lock = threading.RLock()
        self._room = threading.Lock()
        self._consumer: int | None = None
        self._wake: Callable[[bool], None] = _no_listener
        self._woken = _ASLEEP
        self._bypass: Callable[[Iterable[Piece]], None] | None = None
        self._children: Callable[[], str] = str
        self._polled_at = 0.0
        # By thread; under its own number, what children have begun.
        self._unfinished: dict[int, _UnfinishedLine] = {}
        #: By thread: when the beginning of a line was shown that is being written.
        self._shown_begun: dict[int, float] = {}
        #: The task in the foreground: what that leaves unfinished ends with it, at once.
        self.foreground: Callable[[], object] = bool
        #: Who has left rows unfinished, and when he last wrote.
        self._owner: Writer | None = None
        self._owned_at = 0.0

    # -- for those who write ---------------------------------------------------------

    def write(self, text: str, on_queue: Callable[[str], None] | None = None) -> None:
        """Queue `text` of the user's; wait while the queue is over its limit.

        `on_queue` is called with all text before it is queued, lines that were written in
        pieces as one.
        """
        thread, writer, since = threading.get_ident(), current_writer(), 0.0
        begun = self._unfinished.pop(thread, None)
        self._shown_begun.pop(thread, None)
        if begun is not None:
            if begun.on_queue is on_queue and is_same(begun.writer, writer):
                text, since = begun.text + text, begun.since
            else:
                self._queue(*begun)
        unheard = self._bypass is not None and self._wake is _no_listener  # in a forked child
        if "\n" in text or len(text) > _MAX_PIECE or unheard:
            self._poll_children()
            self._queue(text, writer, since, on_queue)
        elif text:
            since = since or monotonic()
            self._unfinished[thread] = _UnfinishedLine(text, writer, since, on_queue)
            self._wake_up(complete=False)

    def flush(self) -> None:
        """Queue what this thread has written, though its line is not finished."""
        thread = threading.get_ident()
        self._shown_begun.pop(thread, None)  # it is to be seen as it is
        if (begun := self._unfinished.pop(thread, None)) is not None:
            self._poll_children()
            self._queue(*begun)

    def has_begun(self) -> bool:
        """Whether this thread is writing a line, of which it has written the beginning.

        Also one that was shown meanwhile, as a thread that is not scheduled for a moment
        between two arguments of `print` has it; not for longer than a moment.
        """
        thread = threading.get_ident()
        shown = self._shown_begun.get(thread)
        return thread in self._unfinished or (
            shown is not None and monotonic() - shown < _FOREIGN_ROWS_DELAY
        )

    def show(self, text: str) -> None:
        """Queue whole lines of the session's own; with none, just end what nobody goes on with.

        They begin a row: below what their own writer left unfinished, above the unfinished
        rows of others.
        """
        self.flush()
        self._poll_children()
        with self._lock:
            self._put(Piece(self._place_of_own(current_writer()), text))
        self._wake_up(complete=True)
        self._wait_for_room()

    # -- for the one who draws -------------------------------------------------------

    def take(self, *, everything: bool = False) -> list[Piece]:
        """What is queued so far, neighbours joined; makes room for the writers.

        A line that is not finished waits a moment for its end, unless `everything` is wanted.
        """
        self._woken = _ASLEEP
        with self._lock:
            self._poll_children(at_once=True)
            self._queue_overdue(everything=everything)
            items = self._items
            # Not list and clear: somebody may append in between.
            taken = [items.popleft() for _ in range(len(items))]
            self._chars = self._lines = 0
        if self._room.locked():
            self._room.release()
        groups = groupby(taken, key=itemgetter(0))
        return [Piece(place, "".join([piece.text for piece in group])) for place, group in groups]

    def queue_overdue(self) -> None:
        """Queue the lines that have waited long enough for their end, and take nothing.

        For while there is a `bypass`: `take` would find nothing, and nobody else ends the wait.
        """
        self._woken = _ASLEEP
        with self._lock:
            self._queue_overdue(everything=False)

    @property
    def waiting(self) -> bool:
        """Whether a line waits for its end: `take` is to be called again soon."""
        return bool(self._unfinished)

    def pull_from_children(self) -> None:
        """Look at what children wrote, also while nothing is taken."""
        with self._lock:
            self._take_from_children()

    @property
    def pressing(self) -> bool:
        """Whether more than half of the limit is used: taking should not wait."""
        return self._chars * 2 > self._max_chars or self._lines * 2 > self._max_lines

    @property
    def abandoned(self) -> bool:
        """Whether nobody goes on with the rows that are not finished; any thread may ask."""
        owner = self._owner
        return owner is None or not is_alive(owner, monotonic() - self._owned_at)

    # -- switches --------------------------------------------------------------------

    def listen(self, wake: Callable[[bool], None]) -> None:
        """Call `wake(line_is_complete)` in the writer's thread when there is something to take.

        Once for a piece of a line and once for its end, not again until `take`. The
        calling thread becomes the consumer.
        """
        self._consumer = threading.get_ident()
        self._wake = wake

    def bypass(
        self, write: Callable[[Iterable[Piece]], None] | None, kept: Iterable[Piece] = ()
    ) -> None:
        """Hand pieces to `write` at once instead of queueing them; None ends that.

        What it has not written but `kept` comes first then.

        A line that is not finished still waits a moment: its end would come behind what somebody
        else, who has the terminal, writes meanwhile. `write` is called in the writer's thread, one
        call at a time; first with what is queued, so that the order is kept.
        """
        with self._lock:
            queued = self.take(everything=True) if write is not None else []
            self._bypass = write
            if write is not None and queued:
                write(queued)
            for piece in kept:
                self._put(piece)
        if self._room.locked():
            self._room.release()

    def reset_after_fork(self, write: Callable[[Iterable[Piece]], None]) -> None:
        """In a forked child: no thread takes anything out any more, and no lock is held."""
        self._lock = threading.RLock()
        self._items.clear()
        self._unfinished.clear()
        self._shown_begun.clear()
        self._chars = self._lines = 0
        self._wake, self._children, self._bypass = _no_listener, str, write

    def watch_children(self, read: Callable[[], str]) -> None:
        """Look into `read` (non-blocking) for children's text before anything is queued."""
        with self._lock:
            self._children = read

    # -- within ----------------------------------------------------------------------

    def _queue(
        self, text: str, writer: Writer, _since: float, on_queue: Callable[[str], None] | None
    ) -> None:
        for piece in _split_pieces(text):
            if on_queue is not None:
                on_queue(piece)
            with self._lock:  # else a line could come behind one that was begun meanwhile
                self._put(Piece(self._place(piece, writer), piece))
            self._wake_up(complete="\n" in piece)
            self._wait_for_room()

    def _put(self, piece: Piece) -> None:
        if self._bypass is not None:
            self._bypass([piece])
            return
        self._items.append(piece)
        self._chars += len(piece.text)
        self._lines += piece.text.count("\n")

    def _place(self, text: str, writer: Writer) -> Place:
        """Where `text` goes; its writer owns the rows if it leaves one unfinished."""
        owner = self._owner
        moves = "\r" in text or "\b" in text or ("\x1b" in text and not _WHOLE_LINES.match(text))
        if moves or not text.endswith("\n"):
            self._owner, self._owned_at = writer, monotonic()
        elif owner is not None and not text.isspace() and not is_same(owner, writer):
            if not self.abandoned:
                return Place.ABOVE
            self._owner = None
            task = None if isinstance(owner, int) else owner()
            if is_same(owner, CHILDREN) or (task is not None and task is self.foreground()):
                return Place.AFTER  # it has ended, and nobody has had the time to say so
        return Place.FLOW

    def _place_of_own(self, writer: Writer) -> Place:
        owner = self._owner
        if owner is not None and not self.abandoned and not is_same(owner, writer):
            return Place.ABOVE
        self._owner = None
        return Place.AFTER

    def _poll_children(self, *, at_once: bool = False) -> None:
        now = monotonic()
        if not at_once and now - self._polled_at < _CHILDREN_INTERVAL:
            return
        self._polled_at = now
        with self._lock:
            self._take_from_children()

    def _take_from_children(self) -> None:
        if not (text := self._children()):
            return
        begun = self._unfinished.pop(CHILDREN, None)
        text = text if begun is None else begun.text + text
        end = text.rfind("\n") + 1
        alone = not _has_children()
        if len(text) - end > _MAX_PIECE or self._bypass is not None or alone:
            end = len(text)
        task = self.foreground() if alone else None
        writer = weakref.ref(task) if isinstance(task, Task) else CHILDREN
        for piece in _split_pieces(text[:end]):
            self._put(Piece(self._place(piece, writer), piece))
        if end < len(text):
            begun = _UnfinishedLine(text[end:], CHILDREN, monotonic(), None)
            self._unfinished[CHILDREN] = begun

    def _queue_overdue(self, *, everything: bool) -> None:
        """Queue the lines that have waited long enough for their end."""
        now = monotonic()
        for thread, begun in list(self._unfinished.items()):
            mine = self._owner is None or is_same(self._owner, begun.writer)
            delay = _UNFINISHED_DELAY if mine else _FOREIGN_ROWS_DELAY
            if everything or now - begun.since >= delay:
                self._queue_unfinished(thread)

    def _queue_unfinished(self, thread: int) -> None:
        # First: between the two a Ctrl-C may ask in its own thread whether a row is begun.
        self._shown_begun[thread] = monotonic()
        begun = self._unfinished.pop(thread, None)
        if begun is None:  # its end has just come
            self._shown_begun.pop(thread, None)
            return
        if begun.on_queue is not None:
            begun.on_queue(begun.text)
        self._put(Piece(self._place(begun.text, begun.writer), begun.text))

    def _wake_up(self, *, complete: bool) -> None:
        wanted = _NOW if complete else _LATER
        if self._woken < wanted and not (complete and self._bypass is not None):
            self._woken = wanted
            self._wake(complete)

    def _wait_for_room(self) -> None:
        while self._bypass is None and threading.get_ident() != self._consumer:
            if self._lines <= self._max_lines and self._chars <= self._max_chars:
                return
            # Acquired or not: the next look at the limit decides.
            self._room.acquire(timeout=_POLL)


def _no_listener(_complete: bool) -> None:
    """Nobody listens yet: the text waits."""


def _has_children() -> bool:
    """Whether a child process may be writing, as far as can be known.

    What comes without one was written by this process itself: ``os.write(1, …)``, a C library.
    """
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    except AttributeError:  # no such call here
        return True
    return True


def _split_pieces(text: str) -> Iterator[str]:
    """`text` in pieces that are not too long, of whole lines where that can be."""
    start = 0
    while len(text) - start > _MAX_PIECE:
        end = text.rfind("\n", start, start + _MAX_PIECE) + 1 or start + _MAX_PIECE
        yield text[start:end]
        start = end
    yield text[start:] if start else text
