"""Loops that take a step by hand each round: where the items end, they have to end as well.

A default in the place of the end only moves the mistake: ``while True`` never ends then.
"""

from __future__ import annotations

import ast
from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.explain.source_units import FUNCTIONS
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import stepped_source
from asyncrepl.syntax.source_rewriter import Span, indent

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.fix_editor import Fixing
    from asyncrepl.explain.source_units import Unit
    from asyncrepl.syntax.source_rewriter import SourceRewriter

__all__ = ["end_loop", "guard_statement"]


def guard_statement(
    edits: SourceRewriter, unit: Unit, node: ast.AST, stop: str, handler: str
) -> None:
    """Put ``try`` / ``except stop: handler`` around the statement that holds `node`."""
    statement = unit.statement(node)
    start, end = unit.source.block(statement)
    by = unit.source.indent(statement)
    body = indent(unit.text[start:end].rstrip("\n"), "    ")
    text = f"{by}try:\n{body}\n{by}except {stop}:\n{by}    {handler}\n"
    edits.applicable &= unit.source.begins_line(statement)
    edits.replace(unit.source.block(statement), text)


def end_loop(evidence: Evidence, fixing: Fixing, sites: list[Site], step: ast.Call | None) -> bool:
    """Let the loop end with the items of which `sites[-1]` took one too many.

    The innermost loop in that function counts, and else an endless one in a caller's. False if
    there is none. A ``while True`` that begins with the `step` becomes an ``async for``.
    """
    for site in reversed(sites):
        loop = _loop_around(site)
        if loop is None or not (site is sites[-1] or _is_endless(loop)):
            continue
        if step is None or not _iterated_instead(evidence, fixing, site, loop, step):
            edits = fixing.of(site.unit)
            guard_statement(edits, site.unit, site.nodes[-1], "StopAsyncIteration", "break")
        return True
    return False


def _loop_around(site: Site) -> ast.While | ast.For | None:
    """The loop in whose body the place is, in the same function and not in a ``finally``."""
    if not site.nodes:
        return None
    child = site.nodes[-1]
    for parent in site.unit.ancestors(child):
        if isinstance(parent, (*FUNCTIONS, ast.Lambda, ast.AsyncFor, ast.comprehension)):
            return None
        if isinstance(parent, ast.Try) and child in parent.finalbody:
            return None
        if isinstance(parent, ast.While | ast.For) and child in parent.body:
            return parent
        child = parent
    return None


def _is_endless(loop: ast.While | ast.For) -> bool:
    test = loop.test if isinstance(loop, ast.While) else None
    return isinstance(test, ast.Constant) and bool(test.value)


def _iterated_instead(
    evidence: Evidence, fixing: Fixing, site: Site, loop: ast.While | ast.For, step: ast.Call
) -> bool:
    """``while True: x = await anext(it)`` → ``async for x in it``, if that is all it can be."""
    first, source = loop.body[0], stepped_source(step)
    if not _is_endless(loop) or loop.orelse or len(loop.body) < 2 or source is None:
        return False
    if not isinstance(first, ast.Assign) or len(first.targets) != 1:
        return False
    value = first.value
    if not isinstance(value, ast.Await) or value.value is not step or step.keywords:
        return False
    owns = Resolver.of_frame(evidence.units, site.frame).info(source)
    unit = site.unit
    if owns is None or owns.kind is not AsyncGeneratorType or _is_used_again(loop, source):
        return False
    if not (unit.source.begins_line(first) and unit.source.begins_line(loop.body[1])):
        return False
    edits, begin = fixing.of(unit), unit.source.span(loop).start
    target = unit.source.source(first.targets[0])
    head = f"async for {target} in {unit.source.source(source)}"
    edits.replace(Span(begin, unit.source.span(loop.test).end), head)  # type: ignore[union-attr]
    edits.remove(first)
    return True


def _is_used_again(loop: ast.stmt, source: ast.expr) -> bool:
    """Whether `loop` does more with `source`; of what is no name, nobody knows."""
    if not isinstance(source, ast.Name):
        return True
    names = (each.id for each in ast.walk(loop) if isinstance(each, ast.Name))
    return sum(name == source.id for name in names) > 1
