"""Generators that do not end when they are closed."""

from __future__ import annotations

import ast
from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding
from asyncrepl.explain.fix_editor import Fixing
from asyncrepl.explain.generator_steps import called
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.static_values import Resolver
from asyncrepl.syntax.names import callee_name, method_owner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Function, Unit

__all__ = ["RULES", "late_yield"]


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
    fixing = Fixing(evidence)
    edits = fixing.of(unit)
    if isinstance(found, ast.ExceptHandler):
        if found.type is not None:
            edits.replace(found.type, "Exception")
        else:
            edits.insert(unit.source.span(found).start + len("except"), " Exception")
        return Finding(why, fixing.fix())
    value = unit.source.source(found.value) if found.value else ""
    edits.replace(found, f"print({value})")
    return Finding(why, fixing.fix())


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
            if _catches_exit(handler) and not any(
                isinstance(inner, ast.Raise | ast.Return) for inner in ast.walk(handler)
            ):
                return handler
    return None


def _catches_exit(handler: ast.ExceptHandler) -> bool:
    names = {each.id for each in ast.walk(handler.type or handler) if isinstance(each, ast.Name)}
    return handler.type is None or bool(names & {"BaseException", "GeneratorExit"})


RULES = (
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
)
