"""Single steps of an async generator in the source, and where names come from."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.events import object_info
from asyncrepl.syntax.names import callee_name, last_name, method_owner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.events.object_info import ObjectInfo
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

__all__ = ["STEPS", "assignment", "called", "given", "is_step", "stepped_source"]

STEPS = ("anext", "__anext__", "asend", "athrow", "aclose")


def is_step(info: ObjectInfo | None) -> bool:
    """Whether it is the awaitable of a single step."""
    return info is not None and object_info.is_step(info.kind)


def called(evidence: Evidence, unit: Unit, node: ast.expr) -> tuple[Unit, ast.Call] | None:
    """The call that made the operand `node` of `unit`: itself, or the one assigned to its name."""
    if isinstance(node, ast.Name):
        assigned = assignment(evidence, node.id)
        if assigned is None:
            return None
        unit, node = assigned[0], assigned[1].value
    return (unit, node) if isinstance(node, ast.Call) else None


def stepped_source(call: ast.Call) -> ast.expr | None:
    """The generator a step is asked of: in ``anext(g)`` and in ``g.asend(1)``."""
    if callee_name(call) not in STEPS:
        return None
    owner = method_owner(call)
    if owner is not None:
        return owner
    return call.args[0] if call.args else None


def assignment(evidence: Evidence, name: str) -> tuple[Unit, ast.Assign] | None:
    """The last assignment of a plain name, in any unit."""
    for unit in (evidence.unit, *evidence.units.all()):
        for node in unit.nodes(ast.Assign):
            if any(isinstance(each, ast.Name) and each.id == name for each in node.targets):
                return unit, node
    return None


def given(evidence: Evidence, name: str) -> tuple[Unit, ast.expr] | None:
    """What a variable or an attribute of this name is given, in any unit: the last of all.

    Of ``a, b = x, y`` each has its own.
    """
    for unit in (evidence.unit, *evidence.units.all()):
        found: Iterator[ast.Assign | ast.AnnAssign] = unit.nodes(ast.Assign, ast.AnnAssign)
        for node in found:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for one, value in _pairs(target, node.value):
                    if last_name(one) == name and not isinstance(value, ast.Name):
                        return unit, value
    return None


def _pairs(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The targets in an assignment with what each is given."""
    if value is None:
        return
    if isinstance(target, ast.Tuple | ast.List):
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            for one, part in zip(target.elts, value.elts, strict=True):
                yield from _pairs(one, part)
        return
    yield target, value
