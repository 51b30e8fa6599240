"""What is done with a value afterwards: whether it is walked, under its name or by others."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.value_origins import loads
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.repairs.repair_case import Case
    from asyncrepl.explain.source_units import Unit

__all__ = ["is_walked", "later_walked"]


def is_walked(unit: Unit, node: ast.expr) -> bool:
    """Whether `node` is what an asynchronous loop walks, or a step is asked of."""
    parent = unit.parents.get(node)
    if isinstance(parent, ast.AsyncFor | ast.comprehension) and parent.iter is node:
        return isinstance(parent, ast.AsyncFor) or bool(parent.is_async)
    if isinstance(parent, ast.Call):
        return callee_name(parent) in ("anext", "aiter", "aclosing")
    return isinstance(parent, ast.Attribute) and parent.attr in ("__anext__", "asend", "aclose")


def later_walked(case: Case, parent: ast.AST | None) -> bool:
    """Whether what was awaited is walked afterwards: under its name, or by those who call."""
    unit = case.unit
    if isinstance(parent, ast.Assign | ast.NamedExpr | ast.AnnAssign):
        targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
        for target in targets:
            if isinstance(target, ast.Name):
                return any(is_walked(unit, each) for each in loads(unit, target))
            if isinstance(target, ast.Attribute):
                return any(
                    is_walked(each, node)
                    for each in case.evidence.units.all()
                    for node in each.nodes(ast.Attribute)
                    if node.attr == target.attr
                )
    if isinstance(parent, ast.Return):
        function = unit.function(parent)
        return function is not None and _result_is_walked(case, function.name)
    if isinstance(parent, ast.withitem):
        return False
    if isinstance(parent, ast.Call | ast.keyword):
        return _argument_is_walked(case, parent)
    return False


def _argument_is_walked(case: Case, parent: ast.AST) -> bool:
    """Whether the function that gets it walks its parameter."""
    call = case.unit.parents.get(parent) if isinstance(parent, ast.keyword) else parent
    if not isinstance(call, ast.Call):
        return False
    for unit in case.evidence.units.all():
        for function in unit.functions():
            if function.name == callee_name(call):
                names = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
                walked = [
                    node
                    for node in own_nodes(function)
                    if isinstance(node, ast.Name) and node.id in names and is_walked(unit, node)
                ]
                return bool(walked)
    return False


def _result_is_walked(case: Case, name: str) -> bool:
    for unit in case.evidence.units.all():
        for call in unit.nodes(ast.Call):
            if callee_name(call) != name:
                continue
            parent = unit.parents.get(call)
            used: ast.expr = parent if isinstance(parent, ast.Await) else call
            if is_walked(unit, used):
                return True
            assigned = unit.parents.get(used)
            target = assigned.targets[0] if isinstance(assigned, ast.Assign) else None
            uses = loads(unit, target) if isinstance(target, ast.Name) else []
            if any(is_walked(unit, each) for each in uses):
                return True
    return False
