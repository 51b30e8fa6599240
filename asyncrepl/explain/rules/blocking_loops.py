"""Loops that keep others from running: blocking calls, long bodies, sources that never suspend."""

from __future__ import annotations

import ast
import time
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import lookup
from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import CannotFixError, Fixing, short
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import scope

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

__all__ = ["RULES", "walked_at"]

Loop = ast.AsyncFor | ast.comprehension


def _blocks(evidence: Evidence) -> Finding | None:
    use, unit = evidence.use("seen"), evidence.unit
    call = use.owner if use else None
    if use is None or use.info is None or not isinstance(call, ast.Call):
        return None
    plain, said = unit.function(call), short(unit, call)
    if isinstance(plain, ast.FunctionDef):
        why = (
            f"{said} in `{plain.name}` stops the whole thread, and `{plain.name}` is called on "
            "the loop: until it returns no other task runs. Call it in `asyncio.to_thread`."
        )
        return Finding(why)
    why = (
        f"{said} stops the whole thread: until it returns no other task runs, nor the loop itself."
    )
    return Finding(why, _suspending_call(evidence, unit, call, use.info.value))


def _blocked(evidence: Evidence) -> Finding | None:
    """A line at which the loop was seen for long; nothing is known but that."""
    seen = evidence.seen
    unit = evidence.units.get(seen.made[0]) if seen is not None and seen.made else None
    if seen is None or seen.made is None or unit is None:
        return None
    around = [f for f in unit.functions() if f.lineno <= seen.made[1] <= (f.end_lineno or 0)]
    line = unit.text.split("\n")[seen.made[1] - 1].strip()
    where = f"`{line}` in `{around[-1].name}`" if around else f"`{line}`"
    if around and around[-1].lineno == seen.made[1]:
        where = f"`{around[-1].name}`"
    why = (
        f"{where} held the loop for {seen.number} ms in one go, and other tasks were ready: they "
        "wait until it suspends. Call what blocks or computes in `asyncio.to_thread`."
    )
    return Finding(why)


def _suspending_call(
    evidence: Evidence, unit: Unit, call: ast.Call, function: object
) -> Fix | None:
    fixing = Fixing(evidence)
    if isinstance(unit.parents.get(call), ast.Await):
        return None
    if function is time.sleep:
        fixing.of(unit).replace(call.func, "await asyncio.sleep")
    else:
        _in_thread(fixing, unit, call)
    fixing.needs_import(unit, "asyncio")
    try:
        fixing.suspending(unit, call)
    except CannotFixError:
        return None
    return fixing.fix()


def _in_thread(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``f(x)`` → ``await asyncio.to_thread(f, x)``."""
    name, end = unit.source.span(call.func), unit.source.span(call).end
    behind = unit.text[name.end + 1 : end - 1].strip()
    if len(call.args) == 1 and isinstance(call.args[0], ast.GeneratorExp) and behind[:1] != "(":
        behind = f"({behind})"
    inner = f", {behind}" if behind else ""
    text = f"await asyncio.to_thread({unit.source.source(call.func)}{inner})"
    parent = unit.parents.get(call)
    tight = isinstance(parent, ast.Attribute | ast.Subscript) and parent.value is call
    fixing.of(unit).replace(call, f"({text})" if tight else text)


def walked_at(evidence: Evidence) -> tuple[ast.AST, ast.expr] | None:
    """The loop that was seen, and its operand."""
    use = evidence.use("seen")
    owner = use.owner if use else None
    if use is None or not isinstance(owner, ast.AsyncFor | ast.comprehension):
        return None
    return owner, use.node


def _hogged(evidence: Evidence) -> Finding | None:
    found, seen, unit = walked_at(evidence), evidence.seen, evidence.unit
    if found is None or seen is None:
        return None
    loop, operand = found
    why = (
        f"The body of the loop over {short(unit, operand)} ran for {seen.number} ms in one go, "
        "and other tasks were ready: they wait until it suspends."
    )
    return Finding(why, _computing_elsewhere(evidence, unit, loop))


def _computing_elsewhere(evidence: Evidence, unit: Unit, loop: ast.AST) -> Fix | None:
    if not isinstance(loop, ast.AsyncFor) or len(loop.body) != 1:
        return None
    statement, fixing = loop.body[0], Fixing(evidence)
    value = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
    if not isinstance(value, ast.Call):
        return None
    _in_thread(fixing, unit, value)
    fixing.needs_import(unit, "asyncio")
    return fixing.fix()


def _starved(evidence: Evidence) -> Finding | None:
    found, unit = walked_at(evidence), evidence.unit
    if found is None:
        return None
    loop, operand = found
    why = (
        f"No step of {short(unit, operand)} suspended: `async for` gives way only while it "
        "waits, so other tasks that were ready waited for the whole loop."
    )
    return Finding(why, _giving_way(evidence, unit, loop))


def _giving_way(evidence: Evidence, unit: Unit, loop: ast.AST) -> Fix | None:
    """``await asyncio.sleep(0)`` in the body; for a comprehension, in what it walks."""
    fixing = Fixing(evidence)
    if isinstance(loop, ast.AsyncFor):
        first = loop.body[0]
        if isinstance(first, ast.Pass) and len(loop.body) == 1:
            fixing.of(unit).replace(first, "await asyncio.sleep(0)")
        elif first.lineno == loop.lineno:
            fixing.of(unit).before(first, "await asyncio.sleep(0); ")
        else:
            fixing.of(unit).lines_before(first, "await asyncio.sleep(0)")
        fixing.needs_import(unit, "asyncio")
        return fixing.fix()
    return _source_gives_way(evidence, fixing)


def _source_gives_way(evidence: Evidence, fixing: Fixing) -> Fix | None:
    use = evidence.use("seen")
    info = use.info if use else None
    step = lookup(info.kind, "__anext__") if info else None
    code = info.code if info and info.code else getattr(step, "__code__", None)
    found = evidence.units.definition(code)
    if found is None:
        return None
    unit, function = found
    before = function.body[0]
    if function.name != "__anext__":
        yields = [node for node in ast.walk(function) if isinstance(node, ast.Yield)]
        if not yields or scope(unit, yields[0]) is not function:
            return None
        before = unit.statement(yields[0])
    fixing.of(unit).lines_before(before, "await asyncio.sleep(0)")
    fixing.needs_import(unit, "asyncio")
    return fixing.fix()


_MODEL = (
    "While synchronous code runs, nothing else does: `await asyncio.sleep()` instead of "
    "`time.sleep()`, and `await asyncio.to_thread(f)` for what must block or compute."
)
_BLOCKS = "blocking-call-in-async-for", "a blocking call on the loop", 5, _MODEL

RULES = (
    Rule(*_BLOCKS, _blocks, "seen", sees="blocks"),
    Rule(*_BLOCKS, _hogged, "seen", sees="hogged"),
    Rule(*_BLOCKS, _blocked, "seen", sees="blocked"),
    Rule(
        "never-suspends-starves-others",
        "a source that never suspends",
        3,
        "`async for` may suspend, it need not: if the awaitable of a step is ready at once, no "
        "other task runs. `await asyncio.sleep(0)` gives way.",
        _starved,
        "seen",
        sees="starved",
    ),
)
