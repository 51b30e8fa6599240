"""Giving a function the ``yield`` it lacks, and taking away one it should not have."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.scopes import own_nodes
from asyncrepl.syntax.names import LOOPS, callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.explanation import Fix
    from asyncrepl.explain.fix_editor import Fixing
    from asyncrepl.explain.source_units import Function, Unit

__all__ = ["with_yield"]

_GIVING = ("append", "add", "print", "put", "put_nowait")


def with_yield(fixing: Fixing, unit: Unit, function: Function) -> Fix | None:
    """Yield what `function` prints or collects in its loop, or what it ends with."""
    edits = fixing.of(unit)
    given = [node for node in own_nodes(function) if _gives(unit, node)]
    if given:
        for node in given:
            value = node.value.args[0]  # type: ignore[attr-defined]  # see _gives
            edits.replace(node, f"yield {unit.source.source(value)}")
        _drop_collection(fixing, unit, function, given)
        return fixing.fix()
    last = function.body[-1]
    if isinstance(last, ast.Raise | ast.Pass):
        edits.lines_after(last, "yield")
        return fixing.fix()
    return None


def _gives(unit: Unit, node: ast.AST) -> bool:
    """Whether `node` is a statement like ``out.append(x)`` or ``print(x)`` in a loop."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or callee_name(call) not in _GIVING:
        return False
    looped = any(isinstance(each, LOOPS) for each in unit.ancestors(node))
    return looped and len(call.args) == 1 and not call.keywords


def _drop_collection(fixing: Fixing, unit: Unit, function: Function, given: list[ast.AST]) -> None:
    """Remove ``out = []`` if nothing but the replaced calls used ``out``."""
    for statement in function.body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if not isinstance(target, ast.Name):
            continue
        uses = [n for n in own_nodes(function) if isinstance(n, ast.Name) and n.id == target.id]
        inside = [name for node in given for name in ast.walk(node) if name in uses]
        if inside and len(inside) + 1 == len(uses):
            fixing.of(unit).remove(statement)
