"""Loops that a builtin runs, of a function that has become async: written out, with ``await``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.fix_editor import CannotFixError, Fixing
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.repairs.repair_case import single_assignment
from asyncrepl.explain.value_origins import bindings
from asyncrepl.syntax.names import callee_name, canonical_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.explain.repairs.repair_case import Case
    from asyncrepl.explain.source_units import Unit

__all__ = ["read_until", "reduced", "walked_until"]


def read_until(fixing: Fixing, case: Case) -> bool:
    """``for x in iter(read, b"")`` → ``while (x := await read()) != b""``; whether it is one."""
    unit, node = case.unit, case.node
    bound = bindings(unit, node)[1] if isinstance(node, ast.Name) else []
    loop = unit.parents.get(bound[0]) if len(bound) == 1 else None
    if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name):
        return False
    call = loop.iter
    if not isinstance(call, ast.Call) or callee_name(call) != "iter" or len(call.args) != 2:
        return False
    function, sentinel = call.args
    source = unit.source.source
    made = f"{source(function)}()"
    if isinstance(function, ast.Lambda):
        made = source(function.body)
    if loop.orelse:
        raise CannotFixError
    start, end = unit.source.span(loop).start, unit.source.span(call).end
    sign = "is not" if _is_singleton(sentinel) else "!="
    head = f"while ({loop.target.id} := await {made}) {sign} {source(sentinel)}"
    fixing.of(unit).replace(Span(start, end), head)
    fixing.suspending(unit, loop)
    return True


def walked_until(fixing: Fixing, case: Case) -> None:
    """``for x in iter(stream, None)`` → ``async for x in stream``, and a ``break`` at None."""
    unit, call = case.unit, case.owner
    loop = unit.parents.get(call)
    if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name):
        raise CannotFixError
    sentinel = call.args[1]
    sign = "is" if _is_singleton(sentinel) else "=="
    test = f"if {loop.target.id} {sign} {unit.source.source(sentinel)}:\n    break"
    fixing.of(unit).replace(call, case.source)
    fixing.of(unit).lines_before(loop.body[0], test)
    fixing.loop_async(unit, loop)


def _is_singleton(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (None, True, False)


def reduced(fixing: Fixing, case: Case) -> bool:
    """``reduce(add, items)`` → a loop that awaits each `add`; whether it is one."""
    found = _reduction(case)
    if found is None:
        return False
    unit, call = found
    if call.keywords or not 2 <= len(call.args) <= 3:
        raise CannotFixError
    function, items, *start = (unit.source.source(each) for each in call.args)
    total, item, rest = fresh(unit, "total"), fresh(unit, "item"), fresh(unit, "rest")
    first = (
        [f"{total} = {start[0]}"]
        if start
        else [f"{rest} = iter({items})", f"{total} = next({rest})"]
    )
    source = items if start else rest
    lines = [
        *first,
        f"for {item} in {source}:",
        f"    {total} = await {function}({total}, {item})",
    ]
    fixing.of(unit).lines_before(unit.statement(call), "\n".join(lines))
    around = unit.parents.get(call)
    fixing.of(unit).replace(around if isinstance(around, ast.Await) else call, total)
    fixing.suspending(unit, call)
    return True


def _reduction(case: Case) -> tuple[Unit, ast.Call] | None:
    """The call of ``reduce`` that gave the operand, or gives it to its function."""
    node, unit = case.node, case.unit
    made = node if isinstance(node, ast.Call) else single_assignment(unit, node)
    if isinstance(made, ast.Call) and canonical_name(made.func) == "functools.reduce":
        return unit, made
    scope, bound = bindings(unit, node) if isinstance(node, ast.Name) else (None, [])
    if not isinstance(scope, ast.AsyncFunctionDef) or not isinstance(bound[0], ast.arg):
        return None
    found = [
        (each, call)
        for each in case.evidence.units.all()
        for call in each.nodes(ast.Call)
        if canonical_name(call.func) == "functools.reduce" and call.args
        if isinstance(call.args[0], ast.Name) and call.args[0].id == scope.name
    ]
    return found[0] if len(found) == 1 else None
