"""The object that a dotted name means, found without running a line of the user's code."""

from __future__ import annotations

import builtins
import functools
import inspect
import sys
from types import AsyncGeneratorType, CoroutineType, GeneratorType, ModuleType
from typing import TYPE_CHECKING, Any

from asyncrepl.language.suspects import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["find_named", "with_source"]

_CODE = {CoroutineType: "cr_code", GeneratorType: "gi_code", AsyncGeneratorType: "ag_code"}


def find_named(name: str, namespace: Mapping[str, object]) -> object:
    """What ``a.b.c`` means: a name, a builtin or an imported module, and attributes of it.

    MISSING if there is no such thing. A method is given as it stands in its class, a
    property as what computes it: neither is asked for its value.
    """
    first, *rest = name.split(".")
    for known in (namespace, vars(builtins), sys.modules):
        if first in known:
            found: object = known[first]
            break
    else:
        return MISSING
    for part in rest:
        found = _attribute(found, part)
        if found is MISSING:
            return MISSING
    return found


def with_source(thing: Any) -> Any:
    """What has the source of `thing`: the function in a method or partial, the running code."""
    while True:
        if isinstance(thing, staticmethod | classmethod):
            thing = thing.__func__
        elif isinstance(thing, property):
            thing = thing.fget
        elif isinstance(thing, functools.partial | functools.cached_property):
            thing = thing.func
        else:
            return getattr(thing, _CODE[type(thing)]) if type(thing) in _CODE else thing


def _attribute(owner: object, name: str) -> object:
    if isinstance(owner, ModuleType):
        found = vars(owner).get(name, MISSING)
        return sys.modules.get(f"{owner.__name__}.{name}", MISSING) if found is MISSING else found
    return inspect.getattr_static(owner, name, MISSING)
