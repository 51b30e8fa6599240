"""What runs a coroutine for plain code: a loop that it has made itself, or ``asyncio.run``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.scopes import scope
from asyncrepl.explain.source_units import own_name
from asyncrepl.syntax.names import canonical_name, last_name

if TYPE_CHECKING:
    from asyncrepl.explain.source_units import Unit

_LOOP_MAKERS = {"asyncio.new_event_loop", "asyncio.get_event_loop"}


def loop_at(unit: Unit, node: ast.AST) -> str:
    """What the plain code at `node` calls the loop that it makes, and may run; "" if none.

    A task, a queue, a server made for that loop would be strange to the one of ``asyncio.run``.
    A function that is given to somebody, as to a thread, may run where that loop does not.
    """
    function, named = scope(unit, node), unit.nodes(ast.Name, ast.Attribute)
    called = {each.func for each in unit.nodes(ast.Call)}
    name = getattr(function, "name", None)
    given = any(last_name(each) == name and each not in called for each in named)
    for made in () if given or isinstance(function, ast.Lambda) else unit.nodes(ast.Assign):
        value = made.value.values[-1] if isinstance(made.value, ast.BoolOp) else made.value
        if canonical_name(getattr(value, "func", None)) in _LOOP_MAKERS:
            loop = ast.unparse(made.targets[0])
            if _reaches(unit, made, node) and not _is_busy(unit, loop, node):
                return loop
    return ""


def runner_at(unit: Unit, node: ast.AST) -> str:
    """What runs a coroutine for the plain code at `node`: that loop, or ``asyncio.run``."""
    return f"{loop}.run_until_complete" if (loop := loop_at(unit, node)) else "asyncio.run"


def _reaches(unit: Unit, made: ast.Assign, node: ast.AST) -> bool:
    """Whether what a statement above `node` binds is there, or what a method of its class does.

    A global that is made below a function may not be there yet when that is called.
    """
    above, around = scope(unit, made), scope(unit, node)
    target, line = made.targets[0], getattr(node, "lineno", 0)
    if isinstance(target, ast.Attribute):
        methods = [each for each in (above, around) if isinstance(each, ast.FunctionDef)]
        objects = {own_name(each) for each in methods}
        classes = {unit.parents.get(each) for each in methods}
        same = objects == {ast.unparse(target.value)} and len(classes) == 1
        return same and len(methods) == 2 and (above is not around or made.lineno < line)
    return isinstance(target, ast.Name) and above in (None, around) and made.lineno < line


def _is_busy(unit: Unit, loop: str, node: ast.AST) -> bool:
    """Whether the loop of that name was closed in front of `node`, or runs for ever elsewhere."""
    around, line = scope(unit, node), getattr(node, "lineno", 0)
    return any(
        each.lineno < line if scope(unit, each) is around else each.attr == "run_forever"
        for each in unit.nodes(ast.Attribute)
        if each.attr in ("close", "run_forever") and ast.unparse(each.value) == loop
    )
