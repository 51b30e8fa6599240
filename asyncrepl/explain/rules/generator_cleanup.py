"""Generators left before their end, or that do not end when they are closed."""

from __future__ import annotations

import ast
import textwrap
from asyncio import CancelledError
from contextvars import ContextVar, Token
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import is_real_instance
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, replaced, short
from asyncrepl.explain.scopes import LIMITS, catches, enters, may_be_left, own_nodes
from asyncrepl.explain.source_units import Function
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import called
from asyncrepl.syntax.names import callee_name, last_name, method_owner
from asyncrepl.syntax.source_rewriter import Span, indent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from asyncrepl.events.object_info import ObjectInfo
    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Unit


def _yields_while_closing(evidence: Evidence) -> Finding | None:
    function = _closed_function(evidence)
    if function is None:
        return None
    unit, node = function
    found = late_yield(node)
    if found is None:
        return None
    why = (
        f"Closing `{node.name}` raises GeneratorExit at its `yield`; it must end then, and it "
        "yields again."
    )
    if isinstance(found, ast.Yield):
        value = unit.source.source(found.value) if found.value else ""
        return Finding(why, replaced(evidence, unit, (found, f"print({value})")))
    if last_name(found.type) == GeneratorExit.__name__:
        return Finding(why, _let_on(evidence, unit, found))
    behind = unit.source.span(found).start + len("except")
    where, text = (found.type, "Exception") if found.type else (Span(behind, behind), " Exception")
    return Finding(why, replaced(evidence, unit, (where, text)))


@correction
def _let_on(fixing: Fixing, unit: Unit, handler: ast.ExceptHandler) -> None:
    """A handler of GeneratorExit that lets it on; what it yields is printed."""
    last, edits = handler.body[-1], fixing.of(unit)
    for each in handler.body:
        for node in ast.walk(each):
            if isinstance(node, ast.Yield):
                edits.replace(
                    node, f"print({unit.source.source(node.value) if node.value else ''})"
                )
    if isinstance(last, ast.Pass | ast.Continue):
        edits.replace(last, "raise")
    else:
        edits.lines_after(last, "raise")


def _closed_function(evidence: Evidence) -> tuple[Unit, Function] | None:
    """The async generator function of what was being closed at the user's place."""
    if not evidence.sites:
        return None
    site = evidence.sites[-1]
    resolver = Resolver.of_frame(evidence.units, site.frame)
    for call in _calls(evidence, site):
        source = _closed(call)
        info = resolver.info(source) if source is not None else None
        if info is not None and info.kind is AsyncGeneratorType:
            return evidence.units.definition(info.code)
    return None


def _calls(evidence: Evidence, site: Site) -> Iterator[ast.Call]:
    """The calls at the place, and those that made what is awaited or entered there."""
    for node in site.nodes:
        yield from (each for each in ast.walk(node) if isinstance(each, ast.Call))
    awaits, enters = site.node(ast.Await), site.node(ast.AsyncWith)
    operands = [awaits.value] if awaits else []
    operands += [item.context_expr for item in enters.items] if enters else []
    for operand in operands:
        found = called(evidence, site.unit, operand)
        if found is not None:
            yield found[1]


def _closed(call: ast.Call) -> ast.expr | None:
    if callee_name(call) == "aclosing" and call.args:
        return call.args[0]
    return method_owner(call) if callee_name(call) == "aclose" else None


def late_yield(function: Function) -> ast.Yield | ast.ExceptHandler | None:
    """A ``yield`` in ``finally``, or a handler that catches GeneratorExit and goes on."""
    for node in own_nodes(function):
        if not isinstance(node, ast.Try):
            continue
        for statement in node.finalbody:
            for inner in ast.walk(statement):
                if isinstance(inner, ast.Yield):
                    return inner
        for handler in node.handlers:
            if catches(handler, "BaseException", "GeneratorExit") and not any(
                isinstance(inner, ast.Raise | ast.Return) for inner in ast.walk(handler)
            ):
                return handler
    return None


def _left(evidence: Evidence) -> Finding | None:
    """A generator died at a ``yield`` that has cleanup around it, in a loop over its call."""
    made, place = _uncleaned(evidence), evidence.finding.place
    if made is None:
        return None
    loop = _loop_over(evidence.unit, made[1].name, place.lineno if place else 0)
    if loop is None:
        return _left_by_name(evidence, made[1].name)
    text = short(evidence.unit, loop.iter)
    why = (
        f"The loop left {text} in the middle: its cleanup does not run here but later, in a "
        "task of its own."
    )
    return Finding(why, _closed_with_loop(evidence, evidence.unit, loop))


def _never_exited(evidence: Evidence) -> Finding | None:
    """One below ``@asynccontextmanager`` died at its ``yield``: it was entered, and never left."""
    made = _uncleaned(evidence)
    if made is None or "asynccontextmanager" not in map(last_name, made[1].decorator_list):
        return None
    stacked = any(evidence.units.calls("enter_async_context"))
    by = "`await stack.aclose()` of the stack that entered it" if stacked else "`async with`"
    why = (
        f"`{made[1].name}` was entered and is never left: its cleanup runs too late, in a task of "
        f"its own, if there is still time for it. {by} leaves it."
    )
    return Finding(why)


def _left_by_name(evidence: Evidence, function: str) -> Finding | None:
    """One that a name kept until its scope was over, if only one loop can have left it."""
    found = [
        (unit, loop)
        for unit in evidence.units.all()
        for loop in unit.nodes(ast.AsyncFor)
        if isinstance(loop.iter, ast.Name) and _named_call(unit, loop, loop.iter.id) == function
    ]
    if len(found) != 1 or not may_be_left(*found[0]):
        return None
    unit, loop = found[0]
    name = short(unit, loop.iter)
    why = (
        f"The loop left {name} in the middle, and the name keeps it to the end: until then its "
        "cleanup does not run, and then in a task of its own, if there is still time."
    )
    return Finding(why, _closed_with_loop(evidence, unit, loop))


def _named_call(unit: Unit, loop: ast.AsyncFor, name: str) -> str | None:
    """The function whose call is all that `name` stands for where `loop` is."""
    scope = next((each for each in unit.ancestors(loop) if isinstance(each, Function)), None)
    if scope is None:
        return None
    given = [
        node.value
        for node in own_nodes(scope)
        if isinstance(node, ast.Assign)
        and any(isinstance(each, ast.Name) and each.id == name for each in node.targets)
    ]
    return callee_name(given[0]) if len(given) == 1 else None


def _uncleaned(evidence: Evidence) -> tuple[Unit, Function] | None:
    """The generator that died, if its ``yield`` stood in a ``try … finally`` or a ``with``."""
    made, line = evidence.units.definition(evidence.finding.info.code), evidence.finding.number
    kinds = ast.With, ast.AsyncWith, ast.Try
    blocks: list[ast.With | ast.AsyncWith | ast.Try] = made[0].around(line, *kinds) if made else []
    closes = [each for each in blocks if not isinstance(each, ast.Try) or each.finalbody]
    return made if made and any(made[0].function(each) is made[1] for each in closes) else None


def _loop_over(unit: Unit, name: str, line: int = 0) -> ast.AsyncFor | None:
    """The innermost loop around `line` over a call of `name`; without a line, the only one."""
    loops = unit.around(line, ast.AsyncFor) if line else unit.nodes(ast.AsyncFor)
    found = [node for node in loops if callee_name(node.iter) == name]
    return found[-1] if found and (line or len(found) == 1) else None


@correction
def _closed_with_loop(fixing: Fixing, unit: Unit, loop: ast.AsyncFor) -> None:
    """The loop in an ``async with aclosing(…)``; of what a name holds, under that name."""
    kept = isinstance(loop.iter, ast.Name)
    name = unit.source.source(loop.iter) if kept else fixing.fresh(unit, "stream")
    start, end = unit.source.block(loop)
    by = unit.source.indent(loop)
    operand = unit.source.span(loop.iter)
    text = unit.text[start : operand.start] + name + unit.text[operand.end : end]
    named = "" if kept else f" as {name}"
    head = f"{by}async with aclosing({unit.source.source(loop.iter)}){named}:\n"
    ending = "" if text.endswith("\n") else "\n"
    fixing.of(unit).replace(unit.source.block(loop), head + indent(text, "    ") + ending)
    fixing.needs_name(unit, "contextlib", "aclosing")


def _kept(evidence: Evidence) -> Finding | None:
    """A generator that a name still holds: the loop is to be followed by ``aclose``."""
    nodes = evidence.nodes[-1:]
    loops = [each for node in nodes for each in (node, *evidence.unit.ancestors(node))]
    loop = next((each for each in loops if isinstance(each, ast.AsyncFor)), None)
    if loop is None or not isinstance(loop.iter, ast.Name):
        return None
    name = loop.iter.id
    why = (
        f"The loop left `{name}` in the middle, and the name keeps it: it stays open, and its "
        "`finally` does not run."
    )
    if any(isinstance(each, ast.Return | ast.Raise) for each in own_nodes(loop)):
        return Finding(why, _closed_with_loop(evidence, evidence.unit, loop))
    fixing = Fixing(evidence)
    fixing.of(evidence.unit).lines_after(loop, f"await {name}.aclose()")
    return Finding(why, fixing.fix())


def _reset(evidence: Evidence) -> Finding | None:
    """``var.reset(token)`` in a context other than that of ``var.set()``.

    A token of another variable is refused as well, one that was used by another error.
    """
    frame, variable = evidence.frame, _reset_variable(evidence)
    if frame is None or variable is None or not _suspends(frame.f_code):
        return None
    name, said = frame.f_code.co_name, short(evidence.unit, variable)
    if frame.f_code.co_flags & CO_GENERATOR:
        why = (
            f"{said} was set in one context and is reset in another: `{name}` was begun in one "
            "task or thread and ends in a different one, and a token is good only where it is of."
        )
        return Finding(why)
    if not frame.f_code.co_flags & CO_ASYNC_GENERATOR or len(evidence.sites) > 1:
        why = (
            f"{said} was set in one task and is reset in another: `{name}` was begun by one task "
            "and is ended by a different one, and a token is good only in the context it is of."
        )
        return Finding(why)
    why = (
        f"`{name}` was left in the middle and is closed by another task: in that context "
        f"{said} was never set."
    )
    for unit in evidence.units.all():
        loop = _loop_over(unit, name)
        if loop is not None:
            return Finding(why, _closed_with_loop(evidence, unit, loop))
    return Finding(why)


def _reset_variable(evidence: Evidence) -> ast.expr | None:
    """The variable of which ``reset`` is called at the place, with a token of it."""
    call = evidence.node(ast.Call) if evidence.direct else None
    if call is None or callee_name(call) != "reset" or len(call.args) != 1:
        return None
    owner, token = method_owner(call), evidence.resolver.value(call.args[0])
    variable = evidence.resolver.value(owner) if owner is not None else None
    kept = (
        is_real_instance(variable, ContextVar)
        and is_real_instance(token, Token)
        and token.var is variable
    )
    return owner if kept else None


def _suspends(code: CodeType) -> bool:
    return bool(code.co_flags & (CO_ASYNC_GENERATOR | CO_COROUTINE | CO_GENERATOR))


_MODEL = (
    "`break`, `return` or an error in the body leaves the generator suspended at its "
    "`yield`. `async with aclosing(gen()) as g: async for x in g: ...` closes it there "
    "and then."
)

_LEFT = "break-leaves-generator-open", "a loop that leaves its generator open", 6, _MODEL
#: What cancels the task that has entered it.
_SCOPES = LIMITS | {"TaskGroup", "create_task_group", "open_nursery"}


def _cancelled(evidence: Evidence) -> Finding | None:
    """The body of a loop was cancelled, by what the generator that it walks has entered."""
    for site in evidence.sites:
        for info in _walked_generators(evidence, site):
            made = evidence.units.definition(info.code)
            block = _yields_inside(made[1]) if made else None
            if made is None or block is None:
                continue
            unit, function = made
            name = short(unit, block.items[0].context_expr)
            limit = enters(block, LIMITS)
            what = "The time limit" if limit else "The group of tasks"
            why = (
                f"`{function.name}` yields inside {name}. {what} counts on while the caller has "
                "the item, and cancels the body of its loop: CancelledError there."
            )
            return Finding(why, _limit_steps(evidence, unit, block) if limit else None)
    return None


def _walked_generators(evidence: Evidence, site: Site) -> Iterator[ObjectInfo]:
    """The async generators over which the loops go in whose bodies the place is."""
    resolver = Resolver.of_frame(evidence.units, site.frame)
    for child, parent in site.unit.steps_up(site.nodes[-1]) if site.nodes else ():
        if isinstance(parent, ast.AsyncFor) and child in parent.body:
            info = resolver.info(parent.iter)
            if info is not None and info.kind is AsyncGeneratorType:
                yield info


def _yields_inside(function: Function) -> ast.AsyncWith | ast.With | None:
    """The block of such a scope in `function` that has a ``yield`` in it."""
    for node in own_nodes(function):
        if isinstance(node, ast.AsyncWith | ast.With) and enters(node, _SCOPES):
            inside = (each for statement in node.body for each in own_nodes(statement))
            if any(isinstance(each, ast.Yield) for each in inside):
                return node
    return None


@correction
def _limit_steps(fixing: Fixing, unit: Unit, block: ast.AsyncWith | ast.With) -> None:
    """The limit around each step of the loop in it, where there is nothing else."""
    loop = block.body[0]
    if len(block.body) != 1 or not isinstance(loop, ast.AsyncFor) or loop.orelse:
        return
    if any(isinstance(each, ast.Continue | ast.Break) for each in ast.walk(loop)):
        return
    source = unit.source.source
    name = fixing.fresh(unit, "iterator")
    head = unit.text[unit.source.span(block).start : unit.source.span(loop).start].rstrip()
    start, end = unit.source.span(loop.body[0]).start, unit.source.span(loop.body[-1]).end
    first = unit.source.indent(loop.body[0])
    body = textwrap.dedent(first + unit.text[start:end])
    text = (
        f"{name} = aiter({source(loop.iter)})\nwhile True:\n    {head}\n        try:\n"
        f"            {source(loop.target)} = await anext({name})\n"
        f"        except StopAsyncIteration:\n            break\n{indent(body, '    ')}"
    )
    by = unit.source.indent(block)
    fixing.of(unit).replace(block, indent(text, by).removeprefix(by))


def _in_use(evidence: Evidence) -> Finding | None:
    """The loop's ``shutdown_asyncgens`` came while a task still waited in a step."""
    seen = evidence.seen
    home = evidence.units.definition(seen.code) if seen is not None else None
    if home is None:
        return None
    waited = evidence.node(ast.Await)
    at = f" at {short(evidence.unit, waited)}" if waited is not None else ""
    return Finding(
        f"`{home[1].name}` could not be closed: a task still waits in it{at}, and it makes "
        "one step at a time. Cancel and await the task first, as `asyncio.run` does at its end."
    )


RULES = (
    Rule(
        "concurrent-steps-of-one-generator",
        "an async generator closed while a task is in it",
        2,
        "`aclose` is a step, too, and an async generator makes one at a time. `asyncio.run` first "
        "cancels the tasks, and then closes the generators: do it in that order.",
        _in_use,
        sees="in use",
    ),
    Rule(
        "yield-while-closing",
        "a generator that yields while it is closed",
        6,
        "When a generator is closed, GeneratorExit is raised at its `yield`; it must then end. "
        "Do not yield in `finally`, and never swallow GeneratorExit (`except Exception` is "
        "fine, bare `except` is not).",
        _yields_while_closing,
        errors=(RuntimeError,),
    ),
    Rule(
        "break-leaves-generator-open",
        "an async context manager that is never left",
        6,
        "What `__aenter__` or `enter_async_context` begins, somebody has to end, in the same "
        "task: `async with` does both, and so does `async with AsyncExitStack() as stack`.",
        _never_exited,
        sees="left",
    ),
    Rule(*_LEFT, _left, sees="left"),
    Rule(*_LEFT, _kept, sees="kept"),
    Rule(
        "contextvar-reset-in-generator",
        "a context variable reset by another task",
        6,
        "Each task has a context of its own, and the token of `var.set()` is good only there. A "
        "generator runs in the context of whoever asks for the step: walk and close it in one "
        "task (`async with aclosing(gen()) as g`), or set the variable outside of it.",
        _reset,
        errors=(ValueError,),
    ),
    Rule(
        "yield-inside-a-cancel-scope",
        "a `yield` inside a time limit or a task group",
        5,
        "`asyncio.timeout` and `TaskGroup` cancel the task that has entered them. At a `yield` "
        "inside, that task is in the body of whoever walks the generator. Put the limit around "
        "the wait alone: `async with asyncio.timeout(t): item = await anext(source)`, and the "
        "`yield` behind it.",
        _cancelled,
        errors=(CancelledError,),
    ),
)
