"""The leaks of a session: each recorded, reported once, and no news if it was explained before.

What has died unawaited, never iterated over, unretrieved cannot be put right any more. An async
generator can: once somebody has closed it or gone on to its end, it is no leak.

Python warns of a coroutine that nobody awaited when it dies. That may be long after the error
that came of it: its traceback, a name or ``_`` keep it, and it dies in the middle of something
else. So what an explained error was about is remembered, and its warning is no news.
Nothing is kept alive. A weak reference calls back right before the finalizer that warns, so
it is known which one dies; to remember ids alone does not work, they are used again. The
awaitable of a step of an async generator takes no weak references, and the warning only names
the generator: those are counted for each.
"""

from __future__ import annotations

import dis
import warnings
import weakref
from collections import deque
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.code_owner import is_users, traceback_entries
from asyncrepl.events.object_info import generator_of_step, instance_dict, is_new, is_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType, TracebackType

    from asyncrepl.events.findings import Leak
    from asyncrepl.events.instrument import Instruments


class LeakLog:
    """The last `limit` leaks, oldest first; `instruments` are told of each new one, once.

    One leak is like another if all that is known of them is the same: a function that
    forgets the same thing each time it is called is reported once.
    """

    def __init__(self, instruments: Instruments, limit: int = 100) -> None:
        self._instruments = instruments
        self._noted: deque[Leak] = deque()
        self._limit = limit
        #: The async generators that were left open, by what is known of them.
        self._open: dict[Leak, list[weakref.ref[Any]]] = {}

    def note(
        self, leak: Leak, *, quietly: bool = False, generator: weakref.ref[Any] | None = None
    ) -> None:
        """Record `leak` and report it, unless that was done, or is done `quietly`; any thread.

        It is over when `generator`, if given, is closed or gone.
        """
        if generator is not None:
            self._open.setdefault(leak, []).append(generator)
        if leak not in self._noted:
            self._noted.append(leak)
            if len(self._noted) > self._limit:
                self._open.pop(self._noted.popleft(), None)
            if not quietly:
                for hear in self._instruments.leak:
                    hear(leak)

    def clear(self) -> None:
        """Forget them all; what happens again is reported again."""
        self._noted.clear()
        self._open.clear()

    def __iter__(self) -> Iterator[Leak]:
        """Those that are leaks still."""
        for leak in list(self._noted):
            refs = self._open.get(leak)
            if refs is not None:
                refs[:] = [ref for ref in refs if getattr(ref(), "ag_frame", None) is not None]
            if refs is None or refs:
                yield leak

    def __len__(self) -> int:
        return len(list(iter(self)))


#: Of a collection, so many items are looked at.
_MAX_ITEMS = 100


class ExplainedObjects:
    """What has been explained and is still alive; for the loop's thread, but for `is_known`."""

    def __init__(self) -> None:
        self._alive: dict[int, weakref.ref[object]] = {}
        self._dying: set[int] = set()
        self._steps: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def add(self, thing: object) -> None:
        """Note that it was said of `thing`, if it is one that Python warns of, what is wrong."""
        kind = type(thing)
        if kind is CoroutineType:
            if is_new(thing):
                key, dying = id(thing), self._dying
                self._alive[key] = weakref.ref(thing, lambda _: dying.add(key))
        elif is_step(kind):
            generator = generator_of_step(thing)
            if generator is not None:
                self._steps[generator] = self._steps.get(generator, 0) + 1

    def add_error(self, error: BaseException) -> None:
        """Note that `error` was explained: what its traceback keeps alive came of it."""
        for each in _related_errors(error):
            self.add(getattr(each, "obj", None) if isinstance(each, AttributeError) else None)
            for thing in _kept_by_traceback(each.__traceback__):
                self.add(thing)

    def is_known(self, warning: warnings.WarningMessage) -> bool:
        """Whether `warning` is of something explained, which dies; it is forgotten then."""
        source = warning.source
        if type(source) is AsyncGeneratorType:
            count = self._steps.get(source, 0)
            self._steps[source] = max(count - 1, 0)
            return count > 0
        known = id(source) in self._dying
        self._dying.discard(id(source))
        self._alive.pop(id(source), None)
        return known

    def close(self, namespace: Mapping[str, object]) -> None:
        """The session is over: what nobody can await any more, dies without a warning.

        At the interpreter's exit nobody would be there to read it. What has a name in
        `namespace` may still be of use to somebody.
        """
        named = {id(value) for value in namespace.values()}
        for key, ref in list(self._alive.items()):
            coroutine: Any = ref()
            if coroutine is not None and key not in named and is_new(coroutine):
                coroutine.close()

    def begin(self) -> None:
        """Forget those that have died without a warning."""
        for key in self._dying:
            self._alive.pop(key, None)
        self._dying.clear()


def unawaited_in(error: BaseException) -> Iterator[CoroutineType[Any, Any, Any]]:
    """The coroutines that nobody awaited, where `error` is Python's warning of one.

    A filter makes errors of warnings, as many test suites have it; it reaches nobody but who hears
    of what a finalizer raises, as pytest does.
    """
    warns = vars(warnings)["_warn_unawaited_coroutine"].__code__
    for each in _related_errors(error):
        for entry in traceback_entries(each.__traceback__):
            if entry.tb_frame.f_code is warns:
                yield entry.tb_frame.f_locals["coro"]


def _related_errors(error: BaseException) -> Iterator[BaseException]:
    """`error`, those it came of, and those it is a group of."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__cause__, each.__context__]
            if isinstance(each, BaseExceptionGroup):
                waiting += each.exceptions


def _kept_by_traceback(trace: TracebackType | None) -> Iterator[object]:
    """The values that only `trace` keeps alive, or that the failing statement names."""
    for entry in list(traceback_entries(trace)):
        frame = entry.tb_frame
        if frame.f_locals is frame.f_globals:
            yield from _named_in_statement(frame, entry.tb_lasti)
        else:
            for value in list(frame.f_locals.values()):
                yield from _items(value)


def _named_in_statement(frame: FrameType, offset: int) -> Iterator[object]:
    """The values of the global names in the statement that fails at `offset`."""
    names = {
        name
        for name, value in list(frame.f_globals.items())
        if any(type(each) is CoroutineType or is_step(type(each)) for each in _items(value))
    }
    if not names or not is_users(frame.f_code.co_filename):
        return
    steps = list(dis.get_instructions(frame.f_code))
    failing = next((step for step in steps if step.offset == offset), None)
    places = failing.positions if failing is not None else None
    if places is None or places.lineno is None or places.end_lineno is None:
        return
    for step in steps:
        line = step.positions.lineno if step.positions is not None else None
        inside = line is not None and places.lineno <= line <= places.end_lineno
        if inside and step.argval in names:
            yield from _items(frame.f_globals[step.argval])


def _items(value: Any) -> Iterator[object]:
    """`value` and, of a collection, its items; of another object, its attributes."""
    yield value
    if type(value) in (list, tuple, set):
        yield from list(value)[:_MAX_ITEMS]
    elif type(value) is dict:
        yield from list(value.values())[:_MAX_ITEMS]
    else:
        yield from list(instance_dict(value).values())[:_MAX_ITEMS]
