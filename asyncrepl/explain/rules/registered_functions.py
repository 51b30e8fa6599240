"""Async functions registered with what calls them later, as plain ones, and awaits nothing.

An exit stack, the interpreter at its end, a finalizer: what they get is a coroutine, and it dies.
"""

from __future__ import annotations

import ast
from types import CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.explain.dropped_coroutines import (
    calls_that_made,
    dropped_name,
    is_kept,
)
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, short
from asyncrepl.explain.other_callers import mentions
from asyncrepl.explain.rules.async_callbacks import THREADS, called_here, makers
from asyncrepl.syntax.names import callee_name, canonical_name, written_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

#: What an exit stack has for an async function in the place of a plain one.
_OF_STACKS = {"callback": "push_async_callback", "push": "push_async_exit"}
#: What registers one with the interpreter.
_KNOWN = {"weakref.finalize", "signal.signal", "atexit.register"}


def _registered(evidence: Evidence) -> Finding | None:
    name = dropped_name(evidence)
    if any(not is_kept(*place) for place in calls_that_made(evidence)):
        return None
    found = [
        (unit, call)
        for unit, call in mentions(evidence, name)
        if canonical_name(call.func) in _KNOWN or _is_of_stack(evidence, unit, call)
    ]
    if len(found) != 1 or len(mentions(evidence, name)) != 1:
        return None
    unit, call = found[0]
    named = (each for each in call.args if canonical_name(each).endswith(name))
    if (function := next(named, None)) is None:
        return None  # its decorator has registered it
    why = (
        f"`{callee_name(call)}` calls {short(unit, function)} later and awaits nothing: the "
        "coroutine that it gets never runs."
    )
    return Finding(why, _registered_otherwise(evidence, unit, call, function))


def _at_exit(evidence: Evidence) -> Finding | None:
    """An async function that `atexit` is to call, when there is no loop any more."""
    use, unit = evidence.use("seen"), evidence.unit
    if use is None:
        return None
    place, call = use.node, unit.parents.get(use.node)
    if isinstance(call, ast.AsyncFunctionDef) and canonical_name(place) == "atexit.register":
        name, fix = f"`{call.name}`", None
    elif isinstance(call, ast.Call) and canonical_name(call.func) == "atexit.register":
        name, fix = short(unit, place), None
        if not isinstance(place, ast.Lambda):
            fix = _registered_otherwise(evidence, unit, call, place)
        elif all(each.kind is not CoroutineType for each in evidence.resolver.options(place.body)):
            return None
    else:
        return None
    why = (
        f"`atexit` calls {name} when the program ends and awaits nothing: it gets a coroutine, "
        "which never runs, for there is no loop any more. What is to be closed in the loop is "
        "closed at the end of what `asyncio.run` runs."
    )
    return Finding(why, fix)


def _step_called(evidence: Evidence) -> Finding | None:
    """``to_thread(stream.aclose)``: what a step method gives is to be awaited."""
    use, unit = evidence.use("seen"), evidence.unit
    call = unit.enclosing(use.node, ast.Call) if use is not None else None
    if use is None or use.info is None or call is None or use.kind is not str:
        return None
    name = str(use.info.value)
    text, written = short(unit, use.node), written_name(use.node) == name
    of = text if written else f"{text} is the `{name}` of an async generator, and"
    why = (
        f"{of} only makes something to be awaited: `{callee_name(call)}` calls it, and nobody "
        "awaits what it gives, so nothing of it runs."
    )
    fix = None
    if not written:  # who knows what else it is given
        return Finding(why)
    if callee_name(call) in THREADS:
        parts = call.args[call.args.index(use.node) :]
        fix = corrected(evidence, called_here, unit, call, parts)
    elif _is_of_stack(evidence, unit, call):
        fix = _registered_otherwise(evidence, unit, call, use.node)
    return Finding(why, fix)


def _is_of_stack(evidence: Evidence, unit: Unit, call: ast.Call) -> bool:
    """Whether it is a method of an ``AsyncExitStack``."""
    if callee_name(call) not in _OF_STACKS or not isinstance(call.func, ast.Attribute):
        return False
    return any(callee_name(made) == "AsyncExitStack" for made in makers(evidence, unit, call.func))


@correction
def _registered_otherwise(fixing: Fixing, unit: Unit, call: ast.Call, function: ast.expr) -> None:
    name = canonical_name(call.func)
    if isinstance(call.func, ast.Attribute) and name not in _KNOWN:
        owner = unit.source.source(call.func.value)
        fixing.of(unit).replace(call.func, f"{owner}.{_OF_STACKS[call.func.attr]}")
    elif name in ("weakref.finalize", "atexit.register"):
        given = [*call.args[call.args.index(function) + 1 :], *call.keywords]
        arguments = ", ".join(unit.source.source(each) for each in given)
        text = f"lambda: asyncio.run({unit.source.source(function)}({arguments}))"
        end = unit.source.span(given[-1] if given else function).end
        fixing.of(unit).replace(Span(unit.source.span(function).start, end), text)
        fixing.needs_import(unit, "asyncio")


RULES = (
    Rule(
        "coroutine-function-as-callback",
        "an async function registered with what awaits nothing",
        5,
        "What is registered here is called as a plain function. An `AsyncExitStack` has "
        "`push_async_callback`; elsewhere write a plain function, or run the coroutine in it.",
        _registered,
        sees="dropped",
    ),
    Rule(
        "coroutine-function-as-callback",
        "an async function that is to be called at exit",
        5,
        "When `atexit` calls its functions the loop is over, and it calls plain ones only. Await "
        "what closes things in a `finally` of `main()`, or in an `async with`.",
        _at_exit,
        sees="called back",
    ),
    Rule(
        "generator-call-not-awaited",
        "`aclose` given to what awaits nothing",
        3,
        "`aclose`, `asend` and `athrow` of an async generator only make an awaitable. A thread or "
        "a callback calls them in vain: `await gen.aclose()`, or a stack's `push_async_callback`.",
        _step_called,
        sees="called back",
    ),
)
