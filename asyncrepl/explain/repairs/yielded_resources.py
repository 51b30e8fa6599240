"""What yields, and was taken for another thing, and what should yield as its like does.

Generators that open one thing, yield it once and close it are taken for what they yield.
``db = await get_db()`` is written by those who know such a generator from FastAPI, whose `Depends`
enters it. What is meant is a context manager: ``async with asynccontextmanager(get_db)() as db``.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, lookup
from asyncrepl.explain.demands import met
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.kinds import is_async_iterable
from asyncrepl.explain.repairs.entered_operands import around_statement, enter_rest
from asyncrepl.explain.repairs.iterated_operands import later_walked
from asyncrepl.explain.repairs.repair_case import gives_back, yields_once
from asyncrepl.explain.scopes import CannotFixError, is_generator, own_nodes
from asyncrepl.explain.value_origins import assigned_loads, origins
from asyncrepl.syntax.names import callee_name, last_name

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


def yielded_as_its_like(fixing: Fixing, case: Case) -> None:
    """A method returns a list, and in another class of its kin it yields: so it yields, too."""
    found = case.home
    if found is None or case.demand.what != "async walk":
        raise CannotFixError
    unit, function = found
    values = [node for node in own_nodes(function) if isinstance(node, ast.Return)]
    if not values or not _yields_in_kin(case, unit, function):
        raise CannotFixError
    for node in values:
        by, name = unit.source.indent(node), fresh(unit, "item")
        text = f"return\n{by}yield"
        if node.value is not None and getattr(node.value, "elts", None) != []:
            loop, source = _loop_over(case, node.value), unit.source.source(node.value)
            text = f"{loop} {name} in {source}:\n{by}    yield {name}\n{by}return"
        text = text.removesuffix(f"\n{by}return") if node is function.body[-1] else text
        fixing.of(unit).replace(node, text)


def _loop_over(case: Case, node: ast.expr) -> str:
    """The words of the loop over what a method returns: what its like gives is a stream."""
    if case.home is not None and callee_name(node) == case.home[1].name:
        return "async for"
    options = case.evidence.resolver.inside(case.code).options(node)
    streams = [is_async_iterable(each) for each in options]
    if not options or any(streams) is not all(streams):
        raise CannotFixError
    return "async for" if any(streams) else "for"


def _yields_in_kin(case: Case, unit: Unit, function: Function) -> bool:
    """Whether a method of that name is an async generator in a class above or below, or beside."""
    owner = unit.parents.get(function)
    kin = {owner.name, *map(last_name, owner.bases)} if isinstance(owner, ast.ClassDef) else set()
    return any(
        isinstance(around, ast.ClassDef)
        and isinstance(each, ast.AsyncFunctionDef)
        and not kin.isdisjoint({around.name, *map(last_name, around.bases)})
        and is_generator(each)
        for one, each in case.evidence.units.functions(function.name)
        for around in [one.parents.get(each)]
    )
