"""Methods of the user's classes: their flags, their source, what they return."""

from __future__ import annotations

import ast
import inspect
from types import FunctionType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import lookup
from asyncrepl.explain.bindings import is_coroutine_function
from asyncrepl.explain.fix_editor import Fixing
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.source_units import Function, Unit
from asyncrepl.syntax.static_inspection import without_annotations

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.explanation import Fix

__all__ = [
    "Found",
    "has_flag",
    "made_async",
    "makes_coroutine",
    "python_method",
    "returned_values",
    "returns_self",
    "source_of",
    "takes",
]

Found = tuple[Unit, Function]


def python_method(kind: type | None, name: str) -> FunctionType | None:
    """The method `name` of a class, if it is written in Python."""
    found = lookup(kind, name) if kind else None
    return found if isinstance(found, FunctionType) else None


def source_of(evidence: Evidence, function: FunctionType) -> Found | None:
    """The ``def`` of a function, and the unit it stands in."""
    return evidence.units.definition(function.__code__)


def returned_values(function: Function) -> list[ast.expr]:
    """What the ``return`` statements of a function return."""
    return [
        node.value
        for node in own_nodes(function)
        if isinstance(node, ast.Return) and node.value is not None
    ]


def returns_self(function: Function) -> bool:
    """Whether a method returns its own object, and nothing else."""
    own = function.args.args[0].arg if function.args.args else ""
    values = returned_values(function)
    return bool(values) and all(isinstance(each, ast.Name) and each.id == own for each in values)


def has_flag(function: FunctionType, flag: int) -> bool:
    """Whether the code of a function has the flag (`inspect.CO_…`)."""
    return bool(function.__code__.co_flags & flag)


def takes(function: FunctionType, count: int) -> bool:
    """Whether a method can be called with its object and `count` arguments."""
    try:
        inspect.signature(without_annotations(function)).bind(*range(count + 1))
    except (TypeError, ValueError):
        return False
    return True


def makes_coroutine(kind: type) -> bool:
    """Whether a call of an instance, without arguments, gives a coroutine."""
    function = python_method(kind, "__call__")
    return function is not None and is_coroutine_function(function) and takes(function, 0)


def made_async(evidence: Evidence, found: Found | None) -> Fix | None:
    """The function as ``async def``."""
    if found is None:
        return None
    fixing = Fixing(evidence)
    fixing.of(found[0]).before(found[1], "async ")
    return fixing.fix()
