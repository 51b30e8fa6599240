"""Calls that stand alone and may throw an async generator away: where their probe goes.

A statement that only calls ``readings()`` runs nothing of it, and Python has no word of
warning: unlike a coroutine, an async generator that was never begun dies in silence.

What does not work: a probe around every call that stands alone. It costs each of them
100 ns, also ``self.reset()``. Here a call gets one only if an async generator function of
its name was defined, in this text or an earlier one. That's a name, not the object:
the probe looks at the object. Loops are left alone for their speed.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["probe_discards"]

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")

#: The names of all async generator functions seen so far.
_names: set[str] = set()


def probe_discards(tree: ast.mod) -> None:
    """Put ``.discarded(…)`` around such calls, in `tree` itself.

    What stands at the top of an interactive statement is displayed, not thrown away.
    """
    calls: list[ast.Expr] = []
    for statement, kept in _statements([tree], kept=isinstance(tree, ast.Interactive)):
        if isinstance(statement, ast.AsyncFunctionDef) and _yields(statement):
            _names.add(statement.name)
        elif (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and not kept
        ):
            calls.append(statement)
    for call in calls:
        if _called_name(call.value) in _names:
            function = ast.copy_location(ast.Name(".discarded", ast.Load()), call.value)
            call.value = ast.copy_location(ast.Call(function, [call.value], []), call.value)


def _statements(nodes: Sequence[ast.AST], *, kept: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Everything that is or holds a statement; `kept` where none is to be probed."""
    for node in nodes:
        yield node, kept
        inner = isinstance(node, _LOOPS) or (kept and not isinstance(node, _SCOPES))
        for name in _BLOCKS:
            yield from _statements(getattr(node, name, ()), kept=inner)


def _yields(function: ast.AsyncFunctionDef) -> bool:
    return any(isinstance(node, ast.Yield) for node in ast.walk(function))


def _called_name(call: ast.expr) -> str:
    function = call.func if isinstance(call, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
