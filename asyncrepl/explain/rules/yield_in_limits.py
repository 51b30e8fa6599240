"""A ``yield`` inside a time limit or a task group: what that cancels is whoever has the item."""

from __future__ import annotations

import ast
import textwrap
from asyncio import CancelledError
from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import Fixing, short
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.static_values import Resolver
from asyncrepl.syntax.names import callee_name
from asyncrepl.syntax.source_rewriter import indent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.events.object_info import ObjectInfo
    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Function, Unit

__all__ = ["RULES"]

#: Those of asyncio, anyio and trio: they cancel the task that has entered them.
_SCOPES = frozenset({
    "timeout", "timeout_at", "TaskGroup", "move_on_after", "move_on_at", "fail_after", "fail_at",
    "create_task_group", "open_nursery", "CancelScope",
})  # fmt: skip
_LIMITS = _SCOPES - {"TaskGroup", "create_task_group", "open_nursery"}


def _cancelled(evidence: Evidence) -> Finding | None:
    """The body of a loop was cancelled, by what the generator that it walks has entered."""
    for site in evidence.sites:
        for info in _walked(evidence, site):
            made = evidence.units.definition(info.code)
            block = _yields_inside(made[1]) if made else None
            if made is None or block is None:
                continue
            unit, function = made
            name = short(unit, block.items[0].context_expr)
            limit = any(callee_name(item.context_expr) in _LIMITS for item in block.items)
            what = "The time limit" if limit else "The group of tasks"
            why = (
                f"`{function.name}` yields inside {name}. {what} counts on while the caller has "
                "the item, and cancels the body of its loop: CancelledError there."
            )
            return Finding(why, _limit_steps(evidence, unit, block) if limit else None)
    return None


def _walked(evidence: Evidence, site: Site) -> Iterator[ObjectInfo]:
    """The async generators over which the loops go in whose bodies the place is."""
    resolver, child = Resolver.of_frame(evidence.units, site.frame), None
    for node in site.nodes[::-1]:
        for parent in (node, *site.unit.ancestors(node)):
            if isinstance(parent, ast.AsyncFor) and child in parent.body:
                info = resolver.info(parent.iter)
                if info is not None and info.kind is AsyncGeneratorType:
                    yield info
            child = parent
        return


def _yields_inside(function: Function) -> ast.AsyncWith | ast.With | None:
    """The block of such a scope in `function` that has a ``yield`` in it."""
    for node in own_nodes(function):
        if isinstance(node, ast.AsyncWith | ast.With):
            entered = any(callee_name(item.context_expr) in _SCOPES for item in node.items)
            inside = (each for statement in node.body for each in own_nodes(statement))
            if entered and any(isinstance(each, ast.Yield) for each in inside):
                return node
    return None


def _limit_steps(evidence: Evidence, unit: Unit, block: ast.AsyncWith | ast.With) -> Fix | None:
    """The limit around each step of the loop in it, where there is nothing else."""
    loop = block.body[0]
    if len(block.body) != 1 or not isinstance(loop, ast.AsyncFor) or loop.orelse:
        return None
    if any(isinstance(each, ast.Continue | ast.Break) for each in ast.walk(loop)):
        return None
    source, fixing = unit.source.source, Fixing(evidence)
    name = fixing.fresh(unit, "iterator")
    head = unit.text[unit.source.span(block).start : unit.source.span(loop).start].rstrip()
    start, end = unit.source.span(loop.body[0]).start, unit.source.span(loop.body[-1]).end
    first = unit.source.indent(loop.body[0])
    body = textwrap.dedent(first + unit.text[start:end])
    text = (
        f"{name} = aiter({source(loop.iter)})\nwhile True:\n    {head}\n        try:\n"
        f"            {source(loop.target)} = await anext({name})\n"
        f"        except StopAsyncIteration:\n            break\n{indent(body, '    ')}"
    )
    by = unit.source.indent(block)
    fixing.of(unit).replace(block, indent(text, by).removeprefix(by))
    return fixing.fix()


RULES = (
    Rule(
        "yield-inside-a-cancel-scope",
        "a `yield` inside a time limit or a task group",
        5,
        "`asyncio.timeout` and `TaskGroup` cancel the task that has entered them. At a `yield` "
        "inside, that task is in the body of whoever walks the generator. Put the limit around "
        "the wait alone: `async with asyncio.timeout(t): item = await anext(source)`, and the "
        "`yield` behind it.",
        _cancelled,
        errors=(CancelledError,),
    ),
)
