"""Probes: calls put around the operands of a program that can be misused.

``for x in ticks():`` is compiled as ``for x in .iterated(ticks()):``. A probe returns what it is
given. Only when the operation is bound to fail (the type has no ``__iter__``) it leaves a note in
`refused_operands`, from which the error is explained. Probes of silent mistakes, which raise
nothing, note a finding and go on. Good programs pay a call and a type test per *loop*, not per
round; where probes are placed is decided by `probe_placement` and `silent_mistake_placement`.

What does not work:

* Reading the object from the exception: TypeError carries nothing.
* Reading it from the frame: the value stack is gone once the error is raised, and doing so through
  ctypes crashes on a stale slot.
* A proxy around the operand: it shows up in ``sys._getframe``, in tracebacks and in the recursion
  limit. For a class whose ``__aiter__`` may return the wrong thing the probe notes the class; its
  methods are read afterwards.
* Probing everything: operands under a plain name are still there afterwards, and so are literals.
  ``await`` inside a loop is left alone for its speed; what it was given is inferred from the
  function called.

What remains visible: ``dis`` shows the calls, and a trace function (a debugger that steps *into*
the loop's operand) sees the probe's frame.

A probe is called in the compiled code by the name of its function with a dot before it, so no
program can use or shadow it. Probes live in ``builtins`` from the first instrumented code on and
stay there: the functions of a session can outlive it.
"""

from __future__ import annotations

import atexit
import builtins
import time
from functools import partial
from opcode import opname
from sys import _getframe
from threading import get_ident, main_thread
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CoroutineType,
    FunctionType,
    GeneratorType,
)
from typing import TYPE_CHECKING, Any, TypeVar, cast

from asyncrepl.events.finding_log import active_log, see, see_called, was_cut, was_shut
from asyncrepl.events.object_info import (
    MISSING,
    behind_partials,
    has_begun,
    is_awaited_or_stepped,
    is_new,
    is_own_iterator,
    is_real_instance,
    is_step,
    lookup,
    part_of,
    refused_operands,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from asyncrepl.events.findings import FindingKind

T = TypeVar("T")
_STEPS_OF_GETTER = 3  # instructions of ``return self.x``; flags as in `inspect`, slow to import:
_CO_COROUTINE = 0x80
_CO_ITERABLE_COROUTINE = 0x100
_CO_ASYNC_GENERATOR = 0x200
_CO_ASYNC = _CO_COROUTINE | _CO_ASYNC_GENERATOR
#: What is printed most: nothing to look at.
_NEVER_PENDING = frozenset({str, int, float, bool, type(None), list, tuple, dict, set, bytes})


def lost(obj: T) -> T:
    """What a call gives where nobody can iterate over or await it any more."""
    kind = type(obj)
    if (kind is AsyncGeneratorType and not has_begun(obj)) or is_step(kind):
        see("lost", obj, _getframe(1))
    return obj


def made(obj: T) -> T:
    """An async generator or the awaitable of a step, perhaps, that is put or given somewhere."""
    kind = type(obj)
    log = active_log() if kind is AsyncGeneratorType or is_step(kind) else None
    if log is not None and kind is not AsyncGeneratorType:
        log.expect_step(obj, _getframe(1))
    elif log is not None and not has_begun(obj):
        log.expect("unwalked", obj, _getframe(1))
    return obj


def shown(obj: T) -> T:
    """What is printed: a mistake if it is an async generator, coroutine or step not yet begun."""
    kind = type(obj)
    if kind in _NEVER_PENDING:
        return obj
    if kind is AsyncGeneratorType:
        pending = not has_begun(obj)
    elif kind is CoroutineType:
        pending = is_new(obj)
    else:
        pending = is_step(kind)
    log, frame = active_log() if pending else None, _getframe(1)
    if log is not None and log.may_go_on(frame) and not is_step(kind):
        log.expect("shown", obj, frame)
    elif pending:
        see("shown", obj, frame)
    return obj


def driven(obj: T) -> T:
    """What plain code iterates over: an awaitable has ``__iter__`` for ``await`` alone."""
    kind = type(obj)
    if kind not in _ITERABLE_TYPES:
        _note_driven(obj, kind, _getframe(1))
    return obj


def spread(obj: T) -> T:
    """The arguments of a thread: what has no items is refused there, and nobody hears of it."""
    kind = type(obj)
    if not any(lookup(kind, name) is not MISSING for name in ("__iter__", "__getitem__")):
        see("driven", obj, _getframe(1))
    else:
        _note_driven(obj, kind, _getframe(1))
    return obj


def _is_opaque(kind: type) -> bool:
    """Whether no class of the user's gives a future items of its own, or lets it equal a value."""
    methods = (lookup(kind, name) for name in ("__iter__", "__eq__"))
    functions = (each for each in methods if type(each) is FunctionType)
    return all(each.__globals__.get("__name__") == "asyncio.futures" for each in functions)


def _note_driven(obj: object, kind: type, frame: FrameType) -> None:
    future = lookup(kind, "_asyncio_future_blocking") is not MISSING and _is_opaque(kind)
    if (future or is_step(kind)) and not is_awaited_or_stepped(frame):
        see("driven", obj, frame)


def guarded(obj: T) -> T:
    """The operand of a loop whose StopAsyncIteration is expected around it."""
    see("guarded", obj, _getframe(1))
    return obj


def skipping(obj: T) -> T:
    """The operand of a loop whose body takes steps of it."""
    if is_own_iterator(obj):
        see("skipping", obj, _getframe(1))
    return obj


def shared(obj: T) -> T:
    """The operand of a loop inside another one over the same."""
    if is_own_iterator(obj):
        see("shared", obj, _getframe(1))
    return obj


def unchecked(obj: T) -> T:
    """An async generator made in a ``try`` that expects it to fail there."""
    if type(obj) is AsyncGeneratorType and not has_begun(obj):
        see("unchecked", obj, _getframe(1))
    return obj


def asked(obj: Any) -> Any:
    """The async generator, perhaps, that code asks for a step outside of a loop."""
    if type(obj) is AsyncGeneratorType:
        if obj.ag_frame is None and was_cut(obj):
            see("cut", obj, _getframe(1))
        elif obj.ag_running:
            see("running", obj, _getframe(1))
    return obj


def blocking(function: T) -> T:
    """A function called under the name of one that blocks.

    Whatever calls it, if it runs on a loop it blocks that; in a plain function it does no harm
    as long as no other task is there.
    """
    called: object = function
    while type(called) is partial and not called.args and not called.keywords:
        called = called.func
    frame = _getframe(1)
    if is_real_instance(called, (FunctionType, BuiltinFunctionType)):
        from asyncrepl.instrument.silent_mistake_placement import BLOCKING_FUNCTIONS

        named = called.__module__, called.__qualname__
        if named in BLOCKING_FUNCTIONS and _holds_up_others(frame):
            see_called("blocks", called, frame)
    log = active_log()
    if called is not time.sleep or log is None or log.sleep is None:
        return function
    return cast("T", log.sleep(frame))


def _holds_up_others(frame: FrameType) -> bool:
    """Whether what blocks in `frame` keeps others waiting, or may in the main thread's loop.

    What has the loop of a thread of its own to itself keeps nobody waiting: that is for what
    blocks.
    """
    from asyncio import _get_running_loop, all_tasks

    loop = _get_running_loop()
    if loop is None:
        return False
    suspends = frame.f_code.co_flags & _CO_ASYNC
    at_home = get_ident() == main_thread().ident
    return bool(suspends and at_home) or len(all_tasks(loop)) > 1


def unkept(task: T) -> T:
    """A task that a loop has made and that is kept by nobody."""
    return _noted_task(task, "unkept", _getframe(1))


def begun_task(task: T) -> T:
    """A task that no loop has made, and that a name or a list keeps, or nobody."""
    return _noted_task(task, "cut off", _getframe(1))


def _noted_task(task: T, what: FindingKind, frame: FrameType) -> T:
    log = active_log()
    if log is not None and lookup(type(task), "_asyncio_future_blocking") is not MISSING:
        log.unkept(task, frame, what)
    return task


def closing(step: T) -> T:
    """What is to be awaited for a generator to close, where only a name gets it."""
    log = active_log()
    if log is not None and is_step(type(step)):
        log.closing(step, _getframe(1))
    return step


def paired(obj: T) -> T:
    """What `zip` walks beside others: `as_completed` gives its own in another order."""
    from asyncio import tasks

    code = obj.gi_code if type(obj) is GeneratorType else None  # type: ignore[attr-defined]
    made = code or type(obj)  # a generator's up to Python 3.12
    own = tasks.as_completed.__code__, vars(tasks).get("_AsCompletedIterator")
    if any(made is each for each in own):
        see("paired", obj, _getframe(1))
    return obj


def locking(obj: T) -> T:
    """What ``async with`` enters, where locks are made: one of each task's own guards nothing."""
    from asyncio import BoundedSemaphore, Lock, Semaphore

    log, kinds = active_log(), (Lock, Semaphore, BoundedSemaphore)
    if log is not None and type(obj) in kinds:
        log.locking(obj, _getframe(1))
    return obj


def decorating(obj: T) -> T:
    """What decorates an ``async def``: a plain context manager is left before that runs."""
    method: Any = lookup(type(obj), "__call__")
    if obj is atexit.register:
        see("called back", obj, _getframe(1))
    if type(method) is FunctionType and method.__qualname__ == "ContextDecorator.__call__":
        asks = any("coroutine" in name for name in method.__code__.co_names)  # from 3.15 on
        if method.__module__ == "contextlib" and not asks:
            see("decorating", obj, _getframe(1))
    return obj


def called_back(obj: T) -> T:
    """What is given to something that calls it and awaits nothing: ``aclose``, perhaps."""
    function: Any = behind_partials(obj)
    if (log := active_log()) is not None:
        log.waits.submitting(function)
    if type(function) is BuiltinFunctionType and type(function.__self__) is AsyncGeneratorType:
        see("called back", function.__name__, _getframe(1))  # who is told must not hold it
    return obj


def given_later(obj: T) -> T:
    """What a call gives to a loop that is to call that: nothing, if it has done its work."""
    log = active_log()
    if log is not None and not callable(obj) and type(obj) is not CoroutineType:
        log.give(obj, _getframe(1))
    return obj


_ITERABLE_TYPES = frozenset({
    list, tuple, dict, set, frozenset, str, bytes, range, GeneratorType, enumerate, zip, map,
    filter, reversed, type({}.keys()), type({}.values()), type({}.items()),
})  # fmt: skip


def _special_method(kind: type, name: str) -> Any:
    """The special method `name` of `kind`, or None, as the interpreter looks it up.

    ``getattr(kind, name)`` does not do: it runs ``__get__`` of descriptors, and code of
    metaclasses, once more than the program would.
    """
    found = lookup(kind, name)
    return None if found is MISSING else found


def async_iterated(obj: T) -> T:
    """The operand of ``async for`` or ``aiter()``: it may have been iterated over before."""
    kind = type(obj)
    if kind is not AsyncGeneratorType:
        _note_class(obj, kind, _getframe(1))
    elif obj.ag_frame is None:  # type: ignore[attr-defined]
        why: FindingKind = "cut" if was_cut(obj) else "shut" if was_shut(obj) else "exhausted"
        see(why, obj, _getframe(1))
    elif obj.ag_running:  # type: ignore[attr-defined]
        see("running", obj, _getframe(1))
    return obj


def _note_class(obj: object, kind: type, frame: FrameType) -> None:
    """Note an instance that cannot be iterated over, or whose methods may be wrong."""
    method = _special_method(kind, "__aiter__")
    stream = _kept_stream(obj, method)
    if type(stream) is AsyncGeneratorType and stream.ag_frame is None and not was_cut(stream):
        see("exhausted", stream, frame)
    if method is None:
        refused_operands.note("async iteration", obj, frame)
    elif type(method) is FunctionType and not method.__code__.co_flags & _CO_ASYNC_GENERATOR:
        new = refused_operands.hint("async iteration", kind, frame)
        if new and _may_never_end(_special_method(kind, "__anext__")):
            see("walked", obj, frame)


def _kept_stream(obj: object, method: Any) -> Any:
    """What an ``__aiter__`` gives that only returns an attribute of `obj`."""
    if type(method) is not FunctionType or len(method.__code__.co_names) != 1:
        return None
    steps = [opname[each] for each in method.__code__.co_code[::2]]
    kept = [name for name in steps if name not in ("RESUME", "CACHE", "NOP")]
    plain = len(kept) == _STEPS_OF_GETTER and kept[0].startswith("LOAD_FAST")
    plain = plain and kept[1:] == ["LOAD_ATTR", "RETURN_VALUE"]
    return part_of(obj, method.__code__.co_names[0]) if plain else None


def _may_never_end(step: Any) -> bool:
    """Whether the ``__anext__`` `step` raises nothing itself, or takes steps of another."""
    if type(step) is not FunctionType or not step.__code__.co_flags & _CO_COROUTINE:
        return False
    code = step.__code__
    if "anext" in code.co_names:
        return True
    return not any(opname[each] == "RAISE_VARARGS" for each in code.co_code[::2])


def iterated(obj: T) -> T:
    """The operand of ``for``, ``yield from`` or ``*``, or of a call that iterates over it."""
    kind = type(obj)
    if kind in _ITERABLE_TYPES:
        return obj
    method = _special_method(kind, "__iter__")
    if method is None:
        if _special_method(kind, "__getitem__") is None:
            refused_operands.note("iteration", obj, _getframe(1))
    elif type(method) is FunctionType and method.__code__.co_flags & _CO_ASYNC:
        refused_operands.note("iteration", obj, _getframe(1))
    else:
        _note_driven(obj, kind, _getframe(1))
    return obj


def awaited(obj: T) -> T:
    """The operand of ``await``."""
    kind = type(obj)
    if kind is CoroutineType or _special_method(kind, "__await__") is not None:
        return obj
    code = obj.gi_code if kind is GeneratorType else None  # type: ignore[attr-defined]
    if code is None or not code.co_flags & _CO_ITERABLE_COROUTINE:
        refused_operands.note("await", obj, _getframe(1))
    return obj


def entered(obj: T) -> T:
    """The operand of ``with``."""
    kind = type(obj)
    if _special_method(kind, "__enter__") is None or _special_method(kind, "__exit__") is None:
        refused_operands.note("with", obj, _getframe(1))
    return obj


def async_entered(obj: T) -> T:
    """The operand of ``async with``."""
    kind = type(obj)
    if _special_method(kind, "__aenter__") is None or _special_method(kind, "__aexit__") is None:
        refused_operands.note("async with", obj, _getframe(1))
    return obj


def stepped(obj: T) -> T:
    """The argument of ``next``."""
    if _special_method(type(obj), "__next__") is None:
        refused_operands.note("next", obj, _getframe(1))
    return obj


def async_stepped(obj: T) -> T:
    """The argument of ``anext``."""
    if _special_method(type(obj), "__anext__") is None:
        refused_operands.note("anext", obj, _getframe(1))
    return obj


def scheduled(obj: T) -> T:
    """An argument of something that wants an awaitable."""
    if type(obj) is not CoroutineType and _special_method(type(obj), "__await__") is None:
        refused_operands.note("argument", obj, _getframe(1))
    return obj


def handed(obj: T) -> T:
    """An argument of something that wants ordinary data."""
    kind = type(obj)
    if kind is CoroutineType or _special_method(kind, "__aiter__") is not None:
        refused_operands.note("argument", obj, _getframe(1))
    elif kind not in _ITERABLE_TYPES:
        _note_driven(obj, kind, _getframe(1))
    return obj


_ALL_PROBES: tuple[Callable[[Any], Any], ...] = (
    async_iterated, iterated, awaited, entered, async_entered, stepped, async_stepped, scheduled,
    handed, lost, made, driven, spread, shown, guarded, skipping, shared, unchecked, asked,
    blocking, unkept, begun_task, closing, paired, locking, decorating, called_back,
    given_later,
)  # fmt: skip

#: The name of each probe in the instrumented tree, and the probe.
PROBES = {"." + probe.__name__: probe for probe in _ALL_PROBES}


def install() -> None:
    """Make the probes known to all code of this process."""
    vars(builtins).update(PROBES)
