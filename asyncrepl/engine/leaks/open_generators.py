"""Async generators that were begun and did not end; and which of them no loop goes on with.

A generator that a ``break`` leaves is closed at once by the loop if nothing refers to
it. If something does, it stays suspended and its ``finally`` does not run. Whether it
was *left* or is between two steps is not written on it, so it has to be proved:

- An ``async for`` or an async comprehension took its first step, not ``anext()``:
  whoever takes steps by ``anext`` may go on at any time.
- It is suspended at a ``yield``.
- All references to it are accounted for, and each is a name of the session or lies in
  something so named. A loop that iterates over it has it on its stack, a task that holds it in
  a local variable; then one reference is missing, and nothing is said.

What does not work: asking ``gc.get_referrers``. It doesn't see the stacks of running
frames, nor anything frozen by ``gc.freeze``, and it looks at every object there is.
Here the namespace is looked through, and only if a generator was begun at all.
"""

from __future__ import annotations

import builtins
import gc
import sys
import weakref
from opcode import opname
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.engine.code_owner import is_users
from asyncrepl.events.object_info import place_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import CodeType

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.events.object_info import Place

_CONTAINERS = {list, tuple, dict, set, frozenset}
#: Of what is looked through: containers of so many items, so far down, so much in all.
_LARGEST, _DEEPEST, _BUDGET = 1000, 3, 2000
_flags = type.__dict__["__flags__"].__get__
#: Of a type's flags: made on the heap; immutable. A class written in Python has only the first.
_HEAP, _IMMUTABLE = 1 << 9, 1 << 8

FirstStep = tuple["CodeType", int]


class OpenGenerator(NamedTuple):
    """An async generator that was begun and did not end.

    `at` is the file and line it has reached, `begun` those of the loop or call that
    took its first step, if that was noted; `running` says that a step is under way.
    """

    what: str
    at: tuple[str, int]
    begun: tuple[str, int] | None
    running: bool


class LeftGenerator(NamedTuple):
    """An async generator that a loop has left: its qualified name, and who holds it.

    `defined` is the file of its function, `name` the user's name for it, empty where
    it lies deeper. The loop that took its first step takes its steps at `place` in
    `filename`, with the instruction `first_step`. `generator` refers to it weakly.
    """

    what: str
    defined: str
    name: str
    filename: str
    place: Place
    first_step: FirstStep
    generator: weakref.ref[Any]


def open_generators(loop: LiveLoop) -> list[OpenGenerator]:
    """The user's async generators that are open on `loop`, by file and line; in its thread."""
    found = [_opened(each, loop.live.first_steps.get(id(each))) for each in loop._asyncgens]  # noqa: SLF001
    return sorted(
        (each for each in found if each is not None and is_users(each.at[0])),
        key=lambda each: (len(each.at[0]), each.at, each.begun or ("", 0), each.what),
    )


def _opened(generator: Any, first_step: FirstStep | None) -> OpenGenerator | None:
    frame = generator.ag_frame
    if frame is None:
        return None
    begun = None
    if first_step is not None and (place := place_at(*first_step)) is not None:
        begun = first_step[0].co_filename, place.lineno
    at = frame.f_code.co_filename, frame.f_lineno or frame.f_code.co_firstlineno
    return OpenGenerator(generator.__qualname__, at, begun, generator.ag_running)


class LeftGeneratorFinder:
    """Finds the async generators of `loop` that loops have left; each of them once.

    `namespace` is where the user's names are. For the loop's thread, while no user
    code runs.
    """

    def __init__(self, loop: LiveLoop, namespace: Mapping[str, object]) -> None:
        self._loop = loop
        self._namespace = namespace
        self._reported: dict[int, FirstStep] = {}

    def find(self) -> list[LeftGenerator]:
        """Those that are new since the last time; costs nothing if no generator was begun."""
        if not self._loop.live.first_steps:
            return []
        found = [self._proved_left(each) for each in _named_generators(self._namespace)]
        self._forget_ended()
        return [each for each in found if each is not None]

    def _proved_left(self, named: _NamedGenerator) -> LeftGenerator | None:
        generator = named.held[0]
        first_step = self._loop.live.first_steps.get(id(generator))
        if first_step is None or self._reported.get(id(generator)) is first_step:
            return None
        if generator not in self._loop._asyncgens:  # noqa: SLF001
            return None
        if generator.ag_frame is None or generator.ag_running or generator.ag_await is not None:
            return None  # it is not suspended at a `yield`
        place = _loop_place(*first_step)
        what, defined = generator.__qualname__, generator.ag_code.co_filename
        del generator  # or it would count as one more reference
        if place is None or _references(named.held) != named.references:
            return None
        self._reported[id(named.held[0])] = first_step
        ref = weakref.ref(named.held[0])
        filename = first_step[0].co_filename
        return LeftGenerator(what, defined, named.name, filename, place, first_step, ref)

    def _forget_ended(self) -> None:
        first_steps, living = self._loop.live.first_steps, self._loop._asyncgens  # noqa: SLF001
        if len(first_steps) > 2 * len(living) + 16 or not living:
            alive = {id(each) for each in living}
            for known in (first_steps, self._reported):
                for key in known.keys() - alive:
                    known.pop(key, None)


def _loop_place(code: CodeType, offset: int) -> Place | None:
    """The place of the user's loop whose instruction this is; None for a call."""
    takes_step = opname[code.co_code[offset]] == "GET_ANEXT"
    return place_at(code, offset) if takes_step and is_users(code.co_filename) else None


class _NamedGenerator:
    """An async generator that a name leads to, and how many references did."""

    __slots__ = ("held", "name", "references")

    def __init__(self, generator: object, name: str) -> None:
        #: A list, so that there is exactly one reference more.
        self.held: list[Any] = [generator]
        self.name = name
        self.references = 0


def _references(held: list[Any]) -> int:
    """How many references there are to what is alone in the list `held`, beyond that one."""
    return sys.getrefcount(held[0]) - _OWN_REFERENCES


_OWN_REFERENCES = 0
_OWN_REFERENCES = _references([object()])  # as this Python counts


def _named_generators(namespace: Mapping[str, object]) -> Iterable[_NamedGenerator]:
    # A function of its own: what it refers to itself would count.
    search = _ReferenceSearch(namespace)
    for name, value in list(namespace.items()):
        search.follow(value, name, _DEEPEST)
    search.follow(vars(builtins).get("_"), "_", _DEEPEST)
    return search.found.values()


class _ReferenceSearch:
    """One pass over what the names lead to; no code of the user's is run."""

    def __init__(self, namespace: object) -> None:
        self.found: dict[int, _NamedGenerator] = {}
        self._seen = {id(namespace)}
        self._budget = _BUDGET

    def follow(self, value: object, name: str, depth: int) -> None:
        """Count the reference to `value`, and look into it."""
        if type(value) is AsyncGeneratorType:
            named = self.found.setdefault(id(value), _NamedGenerator(value, name))
            named.references += 1
            named.name = named.name if named.name not in {"", "_"} else name or named.name
        elif (
            depth and self._budget > 0 and _can_be_searched(value) and id(value) not in self._seen
        ):
            self._seen.add(id(value))
            inside = gc.get_referents(value)
            self._budget -= len(inside)
            for each in inside:
                self.follow(each, "", depth - 1)


def _can_be_searched(value: Any) -> bool:
    """Whether `value` is a small container, or an instance of a class written in Python."""
    kind = type(value)
    if kind in _CONTAINERS:
        return len(value) <= _LARGEST
    return _flags(kind) & (_HEAP | _IMMUTABLE) == _HEAP and not issubclass(kind, type)
