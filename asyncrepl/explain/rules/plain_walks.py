"""Synchronous walks over what is asynchronous: ``for``, unpacking, ``yield from``."""

from __future__ import annotations

import ast
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fixing import CannotFixError, Fixing, fresh, short
from asyncrepl.explain.resolving import is_async_iterable
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.walking import a
from asyncrepl.instrument.probe_placement import DATA_CALLS, ITERATING_CALLS
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.uses import Use

__all__ = ["RULES", "SPREADS", "collect", "consumed", "from_call", "walked", "walks_async"]

_WALKERS = (ITERATING_CALLS.keys() | DATA_CALLS) - {"len", "next", "anext", "aiter", "iter"}
_LOOPS = ("for",)
SPREADS = ("star", "unpack")


def walks_async(use: Use | None) -> bool:
    """Whether the operand is an async iterable."""
    return use is not None and use.info is not None and is_async_iterable(use.info)


def consumed(evidence: Evidence) -> Use | None:
    """An argument that a builtin had to walk, as the interpreter (not user code) called it."""
    for use in evidence.uses:
        name = callee_name(use.owner) if use.role == "argument" else ""
        # Some of these are written in Python: then it failed inside the library.
        called = name in _WALKERS and (evidence.direct or name in DATA_CALLS)
        if called and (walks_async(use) or use.kind is CoroutineType):
            return use
    return None


def walked(evidence: Evidence, *roles: str) -> Use | None:
    """The async iterable that the interpreter refused to walk in one of these roles."""
    use = evidence.use(*roles)
    return use if evidence.direct and walks_async(use) and use and use.lacks else None


def collect(evidence: Evidence, use: Use) -> Fix | None:
    """The operand as a list, made by an async comprehension."""
    fixing = Fixing(evidence)
    try:
        fixing.collected(evidence.unit, use.node)
    except CannotFixError:
        return None
    return fixing.fix()


def _loop_async(evidence: Evidence, use: Use) -> Fix | None:
    fixing = Fixing(evidence)
    try:
        fixing.loop_async(evidence.unit, use.owner)
    except CannotFixError:
        return None
    return fixing.fix()


def _for_generator(evidence: Evidence) -> Finding | None:
    use = walked(evidence, *_LOOPS)
    if use is None or use.kind is not AsyncGeneratorType:
        return None
    why = (
        f"{short(evidence.unit, use.node)} is an async generator: it has `__anext__` but no "
        "`__next__`, and a plain `for` cannot wait for a value."
    )
    return Finding(why, _loop_async(evidence, use))


def _for_class(evidence: Evidence) -> Finding | None:
    use = walked(evidence, *_LOOPS) or consumed(evidence)
    if use is None or not walks_async(use) or use.info is None or use.kind is AsyncGeneratorType:
        return None
    why = (
        f"`{use.info.kind.__name__}` has `__aiter__` and no `__iter__`: only `async for` "
        "can walk it."
    )
    if use.role == "argument":
        return Finding(why, from_call(evidence, use))
    return Finding(why, _loop_async(evidence, use))


def from_call(evidence: Evidence, use: Use) -> Fix | None:
    """``list(x)`` as a comprehension; any other call over a list made by one."""
    call = use.owner
    if not isinstance(call, ast.Call) or callee_name(call) != "list" or len(call.args) != 1:
        return collect(evidence, use)
    fixing = Fixing(evidence)
    try:
        fixing.list_call(evidence.unit, call, use.node)
    except CannotFixError:
        return None
    return fixing.fix()


def _for_coroutine(evidence: Evidence) -> Finding | None:
    use = evidence.use("for", "star", "unpack") or consumed(evidence)
    if use is None or use.info is None or not evidence.direct:
        return None
    if use.info.kind is not CoroutineType:
        return None
    fixing, unit = Fixing(evidence), evidence.unit
    why = f"{short(unit, use.node)} is a coroutine: what it returns only exists after `await`."
    result = evidence.resolver.returned(use.info.code)
    try:
        if result is not None and is_async_iterable(result) and use.role == "for":
            fixing.loop_async(unit, use.owner)
        fixing.awaiting(unit, use.node)
    except CannotFixError:
        return Finding(why)
    return Finding(why, fixing.fix())


def _yield_from(evidence: Evidence) -> Finding | None:
    use = walked(evidence, "yield from")
    if use is None:
        return None
    unit, fixing = evidence.unit, Fixing(evidence)
    why = f"`yield from` walks synchronously, and {short(unit, use.node)} is {a(use)}."
    if not isinstance(unit.parents.get(use.owner), ast.Expr):
        return Finding(why)
    name, by = fresh(unit, "item"), unit.source.indent(use.owner)
    text = f"async for {name} in {unit.source.source(use.node)}:\n{by}    yield {name}"
    fixing.of(unit).replace(use.owner, text)
    try:
        fixing.suspending(unit, use.owner)
    except CannotFixError:
        return Finding(why)
    return Finding(why, fixing.fix())


def _unpacked(evidence: Evidence) -> Finding | None:
    use = walked(evidence, *SPREADS)
    if use is None:
        return None
    why = (
        f"Unpacking walks synchronously, and {short(evidence.unit, use.node)} is {a(use)}: "
        "collect its values first."
    )
    return Finding(why, collect(evidence, use))


RULES = (
    Rule(
        "for-over-async-generator",
        "a plain `for` over an async generator",
        1,
        "`for` calls `__iter__`; an async iterable only has `__aiter__`. Write `async for` "
        "(inside `async def` or at the async prompt).",
        _for_generator,
    ),
    Rule(
        "for-over-async-iterable-class",
        "a plain `for` over a class with `__aiter__`",
        1,
        "`for` looks for `__iter__`; the class only implements the async protocol. Write "
        "`async for`.",
        _for_class,
    ),
    Rule(
        "for-over-coroutine",
        "a plain `for` over a coroutine",
        1,
        "Await first: `for x in await load():`. If the function should produce items one by "
        "one, give it a `yield` and use `async for`.",
        _for_coroutine,
    ),
    Rule(
        "yield-from-async-generator-in-sync-generator",
        "`yield from` an async generator",
        1,
        "`yield from` iterates synchronously. Make the outer function `async def` and re-yield: "
        "`async for x in inner(): yield x`.",
        _yield_from,
    ),
    Rule(
        "unpack-async-generator",
        "unpacking an async generator",
        1,
        "Unpacking iterates synchronously. Make a list first: `a, b = [x async for x in gen()]`, "
        "`f(*[x async for x in gen()])`.",
        _unpacked,
    ),
)
