"""Probes: calls put around the operands of a program that can be misused.

``for x in ticks():`` is compiled as ``for x in .iterated(ticks()):``. A probe
returns what it is given. Only when the operation is bound to fail (the type
has no ``__iter__``) it leaves a note in `suspects`, from which the error is
explained. Good programs pay a call and a type test per *loop*, not per round.

What does not work:

* Reading the object from the exception: TypeError carries nothing.
* Reading it from the frame: the value stack is gone once the error is raised,
  and doing so through ctypes crashes on a stale slot.
* A proxy around the operand: it shows up in ``sys._getframe``, in tracebacks
  and in the recursion limit. For a class whose ``__aiter__`` may return the
  wrong thing the probe notes the class; its methods are read afterwards.
* Probing everything: operands under a plain name are still there afterwards,
  and so are literals. ``await`` inside a loop is left alone for its speed; what
  it was given is inferred from the function called.

What remains visible: ``dis`` shows the calls, and a trace function (a debugger
that steps *into* the loop's operand) sees the probe's frame.

The names of the probes hold a dot, so no program can use or shadow them. They
live in ``builtins`` from the first instrumented code on and stay there: the
functions of a session can outlive it.
"""

from __future__ import annotations

import ast
import builtins
import sys
from opcode import opname
from sys import _getframe
from types import (
    AsyncGeneratorType,
    CoroutineType,
    FunctionType,
    GeneratorType,
)
from typing import TYPE_CHECKING, Any, TypeVar

from asyncrepl.language.instrumenting import Instrumenter
from asyncrepl.language.seeing import SEEING
from asyncrepl.language.sightings import sightings
from asyncrepl.language.suspects import MISSING, lookup, suspects

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["PROBES", "install", "instrument"]

T = TypeVar("T")
Tree = TypeVar("Tree", bound=ast.mod)

_ASYNC_GENERATOR = 0x200  # inspect.CO_ASYNC_GENERATOR; inspect itself is slow to import
_ITERABLE_COROUTINE = 0x100
_ASYNC = 0x80 | _ASYNC_GENERATOR
_COROUTINE = 0x80
#: Where none of these was ever compiled, nothing can be lost or written in an odd way, nor sleep.
_WORDS, _LOSING = ("async", "await", "print", "sleep"), "asyncrepl.language.losing"
_ITERABLE = frozenset(
    {list, tuple, dict, set, frozenset, str, bytes, range, GeneratorType, enumerate, zip, map}
    | {filter, reversed, type({}.keys()), type({}.values()), type({}.items())}
)


def _method(kind: type, name: str) -> Any:
    """The special method `name` of `kind`, or None, as the interpreter looks it up.

    ``getattr(kind, name)`` does not do: it runs ``__get__`` of descriptors, and code of
    metaclasses, once more than the program would.
    """
    found = lookup(kind, name)
    return None if found is MISSING else found


def async_iterated(obj: T) -> T:
    """The operand of ``async for`` or ``aiter()``: it may have been walked before."""
    kind = type(obj)
    if kind is not AsyncGeneratorType:
        _judge_class(obj, kind, _getframe(1))
    elif obj.ag_frame is None:  # type: ignore[attr-defined]
        sightings.see("cut" if obj in sightings.cut else "exhausted", obj, _getframe(1))
    elif obj.ag_running:  # type: ignore[attr-defined]
        sightings.see("running", obj, _getframe(1))
    return obj


def _judge_class(obj: object, kind: type, frame: FrameType) -> None:
    """Note an instance that cannot be walked, or whose methods may be wrong."""
    method = _method(kind, "__aiter__")
    if method is None:
        suspects.note("async iteration", obj, frame)
    elif type(method) is FunctionType and not method.__code__.co_flags & _ASYNC_GENERATOR:
        new = suspects.hint("async iteration", kind, frame)
        if new and _may_never_end(_method(kind, "__anext__")):
            sightings.see("walked", obj, frame)


def _may_never_end(step: Any) -> bool:
    """Whether the ``__anext__`` `step` raises nothing itself, or takes steps of another."""
    if type(step) is not FunctionType or not step.__code__.co_flags & _COROUTINE:
        return False
    code = step.__code__
    if "anext" in code.co_names:
        return True
    return not any(opname[each] == "RAISE_VARARGS" for each in code.co_code[::2])


def iterated(obj: T) -> T:
    """The operand of ``for``, ``yield from`` or ``*``, or of a call that walks it."""
    kind = type(obj)
    if kind in _ITERABLE:
        return obj
    method = _method(kind, "__iter__")
    if method is None:
        if _method(kind, "__getitem__") is None:
            suspects.note("iteration", obj, _getframe(1))
    elif type(method) is FunctionType and method.__code__.co_flags & _ASYNC:
        suspects.note("iteration", obj, _getframe(1))
    return obj


def awaited(obj: T) -> T:
    """The operand of ``await``."""
    kind = type(obj)
    if kind is CoroutineType or _method(kind, "__await__") is not None:
        return obj
    if not (kind is GeneratorType and _is_old_coroutine(obj)):
        suspects.note("await", obj, _getframe(1))
    return obj


def _is_old_coroutine(generator: Any) -> bool:
    return bool(generator.gi_code.co_flags & _ITERABLE_COROUTINE)


def entered(obj: T) -> T:
    """The operand of ``with``."""
    kind = type(obj)
    if _method(kind, "__enter__") is None or _method(kind, "__exit__") is None:
        suspects.note("with", obj, _getframe(1))
    return obj


def async_entered(obj: T) -> T:
    """The operand of ``async with``."""
    kind = type(obj)
    if _method(kind, "__aenter__") is None or _method(kind, "__aexit__") is None:
        suspects.note("async with", obj, _getframe(1))
    return obj


def stepped(obj: T) -> T:
    """The argument of ``next``."""
    if _method(type(obj), "__next__") is None:
        suspects.note("next", obj, _getframe(1))
    return obj


def async_stepped(obj: T) -> T:
    """The argument of ``anext``."""
    if _method(type(obj), "__anext__") is None:
        suspects.note("anext", obj, _getframe(1))
    return obj


def scheduled(obj: T) -> T:
    """An argument of something that wants an awaitable."""
    if type(obj) is not CoroutineType and _method(type(obj), "__await__") is None:
        suspects.note("argument", obj, _getframe(1))
    return obj


def handed(obj: T) -> T:
    """An argument of something that wants ordinary data."""
    kind = type(obj)
    if kind is CoroutineType or _method(kind, "__aiter__") is not None:
        suspects.note("argument", obj, _getframe(1))
    return obj


_ALL: tuple[Callable[[Any], Any], ...] = (
    async_iterated,
    iterated,
    awaited,
    entered,
    async_entered,
    stepped,
    async_stepped,
    scheduled,
    handed,
    *SEEING,
)

#: The name of each probe in the instrumented tree, and the probe.
PROBES = {"." + probe.__name__: probe for probe in _ALL}


def install() -> None:
    """Make the probes known to all code of this process."""
    vars(builtins).update(PROBES)


def instrument(tree: Tree, text: str | None = None) -> Tree:
    """`tree` with probes around its operands, all positions kept; `tree` stays as it is.

    The result compiles whenever `tree` does, short of the compiler's limits on
    nesting; then compile `tree` itself. `text` is its source, if that is known: what is
    of no use in it is not imported.
    """
    install()
    copy = Instrumenter().rewritten(tree)
    if text is None or _LOSING in sys.modules or any(word in text for word in _WORDS):
        from asyncrepl.language.losing import probe_losses
        from asyncrepl.language.patterns import probe_patterns

        probe_losses(copy)
        probe_patterns(copy)
    return copy
