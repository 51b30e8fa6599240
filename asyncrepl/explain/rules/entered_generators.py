"""Generators that a context manager is made of: they yield once, on every path."""

from __future__ import annotations

import ast
import contextlib
from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import Fixing
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.source_units import FUNCTIONS
from asyncrepl.syntax.names import LOOPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit

__all__ = ["RULES"]

_MANAGER = vars(contextlib)["_AsyncGeneratorContextManager"]


def _of_manager(evidence: Evidence, method: str) -> tuple[Unit, Function] | None:
    """The function behind the context manager of `contextlib` whose `method` has raised."""
    error = evidence.error
    trace = error.__traceback__ if error is not None else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_frame.f_code is not vars(_MANAGER)[method].__code__:
        return None
    generator = getattr(trace.tb_frame.f_locals.get("self"), "gen", None)
    if not isinstance(generator, AsyncGeneratorType):
        return None
    return evidence.units.definition(generator.ag_code)


def _never(evidence: Evidence) -> Finding | None:
    found = _of_manager(evidence, "__aenter__")
    if found is None:
        return None
    why = (
        f"`{found[1].name}` ended without `yield`: a context manager has to yield on every path "
        "that does not raise, for there is nothing to enter otherwise."
    )
    return Finding(why, _raising(evidence, *found))


def _raising(evidence: Evidence, unit: Unit, function: Function) -> Fix | None:
    """Raise the error again where a handler lets the function end."""
    fixing = Fixing(evidence)
    edits = fixing.of(unit)
    for handler in _ending(function):
        end = handler.body[-1]
        if isinstance(end, ast.Pass | ast.Return):
            edits.replace(end, "raise")
        else:
            edits.lines_after(end, "raise")
    return fixing.fix() if edits.edits else None


def _ending(function: Function) -> Iterator[ast.ExceptHandler]:
    """The handlers around no ``yield`` that go on to the end of the function, or return."""
    for number, statement in enumerate(function.body):
        later = [node for each in function.body[number + 1 :] for node in ast.walk(each)]
        if not isinstance(statement, ast.Try):
            continue
        for handler in statement.handlers:
            inside = list(ast.walk(handler))
            leaves = isinstance(handler.body[-1], ast.Return) or not _yields(later)
            if leaves and not _yields(inside) and not _raises(inside):
                yield handler


def _yields(nodes: list[ast.AST]) -> bool:
    return any(isinstance(node, ast.Yield) for node in nodes)


def _raises(nodes: list[ast.AST]) -> bool:
    return any(isinstance(node, ast.Raise) for node in nodes)


def _twice(evidence: Evidence) -> Finding | None:
    found = _of_manager(evidence, "__aexit__")
    if found is None:
        return None
    unit, function = found
    again = _yield_in_handler(function)
    if again is not None:
        why = (
            f"`{function.name}` yields a second time, where it handles the error of the block: a "
            "context manager yields once, and then ends or raises."
        )
        fixing = Fixing(evidence)
        fixing.of(unit).replace(unit.statement(again), "raise")
        return Finding(why, fixing.fix())
    why = (
        f"`{function.name}` yields a second time, when the block is over: a context manager "
        "yields once, and what comes after the `yield` cleans up."
    )
    return Finding(why, _once(evidence, unit, function))


def _yield_in_handler(function: Function) -> ast.Yield | None:
    """The ``yield`` in a handler of the ``try`` that has the first one in its body."""
    for node in own_nodes(function):
        if isinstance(node, ast.Try) and _yields([n for s in node.body for n in ast.walk(s)]):
            inside = [inner for handler in node.handlers for inner in ast.walk(handler)]
            return next((each for each in inside if isinstance(each, ast.Yield)), None)
    return None


def _once(evidence: Evidence, unit: Unit, function: Function) -> Fix | None:
    """Without the second of two ``yield`` statements; a loop that repeats the only one is left."""
    yields = [node for node in own_nodes(function) if isinstance(node, ast.Yield)]
    statements = [unit.statement(node) for node in yields]
    fixing = Fixing(evidence)
    loop = unit.enclosing(yields[0], *LOOPS, *FUNCTIONS) if yields else None
    if len(yields) == 1 and isinstance(loop, LOOPS) and statements[0] in loop.body:
        fixing.of(unit).lines_after(statements[0], "break")
        return fixing.fix()
    if len(yields) == 2 and all(each in function.body for each in statements):
        fixing.of(unit).remove(statements[1])
        return fixing.fix()
    return None


_MODEL = (
    "`@asynccontextmanager` makes a context manager of an async generator that yields exactly "
    "once: what is before the `yield` enters, what is after it leaves. A path that cannot give "
    "anything raises."
)

RULES = (
    Rule(
        "context-manager-without-yield",
        "a context manager function that does not yield",
        2,
        _MODEL,
        _never,
        errors=(RuntimeError,),
    ),
    Rule(
        "context-manager-yields-twice",
        "a context manager function that yields twice",
        6,
        _MODEL,
        _twice,
        errors=(RuntimeError,),
    ),
)
