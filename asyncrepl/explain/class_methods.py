"""Methods of the user's classes: their flags, their source, what they return."""

from __future__ import annotations

import ast
import inspect
from types import FunctionType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import lookup
from asyncrepl.explain.bindings import is_coroutine_function
from asyncrepl.explain.fix_editor import Fixing, correction
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.source_units import Function, Unit
from asyncrepl.syntax.static_inspection import without_annotations

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence

Found = tuple[Unit, Function]


def python_method(kind: type | None, name: str) -> FunctionType | None:
    """The method `name` of a class, if it is written in Python."""
    found = lookup(kind, name) if kind else None
    return found if isinstance(found, FunctionType) else None


def called_class(evidence: Evidence) -> type | None:
    """The class that was called at the failing place."""
    use = evidence.use("called")
    made = use.info.value if use is not None and use.info is not None else None
    return made if evidence.direct and isinstance(made, type) else None


def source_of(evidence: Evidence, function: FunctionType) -> Found | None:
    """The ``def`` of `function`, and the unit it stands in; None if it is not the user's."""
    return evidence.units.definition(function.__code__)


def returned_values(function: Function) -> list[ast.expr]:
    """What the ``return`` statements of a function return."""
    return [
        node.value
        for node in own_nodes(function)
        if isinstance(node, ast.Return) and node.value is not None
    ]


def falls_through(body: list[ast.stmt], *, returning: bool = False) -> bool:
    """Whether `body` comes to its end, as far as that is certain; or is `returning` nothing."""
    match last := body[-1]:
        case ast.Return():
            return returning and last.value is None
        case ast.Raise() | ast.While() | ast.Try() | ast.Match():
            return False  # or who knows
        case ast.With() | ast.AsyncWith():
            return falls_through(last.body, returning=returning)
        case ast.If():
            return any(
                not each or falls_through(each, returning=returning)
                for each in (last.body, last.orelse)
            )
    return True


def returns_self(function: Function) -> bool:
    """Whether a method returns its own object, and nothing else."""
    own = function.args.args[0].arg if function.args.args else ""
    values = returned_values(function)
    return bool(values) and all(isinstance(each, ast.Name) and each.id == own for each in values)


def has_flag(function: FunctionType, flag: int) -> bool:
    """Whether the code of `function` has the `flag` (`inspect.CO_…`)."""
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


@correction
def made_async(fixing: Fixing, found: Found | None) -> None:
    """The function that was `found`, as ``async def``."""
    if found is None:
        return
    fixing.of(found[0]).before(found[1], "async ")
