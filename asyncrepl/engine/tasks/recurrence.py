"""Whether a program goes round for ever: what its tasks hold comes back, again and again.

Where nothing from the outside can come, and no timer is one of a kind, the course of a program is
decided by what its tasks hold: where they are, their variables, and what is in those, and the
iterators that they are in. If for seconds no state comes that was not there before, none will.

A state is a hash of plain values: what is compared is not kept, and no code of the user's runs.
What does not tell how far it has come, as most that is written in C, or is too much to look at,
counts as new each time; so does all as long as anything outside of the loop may wake it.
"""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import weakref
from collections import deque
from contextvars import Context
from functools import lru_cache, partial, partialmethod
from logging import Logger
from time import monotonic
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CellType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MemberDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    NoneType,
    SimpleNamespace,
)
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.code_owner import is_ours, is_users
from asyncrepl.engine.tasks.await_chain import (
    await_chain,
    coroutine_of,
    gathered_futures,
    is_between,
    waits_at,
)
from asyncrepl.engine.tasks.task_records import all_tasks, sorted_by_name
from asyncrepl.events.findings import Finding
from asyncrepl.events.object_info import MISSING, PLAIN, ObjectInfo, instance_dict, lookup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.engine.tasks.await_chain import AwaitLink

#: A state has to come back for so many seconds, and for so many looks.
_SECONDS, _LOOKS = 5.0, 40
#: A look takes no more iterations of the loop; so many without others are a while.
_OWN_ITERATIONS, _IDLE_LOOKS = 3, 8
#: So many things are looked at in one state, so deep.
_MAX_TASKS, _MAX_THINGS, _MAX_DEPTH = 1000, 6000, 12
_SUSPENDED = {
    CoroutineType: "cr_frame", GeneratorType: "gi_frame", AsyncGeneratorType: "ag_frame",
}  # fmt: skip
#: How a subclass of the user's is read as what it is, by no method of its own.
_CONTENTS: dict[type, Callable[[Any], Iterable[object]]] = {
    **{kind: kind.__iter__ for kind in (list, tuple, set, frozenset, deque, bytearray)},
    dict: lambda thing: (part for item in dict.items(thing) for part in item),
    int: lambda thing: [int.__int__(thing)],
    float: lambda thing: [float.__float__(thing)],
    str: lambda thing: [str.__str__(thing)],
    bytes: bytes.__iter__,
    BaseException: BaseException.args.__get__,  # type: ignore[attr-defined]
}
#: By what they are given away: things that say how far an iteration has come.
_ITERATED: tuple[Any, ...] = (
    [], (), "", b"", "\u20ac", {}, {}.items(), {}.values(), set(), range(1), range(1 << 70),
)  # fmt: skip
_ITERATORS = {*(type(iter(each)) for each in _ITERATED), type(reversed([])), enumerate, zip, map}
#: What holds nothing that the program's course depends on.
_UNCHANGING = (Context, Logger, ModuleType, CodeType, FrameType)
_UNCHANGING_NAMES = {
    "object", "ellipsis", "NotImplementedType", "wrapper_descriptor",
    "GenericAlias", "UnionType", "Pattern", "slice", "Union",
}  # fmt: skip
#: The function that `functools.lru_cache` makes.
_CACHED = type(lru_cache(len))
#: Whether a task has the name that asyncio has given it: each has another one.
_GIVEN_NAME = re.compile(r"Task-\d+").fullmatch
#: Of a type's flags: it is no static one of C.
_HEAP_TYPE = 1 << 9
#: So many states are too many.
_MAX_STATES = 256
#: What shows others that something goes on, by the names that code uses.
_SHOWING = {
    "print", "write", "writelines", "flush", "debug", "info", "warning", "warn", "error", "log",
    "exception", "critical",
}  # fmt: skip
#: Rounds of the loop in a second, of each task: what is shown more often is for nobody to see.
_UNREADABLE = 150


class _UnknownError(Exception):
    """There is too much to look at, or something that does not tell its state."""


class Recurrence:
    """Whether the tasks of a loop go round for ever; for the loop's thread.

    Nothing from the outside may come, and what the tasks hold comes back, as it was, for seconds.
    """

    def __init__(self, loop: LiveLoop) -> None:
        self._loop = loop
        self._states: set[int] = set()
        #: The timers that were set when the last new state came.
        self._timers: list[asyncio.TimerHandle] = []
        self._since, self._looks, self._iteration = 0.0, 0, 0
        self._last = self._idle = 0

    @property
    def is_near(self) -> bool:
        """Whether the state of the last look was there before."""
        return self._looks > 0

    def is_idle(self) -> bool:
        """Whether nothing has run for a while but these looks, of which this is one."""
        before, self._last = self._last, self._loop.live.loop_iteration.number
        self._idle = self._idle + 1 if self._last - before <= _OWN_ITERATIONS else 0
        return self._idle > _IDLE_LOOKS

    def look(self) -> bool:
        """Look at the state that there is now; whether it is sure that all comes back for ever."""
        try:
            state = self._state() if self._loop.is_alone() else None
        except Exception:  # an empty cell, a dictionary that another thread changes, …
            state = None
        if state is None or state not in self._states:
            self._begin(state)
            return False
        if self._is_early():
            self._restart()
        self._looks += 1
        passed = monotonic() - self._since
        return passed > _SECONDS and self._looks > _LOOKS and self._timers_recur(passed)

    def _state(self) -> int | None:
        tasks, timers = all_tasks(self._loop), self._loop._scheduled  # noqa: SLF001
        # To put so many in order would take longer than what they do.
        return None if len(tasks) > _MAX_TASKS else hash(_State().of(tasks, timers))

    def _is_early(self) -> bool:
        """Whether a timer is still set that was so at the last new state: it is to come."""
        pending = set(map(id, self._loop._scheduled))  # noqa: SLF001
        return any(id(each) in pending for each in self._timers)

    def _restart(self) -> None:
        self._since, self._looks = monotonic(), 0
        self._iteration = self._loop.live.loop_iteration.number

    def findings(self) -> list[Finding]:
        """Where the tasks are that go on, the innermost code of each first."""
        tasks = sorted_by_name(all_tasks(self._loop))
        going = [frames for each in tasks if (frames := _frames_on_the_way(await_chain(each)))]
        shows = any(_shows(each) for frames in going for each in frames)
        rounds = self._loop.live.loop_iteration.number - self._iteration - self._looks
        seen = _UNREADABLE * len(going) * (monotonic() - self._since)
        if not tasks or (shows and rounds < seen):
            return []
        alone, made = int(not shows and _has_done_parts(tasks[0])), waits_at(tasks[0])
        return [
            Finding("recurring", ObjectInfo(NoneType), f.f_code, f.f_lasti, alone, made)
            for frames in going for f in reversed(frames)
        ]  # fmt: skip

    def _begin(self, state: int | None) -> None:
        if state is None or len(self._states) > _MAX_STATES:
            self._states.clear()
        if state is not None:
            self._states.add(state)
        self._restart()
        self._timers = list(self._loop._scheduled)  # noqa: SLF001

    def _timers_recur(self, passed: float) -> bool:
        """Whether each timer is one of many: none is far away."""
        timers = [each for each in self._loop._scheduled if not each.cancelled()]  # noqa: SLF001
        return all(each.when() < self._loop.time() + passed / 3 for each in timers)


def _frames_on_the_way(chain: list[AwaitLink]) -> list[FrameType]:
    """The user's frames of a task that sleeps, or is to run; none of one that waits otherwise."""
    if chain[-1].code is None and all(each.code is not asyncio.sleep.__code__ for each in chain):
        return []
    frames = [each.frame for each in chain]
    return [each for each in frames if each is not None and is_users(each.f_code.co_filename)]


def _shows(frame: FrameType) -> bool:
    """Whether its code, or what that calls by names, shows somebody something."""
    code, known = frame.f_code, dict(frame.f_globals)
    owner = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
    classes = [each for each in (*known.values(), type(owner)) if issubclass(type(each), type)]
    for each in classes:
        known |= vars(each) if each.__module__ == "__main__" else {}
    codes = [code]
    for each in codes:  # which grows
        called = [known.get(name) for name in each.co_names]
        found = [one.__code__ for one in called if type(one) is FunctionType]
        found += [part for part in each.co_consts if type(part) is CodeType]
        codes += [one for one in dict.fromkeys(found) if one not in codes]
    return any(_SHOWING.intersection(each.co_names) for each in codes)


def _has_done_parts(task: Any) -> bool:
    """Whether `task` waits for several by ``gather``, of which one is done."""
    parts: list[Any] = gathered_futures(task._fut_waiter) or []  # noqa: SLF001
    return any(each.done() for each in parts)


class _State:
    """What tasks hold, as plain values; runs no code of the user's."""

    def __init__(self) -> None:
        self._met: dict[int, int] = {}
        self._kept: list[object] = []
        self._looked = 0

    def of(self, tasks: Iterable[Any], timers: Iterable[Any]) -> tuple[object, ...]:
        """That of all `tasks`: where each is, its variables, and what is in those.

        And of what `timers` are to call.
        """
        found = [self._token(coroutine_of(each), 0) for each in sorted_by_name(tasks)]
        due = [each for each in timers if not each.cancelled()]
        due.sort(key=asyncio.TimerHandle.when)
        return (*found, *(self._token(each, 0) for each in due))

    def _token(self, thing: Any, depth: int) -> object:
        kind = type(thing)
        self._looked += 1
        if depth > _MAX_DEPTH or self._looked > _MAX_THINGS:
            raise _UnknownError
        if kind in PLAIN or kind is complex:
            return kind.__name__, thing
        if id(thing) in self._met:
            return self._met[id(thing)]
        self._met[id(thing)] = len(self._kept)
        self._kept.append(thing)  # so that no other gets its ``id``
        return kind.__qualname__, *(self._token(each, depth + 1) for each in self._parts(thing))

    def _parts(self, thing: Any) -> Iterable[object]:
        """What is in `thing`, of builtin types and what they hold."""
        kind = type(thing)
        if kind in _SUSPENDED:
            return self._suspended(thing, getattr(thing, _SUSPENDED[kind]))
        if kind in _ITERATORS:
            return thing.__reduce__()[1:]  # type: ignore[no-any-return]
        if is_between(kind):
            return gc.get_referents(thing)
        for base, contents in _CONTENTS.items():
            if base in kind.__mro__:
                return *contents(thing), *_attributes(thing, kind)
        return _of_callable(thing, kind) or _attributes(thing, kind)

    def _suspended(self, thing: object, frame: FrameType | None) -> Iterator[object]:
        yield -1 if frame is None else frame.f_lasti
        own = frame is not None and is_users(frame.f_code.co_filename)
        if frame is not None and own and id(frame.f_globals) not in self._met:
            self._met[id(frame.f_globals)] = -1
            yield from (
                value for name, value in list(frame.f_globals.items())
                if not (name.startswith("__") and name.endswith("__"))
            )  # fmt: skip
        for held in gc.get_referents(thing):
            if type(held) not in (CodeType, FrameType):
                yield held


def _of_callable(thing: Any, kind: type) -> tuple[object, ...]:
    """What a function, or what is to be called, was given; () of all others."""
    if kind in (MethodType, BuiltinFunctionType, MethodWrapperType):
        return (thing.__self__,)
    if kind is FunctionType:
        cells = thing.__closure__ or ()
        return *cells, thing.__defaults__, thing.__kwdefaults__, thing.__dict__
    if kind is CellType:
        return (thing.cell_contents,) if thing != CellType() else (None,)
    if issubclass(kind, partial):
        return thing.func, thing.args, thing.keywords
    if issubclass(kind, asyncio.Handle):
        return thing._callback, thing._args, thing._cancelled  # noqa: SLF001
    return _of_reference(thing, kind)


def _of_reference(thing: Any, kind: type) -> tuple[object, ...]:
    """What a task, a future, a cache or a weak reference stands for."""
    if kind is range:  # what is left of one, in its iterator
        return thing.start, thing.stop, thing.step
    if kind is _CACHED:
        return thing.__wrapped__, *thing.cache_info()
    if issubclass(kind, asyncio.Future):
        task = coroutine_of(thing) if issubclass(kind, asyncio.Task) else None
        done = asyncio.Future.done(thing) and not asyncio.Future.cancelled(thing)
        called = [each[0] for each in thing._callbacks or ()]  # noqa: SLF001
        name = "" if task is None or _GIVEN_NAME(thing.get_name()) else thing.get_name()
        return thing._state, name, task, *called, *([thing._result] if done else [])  # noqa: SLF001
    return (weakref.ref.__call__(thing) is None,) if issubclass(kind, weakref.ref) else ()


def _attributes(thing: Any, kind: type) -> Iterable[object]:
    """What any other object holds, as far as that may change."""
    if issubclass(kind, asyncio.AbstractEventLoop):  # what the user has put there
        own = instance_dict(thing).items()
        return [each for name, each in own if type(each) in PLAIN and name[0] != "_"]
    if is_ours(getattr(sys.modules.get(kind.__module__), "__file__", None) or ""):
        return (getattr(thing, "_iterator", None),)  # what a traced loop walks
    if issubclass(kind, type):
        return _of_class(thing)
    if kind is ModuleType:  # the plain values there, as one
        return (hash(tuple(each for each in [*vars(thing).values()] if type(each) in PLAIN)),)
    if issubclass(kind, _UNCHANGING):
        return ()
    slots: list[Any] = [lookup(kind, each) for each in _slots(kind)]
    stepped = lookup(kind, "__next__") is not MISSING and not instance_dict(thing)
    if stepped or _is_opaque(kind, len(slots)):
        raise _UnknownError  # who knows how far it has come
    held = [each.__get__(thing) for each in slots if _is_set(each, thing)]
    classes = [kind] if _is_users_class(kind) else []
    return *instance_dict(thing).values(), *held, *classes


def _of_class(kind: type) -> list[object]:
    """What is kept on a class of the user's, and on those that it is derived of."""
    return [
        value
        for each in type.mro(kind) if _is_users_class(each)
        for name, given in vars(each).items() if name[:2] != "__" and name != "_abc_impl"
        for value in _functions_of(given)
        if type(value) is FunctionType or not _binds(type(value))
    ]  # fmt: skip


def _is_users_class(kind: type) -> bool:
    """Whether the program has made it; it may have the name of a module that helped."""
    home = sys.modules.get(kind.__module__)
    made = kind.__flags__ & _HEAP_TYPE and getattr(home, kind.__name__, None) is not kind
    return kind.__module__ == "__main__" or bool(made)


def _functions_of(given: Any) -> tuple[object, ...]:
    """What a method of a class, or a property, calls; of all else that itself."""
    if type(given) in (staticmethod, classmethod):
        return (given.__func__,)
    if type(given) is partialmethod:
        return given.func, given.args, given.keywords
    if type(given) is property:
        return given.fget, given.fset, given.fdel
    return (given,)


def _binds(kind: type) -> bool:
    """Whether it is the type of what a class binds, as a property is; none of the user's."""
    return kind.__module__ != "__main__" and lookup(kind, "__get__") is not MISSING


def _is_opaque(kind: type, slots: int) -> bool:
    """Whether there is more in such an object than its attributes: it is made by C."""
    known = kind is SimpleNamespace or kind.__name__ in _UNCHANGING_NAMES or _binds(kind)
    if known or any(each in kind.__mro__ for each in _CONTENTS):
        return False
    size = object.__basicsize__ + (2 + slots) * tuple.__itemsize__
    return not kind.__flags__ & _HEAP_TYPE or kind.__itemsize__ > 0 or kind.__basicsize__ > size


def _slots(kind: type) -> list[str]:
    found: list[str] = []
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        found += [slots] if isinstance(slots, str) else slots
    return found


def _is_set(slot: Any, thing: object) -> bool:
    try:
        return type(slot) is MemberDescriptorType and bool([slot.__get__(thing)])
    except AttributeError:
        return False
