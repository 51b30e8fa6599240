"""Single steps of an async generator in the source, and where names come from."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.uses import callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.units import Unit

__all__ = ["STEPS", "assignment", "stepped_source"]

STEPS = ("anext", "__anext__", "asend", "athrow", "aclose")


def stepped_source(call: ast.Call) -> ast.expr | None:
    """The generator a step is asked of: in ``anext(g)`` and in ``g.asend(1)``."""
    if callee_name(call) not in STEPS:
        return None
    if isinstance(call.func, ast.Attribute):
        return call.func.value
    return call.args[0] if call.args else None


def assignment(evidence: Evidence, name: str) -> tuple[Unit, ast.Assign] | None:
    """The last assignment of a plain name, in any unit."""
    for unit in (evidence.unit, *evidence.units.all()):
        for node in unit.nodes(ast.Assign):
            if any(isinstance(each, ast.Name) and each.id == name for each in node.targets):
                return unit, node
    return None
