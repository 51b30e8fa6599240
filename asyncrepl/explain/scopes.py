"""Whose code a node is: which function, lambda or class body runs it.

The parent alone does not tell: defaults, decorators and annotations stand
inside a ``def`` and are evaluated outside of it. Comprehensions are no scope
here: whether they may suspend is decided by the function around them.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.syntax.names import COMPREHENSIONS, SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.source_units import Function, Unit

__all__ = [
    "COMPREHENSIONS",
    "Scope",
    "annotated",
    "gives_self",
    "is_async",
    "own_nodes",
    "scope",
    "scopes",
]

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


def scopes(unit: Unit, node: ast.AST) -> Iterator[Scope]:
    """The scopes that run `node`, innermost first; none at the top level."""
    child = node
    for parent in unit.ancestors(node):
        if isinstance(parent, SCOPES) and _inside(parent, child):
            yield parent
        child = parent


def scope(unit: Unit, node: ast.AST) -> Scope | None:
    """The innermost scope that runs `node`; None at the top level."""
    return next(scopes(unit, node), None)


def _inside(parent: Scope, child: ast.AST) -> bool:
    if isinstance(parent, ast.Lambda):
        return child is parent.body
    return any(child is statement for statement in parent.body)


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run in `function` itself, not in functions or classes inside it."""
    body = function.body if isinstance(function, SCOPES) else [function]
    stack: list[ast.AST] = list(reversed(body)) if isinstance(body, list) else [body]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, SCOPES):
            continue
        stack.extend(reversed(list(ast.iter_child_nodes(node))))


def is_async(node: ast.AST) -> bool:
    """Whether `node` can only stand where the function may suspend."""
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp):
        return any(generator.is_async for generator in node.generators) or any(
            isinstance(inner, ast.Await) for inner in own_nodes(node)
        )
    return isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)


def annotated(unit: Unit, node: ast.AST) -> ast.AST | None:
    """The node whose annotation holds `node`: a parameter, a variable, a function."""
    child = node
    for parent in unit.ancestors(node):
        if getattr(parent, "annotation", None) is child or getattr(parent, "returns", 0) is child:
            return parent
        if isinstance(parent, ast.stmt):
            return None
        child = parent
    return None


def gives_self(method: Function) -> bool:
    """Whether a method returns its own object, and nothing else."""
    own = method.args.args[0].arg if method.args.args else ""
    returns = [node.value for node in own_nodes(method) if isinstance(node, ast.Return)]
    return bool(returns) and all(isinstance(each, ast.Name) and each.id == own for each in returns)
