"""Who else calls a function of the user's, and awaits nothing of what it gives.

It is given to somebody, or stands for a method that a library calls: such a function stays plain.
Or its decorator has put another function in its place, which hands it on.
"""

from __future__ import annotations

import ast
import inspect
import sys
from itertools import pairwise
from traceback import walk_tb
from types import ModuleType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import (
    MISSING,
    behind_partials,
    code_of,
    function_of,
    instance_dict,
    is_real_instance,
    lookup,
)
from asyncrepl.explain.bindings import imported, variables
from asyncrepl.explain.library_results import function_of_code
from asyncrepl.explain.scopes import is_fixture, own_nodes, scopes
from asyncrepl.explain.source_units import positional
from asyncrepl.explain.value_origins import bindings, calls_of
from asyncrepl.syntax.names import FUNCTIONS, callee_name, is_partial, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FunctionType

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit, Units
    from asyncrepl.explain.static_values import Resolver

Place = tuple["Unit", ast.Call]


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


def mentions(evidence: Evidence, name: str) -> list[Place]:
    """The calls that the function `name` itself is handed to, also in a ``partial``.

    Or that its decorator's function hands it to, where that is what has the name.
    """
    found = [
        (unit, call)
        for unit in evidence.units.all()
        for call in unit.nodes(ast.Call)
        if not is_partial(call) and argument_named(call, name) is not None
    ]
    calls = [(unit, each) for unit in evidence.units.all() for each in unit.calls.get(name, ())]
    handed = dict.fromkeys(by for each in calls for by in handed_by(evidence, *each) or ())
    return [*found, *handed]


def handed_by(evidence: Evidence, unit: Unit, call: ast.Call) -> list[Place] | None:
    """What the dropped one was handed to, if `call` calls what its decorator put in its place.

    As ``pool.submit(function, x)`` by ``work(x)``; empty if a library does so. None if that calls
    the dropped one itself, or if there is no such thing.
    """
    value, code = evidence.resolver_in(unit).value(call.func), evidence.finding.info.code
    if value is MISSING:
        return _by_decorators(evidence)
    function = function_of(value) or function_of(lookup(type(value), "__call__"))
    if function is None or code is None or function.__code__ is code:
        return None
    held = {**instance_dict(value), **variables(function, False)}
    names = [name for name, each in held.items() if code_of(behind_partials(each)) is code]
    source = function_of_code(evidence.units, function.__code__)
    if not names or source is None or _calls(source, names):
        return None
    return [*_taken(evidence, function, names)]


def _by_decorators(evidence: Evidence) -> list[Place] | None:
    """The same of a function within another, by what its decorators do with it."""
    found = evidence.units.definition(evidence.finding.info.code)
    for each in found[1].decorator_list if found is not None else ():
        made = each.func if isinstance(each, ast.Call) else each
        function = function_of(evidence.resolver_in(found[0]).value(made)) if found else None
        home = evidence.units.definition(code_of(function))
        inner = [n for n in own_nodes(home[1]) if isinstance(n, FUNCTIONS)] if home else []
        taking = inner if made is not each else [home[1]] if home is not None else []
        names = [n.args.args[-1].arg for n in taking if n.args.args]
        given = [n.value for n in ast.walk(home[1]) if isinstance(n, ast.Return)] if home else []
        if function is None or {getattr(n, "id", "") for n in given} & {*names}:
            continue
        if places := [*_taken(evidence, function, names)]:
            return places
    return None


def _calls(function: ast.AST, names: list[str]) -> bool:
    """Whether `function` calls what has one of these `names`."""
    return any(isinstance(n, ast.Call) and callee_name(n) in names for n in ast.walk(function))


def _taken(
    evidence: Evidence, function: FunctionType, names: list[str], seen: tuple[CodeType, ...] = ()
) -> Iterator[Place]:
    """The calls that are given, at last, what one of these `names` has in `function`.

    None if that calls it itself.
    """
    found, code = evidence.units.definition(function.__code__), function.__code__
    if found is None or code in seen or _calls(found[1], names):
        return
    resolver = evidence.resolver_in(found[0]).inside(code, function)
    for call in (each for each in ast.walk(found[1]) if isinstance(each, ast.Call)):
        given = next((a for name in names if (a := argument_named(call, name))), None)
        if given is not None:
            inner = handed_on(evidence, resolver, call, given, (*seen, code))
            yield from inner or [(found[0], call)]


def handed_on(
    evidence: Evidence,
    resolver: Resolver,
    call: ast.Call,
    given: ast.expr,
    seen: tuple[CodeType, ...] = (),
) -> list[Place]:
    """What the user's function that `call` calls hands on to what it was `given`."""
    function, owner = function_of(resolver.value(call.func)), getattr(call.func, "value", None)
    bound = owner is not None and not is_real_instance(resolver.value(owner), (type, ModuleType))
    named = [each.arg for each in call.keywords if each.value is given and each.arg is not None]
    before = call.args[: call.args.index(given)] if given in call.args else call.args
    if function is None or any(isinstance(each, ast.Starred) for each in before):
        return []
    taken = function.__code__.co_varnames[: function.__code__.co_argcount]
    place = len(before) + bound if given in call.args else len(taken)
    return [*_taken(evidence, function, named or [*taken[place : place + 1]], seen)]


def argument_named(call: ast.Call, name: str) -> ast.expr | None:
    """The argument of `call` that is the function `name`, or a ``partial`` of it."""
    for each in (*call.args, *(keyword.value for keyword in call.keywords)):
        inner = each.args[0] if is_partial(each) else each
        if isinstance(inner, ast.Name | ast.Attribute) and last_name(inner) == name:
            return each
    return None


def is_own(evidence: Evidence, call: ast.Call) -> bool:
    """Whether what `call` calls has the name of the user's: of a method, no inner function."""
    name, method = callee_name(call), isinstance(call.func, ast.Attribute)
    homes = [home.parents.get(each) for home, each in evidence.units.functions(name)]
    inner = method and all(isinstance(each, FUNCTIONS) for each in homes)
    return evidence.units.defines(name) and not (homes and inner)
