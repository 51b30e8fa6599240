"""Coroutines taken for what runs at once, or to its end: driven by hand, in a ``try`` or not."""

from __future__ import annotations

import ast
import asyncio
from types import CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import function_of, is_real_instance
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, replaced, short
from asyncrepl.explain.held_operands import ASYNCIO, innermost_frame
from asyncrepl.explain.kinds import Kind
from asyncrepl.explain.rules.operand_rules import row
from asyncrepl.explain.scopes import CannotFixError, caught_kinds, is_generator
from asyncrepl.explain.source_units import positional
from asyncrepl.syntax.names import (
    FUNCTIONS,
    callee_name,
    canonical_name,
    last_name,
    method_owner,
)
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Function, Unit


def _sent(evidence: Evidence) -> Finding | None:
    """``coro.send(None)`` by hand, which fails itself or as soon as the loop is needed."""
    for site in evidence.sites:
        call = site.node(ast.Call)
        sent = method_owner(call) if call is not None and callee_name(call) == "send" else None
        if sent is None:
            continue
        if evidence.leak or not (_fails_itself(evidence, site) or _lacks_loop(evidence)):
            continue
        resolver = type(evidence.resolver).of_frame(evidence.units, site.frame)
        info = resolver.info(sent)
        if info is not None and info.kind is CoroutineType:
            return Finding(short(site.unit, sent) + _BY_LOOP)
    return None


def _fails_itself(evidence: Evidence, site: Site) -> bool:
    return evidence.direct and site is evidence.sites[-1]


def _lacks_loop(evidence: Evidence) -> bool:
    """Whether asyncio found no loop, or a future, still pending, was not resumed by its own."""
    inner = evidence.inner[-1].co_filename if evidence.inner else ""
    if inner.startswith(ASYNCIO) and asyncio._get_running_loop() is None:  # noqa: SLF001  its public sister raises
        return True
    frame = innermost_frame(evidence)
    values = frame.f_locals.values() if frame is not None else ()
    return any(is_real_instance(each, asyncio.Future) and not each.done() for each in values)


def _thrown(evidence: Evidence) -> Finding | None:
    """``athrow(type, value)``, of which the interpreter warns."""
    unit = evidence.unit
    calls = [
        node
        for each in evidence.nodes
        for node in ast.walk(each)
        if isinstance(node, ast.Call) and callee_name(node) == "athrow"
    ]
    call = calls[0] if calls else None
    if call is None or len(call.args) < _TYPE_AND_VALUE:
        return None
    kind, value, *trace = (unit.source.source(each) for each in call.args)
    made = kind if value == "None" else f"{kind}({value})"
    if trace and trace[0] != "None":
        made = f"{made if made.endswith(')') else made + '()'}.with_traceback({trace[0]})"
    given = Span(unit.source.span(call.args[0]).start, unit.source.span(call.args[-1]).end)
    why = f"{short(unit, call)} takes one exception; a type and a value are the old way."
    return Finding(why, replaced(evidence, unit, (given, made)))


_TYPE_AND_VALUE = 2


def _returned_out_of_try(evidence: Evidence) -> Finding | None:
    """``try: return f()`` of a plain function, out of whose coroutine the error came later."""
    kinds = {each.__name__ for each in type(evidence.error).__mro__}
    for site in evidence.sites:
        found = evidence.units.definition(site.frame.f_code)
        if found is None or not isinstance(found[1], ast.AsyncFunctionDef):
            continue
        for unit, wrapper, returned in _returns_of(evidence, found[1]):
            if by := _retrying(wrapper):
                return Finding(
                    f"`{by}` calls `{wrapper.name}`, a plain function that returns the coroutine "
                    f"of `{found[1].name}`, and so never fails. The error comes when that is "
                    "awaited, and nothing is tried again: an `async def` is awaited each time.",
                    _awaited_in_try(evidence, unit, wrapper, returned),
                )
            if not _would_catch(unit, returned, kinds, found[1]):
                continue
            why = (
                f"`{wrapper.name}` calls `{found[1].name}` in its `try` and returns "
                "{}, of which nothing has run by then: its errors come when that is {}, outside. "
                "Only {} there can catch them."
            )
            if is_generator(found[1]):
                inside = "an `async for` over it, with a `yield`,"
                return Finding(why.format("the async generator", "iterated over", inside))
            fix = _awaited_in_try(evidence, unit, wrapper, returned)
            inside = "an `async def` that awaits it"
            return Finding(why.format("the coroutine", "awaited", inside), fix)
    return None


def _returns_of(
    evidence: Evidence, function: ast.AsyncFunctionDef
) -> Iterator[tuple[Unit, Function, ast.Return]]:
    """Where a function returns a call of `function`: of its decorator, or on the way.

    A plain one; or also one that awaits, where that makes an async generator, which it cannot.
    """
    kinds = FUNCTIONS if is_generator(function) else (ast.FunctionDef,)
    made = {last_name(getattr(each, "func", each)) for each in function.decorator_list}
    awaited = {name for site in evidence.sites for name in _awaited_names(evidence, site)}
    for unit, call in evidence.units.nodes(ast.Call):
        returned, around = unit.parents.get(call), unit.function(call)
        if not isinstance(returned, ast.Return) or not isinstance(around, kinds):
            continue
        outer = [each for each in unit.ancestors(around) if isinstance(each, ast.FunctionDef)]
        taken = {name for each in outer for name in positional(each)}
        decorates = any(each.name in made for each in outer) and callee_name(call) in taken
        if decorates or (callee_name(call) == function.name and around.name in awaited):
            yield unit, around, returned


def _awaited_names(evidence: Evidence, site: Site) -> Iterator[str]:
    """The names of what is awaited at the `site`: as it is called, and as it was defined."""
    resolver = type(evidence.resolver).of_frame(evidence.units, site.frame)
    for call in (each.value for each in site.nodes if isinstance(each, ast.Await)):
        yield callee_name(call)
        function = function_of(resolver.value(call.func)) if isinstance(call, ast.Call) else None
        if function is not None:
            yield function.__name__


#: What calls a function again when that has raised an error.
_RETRYING = {
    "tenacity.retry", "backoff.on_exception", "stamina.retry", "retrying.retry", "retry.retry",
}  # fmt: skip


def _retrying(function: Function) -> str:
    """The name of the decorator of `function` that calls it again after an error; "" for none."""
    by = [getattr(each, "func", each) for each in function.decorator_list]
    return next((last_name(each) for each in by if canonical_name(each) in _RETRYING), "")


def _would_catch(
    unit: Unit, returned: ast.Return, kinds: set[str], function: ast.AsyncFunctionDef
) -> bool:
    """Whether the ``try`` around `returned` is for such errors; which, its decorator may say.

    A TypeError may be of a call with wrong arguments, which comes at once.
    """
    around = unit.enclosing(returned, ast.Try)
    if around is None or not any(returned in ast.walk(each) for each in around.body):
        return False
    caught = {last_name(kind) for each in around.handlers for kind in caught_kinds(each.type)}
    caught |= {"BaseException" for each in around.handlers if each.type is None}
    outer = [each for each in unit.ancestors(around) if isinstance(each, ast.FunctionDef)]
    if any(caught.intersection(positional(each)) for each in outer):
        caught |= {last_name(part) for by in function.decorator_list for part in ast.walk(by)}
    return not caught.isdisjoint(kinds - {"TypeError"})


@correction
def _awaited_in_try(fixing: Fixing, unit: Unit, wrapper: Function, returned: ast.Return) -> None:
    if returned.value is None or is_generator(wrapper):
        raise CannotFixError
    fixing.of(unit).before(wrapper, "async ")
    fixing.of(unit).before(returned.value, "await ")


def _without_value(evidence: Evidence) -> Finding | None:
    """A name in a ``finally`` for what a cancelled ``await`` in its ``try`` was to give."""
    name, unit = evidence.node(ast.Name), evidence.unit
    cancelled = isinstance(getattr(evidence.error, "__context__", None), asyncio.CancelledError)
    around = unit.enclosing(name, ast.Try) if name is not None and cancelled else None
    for statement in around.body if name is not None and around is not None else ():
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        waits = [each for each in ast.walk(statement) if isinstance(each, ast.Await)]
        if not waits or name.id not in {getattr(each, "id", "") for each in targets}:  # type: ignore[union-attr]
            continue
        why = (
            f"`{name.id}` gets its value in the `try`, and {short(unit, waits[0])} was cancelled "  # type: ignore[union-attr]
            "there: what stands behind has no value to use. Get it in front of the `try`."
        )
        return Finding(why, _taken_out(evidence, unit, around, statement))  # type: ignore[arg-type]
    return None


@correction
def _taken_out(fixing: Fixing, unit: Unit, around: ast.Try, statement: ast.stmt) -> None:
    """The first statement of the ``try`` in front of it."""
    if statement is not around.body[0] or len(around.body) == 1:
        raise CannotFixError
    fixing.of(unit).lines_before(around, unit.source.source(statement))
    fixing.of(unit).remove(statement)


_DRIVEN = (
    "coroutine-driven-like-a-generator",
    "a coroutine driven by hand",
    3,
    (
        "Coroutines are driven by the event loop: `await coro` (or make a task). `next(coro)` "
        "does not exist, and `send` by hand only works for what needs no event loop."
    ),
)
_BY_LOOP = " is a coroutine: the event loop drives it when it is awaited."

RULES = (
    Rule(
        "coroutine-used-as-its-result",
        "a coroutine returned out of the `try` that was to catch its errors",
        5,
        "A call of an `async def` raises nothing: it makes a coroutine, and errors come when that "
        "is awaited. A decorator for plain functions has to await what an async one gives.",
        _returned_out_of_try,
        errors=(Exception,),
    ),
    Rule(
        "except-swallows-cancellation",
        "a name without a value, for its `await` was cancelled",
        5,
        "A cancellation is raised at the `await`: what that was to give is not there in `except` "
        "and `finally`. What they close is made in front of the `try`.",
        _without_value,
        errors=(UnboundLocalError,),
    ),
    Rule(*_DRIVEN, _sent, errors=(TypeError, RuntimeError)),
    row(*_DRIVEN, "step", frozenset({Kind.COROUTINE}), "{told.text}" + _BY_LOOP),
    Rule(
        "athrow-with-type-value-traceback",
        "`athrow` with a type and a value",
        2,
        "`athrow(type, value, traceback)` is on its way out: give it the exception, "
        "`await gen.athrow(ValueError('stop'))`.",
        _thrown,
        sees="deprecated",
    ),
)
