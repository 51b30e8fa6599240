"""Steps of an async generator that were asked for and never made: no ``await``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding
from asyncrepl.explain.fix_editor import Fixing, awaited, short
from asyncrepl.explain.generator_steps import STEPS, assignment
from asyncrepl.explain.rule import Rule
from asyncrepl.syntax.names import callee_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

__all__ = ["RULES"]

_CLOSING = ("aclose", "athrow")


def _call(evidence: Evidence) -> tuple[Unit, ast.Call] | None:
    """The call that asked for the step: the operand itself, or what its name was given."""
    use = evidence.use("seen")
    if use is None or use.info is None or use.info.kind.__module__ != "builtins":
        return None
    if isinstance(use.node, ast.Call):
        return (evidence.unit, use.node) if callee_name(use.node) in STEPS else None
    assigned = assignment(evidence, use.node.id) if isinstance(use.node, ast.Name) else None
    call = assigned[1].value if assigned else None
    if assigned is None or not isinstance(call, ast.Call) or callee_name(call) not in STEPS:
        return None
    return assigned[0], call


def _asked(*, closing: bool) -> Callable[[Evidence], Finding | None]:
    def find(evidence: Evidence) -> Finding | None:
        found = _call(evidence)
        if found is None or (callee_name(found[1]) in _CLOSING) is not closing:
            return None
        return Finding(_why(*found), awaited(evidence, *found))

    return find


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
    fixing, args = Fixing(evidence), call.args
    start, end = unit.source.span(args[0]).start, unit.source.span(args[-1]).end
    fixing.of(unit).replace(Span(start, end), made)
    why = f"{short(unit, call)} takes one exception; a type and a value are the old way."
    return Finding(why, fixing.fix())


_TYPE_AND_VALUE = 2


def _at_prompt(evidence: Evidence) -> Finding | None:
    """Shown as the value of a statement; whatever else in the input asks for steps likewise."""
    use = evidence.use("value")
    if use is None or not _is_asked(use.node):
        return None
    fixing, tree = Fixing(evidence), evidence.unit.tree
    for statement in tree.body if tree else []:
        if isinstance(statement, ast.Expr) and _is_asked(statement.value):
            fixing.awaiting(evidence.unit, statement.value)
    return Finding(_why(evidence.unit, use.node), fixing.fix())


def _is_asked(node: ast.expr) -> bool:
    return callee_name(node) in STEPS and callee_name(node) not in _CLOSING


def _why(unit: Unit, node: ast.expr) -> str:
    text = short(unit, node)
    return f"{text} only makes the awaitable of one step: nothing runs before it is awaited."


_ANEXT = (
    "anext-without-await",
    "`anext` without `await`",
    3,
    (
        "`anext` only creates the awaitable of one step; nothing runs until it is awaited: "
        "`await anext(gen)`."
    ),
)


def _rules(sees: str) -> tuple[Rule, ...]:
    return (
        Rule(
            "generator-call-not-awaited",
            "`aclose` or `athrow` without `await`",
            3,
            "`aclose()` and `athrow()` of an async generator only create an awaitable; nothing "
            "runs until it is awaited: `await gen.aclose()`.",
            _asked(closing=True),
            "seen",
            sees=sees,
        ),
        Rule(*_ANEXT, _asked(closing=False), "seen", sees=sees),
    )


RULES = (
    Rule(*_ANEXT, _at_prompt, "value"),
    *_rules("lost"),
    *_rules("shown"),
    *_rules("unwalked"),
    Rule(
        "athrow-with-type-value-traceback",
        "`athrow` with a type and a value",
        2,
        "`athrow(type, value, traceback)` is on its way out: give it the exception, "
        "`await gen.athrow(ValueError('stop'))`.",
        _thrown,
        "seen",
        sees="deprecated",
    ),
)
