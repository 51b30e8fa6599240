"""A coroutine that was handed on until somebody used it: ``await`` where it was made."""

from __future__ import annotations

import ast
from types import CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.explain.demands import met
from asyncrepl.explain.fix_editor import CannotFixError, Fixing
from asyncrepl.explain.source_units import FUNCTIONS
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import bindings
from asyncrepl.instrument.probe_placement import AWAITABLE_CALLS
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from asyncrepl.explain.repairs.repair_case import Case
    from asyncrepl.explain.source_units import Unit

__all__ = ["awaited_where_made"]


def awaited_where_made(fixing: Fixing, case: Case) -> None:
    """``await`` in front of the one call of its function that nobody awaits."""
    code = case.info.code if case.info is not None else None
    if case.info is None or case.info.kind is not CoroutineType or code is None:
        raise CannotFixError
    options = case.awaited
    if options and not any(met(case.demand, each) for each in options):
        raise CannotFixError
    found = list(_unawaited_calls(case, code))
    if len(found) != 1 or _is_handed_over(case, code):
        raise CannotFixError
    unit, call = found[0]
    fixing.changed = call
    fixing.awaiting(unit, call)


def _unawaited_calls(case: Case, code: CodeType) -> Iterator[tuple[Unit, ast.Call]]:
    for unit in case.evidence.units.all():
        for call in unit.nodes(ast.Call):
            around = unit.parents.get(call)
            awaits = isinstance(around, ast.Await | ast.Starred) or (
                isinstance(around, ast.Call) and callee_name(around) in AWAITABLE_CALLS
            )
            if callee_name(call) == code.co_name and not awaits and _may_be(case, call, code):
                yield unit, call


def _may_be(case: Case, call: ast.Call, code: CodeType) -> bool:
    """Whether what is called may be the function: not if it is known to be another."""
    resolver = Resolver(case.evidence.units, case.evidence.namespace)
    known = [each.code for each in resolver.options(call)]
    return not known or code in known


def _is_handed_over(case: Case, code: CodeType) -> bool:
    """Whether the function itself is given to somebody, who calls it."""
    return any(
        _names(unit, node, code) and not isinstance(unit.parents.get(node), ast.Call)
        for unit in case.evidence.units.all()
        for node in unit.nodes(ast.expr)
    )


def _names(unit: Unit, node: ast.expr, code: CodeType) -> bool:
    """Whether `node` reads the function, or a method of that name."""
    match node:
        case ast.Attribute(attr=code.co_name, ctx=ast.Load()):
            return "." in code.co_qualname.replace("<locals>.", "")
        case ast.Name(code.co_name, ast.Load()):
            return any(isinstance(each, FUNCTIONS) for each in bindings(unit, node)[1])
    return False
