"""Who else calls a function of the user's, and awaits nothing of what it gives.

It is given to somebody, or stands for a method that a library calls: such a function stays plain.
"""

from __future__ import annotations

import ast
import inspect
import sys
from itertools import pairwise
from traceback import walk_tb
from types import ModuleType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import code_of, is_real_instance
from asyncrepl.explain.bindings import imported
from asyncrepl.explain.scopes import is_fixture, own_nodes, scopes
from asyncrepl.explain.source_units import positional
from asyncrepl.explain.value_origins import bindings, calls_of
from asyncrepl.syntax.names import last_name

if TYPE_CHECKING:
    from types import CodeType

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit, Units


def is_called_by_others(evidence: Evidence, home: Unit, function: Function) -> bool:
    """Whether somebody else calls `function`, of the unit `home`, and awaits nothing.

    It is given to him, or stands for a plain method of a library's class, as `data_received`.
    """
    if _overrides_plain(evidence, home, function) or _ran_for_library(evidence, home, function):
        return True
    method = isinstance(home.parents.get(function), ast.ClassDef)
    for unit in (home, *evidence.callers):
        read_at = set(calls_of(unit, function, home))
        for node in unit.nodes(ast.Attribute if method else ast.Name):
            read = isinstance(getattr(node, "ctx", None), ast.Load)
            if last_name(node) == function.name and read:
                parent = unit.parents.get(node)
                called = node in read_at or (isinstance(parent, ast.Call) and parent.func is node)
                around = (ast.Call, ast.keyword, ast.Return, ast.Assign, ast.List, ast.Dict)
                own = method or (
                    isinstance(node, ast.Name) and function in bindings(unit, node)[1]
                )
                awaited = _awaits_parameter(home, function) or _is_awaited(
                    evidence, home, function
                )
                wraps = isinstance(parent, ast.Return) and awaited
                if own and not called and isinstance(parent, around) and not wraps:
                    return True
    return False


def _is_awaited(evidence: Evidence, unit: Unit, function: Function) -> bool:
    """Whether ``await`` stands before the call in which `function` of `unit` has failed."""
    for caller, site in pairwise(evidence.sites):
        if evidence.units.definition(site.frame.f_code) == (unit, function):
            call = caller.node(ast.Call)
            return call is not None and isinstance(caller.unit.parents[call], ast.Await)
    return False


def _awaits_parameter(unit: Unit, function: Function) -> bool:
    """Whether `function`, inside another in `unit`, awaits a call of what that was given.

    So a decorator's wrapper does: who calls it has awaited what it decorates.
    """
    outer = next(scopes(unit, function), None)
    names = positional(outer) if isinstance(outer, ast.FunctionDef) else []
    awaited = [each.value for each in own_nodes(function) if isinstance(each, ast.Await)]
    calls = [each.func for each in awaited if isinstance(each, ast.Call)]
    return any(isinstance(each, ast.Name) and each.id in names for each in calls)


#: Modules of the library that await what a function gives them, or pass its call on.
_PASSING_ON = ("asyncio", "contextlib", "functools", "unittest")


def _ran_for_library(evidence: Evidence, home: Unit, function: Function) -> bool:
    """Whether the error came out of `function` where the standard library had called it.

    Frameworks take both kinds: of a plain endpoint that is no sign.
    """
    trace = evidence.error.__traceback__ if evidence.error is not None else None
    for (by, _), (frame, _) in pairwise(walk_tb(trace)):
        root = str(by.f_globals.get("__name__")).partition(".")[0]
        library = root in sys.stdlib_module_names and root not in _PASSING_ON
        if library and evidence.units.definition(frame.f_code) == (home, function):
            return evidence.units.get(by.f_code.co_filename) is None
    return False


def _overrides_plain(evidence: Evidence, home: Unit, function: Function) -> bool:
    code = overridden_code(evidence, home, function)
    waits = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    return code is not None and not code.co_flags & waits and not is_fixture(home, function)


def overridden_code(evidence: Evidence, home: Unit, function: Function) -> CodeType | None:
    """The code of the library's method that `function`, of the unit `home`, stands for, if any."""
    owner = home.parents.get(function)
    bases = owner.bases if isinstance(owner, ast.ClassDef) else []
    # Not the class, nor its names: those of a program that has ended may be gone.
    kinds = [_imported_object(home, each) for each in bases]
    for kind in (one for each in kinds if is_real_instance(each, type) for one in each.__mro__):
        code = code_of(vars(kind).get(function.name))
        if code is not None:
            return code if evidence.units.definition(code) is None else None
    return None


def _imported_object(unit: Unit, node: ast.expr) -> object:
    """What ``Name`` or ``module.Name`` is, as far as an import in `unit` tells."""
    if isinstance(node, ast.Name):
        return imported(unit, node.id)
    owner = node.value if isinstance(node, ast.Attribute) else None
    found = imported(unit, owner.id) if isinstance(owner, ast.Name) else None
    return vars(found).get(last_name(node)) if is_real_instance(found, ModuleType) else None


def returned_to_library(units: Units, unit: Unit, call: ast.expr) -> bool:
    """Whether a function returns what `call` gives, and nobody of the user's calls that."""
    function = unit.function(call)
    if function is None or not isinstance(unit.parents.get(call), ast.Return):
        return False
    return not any(units.calls(function.name))
