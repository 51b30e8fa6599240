"""A statement that waits for what nobody will give it."""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import Fixing, short
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import scope
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

__all__ = ["RULES"]


def _stuck(evidence: Evidence) -> Finding | None:
    unit = evidence.unit
    awaits = [node for node in evidence.nodes if isinstance(node, ast.Await)]
    # A loop over an iterator of somebody else's has no ``await`` of its own.
    waited = awaits[-1].value if awaits else next(iter(evidence.nodes[-1:]), None)
    text = short(unit, waited) if isinstance(waited, ast.expr) else "what it waits for"
    if (unfinished := _never_finished(evidence, waited)) is not None:
        return unfinished
    why = (
        f"Nothing can wake {text} any more: no other task runs, no timer is set. Ctrl-C ends the "
        "wait."
    )
    return Finding(why, _ended_by_none(evidence, unit, awaits[-1]) if awaits else None)


def _never_finished(evidence: Evidence, waited: ast.AST | None) -> Finding | None:
    """``queue.join()`` of a queue that is empty, where nobody ever calls ``task_done``."""
    function = waited.func if isinstance(waited, ast.Call) else None
    if not isinstance(function, ast.Attribute) or function.attr != "join":
        return None
    info = evidence.resolver.info(function.value)
    if info is None or not issubclass(info.kind, asyncio.Queue):
        return None
    if isinstance(info.value, asyncio.Queue) and not info.value.empty():
        return None
    calls = [callee_name(node) for unit in evidence.units.all() for node in unit.nodes(ast.Call)]
    if "task_done" in calls or not {"get", "get_nowait"} & {*calls}:
        return None
    text = f"{evidence.unit.source.source(function.value)}"
    why = (
        f"`{text}.join()` waits until `{text}.task_done()` was called for every item that was put "
        "in, and nobody calls it: the items are taken, and never said to be done."
    )
    return Finding(why, _said_to_be_done(evidence))


def _said_to_be_done(evidence: Evidence) -> Fix | None:
    """``task_done`` at the end of the one loop that takes the items."""
    taken = [
        (unit, node.value.func.value, loop)
        for unit in evidence.units.all()
        for node in unit.nodes(ast.Await)
        if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute)
        if callee_name(node.value) == "get" and not node.value.args
        if (loop := unit.enclosing(node, ast.While)) is not None
    ]
    if len(taken) != 1:
        return None
    unit, queue, loop = taken[0]
    jumps = (ast.Continue, ast.Break, ast.Return)
    if any(isinstance(each, jumps) for part in loop.body for each in ast.walk(part)):
        return None
    fixing = Fixing(evidence)
    fixing.of(unit).lines_after(loop.body[-1], f"{unit.source.source(queue)}.task_done()")
    return fixing.fix()


def _timed_out(evidence: Evidence) -> Finding | None:
    """The same, where a timeout has ended the wait."""
    unit, nodes = evidence.unit, evidence.nodes[::-1]
    limits = [each for node in nodes for each in unit.ancestors(node)]
    for node in [*nodes, *(each for each in limits if isinstance(each, ast.AsyncWith))]:
        for each in ast.walk(node):
            if found := _never_finished(evidence, each):
                return found
    return None


def _ended_by_none(evidence: Evidence, unit: Unit, waited: ast.Await) -> Fix | None:
    """Of a generator that drains a queue: None in the queue ends it."""
    function, taken = scope(unit, waited), waited.value
    loop = unit.enclosing(waited, ast.While)
    statement = unit.statement(waited)
    drains = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield)
    endless = loop is not None and isinstance(loop.test, ast.Constant) and bool(loop.test.value)
    if callee_name(taken) != "get" or not drains or not endless or loop is None:
        return None
    if not isinstance(function, ast.AsyncFunctionDef) or loop.body != [statement]:
        return None
    fixing, name = Fixing(evidence), fresh(unit, "item")
    edits = fixing.of(unit)
    edits.replace(loop.test, f"({name} := {unit.source.source(waited)}) is not None")
    edits.replace(waited, name)
    if not _closed(evidence, fixing, function.name):
        return None
    return fixing.fix()


def _closed(evidence: Evidence, fixing: Fixing, name: str) -> bool:
    """Put the None in, in front of the loop that walks the generator."""
    for unit in evidence.units.all():
        for loop in unit.nodes(ast.AsyncFor):
            call = loop.iter
            if isinstance(call, ast.Call) and callee_name(call) == name and len(call.args) == 1:
                queue = unit.source.source(call.args[0])
                fixing.of(unit).lines_before(loop, f"{queue}.put_nowait(None)")
                return True
    return False


RULES = (
    Rule(
        "endless-generator-hangs",
        "a source that waits for ever",
        3,
        "A step that awaits what nobody provides suspends the loop for good. Let the producer "
        "say that it is done (a None in the queue), or limit the wait: `asyncio.timeout()`.",
        _stuck,
        "seen",
        sees="stuck",
    ),
    Rule(
        "endless-generator-hangs",
        "a queue whose items nobody says to be done",
        3,
        "`await queue.join()` waits until `queue.task_done()` was called once for each item that "
        "was put in: whoever takes an item calls it when the work on it is done.",
        _timed_out,
        errors=(TimeoutError,),
    ),
)
