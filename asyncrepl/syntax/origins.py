"""Where a forgotten object was made or left, as far as the source can tell for certain.

Neither a coroutine nor an async generator knows who called its function, short of origin
tracking, which costs every coroutine 110 ns. But a coroutine that nobody awaited can't come from
``await fetch()``; so if the sources hold only one other mention of ``fetch``, and that is a call,
it was made there. With two, nobody knows, and nothing is reported: a wrong place sends the user
the wrong way.

What does not work: taking the line on which it dies. ``x = fetch()`` drops the *old* coroutine,
which an equal line made. Only a call whose value is thrown away at once dies where it was made.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeGuard

from asyncrepl.syntax.names import last_name
from asyncrepl.syntax.node_types import FUNCTIONS, LOOPS, SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from asyncrepl.events.object_info import Place
    from asyncrepl.syntax.sources import Source

__all__ = ["is_discarded_call", "only_break", "only_call"]


def only_call(name: str, sources: Iterable[Source]) -> tuple[str, int] | None:
    """The file and line of the one call of `name` that is neither awaited nor iterated over.

    `sources` are all texts that can hold it; the line counts from 1.
    None if there is none or several, or if `name` is also used in another way (under
    a second name, passed on, decorated), for then it can be called from anywhere.
    """
    found: tuple[str, int] | None = None
    for source in sources:
        if source.tree is None:
            continue
        for use in _uses(source.tree, name):
            if found is not None or not isinstance(use, ast.Call):
                return None
            found = source.filename, use.lineno
    return found


def is_discarded_call(name: str, tree: ast.Module, line: int) -> bool:
    """Whether on `line` of `tree` a statement only calls `name`, and nothing else there does."""
    uses = [use for use in _uses(tree, name) if use.lineno <= line <= _last_line(use)]
    bare = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    return len(uses) == 1 and uses[0] in bare


def only_break(tree: ast.Module, place: Place) -> int | None:
    """The line of the one ``break`` of the ``async for`` that takes its steps at `place`.

    Only for a loop at the top level of `tree`, in no ``try`` or ``with``: there, if no error is
    seen, nothing but its ``break`` can have left it early. Else None.
    """
    for loop in _top_level_loops(tree.body):
        if _begins_at(loop, place) or _begins_at(loop.iter, place):
            breaks = list(_breaks(loop.body))
            return breaks[0].lineno if len(breaks) == 1 else None
    return None


def _uses(tree: ast.AST, name: str) -> Iterator[ast.expr | ast.stmt]:
    """Mentions of `name` from which something unawaited can come: its calls, and others.

    ``await f()`` and ``async for x in f()`` are none. Parents come before children.
    """
    done: set[ast.AST | None] = set()
    for node in ast.walk(tree):
        done.add(_operand(node))
        if isinstance(node, ast.Call) and last_name(node.func) == name:
            if node not in done:
                yield node
            done.add(node.func)
        elif node not in done and _exposes(node, name):
            yield node


def _exposes(node: ast.AST, name: str) -> TypeGuard[ast.expr | ast.stmt]:
    """Whether after `node` the function `name` can be called without being named."""
    if isinstance(node, ast.Name | ast.Attribute):
        return last_name(node) == name and isinstance(node.ctx, ast.Load)
    if isinstance(node, FUNCTIONS):
        return node.name == name and bool(node.decorator_list)
    names = node.names if isinstance(node, ast.Import | ast.ImportFrom) else []
    return any(each.name == name and each.asname for each in names)


def _operand(node: ast.AST) -> ast.expr | None:
    """What `node` awaits or iterates over asynchronously."""
    if isinstance(node, ast.Await):
        return node.value
    if isinstance(node, ast.AsyncFor) or (isinstance(node, ast.comprehension) and node.is_async):
        return node.iter
    return None


def _last_line(node: ast.expr | ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _top_level_loops(body: Sequence[ast.stmt]) -> Iterator[ast.AsyncFor]:
    for statement in body:
        if isinstance(statement, ast.AsyncFor):
            yield statement
        if isinstance(statement, (*LOOPS, ast.If)):
            yield from _top_level_loops(statement.body)
            yield from _top_level_loops(statement.orelse)


def _breaks(nodes: Iterable[ast.AST]) -> Iterator[ast.Break]:
    """The ``break`` statements among `nodes` that belong to the loop around them."""
    for node in nodes:
        if isinstance(node, ast.Break):
            yield node
        elif isinstance(node, LOOPS):
            yield from _breaks(node.orelse)
        elif not isinstance(node, SCOPES):
            yield from _breaks(ast.iter_child_nodes(node))


def _begins_at(node: ast.expr | ast.stmt, place: Place) -> bool:
    return (node.lineno, node.col_offset) == (place.lineno, place.column)
