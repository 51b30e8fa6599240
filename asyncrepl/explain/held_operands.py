"""What the code that refused an operand had in its hands: the locals of the frame that failed.

A library's function that raises is in no text of the user's; what it was given is in its frame.
Where ``if not isinstance(body, str): raise TypeError`` is the user's own, the error speaks of
something else; and the variable held a coroutine that nobody has awaited.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
from pathlib import Path
from types import AsyncGeneratorType, CoroutineType, FunctionType, MethodType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, ObjectInfo, describe, function_of, lookup
from asyncrepl.explain.demands import Demand
from asyncrepl.explain.kinds import ASYNCHRONOUS, Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

    from asyncrepl.explain.evidence import Evidence

_ASYNCIO = str(Path(asyncio.__file__).parent)
#: Kinds of what has to be called first.
FUNCTION_KINDS = {
    Kind.COROUTINE_FUNCTION, Kind.ASYNC_GENERATOR_FUNCTION, Kind.ASYNC_MANAGER_FUNCTION,
    Kind.ASYNC_CLASS,
}  # fmt: skip


def function_type(kind: type) -> type:
    """A method passes on to its function whatever is asked of it."""
    return FunctionType if issubclass(kind, MethodType) else kind


# -- the operands ----------------------------------------------------------------------


def is_held(evidence: Evidence, info: ObjectInfo) -> bool:
    """Whether the code that refused had an object as `info` says in its hands, or is its own."""
    if info.code is not None and evidence.inner and info.code is evidence.inner[-1]:
        return True
    return any(
        _is_of(each, function_type(info.kind)) and _same_code(each, info)
        for each in (function_of(value) or value for value in _locals(evidence))
    )


def _is_of(value: object, kind: type) -> bool:
    """Whether it is of that very type; of futures, asyncio makes several kinds."""
    return type(value) is kind or (kind is asyncio.Future and issubclass(type(value), kind))


def held_operands(evidence: Evidence) -> list[ObjectInfo]:
    """What the code that refused had in its hands, as far as that is asynchronous."""
    found = [describe(each, keep=True) for each in _locals(evidence)]
    return [each for each in found if kind_of(each) in ASYNCHRONOUS - FUNCTION_KINDS]


def refused_by_asyncio(evidence: Evidence) -> list[ObjectInfo]:
    """What asyncio was to make a future of, and could not."""
    frame = innermost_frame(evidence)
    refused = frame.f_locals.get("coro_or_future", MISSING) if frame is not None else MISSING
    ours = evidence.inner[-1].co_filename.startswith(_ASYNCIO) if evidence.inner else False
    return [describe(refused, keep=True)] if ours and refused is not MISSING else []


def _locals(evidence: Evidence) -> Iterator[object]:
    frame = innermost_frame(evidence)
    values = list(frame.f_locals.values()) if frame is not None else []
    if frame is not None and frame.f_code.co_name == "__init__":
        values = values[1:]  # what is being made is nobody's argument
    if frame is not None and frame.f_code.co_qualname.startswith("ChainMap."):
        values += values[0].maps  # one of these it is
    for value in values:
        yield value
        if type(value) in (list, tuple, set):
            yield from value
        elif type(value) is dict:
            yield from value.values()


def _same_code(value: object, info: ObjectInfo) -> bool:
    return info.code is None or describe(value).code in (None, info.code)


def innermost_frame(evidence: Evidence) -> FrameType | None:
    """The frame in which the error was raised; None if there is none."""
    trace = innermost_trace(evidence)
    return trace.tb_frame if trace is not None else None


def innermost_trace(evidence: Evidence) -> TracebackType | None:
    """The same with the line in which it was."""
    trace = evidence.error.__traceback__ if evidence.error is not None else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


#: Who asks so expects what is to be awaited, and refuses it on purpose.
_ASKING = (inspect.iscoroutine, inspect.isawaitable, inspect.isasyncgen, asyncio.iscoroutine)
_EXPECTED = ("__await__", "__aiter__", "__anext__", "__call__")


def tested_operand(evidence: Evidence) -> tuple[Demand, object] | None:
    """A coroutine or an async generator in the test before the ``raise``, and its demand."""
    variables = evidence.frame.f_locals if evidence.frame is not None else {}
    nodes = [each for test in _tests(evidence) for each in ast.walk(test)]
    if any(isinstance(each, ast.Call) and _expects(evidence, each) for each in nodes):
        return None
    for name in nodes:
        value = variables.get(name.id) if isinstance(name, ast.Name) else None
        if type(value) is AsyncGeneratorType or (
            type(value) is CoroutineType and inspect.getcoroutinestate(value) == "CORO_CREATED"
        ):
            owner = evidence.unit.parents[name]
            if isinstance(name, ast.Name) and (what := _asked(evidence, name, owner)):
                return Demand(what, name, owner, "the test"), value
    return None


def _asked(evidence: Evidence, name: ast.Name, owner: ast.AST) -> str:
    """What a test demands: of what is compared, and of what is asked for its type; or nothing."""
    if isinstance(owner, ast.Call) and owner.args[:1] == [name]:
        function = evidence.resolver.value(owner.func)
        kinds = {id(isinstance): "value", id(type): "value", id(callable): "call"}
        return kinds.get(id(function), "")
    same = (ast.Is, ast.IsNot, ast.In, ast.NotIn)
    compared = isinstance(owner, ast.Compare) and not any(isinstance(o, same) for o in owner.ops)
    return "value" if compared else ""


def _tests(evidence: Evidence) -> list[ast.expr]:
    """The tests that led to the error: that around it, and those passed in the same block."""
    node = evidence.unit.statement(evidence.nodes[-1]) if evidence.nodes else None
    if isinstance(node, ast.Assert):
        return [node.test]
    around = evidence.unit.parents.get(node) if isinstance(node, ast.Raise) else None
    block = [around, *getattr(around, "body", [])]
    return [each.test for each in block if isinstance(each, ast.If)]


def _expects(evidence: Evidence, call: ast.Call) -> bool:
    function, *kinds = (
        evidence.resolver.value(each)
        for part in (call.func, *call.args[1:])
        for each in (part.elts if isinstance(part, ast.Tuple) else [part])
    )
    types = [each for each in kinds if isinstance(each, type)]
    return any(function is each for each in _ASKING) or any(
        lookup(each, name) is not MISSING for each in types for name in _EXPECTED
    )
