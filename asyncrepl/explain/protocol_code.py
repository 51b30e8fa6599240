"""Functions made into generators, and special methods into their asynchronous forms."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.hoisted_code import put_head
from asyncrepl.explain.scopes import CannotFixError, is_generator, own_nodes
from asyncrepl.syntax.names import FUNCTIONS, LOOPS, callee_name, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.explanation import Fix
    from asyncrepl.explain.fix_editor import Fixing
    from asyncrepl.explain.source_units import Function, Unit


def stop_asynchronously(fixing: Fixing, unit: Unit, function: Function) -> None:
    """Write StopAsyncIteration for each StopIteration in `function`."""
    for node in own_nodes(function):
        if isinstance(node, ast.Name) and last_name(node) == "StopIteration":
            fixing.of(unit).replace(node, "StopAsyncIteration")


def to_async_protocol(fixing: Fixing, unit: Unit, function: Function) -> None:
    """Make the special method `function`, its twin, and what walks or enters it asynchronous."""
    owner = unit.parents.get(function)
    walks = function.name in ("__iter__", "__next__")
    if not isinstance(owner, ast.ClassDef):
        raise CannotFixError
    for each in owner.body:
        if isinstance(each, FUNCTIONS) and (each.name in ("__iter__", "__next__")) is walks:
            plain = each.name == "__iter__" and not is_generator(each)
            if each.name in _PLAIN:
                put_head(fixing, unit, each, f"{'' if plain else 'async '}def __a{each.name[2:]}")
                stop_asynchronously(fixing, unit, each)
    for home, node in fixing.evidence.units.nodes(ast.For, ast.comprehension, ast.With):
        items = getattr(node, "items", ())
        used = items[0].context_expr if items else getattr(node, "iter", owner)
        if not _is_made_by(home, used, owner.name):
            continue
        if not isinstance(node, ast.With) and walks:
            fixing.loop_async(home, node)
        elif isinstance(node, ast.With) and not walks:
            fixing.of(home).before(node, "async ")
            fixing.suspending(home, node)


_PLAIN = ("__iter__", "__next__", "__enter__", "__exit__")


def _is_made_by(unit: Unit, node: ast.AST, name: str) -> bool:
    """Whether a call of the class `name` makes `node`, or what its variable was given."""
    values: list[ast.AST] = [node]
    if isinstance(node, ast.Name):
        values = [
            each.value
            for each in unit.nodes(ast.Assign)
            if [getattr(target, "id", "") for target in each.targets] == [node.id]
        ]
    return any(isinstance(each, ast.Call) and callee_name(each) == name for each in values)


def yield_each(
    fixing: Fixing, unit: Unit, node: ast.AST, source: str, loop: str = "async for"
) -> None:
    """Write a loop that yields each item of `source` for the statement `node`."""
    name, by = fresh(unit, "item"), unit.source.indent(node)
    fixing.of(unit).replace(node, f"{loop} {name} in {source}:\n{by}    yield {name}")


_GIVING = ("append", "add", "print", "put", "put_nowait")


def with_yield(fixing: Fixing, unit: Unit, function: Function) -> Fix | None:
    """Yield what `function` prints or collects in its loop, or names for nothing, or ends with."""
    edits = fixing.of(unit)
    if meant := [*meant_to_yield(unit, function)]:
        for statement, value in meant:
            edits.replace(statement, f"yield {unit.source.source(value)}")
        return fixing.fix()
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


def meant_to_yield(unit: Unit, function: Function) -> Iterator[tuple[ast.stmt, ast.expr]]:
    """The statements of `function` that were surely to yield, and what.

    A name as a statement of its own, and a ``return`` that ends a loop in its first round.
    """
    for node in own_nodes(function):
        value = node.value if isinstance(node, ast.Expr | ast.Return) else None
        if value is None or isinstance(value, ast.Constant):
            continue
        looped = isinstance(unit.parents.get(node), LOOPS)
        runs = any(isinstance(each, _RUNNING) for each in ast.walk(value))
        if looped if isinstance(node, ast.Return) else not runs:
            yield node, value  # type: ignore[misc]  # a statement


#: What does something, whatever becomes of its value.
_RUNNING = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)


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
