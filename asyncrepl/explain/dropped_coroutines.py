"""Where a coroutine that was dropped came from: the calls and mentions of its function."""

from __future__ import annotations

import ast
import builtins
import sys
from types import BuiltinFunctionType, CoroutineType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import (
    MISSING,
    behind_partials,
    code_of,
    function_of,
    is_real_instance,
)
from asyncrepl.explain.bindings import accepts_call, imported, make_coroutines
from asyncrepl.explain.library_results import mock_file
from asyncrepl.explain.other_callers import argument_named, handed_by, handed_on, is_own, mentions
from asyncrepl.explain.scopes import own_nodes, root_of
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from asyncrepl.events.findings import Finding
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit, Units
    from asyncrepl.explain.static_values import Resolver

Place = tuple["Unit", ast.Call]


def dropped_name(evidence: Evidence) -> str:
    """The name of the function whose coroutine died."""
    return evidence.finding.info.function_name


def calls_that_made(evidence: Evidence) -> Iterator[Place]:
    """All calls in the user's texts that may have made it: of a function of that name.

    Of what is no function of the user's, a mock or one of a library, those that give the like.
    """
    code, name = evidence.finding.info.code, dropped_name(evidence)
    library = _is_of_library(evidence)
    for unit in evidence.units.all():
        resolver = evidence.resolver_in(unit) if library else None
        for node in unit.nodes(ast.Call):
            named = callee_name(node) == name and not _is_of_module(unit, node)
            named = named and handed_by(evidence, unit, node) is None
            if named or (resolver and _gives(resolver, node, code)):
                yield unit, node


def _is_of_module(unit: Unit, call: ast.Call) -> bool:
    """Whether it is ``asyncio.run()`` or the like, and no method of that name."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    known = imported(unit, owner.id) if isinstance(owner, ast.Name) else None
    return is_real_instance(known, ModuleType) and known.__name__ in sys.stdlib_module_names


def _is_of_library(evidence: Evidence) -> bool:
    """Whether its function is none of the user's: a mock, or one of a library."""
    code = evidence.finding.info.code
    return code is not None and evidence.units.get(code.co_filename) is None


def _may_give(evidence: Evidence, unit: Unit, call: ast.Call) -> bool:
    """Whether an innermost call gives the coroutine, or calls what nobody knows."""
    if any(isinstance(each, ast.Call) for each in ast.walk(call) if each is not call):
        return False
    resolver, code = evidence.resolver_in(unit), evidence.finding.info.code
    return resolver.value(call.func) is MISSING or _gives(resolver, call, code)


def _gives(resolver: Resolver, call: ast.Call, code: CodeType | None) -> bool:
    """Whether the call gives a coroutine of that code."""
    mock = type(resolver.value(call.func)).__name__ == "AsyncMock"
    if mock and code is not None and code.co_filename == mock_file():
        return True
    return any(each.code is code for each in resolver.options(call))


def made_at(evidence: Evidence, name: str) -> Place | None:
    """The call that made the coroutine of `name`, on the line where that is known to have been.

    One of its name; or the only one of a variable, which has it, or at all if it was made there.
    """
    if evidence.made is None:
        return None
    unit, line = evidence.made
    calls = unit.around(line, ast.Call)
    here = [each for each in calls if not isinstance(unit.parents.get(each), ast.Await)]
    named = [call for call in here if callee_name(call) == name]
    if not named and _is_of_library(evidence):
        named = [call for call in here if _may_give(evidence, unit, call)]
    found = named or [call for call in here if is_of_variable(evidence, unit, call)]
    # Not by the interpreter, as `__next__` is, nor of what is known to be another function.
    if not found and evidence.finding.direct and not name.startswith("__"):
        found = [each for each in here if evidence.resolver_in(unit).value(each.func) is MISSING]
    alike = len({ast.dump(call.func) for call in found}) == 1  # ``show(a), show(b)``
    around = unit.parents.get(found[0]) if found else None
    if isinstance(around, ast.BoolOp) and all(unit.parents.get(each) is around for each in found):
        return unit, found[0]  # ``may(a) or may(b)``
    discarded = alike and all(is_discarded(unit, call) for call in found)
    return (unit, found[0]) if len(found) == 1 or discarded else None


def is_abandoned(error: Evidence | None, finding: Finding) -> bool:
    """Whether what is not used was made in an expression that `error` has ended beside it.

    Or is left over, when an error has ended what was to hand it on. What has failed is a name, or
    a call that takes no such arguments, whatever they are; or an operation on other objects, while
    the coroutine waited in a list or for its turn.
    """
    if finding.what == "left over":
        return True
    place = finding.place
    made = finding.made or (finding.code.co_filename, place.lineno if place is not None else 0)
    for each in (error, *error.more) if error is not None else ():
        failed = each.node(ast.expr)
        if failed is None or not each.direct or each.unit.filename != made[0]:
            continue
        refused = isinstance(failed, ast.Call) and _is_refused(each.resolver, failed)
        calls = _calls_on(each.unit, made[1], finding.info.function_name)
        if any(_waits_for(each.unit, call, failed, refused=refused) for call in calls):
            return True
    return False


def _calls_on(unit: Unit, line: int, name: str) -> list[ast.Call]:
    return [each for each in unit.around(line, ast.Call) if callee_name(each) == name]


def _waits_for(unit: Unit, call: ast.Call, failed: ast.expr, *, refused: bool) -> bool:
    """Whether the value of `call`, alone or in a collection, is to be used once `failed` is there.

    Or is in the collection that `failed` was about, or an argument of that: a `refused` call.
    """
    above = {node for node in unit.ancestors(failed) if isinstance(node, _WAIT_IN)}
    for node, around in unit.steps_up(call):
        if around in above:
            return True
        if not isinstance(around, _COLLECT):
            return around is failed and (refused or isinstance(node, _COLLECTION))
    return False


#: Where one value waits for others, in an expression; and what only collects values.
_WAIT_IN = ast.expr | ast.keyword
_COLLECTION = ast.List | ast.Tuple | ast.Set | ast.Dict
_COLLECT = _COLLECTION | ast.Starred | ast.keyword


#: Functions whose signature is known without running code of the user's.
_KNOWN = (FunctionType, BuiltinFunctionType, MethodType)


def _is_refused(resolver: Resolver, call: ast.Call) -> bool:
    function = resolver.value(call.func)
    return type(function) in _KNOWN and accepts_call(function, call) is False


def is_discarded(unit: Unit, node: ast.expr) -> bool:
    """Whether nothing is done with the value of `node`: it is a statement, or a part of one."""
    around = unit.parents.get(node)
    match around:
        case ast.Expr():
            return True
        case ast.Tuple() | ast.List() | ast.Set() | ast.BoolOp():
            return is_discarded(unit, around)
        case ast.IfExp() if around.test is not node:
            return is_discarded(unit, around)
        case ast.ListComp() | ast.SetComp() if around.elt is node:
            return is_discarded(unit, around)
    return False


def is_of_variable(evidence: Evidence, unit: Unit, call: ast.Call) -> bool:
    """Whether what `call` calls may be the function that made it, under another name.

    Not if it is known to be another one, as ``gc.collect``, in which the coroutine only dies.
    """
    root = root_of(call.func)
    if isinstance(root, ast.Name) and is_real_instance(imported(unit, root.id), ModuleType):
        return False
    value = behind_partials(evidence.resolver_in(unit).value(call.func))
    if is_real_instance(value, FunctionType):
        return value.__code__ is evidence.finding.info.code
    if is_real_instance(value, (BuiltinFunctionType, type)):
        return False
    name = callee_name(call)
    return not hasattr(builtins, name) and not evidence.units.defines(name)


def is_kept(unit: Unit, call: ast.Call) -> bool:
    """Whether the coroutine of `call` is awaited, or given to somebody who may do so."""
    parent = unit.parents.get(call)
    if isinstance(parent, ast.Call) and callee_name(parent) == "bool":
        return False
    return isinstance(parent, ast.Await | ast.Call | ast.Starred | ast.keyword)


def handed_to(evidence: Evidence, *callees: str) -> list[Place]:
    """The calls of one of `callees` that the function was handed to, if nothing else calls it.

    None of a class or a function of the user's that has such a name.
    """
    found: list[Place] = []
    for unit, call in mentions(evidence, name := dropped_name(evidence)):
        given = argument_named(call, name) if callee_name(call) not in callees else None
        resolver = evidence.resolver_in(unit)
        inner = handed_on(evidence, resolver, call, given) if given is not None else []
        found += inner or [(unit, call)]
    names = {callee_name(call) for _, call in found}
    own = any(is_own(evidence, call) for _, call in found)
    if len(names) != 1 or not names.issubset(callees) or own:
        return []
    called = any(not is_kept(*place) for place in calls_that_made(evidence))
    return [] if called else found


def dropping(evidence: Evidence, call: ast.expr) -> tuple[Unit, Function, list[ast.Call]] | None:
    """The plain function that `call` calls, and the calls in it whose coroutines it drops."""
    function = evidence.resolver.value(call.func) if isinstance(call, ast.Call) else None
    found = evidence.units.source_of(function)
    if found is None or not isinstance(found[1], ast.FunctionDef):
        return None
    if any(callee_name(each) != "wraps" for each in found[1].decorator_list):
        return None
    unit, definition = found
    resolver = evidence.resolver.inside(code_of(function), function_of(function))
    alone = [each.value for each in own_nodes(definition) if isinstance(each, ast.Expr)]
    calls = [each for each in alone if isinstance(each, ast.Call)]
    dropped = [each for each in calls if _only_makes(evidence.units, resolver, each)]
    return (unit, definition, dropped) if dropped else None


def _only_makes(units: Units, resolver: Resolver, call: ast.Call) -> bool:
    """Whether the call gives a coroutine: as is known, or by all functions of that name."""
    options = resolver.options(call)
    if options:
        return all(each.kind is CoroutineType for each in options)
    return make_coroutines(each for _, each in units.functions(callee_name(call)))
