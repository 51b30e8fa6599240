"""Generators that a loop left before their end, and what becomes of their cleanup."""

from __future__ import annotations

import ast
from contextvars import ContextVar, Token
from inspect import CO_COROUTINE
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import Fixing, short
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.syntax.names import callee_name, method_owner
from asyncrepl.syntax.source_rewriter import indent

if TYPE_CHECKING:
    from types import CodeType

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit

__all__ = ["RULES"]

_ASYNC_GENERATOR = 0x200


def _left(evidence: Evidence) -> Finding | None:
    """A generator died at a ``yield`` that has cleanup around it, in a loop over its call."""
    seen = evidence.seen
    made = evidence.units.definition(seen.info.code) if seen else None
    if seen is None or made is None or not _cleans_up(made[1], seen.number):
        return None
    place = seen.place
    loop = _loop_over(evidence.unit, made[1].name, place.lineno if place else 0)
    if loop is None:
        return None
    text = short(evidence.unit, loop.iter)
    why = (
        f"The loop left {text} in the middle: its cleanup does not run here but later, in a "
        "task of its own."
    )
    return Finding(why, _closed_with_loop(evidence, evidence.unit, loop))


def _cleans_up(function: Function, line: int) -> bool:
    """Whether the ``yield`` on `line` stands in a ``try … finally`` or a ``with``."""
    for node in own_nodes(function):
        closes = isinstance(node, ast.With | ast.AsyncWith) or (
            isinstance(node, ast.Try) and bool(node.finalbody)
        )
        if closes and isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0):
            return True
    return False


def _loop_over(unit: Unit, name: str, line: int = 0) -> ast.AsyncFor | None:
    """The innermost loop around `line` over a call of `name`; without a line, the only one."""
    found = [
        node
        for node in unit.nodes(ast.AsyncFor)
        if callee_name(node.iter) == name
        and (not line or node.lineno <= line <= (node.end_lineno or 0))
    ]
    return found[-1] if found and (line or len(found) == 1) else None


def _closed_with_loop(evidence: Evidence, unit: Unit, loop: ast.AsyncFor) -> Fix | None:
    """The loop in an ``async with aclosing(…)``."""
    fixing = Fixing(evidence)
    name = fixing.fresh(unit, "stream")
    start, end = unit.source.block(loop)
    by = unit.source.indent(loop)
    operand = unit.source.span(loop.iter)
    text = unit.text[start : operand.start] + name + unit.text[operand.end : end]
    head = f"{by}async with aclosing({unit.source.source(loop.iter)}) as {name}:\n"
    ending = "" if text.endswith("\n") else "\n"
    fixing.of(unit).replace(unit.source.block(loop), head + indent(text, "    ") + ending)
    fixing.needs_name(unit, "contextlib", "aclosing")
    return fixing.fix()


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
    if not frame.f_code.co_flags & _ASYNC_GENERATOR or len(evidence.sites) > 1:
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
    calls = [node for node in evidence.nodes if isinstance(node, ast.Call)]
    call = calls[-1] if calls and evidence.direct else None
    if call is None or callee_name(call) != "reset" or len(call.args) != 1:
        return None
    owner, token = method_owner(call), evidence.resolver.value(call.args[0])
    variable = evidence.resolver.value(owner) if owner is not None else None
    kept = isinstance(variable, ContextVar) and isinstance(token, Token) and token.var is variable
    return owner if kept else None


def _suspends(code: CodeType) -> bool:
    return bool(code.co_flags & (_ASYNC_GENERATOR | CO_COROUTINE))


_MODEL = (
    "`break`, `return` or an error in the body leaves the generator suspended at its "
    "`yield`. `async with aclosing(gen()) as g: async for x in g: ...` closes it there "
    "and then."
)
_LEFT = "break-leaves-generator-open", "a loop that leaves its generator open", 6, _MODEL

RULES = (
    Rule(*_LEFT, _left, "seen", sees="left"),
    Rule(*_LEFT, _kept, "seen", sees="kept"),
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
)
