"""What the timeline knows of one task, while it runs and afterwards; and how tasks are asked.

Only strings and numbers are kept, and a weak reference until the task is done. A
task is asked by asyncio's own methods only: those of a subclass are user code. What is asked
for works for tasks in C and for tasks in Python.

The statements of a session keep their exception to themselves: to asyncio each has simply
returned. How they really ended is noted in `statement_endings`.

The slices of a loop: cheap to note, bounded, readable while they are noted.

What is noted is a flat sequence lane, start, lane, start, … New numbers are
appended to a list, which is packed into an array now and then. Measured for one
slice: two appends to a list take 12 ns, packing them 26 ns; in an array a slice
takes 16 bytes, in the list 48. What is slower:

- Noting in the array at once: two appends 90 ns, extending by a pair 150 ns. An
  array reads each item as a function reads its arguments.
- Adding a pair to the list by ``+=``: 35 ns. (It could not be torn apart by a
  KeyboardInterrupt; so the log must be mended after one.)
- ``array("q", list)`` for packing: half as fast again as `struct`.

The arrays are blocks of about the same size, of which the oldest go. One array of all,
cut when it had grown by half, was a megabyte that moved again and again: the process of
an hour's session was 6 MB larger than after its first minute.

Readers take no lock. What they read, the writer only appends to, or replaces as a whole.
(Iterating over a deque that another thread appends to ends in "deque mutated during
iteration".)
"""

from __future__ import annotations

import asyncio
import re
import struct
import sys
import threading
import weakref
from array import array
from bisect import bisect_right
from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from asyncrepl.events import Ending, Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    class _PyTask(asyncio.Task[Any]):
        """asyncio's task in pure Python."""
else:
    from asyncio.tasks import _PyTask

#: By task; as asyncio sees it, each of these has simply returned.
statement_endings: weakref.WeakKeyDictionary[Any, Ending] = weakref.WeakKeyDictionary()

_Task = asyncio.Task
Answer = TypeVar("Answer")


class _SliceCounts:
    """What each slice changes, kept together in memory: with 10,000 tasks that is felt."""

    __slots__ = ("busy", "number", "slices")


class TaskRecord(_SliceCounts):
    """A task, as the timeline knows it; its `Lane` is built when somebody looks, and not kept.

    `slices` have begun; those that are over took `busy` nanoseconds.
    """

    __slots__ = ("born", "coro", "ending", "made", "name", "parent", "ref")

    def __init__(
        self,
        number: int,
        born: int = 0,
        parent: int | None = None,
        made: tuple[str, int] | None = None,
    ) -> None:
        self.number = number
        self.name = self.coro = ""
        self.parent = parent
        self.born = born
        self.made = made
        self.slices = self.busy = 0
        self.ref: Callable[[], Any] = no_task
        self.ending: tuple[int, Ending] | None = None

    def lane(self) -> Lane:
        """What is known of it now; any thread."""
        return Lane(self.number, self.name, self.coro, self.parent, self.born, self.made)


class TaskRef(weakref.ref[Any]):
    """A weak reference to a task that knows the task's ``id()``."""

    __slots__ = ("key",)

    key: int


def no_task() -> None:
    """The reference to a task that is over."""


def is_at_rest(loop: Any) -> bool:
    """Whether nothing of `loop` is to run, no timer is set, and no signal is handled on it."""
    return not (loop._scheduled or loop._ready or getattr(loop, "_signal_handlers", None))  # noqa: SLF001


def all_tasks(loop: asyncio.AbstractEventLoop) -> set[asyncio.Task[Any]]:
    """The tasks of `loop` that are not done.

    Those in C and those in Python: from Python 3.14 on ``asyncio.all_tasks`` has only
    the former.
    """
    tasks = asyncio.all_tasks(loop)
    if sys.version_info >= (3, 14):
        tasks |= asyncio.tasks._py_all_tasks(loop)  # type: ignore[attr-defined, unused-ignore]  # noqa: SLF001
    return tasks


def current_task(loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any] | None:
    """The task of `loop` that runs at the moment, be it in C or in Python; any thread."""
    task = asyncio.current_task(loop)
    if task is None and sys.version_info >= (3, 14):
        task = asyncio.tasks._py_current_task(loop)  # type: ignore[attr-defined, unused-ignore]  # noqa: SLF001
    return task


def restore_running_loop(loop: asyncio.AbstractEventLoop) -> bool:
    """Make `loop`, if it runs in this thread, the running one again; whether it was not.

    User code may have said otherwise. From Python 3.14 on a task could not even end its step.
    A coroutine that is collected asks as well, maybe when its loop is long closed.
    """
    here = threading.get_ident()
    if not loop.is_running() or getattr(loop, "_thread_id", here) != here:
        return False
    taken = asyncio._get_running_loop() is not loop  # noqa: SLF001  its public sister raises
    if taken:
        asyncio._set_running_loop(loop)  # noqa: SLF001  public, but for its name
    return taken


def is_python_task(obj: Any) -> bool:
    """Whether `obj` is a task of asyncio's implementation in Python."""
    return issubclass(type(obj), _PyTask)


def _asking(
    in_c: Callable[[Any], Answer], in_python: Callable[[Any], Answer]
) -> Callable[[Any], Answer]:
    """What asks a task by a method of asyncio's own, be it in C or in Python."""

    def ask(task: Any) -> Answer:
        try:
            return in_c(task)
        except TypeError:
            return in_python(task)

    return ask


#: Whether a task is over; how often it was asked to end, and did not take it back.
is_done = _asking(_Task.done, _PyTask.done)
pending_cancellations = _asking(_Task.cancelling, _PyTask.cancelling)
_is_cancelled = _asking(_Task.cancelled, _PyTask.cancelled)
#: A task's name, and its coroutine.
name_of = _asking(_Task.get_name, _PyTask.get_name)
task_coroutine: Callable[[Any], Any] = _asking(_Task.get_coro, _PyTask.get_coro)


def has_started(task: Any, coro: Any) -> bool:
    """Whether the `task` that was just made of `coro` has run already: an eager one may have."""
    return is_done(task) or (type(coro) is CoroutineType and coro.cr_suspended)


def ending(task: Any) -> Ending:
    """How a task that is done has ended, without touching what it would log about itself.

    One that is not, as its loop is closed, counts as cancelled.
    """
    # A subclass may have a __hash__ of its own; a statement's task is none.
    if type(task) is _Task and (how := statement_endings.get(task)) is not None:
        return how
    if _is_cancelled(task) or not is_done(task):
        return "cancelled"
    # Not exception(): asyncio would no longer say that nobody retrieved it.
    return "done" if task._exception is None else "error"  # noqa: SLF001


def coro_name(coro: Any) -> str:
    """The coroutine's qualified name; of an object of the user's own, its type's."""
    named = coro if type(coro) in (CoroutineType, GeneratorType) else type(coro)
    name: str = named.__qualname__
    return name


def sorted_by_name(tasks: Iterable[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    """Tasks by name, numbers in it as numbers: Task-9 comes before Task-10."""

    def key(task: asyncio.Task[Any]) -> list[str | tuple[int, str]]:
        # Text and numbers alternating; a number of so many digits is not worked out.
        parts = re.split(r"([0-9]+)", name_of(task))
        return [(len(part.lstrip("0")), part) if at % 2 else part for at, part in enumerate(parts)]

    return sorted(tasks, key=key)


#: So many slices are packed at once: more would be felt as a pause.
BATCH = 1024


class _LogState(NamedTuple):
    """What is kept: `blocks`, then `fresh`; before them there were `first` slices."""

    blocks: tuple[array[int], ...]
    fresh: list[int]
    first: int


class SliceLog:
    """The last `slices` slices, and at most a block more.

    The loop's thread appends lane and start to `fresh`, and calls `tidy` between
    two loop iterations. Everything else may be called from any thread.
    """

    __slots__ = ("_kept", "_slices", "fresh", "much")

    def __init__(self, slices: int) -> None:
        self._slices = slices
        #: From so many numbers in `fresh` on, `tidy` has something to do.
        self.much = 2 * min(BATCH, slices // 4)
        self.fresh: list[int] = []
        self._kept = _LogState((), self.fresh, 0)

    @property
    def count(self) -> int:
        """How many slices there have been."""
        blocks, fresh, first = self._kept
        return first + (sum(map(len, blocks)) + len(fresh)) // 2

    def copy(self, since: int | None = None) -> tuple[array[int], int]:
        """What is kept (of the time from `since` on, if given), and the number of its first."""
        parts, first = self._parts()
        skipped = 0
        while since is not None and len(parts) > 1 and parts[1][1] <= since:
            skipped += len(parts.pop(0)) // 2
        slices = array("q")
        for part in parts:
            slices += part
        if since is not None:
            # The first that reaches beyond that instant.
            numbers = range(len(slices) // 2)
            after = bisect_right(numbers, since, key=lambda number: slices[2 * number + 1])
            old = max(after - 1, 0)
            slices, skipped = slices[2 * old :], skipped + old
        return slices, first + skipped

    def _parts(self) -> tuple[list[array[int]], int]:
        """What is kept, in parts of which none is empty, and the number of its first."""
        blocks, fresh, first = self._kept
        part = array("q", fresh[: len(fresh) & ~1])
        return [*blocks, part] if part else [*blocks], first

    def last(self) -> tuple[int, int]:
        """Lane and start of the slice under way; at the beginning zeros."""
        fresh = self._kept.fresh
        end = len(fresh) & ~1
        return (fresh[end - 2], fresh[end - 1]) if end else (0, 0)

    def between(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """(lane, start) of the slices numbered `start` to before `end`, if still kept."""
        parts, first = self._parts()
        for part in parts:
            some = part[2 * max(start - first, 0) : 2 * max(end - first, 0)]
            yield from zip(some[::2], some[1::2], strict=True)
            first += len(part) // 2

    def tidy(self) -> None:
        """Pack what is fresh but for the last slice, once it is much; forget what is too old."""
        if len(self.fresh) <= self.much:
            return
        blocks, fresh, first = self._kept
        block = array("q")
        block.frombytes(struct.pack(f"{len(fresh) - 2}q", *fresh[:-2]))
        blocks = (*blocks, block)
        count = sum(map(len, blocks)) // 2
        while count - len(blocks[0]) // 2 >= self._slices:
            gone = len(blocks[0]) // 2
            blocks, count, first = blocks[1:], count - gone, first + gone
        self.fresh = fresh[-2:]
        self._kept = _LogState(blocks, self.fresh, first)

    def mend(self) -> None:
        """Remove the half of a slice whose noting a KeyboardInterrupt has interrupted."""
        if len(self.fresh) % 2:
            del self.fresh[-1]
