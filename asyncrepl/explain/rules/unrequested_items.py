"""``async for`` over what has to be asked for items first: queues, context managers, None."""

from __future__ import annotations

import ast
import asyncio
from types import NoneType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import Fixing, short
from asyncrepl.explain.loop_edits import defined, over
from asyncrepl.explain.rule import Rule

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.operand_uses import Use
    from asyncrepl.explain.source_units import Function, Unit

__all__ = ["RULES"]


def _queue(evidence: Evidence) -> Finding | None:
    use = over(evidence)
    if use is None or use.info is None or not issubclass(use.info.kind, asyncio.Queue):
        return None
    unit = evidence.unit
    why = (
        f"{short(unit, use.node)} is a queue: it has no `__aiter__`; await `get()` for each item."
    )
    return Finding(why, _drained(evidence, use))


def _drained(evidence: Evidence, use: Use) -> Fix | None:
    """Walk the queue with an async generator that ends at None, or when the queue is empty."""
    unit, fixing = evidence.unit, Fixing(evidence)
    name = fixing.fresh(unit, "drain")
    loop = "    while (item := await queue.get()) is not None:\n        yield item\n"
    if not _holds_none(evidence, use):
        loop = "    while not queue.empty():\n        yield await queue.get()\n"
    statement = unit.statement(use.owner) if isinstance(use.owner, ast.stmt) else None
    statement = statement or unit.statement(use.node)
    fixing.of(unit).lines_before(statement, f"async def {name}(queue):\n{loop}")
    fixing.of(unit).replace(use.node, f"{name}({unit.source.source(use.node)})")
    return fixing.fix()


def _holds_none(evidence: Evidence, use: Use) -> bool:
    queue = evidence.resolver.value(use.node)
    return None in getattr(queue, "_queue", ())


def _none(evidence: Evidence) -> Finding | None:
    use = over(evidence)
    if use is None or use.kind is not NoneType:
        return None
    _unit, text = evidence.unit, short(evidence.unit, use.node)
    found = _called(evidence, use.node)
    if found is None:
        return Finding(f"{text} is None: there is nothing to walk.")
    name = found[1].name
    why = f"{text} is None: `{name}` makes something and ends without `return`."
    return Finding(why, _returned(evidence, *found))


def _called(evidence: Evidence, node: ast.expr) -> tuple[Unit, Function] | None:
    if not isinstance(node, ast.Call):
        return None
    function = evidence.resolver.value(node.func)
    return evidence.units.definition(getattr(function, "__code__", None))


def _may_be_walked(evidence: Evidence, node: ast.expr) -> bool:
    known = evidence.resolver.options(node)
    return not known or any(defined(each, "__aiter__") for each in known)


def _returned(evidence: Evidence, unit: Unit, function: Function) -> Fix | None:
    last = function.body[-1]
    fixing = Fixing(evidence)
    if (
        isinstance(last, ast.Expr)
        and _may_be_walked(evidence, last.value)
        and isinstance(last.value, ast.Call | ast.GeneratorExp | ast.Name)
    ):
        fixing.of(unit).before(last, "return ")
        return fixing.fix()
    target = last.targets[0] if isinstance(last, ast.Assign) else None
    if isinstance(target, ast.Name):
        fixing.of(unit).lines_after(last, f"return {target.id}")
        return fixing.fix()
    return None


RULES = (
    Rule(
        "async-for-over-queue",
        "`async for` over a queue",
        1,
        "`asyncio.Queue` has no `__aiter__`. Loop with `await queue.get()`, or wrap that in an "
        "async generator that ends on a sentinel.",
        _queue,
    ),
    Rule(
        "async-for-over-none",
        "`async for` over None",
        1,
        "A function without `return` gives None. Return the async iterable.",
        _none,
    ),
)
