"""Mocks whose calls can be awaited, where they are to be plain, and the other way round."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.kinds import has
from asyncrepl.explain.scopes import CannotFixError
from asyncrepl.explain.value_origins import assigned_loads, origins
from asyncrepl.syntax.names import FUNCTIONS, callee_name, last_name, written_name

if TYPE_CHECKING:
    from asyncrepl.explain.fix_editor import Fixing
    from asyncrepl.explain.repairs.repair_case import Case
    from asyncrepl.explain.source_units import Unit


def as_async_mock(fixing: Fixing, case: Case) -> None:
    """A mock whose calls can be awaited, in the place of the one that was called.

    What it is told to return becomes one as well, if its methods are awaited then.
    """
    call = case.node
    if not isinstance(call, ast.Call):
        raise CannotFixError
    owner = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    found = [one for each in (call.func, *owner) for one in _plain_mocks(case, case.unit, each)]
    if not found:
        raise CannotFixError
    unit, made = next((each for each in found if _is_on_the_way(case, *each)), found[0])
    given = next((each.value for each in made.keywords if each.arg == "return_value"), None)
    inner = _plain_mocks(case, unit, given) if given and _methods_are_awaited(case) else []
    for home, mock in [(unit, made), *inner]:
        name = mock.func
        if isinstance(name, ast.Attribute):
            fixing.of(home).replace(name, f"{home.source.source(name.value)}.AsyncMock")
        else:
            fixing.of(home).replace(name, "AsyncMock")
            fixing.needs_name(home, "unittest.mock", "AsyncMock")


def _is_on_the_way(case: Case, unit: Unit, made: ast.Call) -> bool:
    """Whether a function that the error passed has made that mock: another test has its own."""
    units, around = case.evidence.units, unit.enclosing(made, *FUNCTIONS)
    passed = [units.definition(site.frame.f_code) for site in case.evidence.sites]
    return around is not None and (unit, around) in passed


def as_async_items(fixing: Fixing, case: Case) -> None:
    """``mock.rows.return_value = [1]`` → ``mock.rows.return_value.__aiter__.return_value = [1]``.

    A mock that is made by default gives such items to ``async for``.
    """
    call = case.node
    if not isinstance(call, ast.Call) or not has(case.info, "__iter__"):
        raise CannotFixError
    found = [
        (unit, node)
        for unit, node in case.evidence.units.nodes(ast.Attribute)
        if node.attr == "return_value" and isinstance(node.ctx, ast.Store)
        if last_name(node.value) == callee_name(call)
    ]
    if len(found) != 1:
        raise CannotFixError
    fixing.of(found[0][0]).after(found[0][1], ".__aiter__.return_value")


def _plain_mocks(case: Case, unit: Unit, node: ast.expr) -> list[tuple[Unit, ast.Call]]:
    """The calls that may have made the mock `node`."""
    return [
        (home, made)
        for home, made in origins(case.evidence.units, unit, node)
        if isinstance(made, ast.Call) and callee_name(made) in ("MagicMock", "Mock")
    ]


def _methods_are_awaited(case: Case) -> bool:
    """Whether ``await x.method()`` follows ``x = await mock()``."""
    parents = case.unit.parents
    return any(
        isinstance(method := parents.get(each), ast.Attribute)
        and isinstance(parents.get(parents.get(method, method)), ast.Await)
        for each in assigned_loads(case.unit, case.owner)
    )


def as_plain_mock(fixing: Fixing, case: Case) -> None:
    """A plain mock, whose call is entered: the calls of an AsyncMock give coroutines.

    Not of one that has other methods, whose calls are awaited.
    """
    method = case.node.func if isinstance(case.node, ast.Call) else None
    if not isinstance(method, ast.Attribute):
        raise CannotFixError
    own, name = _async_mocks(case, method), written_name(method.value)
    awaits = [each.value for _, each in case.evidence.units.nodes(ast.Await)]
    called = [each.func for each in awaits if isinstance(each, ast.Call)]
    owners = [written_name(each.value) for each in called if isinstance(each, ast.Attribute)]
    if not own and name in owners:
        raise CannotFixError
    for unit, made in own or _async_mocks(case, method.value):
        fixing.of(unit).replace(made.func, "MagicMock")
        fixing.needs_name(unit, "unittest.mock", "MagicMock")


def _async_mocks(case: Case, node: ast.expr) -> list[tuple[Unit, ast.Call]]:
    found = origins(case.evidence.units, case.unit, node)
    return [
        (unit, made)
        for unit, made in found
        if isinstance(made, ast.Call) and callee_name(made) == "AsyncMock"
    ]
