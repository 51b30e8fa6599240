"""Steps of an async generator that were asked for and never made: no ``await``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fixing import CannotFixError, Fixing, short
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.steps import STEPS, assignment
from asyncrepl.explain.uses import callee_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.units import Unit

__all__ = ["RULES"]

_CLOSING = ("aclose", "athrow")


def _call(evidence: Evidence) -> tuple[Unit, ast.Call] | None:
    """The call that asked for the step: the operand itself, or what its name was given."""
    use = evidence.use("seen")
    if use is None or use.facts is None or use.facts.kind.__module__ != "builtins":
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
        text = short(*found)
        why = f"{text} only makes the awaitable of one step: nothing runs before it is awaited."
        return Finding(why, _awaited(evidence, *found))

    return find


def _awaited(evidence: Evidence, unit: Unit, call: ast.Call) -> Fix | None:
    fixing = Fixing(evidence)
    try:
        fixing.awaiting(unit, call)
    except CannotFixError:
        return None
    return fixing.fix()


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
        Rule(
            "anext-without-await",
            "`anext` without `await`",
            3,
            "`anext` only creates the awaitable of one step; nothing runs until it is awaited: "
            "`await anext(gen)`.",
            _asked(closing=False),
            "seen",
            sees=sees,
        ),
    )


RULES = (*_rules("lost"), *_rules("shown"))
