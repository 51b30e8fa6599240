"""Coroutines and async generators that are driven by hand, as plain generators were."""

from __future__ import annotations

import ast
import asyncio
from types import CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import is_real_instance
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import replaced, short
from asyncrepl.explain.held_operands import ASYNCIO, innermost_frame
from asyncrepl.syntax.names import callee_name, method_owner
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Unit


def _why_driven(unit: Unit, node: ast.expr) -> str:
    return f"{short(unit, node)} is a coroutine: the event loop drives it when it is awaited."


def _sent(evidence: Evidence) -> Finding | None:
    """``coro.send(None)`` by hand, which fails itself or as soon as the loop is needed."""
    for site in evidence.sites:
        call = site.node(ast.Call)
        sent = method_owner(call) if call is not None and callee_name(call) == "send" else None
        if sent is None:
            continue
        if evidence.leak or not (_fails_itself(evidence, site) or _lacks_loop(evidence)):
            continue
        resolver = type(evidence.resolver).of_frame(evidence.units, site.frame)
        info = resolver.info(sent)
        if info is not None and info.kind is CoroutineType:
            return Finding(_why_driven(site.unit, sent))
    return None


def _fails_itself(evidence: Evidence, site: Site) -> bool:
    return evidence.direct and site is evidence.sites[-1]


def _lacks_loop(evidence: Evidence) -> bool:
    """Whether asyncio found no loop, or a future, still pending, was not resumed by its own."""
    inner = evidence.inner[-1].co_filename if evidence.inner else ""
    if inner.startswith(ASYNCIO) and asyncio._get_running_loop() is None:  # noqa: SLF001  its public sister raises
        return True
    frame = innermost_frame(evidence)
    values = frame.f_locals.values() if frame is not None else ()
    return any(is_real_instance(each, asyncio.Future) and not each.done() for each in values)


def _thrown(evidence: Evidence) -> Finding | None:
    """``athrow(type, value)``, of which the interpreter warns."""
    unit = evidence.unit
    calls = [
        node
        for each in evidence.nodes
        for node in ast.walk(each)
        if isinstance(node, ast.Call) and callee_name(node) == "athrow"
    ]
    call = calls[0] if calls else None
    if call is None or len(call.args) < _TYPE_AND_VALUE:
        return None
    kind, value, *trace = (unit.source.source(each) for each in call.args)
    made = kind if value == "None" else f"{kind}({value})"
    if trace and trace[0] != "None":
        made = f"{made if made.endswith(')') else made + '()'}.with_traceback({trace[0]})"
    given = Span(unit.source.span(call.args[0]).start, unit.source.span(call.args[-1]).end)
    why = f"{short(unit, call)} takes one exception; a type and a value are the old way."
    return Finding(why, replaced(evidence, unit, (given, made)))


_TYPE_AND_VALUE = 2


RULES = (
    Rule(
        "coroutine-driven-like-a-generator",
        "a coroutine driven by hand",
        3,
        "Coroutines are driven by the event loop: `await coro` (or make a task). `next(coro)` "
        "does not exist, and `send` by hand only works for what needs no event loop.",
        _sent,
        errors=(TypeError, RuntimeError),
    ),
    Rule(
        "athrow-with-type-value-traceback",
        "`athrow` with a type and a value",
        2,
        "`athrow(type, value, traceback)` is on its way out: give it the exception, "
        "`await gen.athrow(ValueError('stop'))`.",
        _thrown,
        sees="deprecated",
    ),
)
