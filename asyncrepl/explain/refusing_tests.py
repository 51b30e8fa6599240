"""What a test of the user's own refuses, where the code behind it raises an error.

``if not isinstance(body, str): raise TypeError``, ``assert total == 3``: the variable held a
coroutine that nobody has awaited, and the error speaks of something else.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.explain.demands import Demand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence

__all__ = ["tested_operand"]

#: Who asks so expects what is to be awaited, and refuses it on purpose.
_ASKING = (inspect.iscoroutine, inspect.isawaitable, inspect.isasyncgen, asyncio.iscoroutine)


def tested_operand(evidence: Evidence) -> tuple[Demand, object] | None:
    """A coroutine or an async generator in the test before the ``raise``, and its demand."""
    names, variables = [], evidence.frame.f_locals if evidence.frame is not None else {}
    for test in _tests(evidence):
        for each in ast.walk(test):
            if isinstance(each, ast.Call) and _expects(evidence, each):
                return None
            if isinstance(each, ast.Name):
                names.append((each, evidence.unit.parents[each]))
    for name, owner in names:
        value = variables.get(name.id)
        if type(value) is AsyncGeneratorType or (
            type(value) is CoroutineType and inspect.getcoroutinestate(value) == "CORO_CREATED"
        ):
            return Demand("value", name, owner, "the test"), value
    return None


def _tests(evidence: Evidence) -> Iterator[ast.expr]:
    """The tests that led to the error: those around it, and those passed in the same block."""
    unit = evidence.unit
    node = unit.statement(evidence.nodes[-1]) if evidence.nodes else None
    if isinstance(node, ast.Assert):
        yield node.test
    if not isinstance(node, ast.Raise):
        return
    around = unit.parents.get(node)
    block = getattr(around, "body", [])
    if isinstance(around, ast.If):
        yield around.test
    yield from (each.test for each in block if isinstance(each, ast.If) and node in block)


def _expects(evidence: Evidence, call: ast.Call) -> bool:
    resolver = evidence.resolver
    if resolver.value(call.func) in _ASKING:
        return True
    kinds = [
        resolver.value(each)
        for part in call.args[1:]
        for each in (part.elts if isinstance(part, ast.Tuple) else [part])
    ]
    awaitable = (CoroutineType, AsyncGeneratorType)
    return any(
        isinstance(kind, type) and kind is not object and issubclass(each, kind)
        for kind in kinds
        for each in awaitable
    )
