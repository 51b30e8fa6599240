"""Async functions registered with a library that calls them later, and awaits nothing.

An exit stack, a finalizer, a signal: what they call gives a coroutine, and it dies.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.dropped_coroutines import (
    calls_that_made,
    dropped_name,
    is_kept,
    mentions,
)
from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import Fixing, short
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.value_origins import bindings, origins
from asyncrepl.syntax.names import callee_name, canonical_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

__all__ = ["RULES"]

#: What an exit stack has for an async function in the place of a plain one.
_OF_STACKS = {"callback": "push_async_callback", "push": "push_async_exit"}
_KNOWN = {"weakref.finalize", "signal.signal"}


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
    function = next(each for each in call.args if canonical_name(each).endswith(name))
    why = (
        f"`{callee_name(call)}` calls {short(unit, function)} later and awaits nothing: the "
        "coroutine that it gets never runs."
    )
    return Finding(why, _fix(evidence, unit, call, function))


def _is_of_stack(evidence: Evidence, unit: Unit, call: ast.Call) -> bool:
    """Whether it is a method of an ``AsyncExitStack``."""
    if callee_name(call) not in _OF_STACKS or not isinstance(call.func, ast.Attribute):
        return False
    return any(callee_name(made) == "AsyncExitStack" for made in _makers(evidence, unit, call.func))


def _makers(evidence: Evidence, unit: Unit, method: ast.Attribute) -> Iterator[ast.AST]:
    """What the owner of the method may have been made or entered by."""
    owner = method.value
    for name in bindings(unit, owner)[1] if isinstance(owner, ast.Name) else ():
        item = unit.parents.get(name)
        if isinstance(item, ast.withitem):
            yield item.context_expr
    yield from (each.node for each in origins(evidence.units, unit, owner))


def _fix(evidence: Evidence, unit: Unit, call: ast.Call, function: ast.expr) -> Fix | None:
    fixing, name = Fixing(evidence), canonical_name(call.func)
    if isinstance(call.func, ast.Attribute) and name not in _KNOWN:
        owner = unit.source.source(call.func.value)
        fixing.of(unit).replace(call.func, f"{owner}.{_OF_STACKS[call.func.attr]}")
    elif name == "weakref.finalize":
        given = [*call.args[call.args.index(function) + 1 :], *call.keywords]
        arguments = ", ".join(unit.source.source(each) for each in given)
        text = f"lambda: asyncio.run({unit.source.source(function)}({arguments}))"
        end = unit.source.span(given[-1] if given else function).end
        fixing.of(unit).replace(Span(unit.source.span(function).start, end), text)
        fixing.needs_import(unit, "asyncio")
    return fixing.fix()


RULES = (
    Rule(
        "coroutine-function-as-callback",
        "an async function registered with what awaits nothing",
        5,
        "What is registered here is called as a plain function. An `AsyncExitStack` has "
        "`push_async_callback`; elsewhere write a plain function, or run the coroutine in it.",
        _registered,
        "seen",
        sees="dropped",
    ),
)
