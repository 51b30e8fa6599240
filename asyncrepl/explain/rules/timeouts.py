"""A step that a timeout took away."""

from __future__ import annotations

import ast
from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix, Other
from asyncrepl.explain.fixing import CannotFixError, Fixing
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.rules.ending import STEPS, awaited_step, stopped_at
from asyncrepl.language.names import callee_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.units import Unit

__all__ = ["RULES"]


def _timed_out(evidence: Evidence) -> Finding | None:
    site = stopped_at(evidence)
    step = awaited_step(evidence, site) if site else None
    call = step[1] if step else None
    name = call.args[0] if call and call.args else None
    if site is None or not isinstance(name, ast.Name):
        return None
    stream = evidence.resolver.value(name)
    if not isinstance(stream, AsyncGeneratorType) or stream.ag_frame is not None:
        return None
    found = _limited_step(evidence, name.id)
    if found is None:
        return None
    why = (
        f"The timeout cancelled a step of `{name.id}` and so finished the generator: it has no "
        "next item any more."
    )
    also = Other("exhausted-anext-raises", "it had run out of items before")
    return Finding(why, _shielded(evidence, site, call, *found), also)


def _limited_step(evidence: Evidence, name: str) -> tuple[Unit, ast.Call] | None:
    """The call of ``anext(name)`` that was given to ``wait_for``, or stands in a ``timeout``."""
    for unit in evidence.units.all():
        for call in _limited(unit):
            named = {each.id for each in ast.walk(call) if isinstance(each, ast.Name)}
            if callee_name(call) in STEPS and name in named:
                return unit, call
    return None


def _limited(unit: Unit) -> Iterator[ast.Call]:
    """All calls that are under a time limit."""
    for call in unit.nodes(ast.Call):
        if callee_name(call) == "wait_for" and call.args and isinstance(call.args[0], ast.Call):
            yield call.args[0]
    for block in unit.nodes(ast.AsyncWith):
        if any(callee_name(item.context_expr) in _LIMITS for item in block.items):
            inside = (each for statement in block.body for each in ast.walk(statement))
            yield from (each for each in inside if isinstance(each, ast.Call))


_LIMITS = ("timeout", "timeout_at")


def _shielded(
    evidence: Evidence, site: Site, call: ast.Call | None, unit: Unit, inner: ast.Call
) -> Fix | None:
    """Keep the step in a task that outlives the timeout, and await that task."""
    fixing = Fixing(evidence)
    text = unit.source.source(inner)
    try:
        step = fixing.fresh(unit, "step")
        kept = f"asyncio.shield({step} := asyncio.ensure_future({text}))"
        fixing.of(unit).replace(inner, kept)
        if call is not None:
            fixing.of(site.unit).replace(call, step)
    except CannotFixError:
        return None
    return fixing.fix()


RULES = (
    Rule(
        "timeout-ends-the-generator",
        "a timeout around one step of a generator",
        3,
        "`wait_for(anext(gen), t)` (or a `timeout` around it) cancels the running step; the "
        "generator is finished by the CancelledError. Keep the step in a task and shield it, or "
        "put the source behind a queue.",
        _timed_out,
        errors=(StopAsyncIteration,),
    ),
)
