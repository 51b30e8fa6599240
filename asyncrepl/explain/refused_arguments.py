"""Calls that fail before they begin, because what they call takes no such arguments.

What was made for such a call is lost with it, and was not forgotten: the error says what is wrong.
"""

from __future__ import annotations

import ast
import inspect
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncrepl.explain.source_units import Unit
    from asyncrepl.explain.static_values import Resolver

__all__ = ["is_for_refused_call"]

#: Functions whose signature is known without running code of the user's.
_KNOWN = (FunctionType, BuiltinFunctionType, MethodType)
#: What hands a value on to the call around it.
_PASSED_ON = (ast.keyword, ast.List, ast.Tuple, ast.Set, ast.Dict)


def is_for_refused_call(resolver: Resolver, unit: Unit, node: ast.AST) -> bool:
    """Whether `node` is in an argument of a call that cannot be made, whatever the argument is."""
    parent = unit.parents.get(node)
    while isinstance(parent, _PASSED_ON):
        node, parent = parent, unit.parents.get(parent)
    return isinstance(parent, ast.Call) and node is not parent.func and _fails(resolver, parent)


def _fails(resolver: Resolver, call: ast.Call) -> bool:
    names = [keyword.arg for keyword in call.keywords]
    if None in names or any(isinstance(each, ast.Starred) for each in call.args):
        return False
    function = resolver.value(call.func)
    if type(function) not in _KNOWN:
        return False
    try:
        signature = inspect.signature(function, follow_wrapped=False)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    try:
        signature.bind(*call.args, **dict.fromkeys(filter(None, names)))
    except TypeError:
        return True
    return False
