"""Loops that do one thing after the other where somebody might expect them to overlap.

A loop that is meant so looks just the same; so this is told only to those who ask.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import Fixing, short
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.rules.blocking_loops import walked_at
from asyncrepl.explain.scopes import own_nodes, scope
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

__all__ = ["RULES"]

_AHEAD = """\
async def {name}(source):
    queue = asyncio.Queue()
    async def fill():
        async for item in source:
            await queue.put((item,))
        await queue.put(None)
    task = asyncio.create_task(fill())
    while (found := await queue.get()) is not None:
        yield found[0]
    await task
"""


def _sequential(evidence: Evidence) -> Finding | None:
    found, unit = walked_at(evidence), evidence.unit
    if found is None:
        return None
    loop, operand = found
    why = (
        f"The loop over {short(unit, operand)} takes one item at a time: the next is asked for "
        "when the body is done, however long that waits."
    )
    return Finding(why, _gathered(evidence, unit, loop))


def _gathered(evidence: Evidence, unit: Unit, loop: ast.AST) -> Fix | None:
    if isinstance(loop, ast.comprehension):
        return _comprehension(evidence, unit, loop)
    statement = loop.body[0] if isinstance(loop, ast.AsyncFor) and len(loop.body) == 1 else None
    if not isinstance(statement, ast.Expr) or not isinstance(loop, ast.AsyncFor):
        return None
    value, fixing = statement.value, Fixing(evidence)
    walk = f"async for {_text(unit, loop.target)} in {_text(unit, loop.iter)}"
    if isinstance(value, ast.Await) and isinstance(value.value, ast.Call):
        text = f"await asyncio.gather(*[{_text(unit, value.value)} {walk}])"
    elif isinstance(value, ast.Yield) and isinstance(value.value, ast.Await):
        by, task, tasks = (
            unit.source.indent(loop),
            fresh(unit, "task"),
            fixing.fresh(unit, "tasks"),
        )
        job = _text(unit, value.value.value)
        text = (
            f"{tasks} = [asyncio.create_task({job}) {walk}]\n{by}for {task} in {tasks}:\n"
            f"{by}    yield await {task}"
        )
    else:
        return None
    fixing.of(unit).replace(loop, text)
    fixing.needs_import(unit, "asyncio")
    return fixing.fix()


def _comprehension(evidence: Evidence, unit: Unit, clause: ast.comprehension) -> Fix | None:
    whole = unit.parents.get(clause)
    if not isinstance(whole, ast.ListComp) or not isinstance(whole.elt, ast.Await):
        return None
    fixing = Fixing(evidence)
    edits = fixing.of(unit)
    edits.replace(whole.elt, _text(unit, whole.elt.value))
    edits.before(whole, "await asyncio.gather(*")
    edits.after(whole, ")")
    fixing.needs_import(unit, "asyncio")
    return fixing.fix()


def _text(unit: Unit, node: ast.AST) -> str:
    return unit.source.source(node)


def _alternating(evidence: Evidence) -> Finding | None:
    found, unit = walked_at(evidence), evidence.unit
    if found is None:
        return None
    loop, operand = found
    why = (
        f"{short(unit, operand)} and the body take turns: the source does not run on while the "
        "body waits, it has no task of its own."
    )
    if not isinstance(loop, ast.AsyncFor):
        return Finding(why)
    fixing = Fixing(evidence)
    outer = [each for each in unit.ancestors(loop) if isinstance(each, ast.stmt)]
    first = outer[-1] if outer and scope(unit, loop) is not None else loop
    name = fixing.fresh(unit, "ahead")
    fixing.of(unit).lines_before(first, _AHEAD.format(name=name))
    fixing.of(unit).before(operand, f"{name}(")
    fixing.of(unit).after(operand, ")")
    fixing.needs_import(unit, "asyncio")
    return Finding(why, fixing.fix())


def _unsuspended(evidence: Evidence) -> Finding | None:
    """A loop awaits a coroutine that awaits nothing, beside a task that was just made."""
    for unit in evidence.units.all():
        for loop in unit.nodes(ast.While, ast.For):
            awaited = next((each for each in ast.walk(loop) if isinstance(each, ast.Await)), None)
            name = callee_name(awaited.value) if awaited else ""
            home = _awaits_nothing(evidence, name)
            if awaited and home and _makes_tasks(scope(unit, loop) or unit.tree, loop):
                why = (
                    f"{short(unit, awaited)} never suspends: `{name}` awaits nothing itself, and "
                    "`await` gives way only when something in it waits."
                )
                fixing = Fixing(evidence)
                fixing.of(home[0]).lines_before(home[1].body[0], "await asyncio.sleep(0)")
                fixing.needs_import(home[0], "asyncio")
                return Finding(why, fixing.fix())
    return None


def _awaits_nothing(evidence: Evidence, name: str) -> tuple[Unit, ast.AsyncFunctionDef] | None:
    waits = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield)
    for unit in evidence.units.all():
        for function in unit.nodes(ast.AsyncFunctionDef):
            if function.name == name:
                waiting = any(isinstance(node, waits) for node in own_nodes(function))
                return None if waiting else (unit, function)
    return None


def _makes_tasks(around: ast.AST | None, loop: ast.AST) -> bool:
    """Whether a task is made in `around`, in front of `loop`."""
    line = getattr(loop, "lineno", 0)
    return around is not None and any(
        isinstance(node, ast.Call)
        and callee_name(node) in ("create_task", "ensure_future")
        and node.lineno < line
        for node in ast.walk(around)
    )


RULES = (
    Rule(
        "async-for-is-concurrent",
        "a loop taken for many things at once",
        5,
        "`async for` is a loop: one item after the other. It lets other tasks run while it "
        "waits, and starts none. For many at once: `asyncio.gather`, or a TaskGroup.",
        _sequential,
        "seen",
        sees="sequential",
    ),
    Rule(
        "async-generator-runs-ahead",
        "a source taken to run ahead",
        2,
        "An async generator runs only while a step of it is awaited. To have it run ahead, give "
        "it a task of its own that puts the items into a queue.",
        _alternating,
        "seen",
        sees="alternating",
    ),
    Rule(
        "await-always-switches",
        "`await` taken for giving way",
        3,
        "`await` runs the coroutine in the same task. Others run only if something in it "
        "suspends; `await asyncio.sleep(0)` does.",
        _unsuspended,
        "seen",
        sees="unsuspended",
    ),
)
