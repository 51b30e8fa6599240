"""A step that a timeout took away."""

from __future__ import annotations

import ast
from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fixing import CannotFixError, Fixing
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.rules.ending import STEPS, awaited_step, stopped_at
from asyncrepl.explain.uses import callee_name

if TYPE_CHECKING:
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
    return Finding(why, _shielded(evidence, site, call, *found), "exhausted-anext-raises")


def _limited_step(evidence: Evidence, name: str) -> tuple[Unit, ast.Call] | None:
    """The call of ``anext(name)`` that was given to ``wait_for``."""
    for unit in evidence.units.all():
        for call in unit.nodes(ast.Call):
            inner = call.args[0] if call.args and callee_name(call) == "wait_for" else None
            if not isinstance(inner, ast.Call) or callee_name(inner) not in STEPS:
                continue
            if name in {each.id for each in ast.walk(inner) if isinstance(each, ast.Name)}:
                return unit, inner
    return None


def _shielded(
    evidence: Evidence, site: Site, call: ast.Call | None, unit: Unit, inner: ast.Call
) -> Fix | None:
    """Keep the step in a task that outlives the timeout, and await that task."""
    fixing = Fixing(evidence)
    text = unit.source.source(inner)
    try:
        fixing.of(unit).replace(inner, f"asyncio.shield(step := asyncio.ensure_future({text}))")
        if call is not None:
            fixing.of(site.unit).replace(call, "step")
    except CannotFixError:
        return None
    return fixing.fix()


RULES = (
    Rule(
        "timeout-ends-the-generator",
        "a timeout around one step of a generator",
        3,
        "`wait_for(anext(gen), t)` cancels the running step; the generator is finished by the "
        "CancelledError. Keep the step in a task and shield it, or put the source behind a "
        "queue.",
        _timed_out,
        errors=(StopAsyncIteration,),
    ),
)
