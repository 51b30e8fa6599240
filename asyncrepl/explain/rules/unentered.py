"""An async generator where what it yields is meant, and a stream that a function does not give."""

from __future__ import annotations

import ast
from types import AsyncGeneratorType, NoneType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fixing import CannotFixError, Fixing, fresh, short
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.steps import given
from asyncrepl.syntax.names import callee_name
from asyncrepl.syntax.source_rewriter import Span, indent

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.units import Function, Unit

__all__ = ["RULES"]


def _attribute(evidence: Evidence) -> Finding | None:
    """An attribute is asked of it that it does not have: what it yields may have it."""
    error = evidence.error
    if not isinstance(error, AttributeError) or not evidence.direct:
        return None
    asked = next((n for n in reversed(evidence.nodes) if isinstance(n, ast.Attribute)), None)
    stream = error.obj
    if type(stream) is not AsyncGeneratorType or asked is None or asked.attr != error.name:
        return None
    made = evidence.units.definition(stream.ag_code)
    if made is None or not _yields_once(made[1]):
        return None
    why = (
        f"{short(evidence.unit, asked.value)} is the async generator that `{stream.__name__}` "
        f"makes, not what it yields: `async with asynccontextmanager({stream.__name__})() as …` "
        "gives it."
    )
    return Finding(why, _entered(evidence, stream.ag_code.co_name))


def _entered(evidence: Evidence, name: str) -> Fix | None:
    """``async with asynccontextmanager(f)() as x:`` for the one ``x = f()`` there is."""
    found = [
        (unit, call)
        for unit in evidence.units.all()
        for call in unit.nodes(ast.Call)
        if callee_name(call) == name
    ]
    if len(found) != 1:
        return None
    (unit, call), fixing = found[0], Fixing(evidence)
    statement, source = unit.statement(call), unit.source
    block = _block_of(unit, statement)
    given = isinstance(statement, ast.Assign) and statement.value is call
    target = statement.targets[0] if given else None  # type: ignore[attr-defined]  # an Assign
    if target is not None and (len(block) < 2 or not isinstance(target, ast.Name)):
        return None
    made, end = source.span(call), source.block(block[-1] if given else statement).end
    known = source.source(target) if target is not None else fresh(unit, "value")
    function = source.source(call.func)
    arguments = unit.text[source.span(call.func).end : made.end]
    start, by = source.block(statement).start, source.indent(statement)
    body = unit.text[start : made.start] + known + unit.text[made.end : end]
    if given:
        body = unit.text[source.block(statement).end : end]
    head = f"{by}async with asynccontextmanager({function}){arguments} as {known}:\n"
    edits = fixing.of(unit)
    edits.replace(Span(start, end), head + indent(body.rstrip("\n"), "    ") + "\n")
    if not any(each.name == "asynccontextmanager" for each in _imported(unit)):
        edits.insert(0, "from contextlib import asynccontextmanager\n")
    try:
        fixing.suspending(unit, call)
    except CannotFixError:
        return None
    return None if fixing.made_async else fixing.fix()


def _block_of(unit: Unit, statement: ast.stmt) -> list[ast.stmt]:
    """The statements from `statement` on to the end of its block."""
    parent = unit.parents[statement]
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, [])
        if statement in block:
            found: list[ast.stmt] = block[block.index(statement) :]
            return found
    return [statement]


def _imported(unit: Unit) -> list[ast.alias]:
    return [alias for node in unit.nodes(ast.ImportFrom) for alias in node.names]


def _yields_once(function: Function) -> bool:
    """Whether it has one ``yield``, outside of any loop, as a fixture or a dependency."""
    loops = [n for n in own_nodes(function) if isinstance(n, ast.For | ast.AsyncFor | ast.While)]
    inside = {id(node) for loop in loops for node in ast.walk(loop)}
    yields = [node for node in own_nodes(function) if isinstance(node, ast.Yield)]
    return len(yields) == 1 and id(yields[0]) not in inside


def _none(evidence: Evidence) -> Finding | None:
    """What is to be walked is None: the function that was to give it does not always return."""
    use = evidence.use("async for", "await", "argument")
    if use is None or use.kind is not NoneType:
        return None
    for name in _makers(evidence, use.node):
        for unit in evidence.units.all():
            for function in unit.functions():
                if function.name == name and _forgets(function):
                    why = (
                        f"`{_full_name(unit, function)}` returns a value on one path and reaches "
                        f"its end on another: there it returns None, and {_said(evidence, use)}."
                    )
                    return Finding(why, _passed_on(evidence, unit, function))
    return None


def _said(evidence: Evidence, use: object) -> str:
    node = getattr(use, "node", None)
    return f"{short(evidence.unit, node)} is that None" if node is not None else "that is met here"


def _makers(evidence: Evidence, node: ast.expr) -> list[str]:
    """The names of the functions whose result the operand may be, the nearest first."""
    names = []
    for site in evidence.sites[::-1]:
        operands: list[ast.expr] = [each for each in site.nodes if isinstance(each, ast.expr)]
        loops = [each for each in site.nodes if isinstance(each, ast.AsyncFor)]
        operands += [each.iter for each in loops]
        for operand in (node, *operands):
            value = given(evidence, operand.id) if isinstance(operand, ast.Name) else None
            call = value[1] if value else operand
            call = call.value if isinstance(call, ast.Await) else call
            if isinstance(call, ast.Call):
                names.append(callee_name(call))
    return list(dict.fromkeys(names))


def _forgets(function: Function) -> bool:
    """Whether a plain ``def`` or a coroutine returns a value, and may reach its end without."""
    nodes = list(own_nodes(function))
    if any(isinstance(each, ast.Yield | ast.YieldFrom) for each in nodes):
        return False
    returns = [each for each in nodes if isinstance(each, ast.Return)]
    return any(each.value is not None for each in returns) and _falls_through(function.body)


def _falls_through(body: list[ast.stmt]) -> bool:
    last = body[-1]
    match last:
        case ast.Return():
            return last.value is None
        case ast.Raise() | ast.While() | ast.Try() | ast.Match():
            return False  # or who knows
        case ast.With() | ast.AsyncWith():
            return _falls_through(last.body)
        case ast.If():
            return not last.orelse or _falls_through(last.body) or _falls_through(last.orelse)
    return True


def _full_name(unit: Unit, function: Function) -> str:
    owner = unit.parents.get(function)
    return f"{owner.name}.{function.name}" if isinstance(owner, ast.ClassDef) else function.name


def _passed_on(evidence: Evidence, unit: Unit, function: Function) -> Fix | None:
    """Return what was given, where the callers put it in the place of that: ``x = f(x)``."""
    names = [each.arg for each in function.args.args if each.arg not in ("self", "cls")]
    if len(names) != 1 or not isinstance(function.body[-1], ast.If):
        return None
    assigns = [node for each in evidence.units.all() for node in each.nodes(ast.Assign)]
    if not any(_replaces(node, function.name) for node in assigns):
        return None
    fixing = Fixing(evidence)
    fixing.of(unit).lines_after(function.body[-1], f"return {names[0]}")
    return fixing.fix()


def _replaces(node: ast.Assign, name: str) -> bool:
    """Whether it is ``x = f(x)``, with that name of ``f``."""
    target, call = node.targets[0], node.value
    if not isinstance(target, ast.Name) or not isinstance(call, ast.Call):
        return False
    given_back = [each.id for each in call.args if isinstance(each, ast.Name)]
    return callee_name(call) == name and given_back == [target.id]


RULES = (
    Rule(
        "async-generator-taken-for-its-item",
        "an async generator taken for what it yields",
        3,
        "Calling an async generator function gives the generator. What it yields comes out of its "
        "steps: `async for`, `await anext(gen)`, or, of one that yields once, `async with "
        "asynccontextmanager(function)() as value`. A caller that knows plain functions only "
        "takes the generator for the value.",
        _attribute,
        errors=(AttributeError,),
    ),
    Rule(
        "async-for-over-none",
        "a function that gives no stream",
        1,
        "A function without `return` gives None, also one that returns on another path. Each path "
        "has to return the stream, or raise.",
        _none,
    ),
)
