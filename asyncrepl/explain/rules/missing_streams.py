"""What is to be walked is a queue, or None: a function gives no stream, or not on each path."""

from __future__ import annotations

import ast
import asyncio
from types import NoneType
from typing import TYPE_CHECKING

from asyncrepl.explain.bindings import returned_values
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, replaced, short
from asyncrepl.explain.kinds import has
from asyncrepl.explain.rules.aiter_methods import over
from asyncrepl.explain.scopes import behind_await, is_generator
from asyncrepl.explain.source_units import given_by_position
from asyncrepl.explain.value_origins import given
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.operand_uses import Use
    from asyncrepl.explain.source_units import Function, Unit


def _none_on_a_path(evidence: Evidence) -> Finding | None:
    """What is to be walked is None: the function that was to give it does not always return."""
    use = evidence.use("async for", "await", "argument")
    if use is None or use.kind is not NoneType:
        return None
    for name in _makers(evidence, use.node):
        for unit, function in evidence.units.functions(name):
            if _forgets(function):
                why = (
                    f"`{_full_name(unit, function)}` returns a value on one path and reaches its "
                    f"end on another: there it returns None, and {short(evidence.unit, use.node)} "
                    "is that None."
                )
                return Finding(why, _passed_on(evidence, unit, function))
    return None


def _makers(evidence: Evidence, node: ast.expr) -> list[str]:
    """The names of the functions whose result the operand may be, the nearest first."""
    names = []
    for site in evidence.sites[::-1]:
        operands: list[ast.expr] = [each for each in site.nodes if isinstance(each, ast.expr)]
        loops = [each for each in site.nodes if isinstance(each, ast.AsyncFor)]
        operands += [each.iter for each in loops]
        for operand in (node, *operands):
            value = given(evidence, operand.id) if isinstance(operand, ast.Name) else None
            call = behind_await(value[1] if value else operand)
            if isinstance(call, ast.Call):
                names.append(callee_name(call))
    return list(dict.fromkeys(names))


def _forgets(function: Function) -> bool:
    """Whether a plain ``def`` or a coroutine returns a value, and may reach its end without."""
    gives = bool(returned_values(function)) and not is_generator(function)
    return gives and falls_through(function.body, returning=True)


def falls_through(body: list[ast.stmt], *, returning: bool = False) -> bool:
    """Whether `body` comes to its end, as far as that is certain; or is `returning` nothing."""
    match last := body[-1]:
        case ast.Return():
            return returning and last.value is None
        case ast.Raise() | ast.While() | ast.Try() | ast.Match():
            return False  # or who knows
        case ast.With() | ast.AsyncWith():
            return falls_through(last.body, returning=returning)
        case ast.If():
            return any(
                not each or falls_through(each, returning=returning)
                for each in (last.body, last.orelse)
            )
    return True


def _full_name(unit: Unit, function: Function) -> str:
    owner = unit.parents.get(function)
    return f"{owner.name}.{function.name}" if isinstance(owner, ast.ClassDef) else function.name


@correction
def _passed_on(fixing: Fixing, unit: Unit, function: Function) -> None:
    """Return what was given, where the callers put it in the place of that: ``x = f(x)``."""
    names = given_by_position(unit, function)
    if len(names) != 1 or not isinstance(function.body[-1], ast.If):
        return
    assigns = fixing.evidence.units.nodes(ast.Assign)
    if not any(_replaces(node, function.name) for _, node in assigns):
        return
    fixing.of(unit).lines_after(function.body[-1], f"return {names[0]}")


def _replaces(node: ast.Assign, name: str) -> bool:
    """Whether it is ``x = f(x)``, with that name of ``f``."""
    target, call = node.targets[0], node.value
    if not isinstance(target, ast.Name) or not isinstance(call, ast.Call):
        return False
    given_back = [each.id for each in call.args if isinstance(each, ast.Name)]
    return callee_name(call) == name and given_back == [target.id]


def _queue(evidence: Evidence) -> Finding | None:
    use = over(evidence) or evidence.use("for")
    if use is None or use.info is None or not issubclass(use.info.kind, asyncio.Queue):
        return None
    unit = evidence.unit
    method = "__iter__" if use.role == "for" else "__aiter__"
    why = f"{short(unit, use.node)} is a queue: it has no `{method}`; await `get()` for each item."
    return Finding(why, _drained(evidence, use))


def _queue_length(evidence: Evidence) -> Finding | None:
    use = evidence.use("argument")
    call = use.owner if use is not None and evidence.direct else None
    if use is None or use.info is None or not issubclass(use.info.kind, asyncio.Queue):
        return None
    if not isinstance(call, ast.Call) or evidence.resolver.value(call.func) is not len:
        return None
    queue = evidence.unit.source.operand(use.node)
    why = f"{short(evidence.unit, use.node)} is a queue: it has no `__len__`, `qsize()` counts it."
    return Finding(why, replaced(evidence, evidence.unit, (call, f"{queue}.qsize()")))


@correction
def _drained(fixing: Fixing, use: Use) -> None:
    """Walk the queue with an async generator that ends at None, or when the queue is empty."""
    unit = fixing.evidence.unit
    name = fixing.fresh(unit, "drain")
    loop = "    while (item := await queue.get()) is not None:\n        yield item\n"
    if not _holds_none(fixing.evidence, use):
        loop = "    while not queue.empty():\n        yield await queue.get()\n"
    statement = unit.statement(use.owner) if isinstance(use.owner, ast.stmt) else None
    statement = statement or unit.statement(use.node)
    fixing.of(unit).lines_before(statement, f"async def {name}(queue):\n{loop}")
    fixing.of(unit).replace(use.node, f"{name}({unit.source.source(use.node)})")
    if isinstance(use.owner, ast.For | ast.comprehension) and use.role == "for":
        fixing.loop_async(unit, use.owner)


def _holds_none(evidence: Evidence, use: Use) -> bool:
    queue = evidence.resolver.value(use.node)
    return None in getattr(queue, "_queue", ())


def _none(evidence: Evidence) -> Finding | None:
    """The result of a function of the user's, which does not return what it makes."""
    use = over(evidence)
    if use is None or use.kind is not NoneType or not isinstance(use.node, ast.Call):
        return None
    found = evidence.units.source_of(evidence.resolver.value(use.node.func))
    if found is None:
        return None
    text, name = short(evidence.unit, use.node), found[1].name
    why = f"{text} is None: `{name}` makes something and ends without `return`."
    return Finding(why, _returned(evidence, *found))


def _may_be_walked(evidence: Evidence, node: ast.expr) -> bool:
    known = evidence.resolver.options(node)
    return not known or any(has(each, "__aiter__") for each in known)


@correction
def _returned(fixing: Fixing, unit: Unit, function: Function) -> None:
    match last := function.body[-1]:
        case ast.Expr(ast.Call() | ast.GeneratorExp() | ast.Name() as value):
            if _may_be_walked(fixing.evidence, value):
                fixing.of(unit).before(last, "return ")
        case ast.Assign([ast.Name(name), *_]):
            fixing.of(unit).lines_after(last, f"return {name}")


RULES = (
    Rule(
        "async-for-over-none",
        "a function that gives no stream",
        1,
        "A function without `return` gives None, also one that returns on another path. Each path "
        "has to return the stream, or raise.",
        _none_on_a_path,
    ),
    Rule(
        "async-for-over-queue",
        "a loop over a queue",
        1,
        "`asyncio.Queue` has neither `__iter__` nor `__aiter__`. Loop with `await queue.get()`, "
        "or wrap that in an async generator that ends on a sentinel.",
        _queue,
    ),
    Rule(
        "async-for-over-queue",
        "the length of a queue",
        1,
        "`asyncio.Queue` is no collection: `qsize()` says how many items wait in it, `empty()` "
        "whether there are none.",
        _queue_length,
    ),
    Rule(
        "async-for-over-none",
        "`async for` over None",
        1,
        "A function without `return` gives None. Return the async iterable.",
        _none,
    ),
)
