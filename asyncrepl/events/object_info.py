"""What is known of an object without holding it or running its code; and refused operands.

A TypeError names the type that was refused and carries nothing else; by the time it is caught the
object is gone. So just before an operation that has to fail, a probe leaves a note of its operand
in `refused_operands`.

A note never holds the object. Keeping it would change when a coroutine warns that nobody awaited
it and when a generator's ``finally`` runs, also in programs that catch the error. What is kept is
an `ObjectInfo`: the type, the code it runs, the function or class itself, the types of its
members. That suffices for every rule. `describe` makes it, `lookup` finds special methods as the
interpreter does; neither runs a line of the user's code.

`is_new`, `has_begun` and `is_step` say how far an asynchronous object has come.
"""

from __future__ import annotations

import functools
import gc
from collections import deque
from itertools import islice
from opcode import opname
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
)
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Stands for "no such attribute", which differs from the attribute None.
MISSING = object()

#: The bases of a class, itself first, and what is defined in it; its metaclass is not asked.
mro_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
namespace_of: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
_HELD_TYPES = (FunctionType, MethodType, BuiltinFunctionType, functools.partial, type)
_CONSTANT_TYPES = (type(None), bool, int, float, complex, str, bytes, range)
_DICT_DESCRIPTORS = (GetSetDescriptorType, MemberDescriptorType)
_NOTHING: dict[str, str] = {}
_COLLECTIONS = (list, tuple, set, frozenset, deque, dict, type(_NOTHING.values()))
#: How the code of a running thing is called by its type.
CODE_ATTRIBUTES: dict[type, str] = {
    CoroutineType: "cr_code",
    GeneratorType: "gi_code",
    AsyncGeneratorType: "ag_code",
}


def lookup(kind: type, name: str) -> object:
    """What the interpreter finds for the special method `name`; runs no user code."""
    for base in mro_of(kind):
        found = namespace_of(base).get(name, MISSING)
        if found is not MISSING:
            return found
    return MISSING


def is_own_iterator(obj: object) -> bool:
    """Whether its ``__aiter__`` only returns the object itself."""
    if type(obj) is AsyncGeneratorType:
        return True
    method = lookup(type(obj), "__aiter__")
    if type(method) is not FunctionType or method.__code__.co_flags & _CO_COROUTINE:
        return False
    steps = [opname[each] for each in method.__code__.co_code[::2]]
    kept = [name for name in steps if name not in ("RESUME", "CACHE", "NOP")]
    return len(kept) == 2 and kept[0].startswith("LOAD_FAST") and kept[1] == "RETURN_VALUE"


def is_real_instance(obj: object, kinds: type | tuple[type, ...]) -> TypeGuard[Any]:
    """Whether the type of `obj` is one of `kinds` or derived from one.

    `isinstance` asks the object, too, if its type is none of them: ``__class__`` may be a property
    of the user's. That of a proxy of a request raises where there is no request.
    """
    return issubclass(type(obj), kinds)


#: Types of plain values: hashing and comparing them runs no code of the user's.
PLAIN = frozenset({int, float, str, bytes, bool, type(None)})


def instance_dict(obj: object) -> dict[str, Any]:
    """The object's own dictionary; empty where a class puts something else in its place."""
    if type(lookup(type(obj), "__dict__")) not in _DICT_DESCRIPTORS:
        return {}
    try:
        found = object.__getattribute__(obj, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


def part_of(base: object, attribute: str, *key: object) -> object:
    """The `attribute` of `base`, or the item `key` of it or of that; MISSING if there is none.

    Only what lies in an instance, a class or a plain dict: no code of the user's is run. Without
    attribute and key it is `base` itself.
    """
    found = base
    if attribute:
        found = instance_dict(base).get(attribute, MISSING)
        if found is MISSING:
            inherited = lookup(type(base), attribute)
            found = MISSING if hasattr(type(inherited), "__get__") else inherited
    if key:
        plain = type(found) is dict and type(key[0]) in PLAIN
        return found.get(key[0], MISSING) if plain else MISSING  # type: ignore[attr-defined]
    return found


def has_method(kind: type, name: str) -> bool:
    """Whether instances of `kind` have the special method `name`; one that is None counts as none.

    What is found may be any object, with a ``__eq__`` or ``__hash__`` of the user's: only its
    identity is asked.
    """
    found = lookup(kind, name)
    return found is not MISSING and found is not None


def function_of(value: object) -> FunctionType | None:
    """The function itself, or that in a method, static or class method; None of all else.

    Unlike ``getattr(value, "__func__", value)`` it runs no user code: `value` may be anything,
    also an object that has every attribute it is asked for.
    """
    if issubclass(type(value), MethodType | staticmethod | classmethod):
        value = value.__func__  # type: ignore[attr-defined]
    return value if type(value) is FunctionType else None


def coroutine_of_task(task: object) -> Any:
    """The coroutine of `task`, which may be done; None of what is no task.

    Not by ``get_coro()``: Python 3.12.1 dies when that asks a task that ended eagerly, before it
    was given to anybody, and has no coroutine any more. Then this is None as well.
    """
    try:
        return object.__getattribute__(task, "_coro")
    except AttributeError:
        return None


def behind_partials(value: object) -> object:
    """What `value` calls in the end, if it is a ``partial`` or a method; else `value`."""
    while is_real_instance(value, (functools.partial, MethodType)):
        given: Any = value
        value = given.func if is_real_instance(value, functools.partial) else given.__func__
    return value


def code_of(value: object) -> CodeType | None:
    """The code of what `function_of` finds."""
    function = function_of(value)
    return function.__code__ if function is not None else None


class ObjectInfo(NamedTuple):  # not a dataclass: those take a millisecond each to import
    """What is known of an object without holding it.

    `kind` is its type; `code` the code a coroutine or generator runs; `value`
    the object itself where holding it changes nothing (functions, classes,
    constants) or where the explanation found it alive under a name; `members`
    the types of its instance attributes; `item` the facts of its first item,
    if it is a collection, or of its first value, if it is a dict; `name` that of a
    coroutine or generator, which a decorator may have given it: its code has that of the
    decorator's own function.
    """

    kind: type
    code: CodeType | None = None
    value: object = MISSING
    members: Mapping[str, type] = MappingProxyType({})
    item: ObjectInfo | None = None
    name: str = ""

    @property
    def function_name(self) -> str:
        """What the function is called that made a coroutine or generator; "" of all else."""
        return self.name or (self.code.co_name if self.code is not None else "")


class Place(NamedTuple):
    """A span of a source text as the compiler counts: lines from 1, byte columns from 0."""

    lineno: int
    end_lineno: int
    column: int
    end_column: int


class RefusedOperand(NamedTuple):
    """An operand that was refused, or (not `certain`) one of a class that may be."""

    role: str
    info: ObjectInfo
    code: CodeType
    offset: int
    certain: bool = True

    @property
    def place(self) -> Place | None:
        """Where the operand stands in the source of `code`."""
        return place_at(self.code, self.offset)


def place_at(code: CodeType, offset: int) -> Place | None:
    """The source span of the instruction at `offset`."""
    found = next(islice(code.co_positions(), offset // 2, None), None)
    if found is None or None in found:
        return None
    lineno, end_lineno, column, end_column = found
    return Place(lineno or 0, end_lineno or 0, column or 0, end_column or 0)


def instruction_at(code: CodeType, offset: int) -> str:
    """The name of the instruction at `offset`.

    Python 3.12 leaves a frame whose callee runs in the same evaluation, as that of a ``SEND`` to
    a generator, in the cache behind the instruction.
    """
    codes = code.co_code
    while offset > 0 and opname[codes[offset]] == "CACHE":
        offset -= 2
    return opname[codes[offset]]


def describe(obj: object, *, keep: bool = False) -> ObjectInfo:
    """The facts of `obj`; with `keep` also the object. Runs no user code."""
    kind = type(obj)
    holdable = keep or is_real_instance(obj, _HELD_TYPES) or kind in _CONSTANT_TYPES
    code = getattr(obj, CODE_ATTRIBUTES[kind]) if kind in CODE_ATTRIBUTES else None
    item, name = None, obj.__name__ if code is not None else ""  # type: ignore[attr-defined]
    if kind in _COLLECTIONS and obj:
        items: Any = obj.values() if kind is dict else obj  # type: ignore[attr-defined]
        item = describe(next(iter(items)))
    return ObjectInfo(kind, code, obj if holdable else MISSING, _members(obj), item, name)


def _members(obj: object) -> dict[str, type]:
    found = instance_dict(obj).items()
    return {name: type(value) for name, value in found if type(name) is str}


class RefusedOperands:
    """The last few notes, newest last. Written by any thread, read at an error."""

    def __init__(self) -> None:
        self._noted: deque[RefusedOperand] = deque(maxlen=16)
        #: By the id of the code, which the value keeps alive: to hash a code takes long.
        self._hints: dict[tuple[int, int], tuple[str, type, CodeType]] = {}

    def note(self, role: str, obj: object, frame: FrameType) -> None:
        """`obj` is about to be refused at the instruction `frame` is at."""
        self._noted.append(RefusedOperand(role, describe(obj), frame.f_code, frame.f_lasti))

    def hint(self, role: str, kind: type, frame: FrameType) -> bool:
        """An instance of the user's class `kind` is used; its methods may be wrong.

        Says whether that is new.
        """
        code = frame.f_code
        key = id(code), frame.f_lasti
        known = self._hints.get(key)
        if known is not None and known[1] is kind and known[0] == role:
            return False
        if len(self._hints) > 64:
            self._hints.clear()
        self._hints[key] = role, kind, code
        return True

    def at(self, code: CodeType) -> list[RefusedOperand]:
        """The notes about operands in `code`, newest first, certain ones before hints."""
        hints = [
            RefusedOperand(role, ObjectInfo(kind), code, offset, certain=False)
            for (_, offset), (role, kind, owner) in self._hints.items()
            if owner is code
        ]
        return [note for note in reversed(self._noted) if note.code is code] + hints[::-1]

    def certain(self) -> list[RefusedOperand]:
        """The notes of what was about to be refused, oldest first."""
        return list(self._noted)

    def clear(self) -> None:
        """Forget everything; the session does so when a statement is done."""
        self._noted.clear()
        self._hints.clear()


#: The one list, as there is one ``sys.last_value``: probes have nobody to ask for another.
refused_operands = RefusedOperands()


_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement
#: The types of the awaitables of a step: of ``agen.asend()``, ``agen.aclose()``, ``anext()``.
_STEP_TYPES = frozenset({"async_generator_asend", "async_generator_athrow", "anext_awaitable"})


def is_step(kind: type) -> bool:
    """Whether `kind` is that of the awaitables of a step of an async generator."""
    return type(kind) is type and kind.__name__ in _STEP_TYPES and not kind.__flags__ & _HEAP


def generator_of_step(step: object) -> Any:
    """The async generator whose step it is; an ``anext`` with a default wraps another step."""
    for thing in gc.get_referents(step):
        if type(thing) is AsyncGeneratorType:
            return thing
        if is_step(type(thing)):
            return generator_of_step(thing)
    return None


def is_new(coroutine: Any) -> bool:
    """Whether the coroutine has not begun to run."""
    return (
        coroutine.cr_frame is not None and not coroutine.cr_suspended and not coroutine.cr_running
    )


def has_begun(generator: Any) -> bool:
    """Whether the async generator `generator` has taken a step or was closed."""
    frame = generator.ag_frame
    if frame is None or generator.ag_running:
        return True
    if hasattr(generator, "ag_suspended"):  # since Python 3.12
        return bool(generator.ag_suspended)
    last: int = frame.f_code.co_code[frame.f_lasti]
    return opname[last] != "RETURN_GENERATOR"


#: What takes a step of a generator.
_STEPS = frozenset({"next", "send", "throw", "__next__"})
# As in `inspect`, which is slow to import.
_CO_GENERATOR = 0x20
_CO_COROUTINE = 0x80
_CO_ITERABLE_COROUTINE = 0x100


def is_awaited_or_stepped(frame: FrameType) -> bool:
    """Whether `frame` is of a generator that somebody awaits: such a one may ``yield from``.

    Or whom somebody steps, who may wait for the future that it gets, as a scheduler of generators
    does; one that is compiled has no frame, and is called by asyncio.
    """
    flags = frame.f_code.co_flags
    if flags & _CO_ITERABLE_COROUTINE or frame.f_code.co_name == "__await__":
        return True
    if not flags & _CO_GENERATOR:
        return False
    driver = frame.f_back
    if driver is None:
        return True
    instruction = instruction_at(driver.f_code, driver.f_lasti)
    return instruction == "SEND" or ("CALL" in instruction and _may_step(driver))


def _may_step(driver: FrameType) -> bool:
    """Whether a call in `driver` may be a step of a generator; else it takes all the items."""
    module = driver.f_globals.get("__name__")
    by_loop = type(module) is str and module.startswith("asyncio.")
    return by_loop or not _STEPS.isdisjoint(driver.f_code.co_names)
