"""Generators that open one thing, yield it once and close it: taken for what they yield.

``db = await get_db()`` is written by those who know such a generator from FastAPI, whose `Depends`
enters it. What is meant is a context manager: ``async with asynccontextmanager(get_db)() as db``.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, lookup
from asyncrepl.explain.demands import met
from asyncrepl.explain.repairs.entered_operands import around_statement, enter_rest
from asyncrepl.explain.repairs.iterated_operands import later_walked
from asyncrepl.explain.repairs.repair_case import gives_back, yields_once
from asyncrepl.explain.scopes import CannotFixError
from asyncrepl.explain.value_origins import assigned_loads, origins
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.fix_editor import Fixing
    from asyncrepl.explain.repairs.repair_case import Case
    from asyncrepl.explain.source_units import Function, Unit


def resource(fixing: Fixing, case: Case) -> None:
    """What is asked for an attribute of what it yields: entered, as the manager it is meant as."""
    found, options = case.home, case.evidence.resolver.yielded(case.code)
    if found is None or not yields_once(*found):
        raise CannotFixError
    if options and not any(met(case.demand, each) for each in options):
        raise CannotFixError
    made = origins(case.evidence.units, case.unit, case.node)
    if len(made) != 1 or not isinstance(made[0].node, ast.Call):
        raise CannotFixError
    (unit, call) = made[0]
    assert isinstance(call, ast.Call)
    _enter(fixing, unit, call, call, found[1])


def resource_awaited(fixing: Fixing, case: Case) -> None:
    """``db = await get_db()``, if `db` is used as one thing, or what it yields is closed then."""
    found, call = case.home, case.node
    if found is None or not isinstance(call, ast.Call) or not yields_once(*found):
        raise CannotFixError
    walked = later_walked(case, case.unit.parents.get(case.owner))
    if walked or not (_is_used_as_one(case) or gives_back(*found)):
        raise CannotFixError
    _enter(fixing, case.unit, call, case.owner, found[1])


def _is_used_as_one(case: Case) -> bool:
    """Whether an attribute is asked of the result that no list of items has."""
    unit = case.unit
    for use in (case.owner, *assigned_loads(unit, case.owner)):
        parent = unit.parents.get(use)
        if isinstance(parent, ast.Attribute) and lookup(list, parent.attr) is MISSING:
            return True
    return False


def _enter(
    fixing: Fixing, unit: Unit, call: ast.Call, whole: ast.expr, function: Function
) -> None:
    """``async with asynccontextmanager(function)(…)`` for `call`, which stands in `whole`."""
    if callee_name(call) != function.name:
        raise CannotFixError  # it was made by somebody who was given the function
    given = unit.text[unit.source.span(call.func).end : unit.source.span(call).end]
    manager = f"asynccontextmanager({unit.source.source(call.func)}){given}"
    fixing.needs_name(unit, "contextlib", "asynccontextmanager")
    assigned = unit.parents.get(whole)
    if isinstance(assigned, ast.Assign) and isinstance(assigned.targets[0], ast.Name):
        enter_rest(fixing, unit, assigned, manager, assigned.targets[0].id)
    elif isinstance(unit.statement(whole), ast.Assign):
        raise CannotFixError  # what is made of it may need it, and outlives the statement
    else:
        around_statement(fixing, unit, whole, manager)
