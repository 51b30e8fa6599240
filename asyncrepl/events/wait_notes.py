"""What the probes of waits remember: values, rounds of a loop, who has set or cleared what.

What is found on it is a mistake that no object shows, for all went well: something has changed
between two moments of the same code. So what was there at the first is noted, without running
any code of the user's, and never held: by its ``id``, or by a weak reference.
"""

from __future__ import annotations

import gc
import sys
import weakref
from asyncio import (
    Event,
    Queue,
    Semaphore,
    StreamReader,
    Task,
    _get_running_loop,
    current_task,
)
from collections import deque
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any

from asyncrepl.events.findings import Finding, FindingKind
from asyncrepl.events.object_info import (
    MISSING,
    PLAIN,
    ObjectInfo,
    behind_partials,
    code_of,
    coroutine_of_task,
    describe,
    lookup,
    place_at,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

#: So much of each kind is remembered before all of it is forgotten.
_MAX_KNOWN = 256
#: So often a loop may ask for more at the end of a stream.
_READS_AT_END = 50
#: What is raised by code that is wrong, and by what is out there hardly ever.
_BUGS = (
    TypeError, AttributeError, NameError, UnboundLocalError, KeyError, IndexError,
    AssertionError, RecursionError, ImportError, ModuleNotFoundError,
)  # fmt: skip
#: Whether what was yielded is kept, is looked at so often by one generator, and by all of a place:
#: that goes through all objects there are.
_LOOKS, _ALL_LOOKS = 3, 9
_KEEPERS = (list, deque)
_SIZED = {*PLAIN, list, tuple, dict, set}
_CO_COROUTINE = 0x80  # as in `inspect`, which is slow to import


class WaitNotes:
    """The memory of the probes of waits; in the thread of the code that is observed.

    `see` is told what was found: its kind, the object, and the frame. What may be meant just so is
    put into `tentative`.
    """

    def __init__(
        self,
        see: Callable[[FindingKind, object, FrameType], object],
        tentative: deque[Finding],
    ) -> None:
        self._see, self._tentative = see, tentative
        #: By the ``id`` of the frame and what was read there: what it was.
        self._remembered: dict[tuple[int, tuple[object, ...]], tuple[object, ...]] = {}
        #: By the ``id`` of a frame and the place in it, of the last round of a loop there.
        self._rounds: dict[tuple[int, int], tuple[int, int, int]] = {}
        #: How often it was looked there whether what is yielded is kept.
        self._looks: dict[tuple[CodeType, int], int] = {}
        #: The events that were cleared when they were set, and the ``id`` of the task that did it.
        self.cleared: weakref.WeakKeyDictionary[Event, int] = weakref.WeakKeyDictionary()
        #: By the ``id`` of a context variable: that of the task that has set it, and where.
        self._set: dict[int, tuple[int, CodeType, int]] = {}
        #: Where another asked for it, if nobody ever sees what was set.
        self._asked: dict[int, Finding] = {}
        #: The queues of which a loop took an item for the end, that item, and where.
        self._parted: deque[tuple[object, object, Finding]] = deque(maxlen=_MAX_KNOWN)
        #: By the ``id`` of a frame, the stream it has read last, at its end, and how often.
        self._at_end: dict[int, tuple[weakref.ref[StreamReader], int]] = {}
        #: By the ``id`` of a task: the queue of which it has said that an item is done, and where.
        self._said_done: dict[int, tuple[weakref.ref[Any], CodeType, int]] = {}
        #: By the ``id`` of a frame: its task, the ``id`` of what it fills, and where.
        self._filled: dict[int, tuple[weakref.ref[Any], int, CodeType, int]] = {}
        #: How often each semaphore could be taken at most.
        self._most: weakref.WeakKeyDictionary[Semaphore, int] = weakref.WeakKeyDictionary()
        #: What was shielded, the future that is awaited for it, and what is to be seen.
        self._shielded: deque[tuple[weakref.ref[Any], weakref.ref[Any], Finding]]
        self._shielded = deque(maxlen=_MAX_KNOWN)
        #: Whether a task has set a context variable: else none can be missed in a thread.
        self._sets_variables = False
        #: By the code of what was given to a thread: the ``id`` of the variables set for that.
        self._submitted: dict[CodeType, frozenset[int]] = {}
        #: What was cut off, or is going to be.
        self._lost: list[Finding] = []
        #: Whether a loop goes on for ever for what has ended.
        self.endless = False

    def remember(self, value: object, frame: FrameType, *part: object) -> None:
        """Note what the `part` of something was when code read it where `frame` is."""
        _make_room(self._remembered)
        self._remembered[id(frame), part] = _token(value)

    def overwrite(self, now: object, value: object, frame: FrameType, *part: object) -> None:
        """See if what the `part` is `now`, before it gets `value`, is not what was read."""
        before = self._remembered.pop((id(frame), part), None)
        if before is not None and before != _token(now) and now is not value:
            self._see("overwriting", value, frame)

    def rounds(self, _: object, frame: FrameType) -> None:
        """A loop begins where `frame` is: what its last one noted counts no more."""
        self._rounds = {key: each for key, each in self._rounds.items() if key[0] != id(frame)}

    def count(self, items: list[Any], frame: FrameType) -> None:
        """See if `items`, the list that a loop is in, became shorter since its last round."""
        key, now = (id(frame), frame.f_lasti), (id(items), len(items), 0)
        before = self._rounds.get(key, now)
        _make_room(self._rounds)
        self._rounds[key] = now
        if before[0] == now[0] and before[1] > now[1]:
            self._see("shrunk", items, frame)

    def late(self, obj: object, frame: FrameType, what: FindingKind = "late") -> None:
        """`obj` runs when the loop that makes it is over, and asks for a variable of the loop.

        Seen when the loop has come here for the second time.
        """
        key = id(frame), frame.f_lasti
        if key in self._rounds:
            self._see(what, obj, frame)
        _make_room(self._rounds)
        self._rounds[key] = (0, 0, 0)

    def in_turn(self, task: object, frame: FrameType) -> None:
        """A loop awaits the `task` that it has just made; see it when it is not the first."""
        key = id(frame), frame.f_lasti
        if key in self._rounds:
            seen = Finding("in turn", describe(task), frame.f_code, frame.f_lasti)
            self._tentative.append(seen)
        _make_room(self._rounds)
        self._rounds[key] = id(task), 0, 0

    def retried(self, given: tuple[object, ...], frame: FrameType) -> None:
        """An attempt has succeeded, of a loop of attempts; see it when it is not the first.

        Not if it was `given` what may hold other work each time.
        """
        if all(type(each) in PLAIN for each in given):
            self.late(None, frame, "retried")

    def reading(self, stream: object, frame: FrameType) -> None:
        """A loop reads `stream`: see if it goes on doing so at the end of that, and no other."""
        known, times = self._at_end.pop(id(frame), (None, 0))
        if type(stream) is not StreamReader or not stream.at_eof():
            return
        times = times + 1 if known is not None and known() is stream else 1
        _make_room(self._at_end)
        self._at_end[id(frame)] = weakref.ref(stream), times
        if times > _READS_AT_END:
            self.endless = True
            self._see("past end", stream, frame)

    def ended(self, item: object, queue: object, frame: FrameType) -> None:
        """See that a loop took `item` for the end; of a `queue`, if it has more like it, at last.

        Such an item may end a part of what is in the queue: then somebody takes the next one.
        """
        if queue is None:
            self._see("falsy", item, frame)
        elif _has_more(queue, item) and type(item) is not bool:
            seen = Finding("falsy", describe(item), frame.f_code, frame.f_lasti)
            self._parted.append((queue, item, seen))

    def clearing(self, event: object, _: object) -> None:
        """Note who clears `event`, if it is set."""
        if type(event) is Event and event.is_set():
            self.cleared[event] = _task_id()

    def filling(self, kept: object, frame: FrameType) -> None:
        """Note that a loop collects something in `kept`, to hand it on when it is full."""
        task = current_task() if _get_running_loop() is not None else None
        if task is not None:
            _make_room(self._filled)
            place = frame.f_code, frame.f_lasti
            self._filled[id(frame)] = weakref.ref(task), id(kept), *place

    def left_over(self, kept: object, frame: FrameType) -> None:
        """See if something is left in `kept` when the loop that fills it is over."""
        self._filled.pop(id(frame), None)
        if type(kept) in (list, dict) and kept:
            count = len(kept)  # type: ignore[arg-type]
            self._lost.append(
                Finding("left over", describe(None), frame.f_code, frame.f_lasti, count)
            )

    def _look_into(self, task: object) -> None:
        """See if `task`, which is about to end where it waits, has collected something."""
        waits = coroutine_of_task(task)
        while waits is not None:
            frame: FrameType | None = getattr(waits, "cr_frame", None)
            noted = self._filled.pop(id(frame), None)
            if frame is not None and noted is not None and noted[2] is frame.f_code:
                made = frame.f_code.co_filename, frame.f_lineno
                for each in frame.f_locals.values():
                    if id(each) == noted[1] and type(each) in (list, dict) and each:
                        seen = Finding("left over", describe(None), *noted[2:], len(each), made)
                        self._lost.append(seen)
            waits = getattr(waits, "cr_await", None)

    def cancelling(self, task: object, frame: FrameType) -> None:
        """See if `task` cancels itself, or is cancelled at work that it has said to be done."""
        if id(task) == _task_id():
            self._see("own cancel", task, frame)
        self._look_into(task)
        queue, code, offset = self._said_done.get(id(task), (None, None, 0))
        if queue is None or code is None or getattr(queue(), "_unfinished_tasks", True):
            return
        waits = coroutine_of_task(task)
        while waits is not None and getattr(waits, "cr_code", None) is not code:
            waits = getattr(waits, "cr_await", None)
        at = getattr(waits, "cr_frame", None)
        if at is not None and at.f_lasti > offset:
            self._lost.append(Finding("done early", describe(None), code, offset))

    def said_done(self, queue: object, frame: FrameType) -> None:
        """Note that the task that runs says where `frame` is that an item of `queue` is done."""
        if type(queue) is Queue:
            _make_room(self._said_done)
            self._said_done[_task_id()] = weakref.ref(queue), frame.f_code, frame.f_lasti

    def acquiring(self, semaphore: object, _: FrameType) -> None:
        """Note how many may take `semaphore`, which is asked for."""
        if type(semaphore) is Semaphore:
            most = self._most.get(semaphore, 0)
            self._most[semaphore] = max(most, semaphore._value)  # noqa: SLF001

    def releasing(self, semaphore: object, frame: FrameType) -> None:
        """See if `semaphore` is released where `frame` is, to more than it ever was."""
        most = self._most.get(semaphore, 0) if type(semaphore) is Semaphore else 0
        if most and semaphore._value >= most:  # type: ignore[attr-defined]  # noqa: SLF001
            self._see("released", semaphore, frame)

    def leaving(self, given: object, frame: FrameType) -> None:
        """See if an ``__exit__`` stops an error by what it has `given` back, and is no bool."""
        code, names = frame.f_code, frame.f_locals
        place = 1 if code.co_argcount > 1 else code.co_argcount + code.co_kwonlyargcount
        error = names.get(code.co_varnames[place]) if place < len(code.co_varnames) else None
        error = next(iter(error), None) if type(error) is tuple else error
        if error is not None and type(given) not in (bool, type(None)) and _is_true(given):
            self._see("suppressing", given, frame)

    def shielding(self, outer: Any, frame: FrameType) -> None:
        """Note what is shielded where `frame` is, by the future `outer` that is awaited."""
        for called, *_ in getattr(outer, "_callbacks", None) or ():
            names = getattr(getattr(called, "__code__", None), "co_freevars", ())
            place = names.index("inner") if "inner" in names else -1
            inner = called.__closure__[place].cell_contents if place >= 0 else None
            if isinstance(inner, Task):
                code = getattr(inner.get_coro(), "cr_code", None)
                info = ObjectInfo(type(inner.get_coro()), code)
                seen = Finding("shielded", info, frame.f_code, frame.f_lasti)
                self._shielded.append((weakref.ref(inner), weakref.ref(outer), seen))

    def setting(self, variable: object, frame: FrameType) -> None:
        """Note that a task sets `variable`, of its own context: others do not see that."""
        self._sets_variables = True
        if type(variable) is ContextVar and (task := _task_id()):
            _make_room(self._set)
            self._set[id(variable)] = task, frame.f_code, frame.f_lasti

    def getting(self, variable: object, frame: FrameType) -> None:
        """Note that `variable` has no value where it is asked for; it may be set for nobody.

        Or see it, if it has none for a thread, and has one where that was given its job.
        """
        if type(variable) is not ContextVar:
            return
        if self._submitted and self._is_left_behind(variable, frame):
            self._see("left behind", variable, frame)
            return
        if variable.get(MISSING) is not MISSING:
            self._set.pop(id(variable), None)
            self._asked.pop(id(variable), None)
        elif (known := self._set.get(id(variable))) is not None and known[0] != _task_id():
            place = place_at(*known[1:])
            made = (known[1].co_filename, place.lineno) if place is not None else None
            seen = Finding("set elsewhere", describe(variable), frame.f_code, frame.f_lasti)
            self._asked[id(variable)] = seen._replace(made=made)

    def at_exit(self, function: object, frame: FrameType) -> None:
        """See if `function`, given to `atexit` where `frame` is, may be, or call, an async one."""
        code = code_of(behind_partials(function))
        if code is not None and (code.co_flags & _CO_COROUTINE or code.co_name == "<lambda>"):
            self._see("called back", function, frame)

    def submitting(self, function: object) -> None:
        """Note which context variables are set wherever `function` is given to a thread, say."""
        code = code_of(function) if self._sets_variables else None
        if code is not None:
            found = frozenset(map(id, copy_context()))
            _make_room(self._submitted)
            self._submitted[code] = found & self._submitted.get(code, found)

    def _is_left_behind(self, variable: ContextVar[object], frame: FrameType | None) -> bool:
        pools: Any = sys.modules.get("concurrent.futures.thread")  # there, if there is a pool
        while pools and frame is not None and variable.get(MISSING) is MISSING:
            caller = frame.f_back
            if caller is not None and caller.f_code is pools._WorkItem.run.__code__:  # noqa: SLF001
                return id(variable) in self._submitted.get(frame.f_code, ())
            frame = caller
        return False

    def gathered(self, results: object, frame: FrameType) -> None:
        """See an error in `results`, at which nobody looks, that only a mistake can raise."""
        found = [each for each in results if type(each) in _BUGS] if type(results) is list else []
        if found:
            self._see("unread", found[0], frame)

    def reused(self, obj: object, frame: FrameType) -> None:
        """See if `obj`, which a generator yields once more, is kept in a list since then."""
        key, new = (id(frame), frame.f_lasti), (id(obj), 0, 0)
        known, first, times = self._rounds.get(key, new)
        if known != id(obj):
            _, first, times = new
        kept, place = first, (frame.f_code, frame.f_lasti)
        if times < _LOOKS and self._looks.get(place, 0) < _ALL_LOOKS:
            self._looks[place] = self._looks.get(place, 0) + 1
            kept = sum(type(each) in _KEEPERS for each in gc.get_referrers(obj))
        _make_room(self._rounds)
        self._rounds[key] = (id(obj), first if times else kept, times + 1)
        if times and kept > first:
            self._see("reused", obj, frame)

    def shielded_tasks(self) -> list[tuple[object, CodeType, int]]:
        """The tasks that were shielded, with the place of that."""
        return [(inner(), seen.code, seen.offset) for inner, _, seen in self._shielded]

    def take_asked(self, *, at_the_end: bool = False) -> list[Finding]:
        """What has come to nothing until now; it is forgotten.

        Where context variables were asked for that another task has set, and where a loop took an
        item of a queue for its end, and nobody took the others. `at_the_end` also what was
        shielded, and is still at work, when who awaited it was cancelled.
        """
        if at_the_end:
            for begun in [task() for task, *_ in list(self._filled.values())]:
                if begun is not None and not begun.done():
                    self._look_into(begun)
            pairs = [(inner(), outer(), seen) for inner, outer, seen in self._shielded]
            for inner, outer, seen in pairs:
                if inner is not None and not inner.done() and (outer is None or outer.cancelled()):
                    self._lost.append(seen)
        lost, self._lost = self._lost, []
        parted = [self._parted.popleft() for _ in range(len(self._parted))]
        left = [seen for queue, item, seen in parted if _has_more(queue, item)]
        return lost + left + [self._asked.popitem()[1] for _ in range(len(self._asked))]

    def was_cleared(self, event: object, task: object) -> bool:
        """Whether `event` was set, and cleared again by another than `task`."""
        by = self.cleared.get(event) if type(event) is Event else None
        return by is not None and by != id(task)

    def clear(self) -> None:
        """Forget everything."""
        for noted in (
            self._remembered, self._rounds, self._looks, self._set, self._asked, self._at_end,
            self.cleared, self._parted, self._said_done, self._most, self._shielded,
            self._lost, self._submitted, self._filled,
        ):  # fmt: skip
            noted.clear()
        self.endless = False


def _has_more(queue: object, item: object) -> bool:
    """Whether there are items in `queue` of the type of `item`, that count as true."""
    more = queue._queue if type(queue) is Queue else ()  # type: ignore[attr-defined]  # noqa: SLF001
    return any(each for each in more if type(each) is type(item))


def _is_true(value: object) -> bool:
    """Whether it counts as true, as far as no code of the user's says so."""
    kind = type(value)
    if kind in _SIZED:
        return bool(value)
    return lookup(kind, "__bool__") is MISSING and lookup(kind, "__len__") is MISSING


def _make_room(noted: dict[Any, Any]) -> None:
    """Forget all of one kind before there is too much of it."""
    if len(noted) >= _MAX_KNOWN:
        noted.clear()


def _task_id() -> int:
    """The ``id`` of the task that runs; 0 without one."""
    task = current_task() if _get_running_loop() is not None else None
    return 0 if task is None else id(task)


def _token(value: object) -> tuple[object, ...]:
    """What tells whether it is the same later: an ``id``, but of plain values; it holds none."""
    kind = type(value)
    return (kind, value) if kind in PLAIN else (kind, id(value))
