"""Looking at live objects without running a line of the user's code.

Completion happens in the terminal's threads; ``getattr``, ``dir`` and a dict with
unusual keys could run properties, ``__getattr__``, ``__dir__``, ``__eq__`` there, beside
the user's loop. So names come from the dictionaries of the object, its type and
that type's bases, and an attribute is followed only where it simply lies in
one of them (or in a slot).
"""

from __future__ import annotations

import ast
import builtins
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MISSING", "keys_of", "names_of", "static_attribute", "value_of"]

MISSING = object()
_DISPLAYS: dict[type[ast.expr], type] = {
    ast.JoinedStr: str,
    ast.List: list,
    ast.ListComp: list,
    ast.Dict: dict,
    ast.DictComp: dict,
    ast.Set: set,
    ast.SetComp: set,
    ast.Tuple: tuple,
}
#: Types whose keys are looked up without code of the user's.
_MAPPINGS: tuple[type, ...] = (dict, getattr(builtins, "frozendict", dict))
#: What a name is that was imported by ``lazy import`` and not used yet (Python 3.15).
_LAZY: type | None = getattr(types, "LazyImportType", None)
_MAX_KEYS = 1000
_DICT_DESCRIPTORS = (types.GetSetDescriptorType, types.MemberDescriptorType)


def value_of(expression: str, namespace: Mapping[str, Any]) -> Any:
    """What `expression` (a name, attributes, a literal, ``d["key"]``) is, or MISSING."""
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return MISSING
    return _evaluate(tree, namespace)


def names_of(obj: Any) -> set[str]:
    """The names of attributes that `obj` has, as far as its dictionaries tell."""
    names: set[str] = set()
    for klass in _bases(type(obj)):
        names.update(_strings(_class_dict(klass)))
    if isinstance_exactly(obj, type):
        for klass in _bases(obj):
            names.update(_strings(_class_dict(klass)))
    names.update(_strings(_instance_dict(obj)))
    return names


def keys_of(obj: Any) -> list[str]:
    """The keys of a plain dict that are strings, at most 1,000."""
    return _strings(obj)[:_MAX_KEYS] if type(obj) in _MAPPINGS else []


def isinstance_exactly(obj: Any, klass: type) -> bool:
    """`isinstance` by the object's real type: ``__class__`` may be a user's property."""
    return klass in _bases(type(obj))


def _evaluate(tree: ast.expr, namespace: Mapping[str, Any]) -> Any:
    match tree:
        case ast.Name(id=name):
            return _name(name, namespace)
        case ast.Attribute(value=value, attr=attr):
            return static_attribute(_evaluate(value, namespace), attr)
        case ast.Constant(value=value):
            return value
        case ast.Subscript(value=value, slice=ast.Constant(value=key)):
            return _item(_evaluate(value, namespace), key)
    made = _DISPLAYS.get(type(tree))
    return made() if made is not None else MISSING


def _name(name: str, namespace: Mapping[str, Any]) -> Any:
    if name in namespace:
        found = namespace[name]
        return found if type(found) is not _LAZY else _imported(name, found)
    own_builtins = namespace.get("__builtins__")
    if isinstance_exactly(own_builtins, types.ModuleType):
        return vars(own_builtins).get(name, MISSING)
    return MISSING


def _imported(name: str, lazy: object) -> Any:
    """What a lazy import called `name` will give; MISSING where that is to be imported first."""
    target = repr(lazy).split("'")[1]  # it tells nothing else without importing
    module, _, attribute = target.rpartition(".")
    if name == target.partition(".")[0]:  # lazy import os.path
        target = name
    if target in sys.modules:
        return sys.modules[target]
    return static_attribute(sys.modules.get(module, MISSING), attribute)


def static_attribute(obj: Any, name: str) -> Any:
    """An attribute that simply lies there; MISSING for all that would have to be computed."""
    if obj is MISSING:
        return MISSING
    places = [*map(_class_dict, _bases(type(obj)))]
    if isinstance_exactly(obj, type):
        places = [*map(_class_dict, _bases(obj)), *places]
    found = next((place[name] for place in places if name in place), MISSING)
    own = _instance_dict(obj)
    if name in own and not _computes(found):
        return own[name]
    if type(found) is types.MemberDescriptorType and not isinstance_exactly(obj, type):
        return _slot(found, obj)
    return MISSING if _computes(found) else found


def _computes(value: Any) -> bool:
    """Whether reading this value from a class runs something: a property, a descriptor."""
    if type(value) in (types.FunctionType, types.BuiltinFunctionType):
        return False
    return any("__get__" in _class_dict(klass) for klass in _bases(type(value)))


def _slot(member: Any, obj: Any) -> Any:
    try:
        return member.__get__(obj)
    except AttributeError:
        return MISSING


def _item(obj: Any, key: Any) -> Any:
    if type(obj) in _MAPPINGS and type(key) is str:
        return next((obj[own] for own in _strings(obj) if own == key), MISSING)
    if type(obj) in (list, tuple) and type(key) is int and -len(obj) <= key < len(obj):
        return obj[key]
    return MISSING


def _bases(klass: type) -> tuple[type, ...]:
    return type.__dict__["__mro__"].__get__(klass)  # type: ignore[no-any-return]


def _class_dict(klass: type) -> Mapping[str, Any]:
    return type.__dict__["__dict__"].__get__(klass)  # type: ignore[no-any-return]


def _instance_dict(obj: Any) -> dict[str, Any]:
    """The object's own dictionary; empty where a class puts something else in its place."""
    for klass in _bases(type(obj)):
        own = _class_dict(klass).get("__dict__", MISSING)
        if own is not MISSING and type(own) not in _DICT_DESCRIPTORS:
            return {}
    try:
        found = object.__getattribute__(obj, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


def _strings(names: Iterable[Any]) -> list[str]:
    """The keys that are plain strings, copied in one step: the main thread may add some."""
    return [name for name in list(names) if type(name) is str]
