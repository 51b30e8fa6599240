"""Whether an expression stands where only its truth is asked."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.source_units import Unit

__all__ = ["is_test"]


def is_test(unit: Unit, node: ast.expr) -> bool:
    """Whether `node` is what an ``if``, a ``while`` or ``not`` asks, or a part of it."""
    child: ast.AST = node
    for parent in unit.ancestors(node):
        if isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not):
            return True
        if isinstance(parent, ast.comprehension):
            return child in parent.ifs
        if isinstance(parent, ast.Call) and callee_name(parent) == "bool":
            return True
        if not isinstance(parent, ast.BoolOp):
            return getattr(parent, "test", None) is child
        child = parent
    return False
