"""Coroutines taken for something else: their result, a generator, a constructor, a callback."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path
from types import CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import CannotFixError, Fixing, awaited, short
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.generator_steps import STEPS
from asyncrepl.explain.rule import Rule
from asyncrepl.syntax.names import callee_name, method_owner

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Unit

__all__ = ["RULES"]


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


_ASYNCIO = str(Path(asyncio.__file__).parent)


def _lacks_loop(evidence: Evidence) -> bool:
    """Whether asyncio found no loop, or a future, still pending, was not resumed by its own."""
    inner = evidence.inner[-1].co_filename if evidence.inner else ""
    if inner.startswith(_ASYNCIO) and asyncio._get_running_loop() is None:  # noqa: SLF001  its public sister raises
        return True
    trace = evidence.error.__traceback__ if evidence.error else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    values = trace.tb_frame.f_locals.values() if trace is not None else ()
    return any(isinstance(each, asyncio.Future) and not each.done() for each in values)


def _callback(evidence: Evidence) -> Finding | None:
    calls = [node for node in evidence.nodes if isinstance(node, ast.Call)]
    call = calls[0] if calls and evidence.direct else None
    if call is None or callee_name(call) not in ("sorted", "min", "max", "sort", "reduce"):
        return None
    key = next((each for each in call.keywords if each.arg == "key"), None)
    function = evidence.resolver.value(key.value) if key else None
    made = evidence.resolver.result(function)
    if key is None or made is None or made.kind is not CoroutineType:
        return None
    unit = evidence.unit
    why = (
        f"`{callee_name(call)}` calls {short(unit, key.value)} synchronously and compares "
        "coroutines: compute the keys first."
    )
    return Finding(why, _keys_first(evidence, call, key))


def _keys_first(evidence: Evidence, call: ast.Call, key: ast.keyword) -> Fix | None:
    if len(call.args) != 1 or not isinstance(call.func, ast.Name):
        return None
    unit, fixing = evidence.unit, Fixing(evidence)
    source, function = unit.source.source(call.args[0]), unit.source.source(key.value)
    name = fixing.fresh(unit, "keys")
    item = fresh(unit, "item")
    line = f"{name} = {{{item}: await {function}({item}) for {item} in {source}}}"
    fixing.of(unit).lines_before(unit.statement(call), line)
    fixing.of(unit).replace(call.args[0], name)
    fixing.of(unit).replace(key.value, f"{name}.get")
    try:
        fixing.suspending(unit, call)
    except CannotFixError:
        return None
    return fixing.fix()


def _at_prompt(evidence: Evidence) -> Finding | None:
    use = evidence.use("value")
    if use is None or use.kind is not CoroutineType or not isinstance(use.node, ast.Call):
        return None
    if callee_name(use.node) in STEPS:
        return None  # that is told as a step
    why = (
        f"{short(evidence.unit, use.node)} only makes a coroutine: nothing of it runs before "
        "it is awaited."
    )
    return Finding(why, awaited(evidence, evidence.unit, use.node))


RULES = (
    Rule(
        "async-callback-for-sync-function",
        "an async function given as a key",
        5,
        "Builtins call their callback synchronously and get coroutine objects. Compute the "
        "values first with an async comprehension.",
        _callback,
    ),
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
        "prompt-call-without-await",
        "a call of an async function without `await`",
        5,
        "At an async prompt type `await main()`; `main()` only shows a coroutine object.",
        _at_prompt,
        "value",
    ),
)
