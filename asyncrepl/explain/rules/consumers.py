"""Builtins that walk synchronously, given what is asynchronous."""

from __future__ import annotations

import ast
from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fixing import CannotFixError, Fixing, async_walks, short
from asyncrepl.explain.resolving import is_async_iterable
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.rules.plain_walks import (
    SPREADS,
    collect,
    consumed,
    from_call,
    walked,
    walks_async,
)
from asyncrepl.explain.walking import a
from asyncrepl.instrument.probe_placement import ITERTOOLS_CALLS
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.uses import Use

__all__ = ["RULES"]


_NUMBERING = ITERTOOLS_CALLS | {"enumerate", "zip", "map", "filter"}


def _generator_expression(evidence: Evidence, *, by_await: bool) -> Finding | None:
    use = consumed(evidence) or walked(evidence, *SPREADS)
    if use is None or not isinstance(use.node, ast.GeneratorExp):
        return None
    if any(clause.is_async for clause in use.node.generators) is by_await:
        return None
    unit = evidence.unit
    where = "into a call" if use.role != "argument" else f"to `{callee_name(use.owner)}`"
    word = "`await`" if by_await else "`async for`"
    why = (
        f"{word} makes {short(unit, use.node, 30)} an async generator; given {where} it is "
        "walked synchronously. Brackets make a list."
    )
    return Finding(
        why, from_call(evidence, use) if use.role == "argument" else collect(evidence, use)
    )


def _await_in_expression(evidence: Evidence) -> Finding | None:
    return _generator_expression(evidence, by_await=True)


def _async_expression(evidence: Evidence) -> Finding | None:
    return _generator_expression(evidence, by_await=False)


def _numbered(evidence: Evidence) -> Finding | None:
    use = consumed(evidence)
    if use is None or not walks_async(use) or callee_name(use.owner) not in _NUMBERING:
        return None
    unit, name = evidence.unit, callee_name(use.owner)
    why = f"`{name}` walks synchronously, and {short(unit, use.node)} is {a(use)}."
    return Finding(why, _numbering_fix(evidence, use))


def _numbering_fix(evidence: Evidence, use: Use) -> Fix | None:
    unit, call = evidence.unit, use.owner
    assert isinstance(call, ast.Call)
    outer = unit.parents.get(call)
    counted = _counted(evidence, use, call, outer) if callee_name(call) == "enumerate" else None
    if counted is not None:
        return counted
    fixing = Fixing(evidence)
    try:
        for argument in call.args:
            info = evidence.resolver.info(argument)
            if argument is use.node or (info and is_async_iterable(info)):
                fixing.collected(unit, argument)
        for loop in async_walks(unit, call):
            fixing.loop_plain(unit, loop)
    except CannotFixError:
        return None
    return fixing.fix()


def _counted(evidence: Evidence, use: Use, call: ast.Call, loop: ast.AST | None) -> Fix | None:
    """``for i, x in enumerate(xs)`` → an ``async for`` that counts by hand."""
    if not isinstance(loop, ast.For | ast.AsyncFor) or not isinstance(loop.target, ast.Tuple):
        return None
    unit, fixing = evidence.unit, Fixing(evidence)
    if len(loop.target.elts) != 2 or not isinstance(loop.target.elts[0], ast.Name):
        return None
    edits, source = fixing.of(unit), unit.source.source
    counter = loop.target.elts[0].id
    start = source(call.args[1]) if len(call.args) > 1 else "0"
    first = str(int(start) - 1) if start.isdigit() else f"{start} - 1"
    edits.lines_before(loop, f"{counter} = {first}")
    edits.replace(loop.target, source(loop.target.elts[1]))
    edits.replace(call, source(use.node))
    body = loop.body[0]
    by = unit.source.indent(body)
    separate = "; " if body.lineno == loop.lineno else f"\n{by}"
    edits.before(body, f"{counter} += 1{separate}")
    try:
        if isinstance(loop, ast.For):
            fixing.loop_async(unit, loop)
    except CannotFixError:
        return None
    return fixing.fix()


def _into_builtin(evidence: Evidence) -> Finding | None:
    use = consumed(evidence)
    if use is None or use.kind is not AsyncGeneratorType:
        return None
    unit, name = evidence.unit, callee_name(use.owner)
    why = (
        f"`{name}` walks synchronously and cannot wait; {short(unit, use.node)} is an async "
        "generator. Collect its values first."
    )
    return Finding(why, from_call(evidence, use))


RULES = (
    Rule(
        "await-in-genexp-makes-it-async",
        "`await` in a generator expression",
        1,
        "An `await` in the element or condition turns the generator expression into an async "
        "generator, which builtins cannot consume. Use a list: `any([await f(x) for x in xs])`.",
        _await_in_expression,
    ),
    Rule(
        "async-genexp-into-sync-consumer",
        "an async generator expression given to a synchronous builtin",
        1,
        "`(… async for …)` is an async generator object, not a list; a synchronous builtin "
        "cannot consume it. Use brackets: `sum([x async for x in gen()])`.",
        _async_expression,
    ),
    Rule(
        "enumerate-zip-map-over-async",
        "`enumerate`, `zip`, `map` or itertools over an async iterable",
        1,
        "These helpers call `__iter__`. Number or filter by hand inside an `async for` or an "
        "async comprehension, or use an async library (aiostream, aioitertools, asyncstdlib).",
        _numbered,
    ),
    Rule(
        "list-of-async-generator",
        "an async generator given to a builtin that walks it",
        1,
        "The builtins consume synchronously. Collect first with an async comprehension: "
        "`[x async for x in gen()]`, then hand over the list.",
        _into_builtin,
    ),
)
