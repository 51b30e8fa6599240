"""The log of one loop's findings, and the one slot where the probes find it.

A `FindingLog` belongs to a loop (``loop.live.findings``): what is noted there becomes an event for
the instruments of that loop, and stands in its timeline while it is recorded. Probes are called
by code of the user's and have nobody to ask which loop that is about; they ask `active_log`,
the only such slot there is. A shell puts its loop's log there as long as it is open. Where there
is none, nothing is noted.
"""

from __future__ import annotations

import gc
import inspect
import sys
import weakref
from collections import deque
from types import CodeType, CoroutineType
from typing import TYPE_CHECKING, Any

from asyncrepl.events.findings import Finding, FindingKind
from asyncrepl.events.object_info import (
    ObjectInfo,
    coroutine_of_task,
    describe,
    generator_of_step,
    has_begun,
    is_new,
)
from asyncrepl.events.wait_notes import WaitNotes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from asyncrepl.events.instrument import Instruments

#: ``CO_COROUTINE | CO_ASYNC_GENERATOR``: `inspect` is not loaded here.
_CO_ASYNC = 0x80 | 0x200
#: So many places are remembered before all are forgotten.
_MAX_KNOWN = 256
#: The async generator and its ``id``, that of the awaitable of its step, what is to be seen.
_MadeStep = tuple[weakref.ref[Any], int, int, Finding]
_BegunTask = tuple[weakref.ref[Any], CodeType, int, FindingKind]


class FindingLog:
    """What was found on one loop and its kin, the last few until they are taken; any thread.

    What is found becomes an event for `instruments`, once at each place. As long as none of them
    hears of findings, nothing is noted.
    """

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._new: deque[Finding] = deque(maxlen=16)
        #: What is a mistake only if it was not meant so: told to those who ask.
        self.tentative: deque[Finding] = deque(maxlen=16)
        #: What was given to be called later and cannot be: a mistake if a loop comes to call it.
        self.given: deque[Finding] = deque(maxlen=16)
        self._tasks: deque[_BegunTask] = deque(maxlen=256)
        self._closing: deque[_MadeStep] = deque(maxlen=16)
        self._steps: deque[_MadeStep] = deque(maxlen=64)
        #: Those whose generator is about to die.
        self._dying: list[_MadeStep] = []
        self._known: set[tuple[object, ...]] = set()
        #: What the probes of waits remember.
        self.waits = WaitNotes(self.see, self.tentative)
        #: The locks that were entered, by place, as long as they live.
        self._locks: dict[tuple[CodeType, int], list[weakref.ref[Any]]] = {}
        #: The async generators in a step of which a task was cancelled: those that are over, are
        #: so for that.
        self.cut: weakref.WeakSet[Any] = weakref.WeakSet()
        #: The async generators that were closed half way through, when a loop ended.
        self.shut: weakref.WeakSet[Any] = weakref.WeakSet()
        #: The iterators that have come to an end, by ``id``, and where that was; see
        #: `asyncrepl.engine.iteration.iteration_state.find_repetition`.
        self.over: dict[int, tuple[weakref.ref[Any], tuple[CodeType, int]]] = {}
        #: The async generators that were not begun yet, by ``id``, and what is to be seen if they
        #: never are; and coroutines, of which the interpreter warns if they die so.
        self.unbegun: dict[int, tuple[weakref.ref[Any], Finding]] = {}
        #: Whether who listens waits for the end.
        self.patient = False
        #: Called when a loop has run to its end, before what it leaves is cancelled.
        self.ending: Callable[[], object] = bool
        #: Whether nothing more is noted: the program is being ended.
        self.closed = False
        #: What is called where code of the user's calls ``time.sleep``, given its frame: returns
        #: what to call instead. None: nobody wants to know how long.
        self.sleep: Callable[[FrameType], Callable[[float], None]] | None = None

    @property
    def pending(self) -> list[Finding]:
        """What nobody has come to look at, oldest first."""
        return list(self._new)

    @property
    def is_heard(self) -> bool:
        """Whether anybody hears of findings."""
        return bool(self._instruments.finding)

    def see(self, what: FindingKind, obj: object, frame: FrameType) -> None:
        """Note that `what` was seen of `obj` where `frame` is."""
        key = what, frame.f_code, frame.f_lasti, None
        if key not in self._known and self.is_heard:
            self.add(Finding(what, describe(obj), frame.f_code, frame.f_lasti))

    def add(self, finding: Finding) -> None:
        """Note `finding`, unless the like was seen there before."""
        if finding.key in self._known or self.closed or not self.is_heard:
            return
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known.add(finding.key)
        self._new.append(finding)
        for hear in self._instruments.finding:
            hear(finding)

    def give(self, obj: object, frame: FrameType) -> None:
        """Note what is `given`, where `frame` is."""
        self.given.append(Finding("called back", describe(obj), frame.f_code, frame.f_lasti))

    def take_tentative(self) -> list[Finding]:
        """What is `tentative`, the newest first; it is forgotten."""
        found = list(self.tentative)[::-1]
        self.tentative.clear()
        return found

    def unkept(self, task: Any, frame: FrameType, what: FindingKind = "unkept") -> None:
        """Note `task`, made where `frame` is: if it still runs when asked for, that is seen."""
        self._tasks.append((weakref.ref(task), frame.f_code, frame.f_lasti, what))

    def locking(self, lock: Any, frame: FrameType) -> None:
        """Note that `lock` is entered where `frame` is; see it if another one is, meanwhile."""
        place = frame.f_code, frame.f_lasti
        alive = [ref for ref in self._locks.pop(place, ()) if ref() not in (None, lock)]
        if alive:
            self.see("unshared", lock, frame)
        if len(self._locks) >= _MAX_KNOWN:
            self._locks.clear()
        self._locks[place] = [*alive[-1:], weakref.ref(lock)]

    def may_go_on(self, frame: FrameType) -> bool:
        """Whether what is shown where `frame` is may be begun later: in a program, or a function.

        What is typed at a prompt ends there.
        """
        code = frame.f_code
        return (
            self.patient
            or bool(code.co_flags & inspect.CO_NEWLOCALS)
            or code.co_filename[:1] != "<"
        )

    def expect(self, what: FindingKind, thing: Any, frame: FrameType) -> None:
        """Note that `what` is to be seen where `frame` is, if `thing` is never begun."""
        key = id(thing)
        seen = Finding(what, describe(thing), frame.f_code, frame.f_lasti)

        def died(_: object) -> None:
            if self.unbegun.pop(key, None) is not None and seen.info.kind is not CoroutineType:
                self.add(seen)

        if self.is_heard:
            self.unbegun[key] = weakref.ref(thing, died), seen

    def expect_step(self, step: object, frame: FrameType) -> None:
        """Note `step`, the awaitable of one, made where `frame` is: nobody may await it."""
        generator = generator_of_step(step)
        if generator is not None and self.is_heard:
            seen = Finding("unwalked", ObjectInfo(type(step)), frame.f_code, frame.f_lasti)
            ref = weakref.ref(generator, self._generator_died)
            self._steps.append((ref, id(generator), id(step), seen))

    def _generator_died(self, ref: weakref.ref[Any]) -> None:
        """Its finalizer follows, and finds no weak references any more."""
        for step in [each for each in self._steps if each[0] is ref]:
            self._dying = [step, *(each for each in self._dying if each[1] == step[1])]
            self._steps.remove(step)

    def step_dropped(self, generator: object) -> None:
        """See that a step of `generator` dies, and nobody had awaited it.

        Where the interpreter warns of it, in its finalizer, it still is one of those alive.
        """
        mine = [each for each in self._steps if each[0]() is generator]
        mine += [each for each in self._dying if each[1] == id(generator)]
        self._dying = []
        alive = {id(each) for each in gc.get_referrers(generator)} if mine[1:] else {}
        found = [each for each in mine if each[2] in alive] or mine
        if len({seen.key for *_, seen in found}) == 1:  # else who knows which of them
            self.add(found[0][3])

    def end(self) -> None:
        """The program is over: see what was never begun and still is there, or still runs."""
        for noted in list(self._tasks):
            coroutine = coroutine_of_task(noted[0]())
            if type(coroutine) is CoroutineType and is_new(coroutine):
                self._tasks.remove(noted)  # no loop has run it: told of its coroutine
        self._review_tasks(at_the_end=True)
        for ref, *_, seen in self._steps:
            if (generator := ref()) is not None and not has_begun(generator):
                self.add(seen)
        left, self.unbegun = self.unbegun, {}
        for ref, seen in left.values():
            thing = ref()
            if thing is not None and (type(thing) is not CoroutineType or is_new(thing)):
                self.add(seen)

    def closing(self, step: object, frame: FrameType) -> None:
        """Note `step`, which is to close an async generator, made where `frame` is."""
        generator = generator_of_step(step)
        if generator is not None:
            seen = Finding("lost", ObjectInfo(type(step)), frame.f_code, frame.f_lasti)
            self._closing.append((weakref.ref(generator), id(generator), id(step), seen))

    def review_pending(self, *, at_the_end: bool = False) -> None:
        """See what was noted and has come to nothing: tasks that still run, steps never made.

        Of tasks that no loop has made it only counts whether they run `at_the_end`.
        """
        if at_the_end:
            self.ending()
        self._review_tasks(at_the_end)
        for asked in self.waits.take_asked(at_the_end=at_the_end):
            self.add(asked)
        for _ in range(len(self._closing)):
            ref, of, key, seen = self._closing.popleft()
            generator: Any = ref()
            if generator is None or generator.ag_frame is None:
                continue  # it was closed, or who knows
            if any(id(each) == key for each in gc.get_referrers(generator)):
                self._closing.append((ref, of, key, seen))
            else:
                self.add(seen)

    def _review_tasks(self, at_the_end: bool) -> None:
        """See the tasks that nobody waits for and that still run: how many, by place."""
        running: dict[tuple[CodeType, int, FindingKind], int] = {}
        noted = list(self._tasks)
        self._tasks.clear()
        for ref, code, offset, what in noted:
            task = ref()
            if task is None or task.done():
                continue
            if what == "cut off" and not at_the_end:
                self._tasks.append((ref, code, offset, what))
            elif what == "unkept" or not _waits_for_others(task):
                asked = what == "cut off" and hasattr(task, "cancelling") and task.cancelling()
                place = code, offset, "cancelling" if asked else what
                running[place] = running.get(place, 0) + (not _has_only_to_tell(task))
        for (code, offset, what), count in running.items():
            self.add(Finding(what, describe(None), code, offset, count))

    def item_lost(self, task: object) -> None:
        """`task`, which nobody has, took an item of a queue: see it where it was made."""
        noted = [(ref(), code, offset) for ref, code, offset, _ in self._tasks]
        noted += self.waits.shielded_tasks()
        for each, code, offset in noted:
            if each is task:
                self.add(Finding("taken for nobody", describe(None), code, offset))

    def take(self) -> list[Finding]:
        """Those that are new since the last time, oldest first."""
        return [self._new.popleft() for _ in range(len(self._new))]

    def clear(self) -> None:
        """Forget everything: what is seen again is reported again."""
        for noted in (self._new, self._tasks, self._closing, self._steps, self.tentative):
            noted.clear()
        self._known.clear()
        self._locks.clear()
        self.over.clear()
        self.unbegun.clear()
        self.waits.clear()


def _has_only_to_tell(future: Any) -> bool:
    """Whether it is of a ``gather`` whose parts are all done."""
    parts = getattr(future, "_children", ())
    return bool(parts) and all(each.done() for each in parts)


#: Where asyncio waits for what others do, in this program or outside; a timer is not of these.
_FOR_OTHERS = ("locks", "queues", "streams", "base_events")


def _waits_for_others(task: Any) -> bool:
    """Whether it listens: to a queue, an event, a server or a stream, which may be meant so."""
    known = [sys.modules.get(f"asyncio.{each}") for each in _FOR_OTHERS]
    files = {getattr(each, "__file__", None) for each in known}
    waits = coroutine_of_task(task)
    while (code := getattr(waits, "cr_code", None)) is not None:
        if code.co_filename in files:
            return True
        waits = waits.cr_await
    return False


class _Slot:
    """Where `install` puts the log that the probes tell."""

    log: FindingLog | None = None


def active_log() -> FindingLog | None:
    """The log of the shell that is open, for probes; None if none is."""
    return _Slot.log


def install(log: FindingLog | None) -> FindingLog | None:
    """Let the probes of this process tell `log`, or nobody; whom they told before."""
    before, _Slot.log = _Slot.log, log
    return before


def see(what: FindingKind, obj: object, frame: FrameType) -> None:
    """For a probe: note that `what` was seen of `obj` where `frame` is, if anybody hears it."""
    if (log := _Slot.log) is not None:
        log.see(what, obj, frame)


def see_called(what: FindingKind, obj: object, frame: FrameType) -> None:
    """The same, with where the code of `frame` is called, from a coroutine on that runs it."""
    calls: list[tuple[CodeType, int]] = []
    caller: FrameType | None = frame
    while caller is not None and not (calls and calls[-1][0].co_flags & _CO_ASYNC):
        calls.append((caller.f_code, caller.f_lasti))
        caller = caller.f_back
    if (log := _Slot.log) is not None:
        held = tuple(calls[::-1]) if caller is not None else ()
        log.add(Finding(what, describe(obj), frame.f_code, frame.f_lasti, held=held))


def was_shut(generator: object) -> bool:
    """Whether the async generator `generator` was closed by the end of a loop's run."""
    return (log := _Slot.log) is not None and generator in log.shut


def was_cleared(event: object, task: object) -> bool:
    """Whether `event` was set, and cleared again by another than `task`."""
    return (log := _Slot.log) is not None and log.waits.was_cleared(event, task)


def was_cut(generator: object) -> bool:
    """Whether a step of the async generator `generator` was cancelled, as far as is known."""
    return (log := _Slot.log) is not None and generator in log.cut
