"""What a library refuses far from where it was given: not in a call of the user's that failed.

``BackgroundTask(send(1))`` keeps what it is given, and calls it when the response is sent;
``StreamingResponse(lines)`` iterates over it then. The call of the user's that is under way says
nothing of it. But the library's frame has the very object in its hands, and the code of that is
the user's: if it is made, or named, at one place alone, that is the mistake.
"""

from __future__ import annotations

import ast
import builtins
from contextvars import Context
from functools import partial
from types import AsyncGeneratorType, CoroutineType, FunctionType, ModuleType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import (
    MISSING,
    ObjectInfo,
    code_of,
    describe,
    instance_dict,
    instruction_at,
    is_real_instance,
)
from asyncrepl.explain.demands import Demand, met
from asyncrepl.explain.held_operands import innermost_trace
from asyncrepl.explain.kinds import Kind, kind_of
from asyncrepl.explain.library_results import library_nodes
from asyncrepl.explain.scopes import CannotFixError
from asyncrepl.explain.value_origins import calls_of, is_handed_on
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType, TracebackType

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function

#: What can be refused so, and is made of the user's code.
_MADE = (CoroutineType, AsyncGeneratorType)


def given_away(evidence: Evidence) -> tuple[Demand, ObjectInfo] | None:
    """What a library has refused of `evidence`'s user long after it was given, and its demand.

    None if it was not a library that failed, if the interpreter did not refuse an object there,
    or if it may come from several places.
    """
    for trace in _traces(evidence):
        for what, value in _refused(trace):
            info = describe(value, keep=True)
            found = evidence.units.definition(info.code or code_of(value))
            places = list(_places(evidence, found[1], value, what)) if found else []
            if found and found[0] is evidence.unit and len(places) == 1:
                node, owner = places[0]
                by = callee_name(owner) if isinstance(owner, ast.Call) else "the library"
                demand = Demand(what, node, owner, f"`{by}`")
                if kind_of(info) is Kind.ASYNC_GENERATOR_FUNCTION:  # which it may well walk
                    demand = demand._replace(what="async walk", needs=("__aiter__",))
                if not met(demand, info):
                    return demand, info
    return None


def _traces(evidence: Evidence) -> Iterator[TracebackType]:
    """Where the error arose, and that which it was raised for, if these were in libraries."""
    error = evidence.error
    while error is not None and not evidence.direct:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        inside = trace and evidence.units.get(trace.tb_frame.f_code.co_filename) is None
        if trace is not None and inside and isinstance(error, TypeError):
            yield trace
        error = error.__cause__


def _refused(trace: TracebackType) -> Iterator[tuple[str, object]]:
    """What the interpreter refused at the place, and what it should have been."""
    code, names = trace.tb_frame.f_code, trace.tb_frame.f_locals
    op = instruction_at(code, trace.tb_lasti)
    for node in library_nodes(code, trace.tb_lasti) if op != "RAISE_VARARGS" else ():
        match node:
            case ast.Call(function, arguments):
                yield "callback", _value(function, names)
                first, *others = arguments or [function]
                yield _demanded(function, trace.tb_frame), _value(first, names)
                yield from (("value", _value(each, names)) for each in others)
            case ast.Name() | ast.Attribute() if op == "GET_ITER":
                yield "walk", _value(node, names)


_WALKING = (iter, list, tuple, set, sorted)


def _demanded(function: ast.expr, frame: FrameType) -> str:
    """What a function demands that a library calls in `frame`: as ``context.run``, to call it."""
    match function:
        case ast.Attribute(ast.Name(owner), "run") if type(frame.f_locals.get(owner)) is Context:
            return "callback"
    called = _called(function, frame)
    if called is partial:
        return "callback"
    return "walk" if any(called is each for each in _WALKING) else "value"


def _called(function: ast.expr, frame: FrameType) -> object:
    """The function of that name in a library's `frame`, also one of a module; None if unknown."""
    names = {**vars(builtins), **frame.f_globals, **frame.f_locals}
    match function:
        case ast.Name(name):
            return names.get(name)
        case ast.Attribute(ast.Name(owner), name) if type(names.get(owner)) is ModuleType:
            return vars(names[owner]).get(name)
    return None


def asked_in_library(evidence: Evidence) -> object:
    """The function that a library has called where the error arose; None for none."""
    trace = innermost_trace(evidence)
    if trace is None or evidence.units.get(trace.tb_frame.f_code.co_filename) is not None:
        return None
    calls = library_nodes(trace.tb_frame.f_code, trace.tb_lasti)
    return next((_called(c.func, trace.tb_frame) for c in calls if isinstance(c, ast.Call)), None)


def _value(node: ast.expr, names: Mapping[str, object]) -> object:
    """What a local name or an attribute of ``self`` stands for; MISSING, if nothing of ours."""
    found: object = MISSING
    match node:
        case ast.Name(name):
            found = names.get(name, MISSING)
        case ast.Attribute(ast.Name(owner), name) if owner in names:
            found = instance_dict(names[owner]).get(name, MISSING)
    return found if is_real_instance(found, (*_MADE, FunctionType)) else MISSING


def _places(
    evidence: Evidence, function: Function, value: object, what: str
) -> Iterator[tuple[ast.expr, ast.AST]]:
    """Where `value`, which `function` is or has made, may have been given away, and to whom."""
    unit = evidence.unit
    if is_real_instance(value, FunctionType):
        for name in unit.nodes(ast.Name):
            call = _taken_by(evidence, name)
            if name.id == function.name and call is not None:
                yield name, call
        return
    try:
        calls = list(calls_of(unit, function, unit))
    except CannotFixError:
        return
    for each in calls:
        call = _taken_by(evidence, each)
        if not is_handed_on(unit, each) and (call is not None or what == "value"):
            yield each, call or unit.parents[each]


def _taken_by(evidence: Evidence, node: ast.expr) -> ast.Call | None:
    """The call that `node` is an argument of."""
    parent = evidence.unit.parents.get(node)
    call = evidence.unit.parents.get(parent) if isinstance(parent, ast.keyword) else parent
    return call if isinstance(call, ast.Call) and call.func is not node else None
