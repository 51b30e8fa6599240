"""What an async generator was asked for and has not: what has it instead."""

from __future__ import annotations

import ast

from asyncrepl.events.object_info import MISSING, lookup
from asyncrepl.explain.demands import met
from asyncrepl.explain.fix_editor import CannotFixError, Fixing, awaits_of
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.kinds import has
from asyncrepl.explain.repairs.entered_operands import around_statement, enter_rest
from asyncrepl.explain.repairs.iterated_operands import collected
from asyncrepl.explain.repairs.repair_case import COLLECTORS, Case, yields_once
from asyncrepl.explain.value_origins import origins
from asyncrepl.syntax.names import callee_name

__all__ = ["items_as_list", "next_method", "of_one_item", "resource", "twin"]

_TWINS = {"send": "asend", "throw": "athrow", "close": "aclose"}


_NEXT = ("anext", "__anext__", "__next__", "next")


_ITER = ("aiter", "__iter__", "iter")


def twin(fixing: Fixing, case: Case) -> None:
    """``gen.send(x)`` → ``await gen.asend(x)``."""
    call = case.unit.parents.get(case.owner)
    if case.owner.attr not in _TWINS or not isinstance(call, ast.Call):
        raise CannotFixError
    fixing.of(case.unit).replace(case.owner, f"{case.source}.{_TWINS[case.owner.attr]}")
    if not awaits_of(case.unit, call):
        fixing.awaiting(case.unit, call)


def next_method(fixing: Fixing, case: Case) -> None:
    """``gen.anext()`` → ``await anext(gen)``; what is no iterator goes through ``aiter``."""
    call = case.unit.parents.get(case.owner)
    if not isinstance(call, ast.Call) or case.owner.attr not in (*_NEXT, *_ITER):
        raise CannotFixError
    source = case.unit.source.source
    name = "anext" if case.owner.attr in _NEXT else "aiter"
    operand = case.source
    if name == "anext" and not has(case.info, "__anext__"):
        operand = f"aiter({operand})"
    arguments = ", ".join([operand, *(source(each) for each in call.args)])
    fixing.of(case.unit).replace(call, f"{name}({arguments})")
    if name == "anext" and not awaits_of(case.unit, call):
        fixing.awaiting(case.unit, call)


def resource(fixing: Fixing, case: Case) -> None:
    """A generator that yields one thing to be used: entered, as the manager it is meant as."""
    assert case.info is not None
    found = case.evidence.units.definition(case.info.code)
    options = case.evidence.resolver.yielded(case.info.code)
    if found is None or not yields_once(*found):
        raise CannotFixError
    if options and not any(met(case.demand, each) for each in options):
        raise CannotFixError
    made = origins(case.evidence.units, case.unit, case.node)
    if len(made) != 1 or not isinstance(made[0].node, ast.Call):
        raise CannotFixError
    (unit, call) = made[0]
    assert isinstance(call, ast.Call)
    if callee_name(call) != found[1].name:
        raise CannotFixError  # it was made by somebody who was given the function
    function = unit.source.source(call.func)
    manager = (
        f"asynccontextmanager({function})"
        + unit.text[unit.source.span(call.func).end : unit.source.span(call).end]
    )
    fixing.needs_name(unit, "contextlib", "asynccontextmanager")
    assigned = unit.parents.get(call)
    if isinstance(assigned, ast.Assign) and isinstance(assigned.targets[0], ast.Name):
        enter_rest(fixing, unit, assigned, manager, assigned.targets[0].id)
    else:
        around_statement(fixing, unit, call, manager)


def items_as_list(fixing: Fixing, case: Case) -> None:
    """What a list has, or collects the items in other libraries: a list of them."""
    call, name = case.unit.parents.get(case.owner), case.owner.attr
    if name in COLLECTORS and isinstance(call, ast.Call):
        item = fresh(case.unit, "x")
        text = f"[{item} async for {item} in {case.source}]"
        awaits = [each for each in awaits_of(case.unit, call) if each.value is call]
        fixing.of(case.unit).replace(awaits[0] if awaits else call, text)
        fixing.suspending(case.unit, call)
    elif lookup(list, name) is not MISSING:
        collected(fixing, case)
    else:
        raise CannotFixError


def of_one_item(fixing: Fixing, case: Case) -> None:
    """What the items have: asked of the next one."""
    assert case.info is not None
    options = case.evidence.resolver.yielded(case.info.code)
    found = case.evidence.units.definition(case.info.code)
    once = found is not None and yields_once(*found)  # then it is to be closed, too
    if once or not any(met(case.demand, each) for each in options):
        raise CannotFixError
    fixing.of(case.unit).replace(case.node, f"(await anext({case.source}))")
    fixing.suspending(case.unit, case.node)
