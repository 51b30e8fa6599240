"""Inspecting objects without running a line of the user's code.

What an expression or a dotted name means, what it has, which object has the source of another, how
a signature was written.

``getattr``, ``dir`` and a dict with unusual keys could run properties, ``__getattr__``,
``__dir__``, ``__eq__`` in the terminal's threads, beside the user's loop. So names come from the
dictionaries of the object, its type and that type's bases, and an attribute is followed only where
it simply lies in one of them (or in a slot). From Python 3.14 on annotations are evaluated when
somebody asks for them, and ``inspect.signature`` does: that is code of the user's, and names in it
may not exist yet.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import os
import sys
import types
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.events.object_info import (
    CODE_ATTRIBUTES,
    MISSING,
    instance_dict,
    is_real_instance,
    lookup,
    mro_of,
    namespace_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_DISPLAY_TYPES: dict[type[ast.expr], type] = {
    ast.JoinedStr: str, ast.List: list, ast.ListComp: list, ast.Dict: dict, ast.DictComp: dict,
    ast.Set: set, ast.SetComp: set, ast.Tuple: tuple,
}  # fmt: skip
#: Types whose keys are looked up without code of the user's.
_PLAIN_MAPPINGS: tuple[type, ...] = (dict, getattr(builtins, "frozendict", dict))
#: What a name is that was imported by ``lazy import`` and not used yet (Python 3.15).
_LAZY_IMPORT: type | None = getattr(types, "LazyImportType", None)
_MAX_KEYS = 1000
_DOCUMENTED_TYPES = (types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType)


def value_of(expression: str, namespace: Mapping[str, Any]) -> Any:
    """What `expression` (a name, attributes, a literal, ``d["key"]``) is, or MISSING."""
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        return MISSING  # the last where a finalizer has spoiled it: see `syntax_tree`
    return _evaluate(tree, namespace)


def names_of(obj: Any) -> set[str]:
    """The names of attributes that `obj` has, as far as its dictionaries tell."""
    classes = [*mro_of(type(obj)), *(mro_of(obj) if is_real_instance(obj, type) else ())]
    places = [*map(namespace_of, classes), instance_dict(obj)]
    # Each is copied in one step: the main thread may add some.
    return {name for place in places for name in list(place) if type(name) is str}


class Found(NamedTuple):
    """What an expression means.

    `bound` says that it is called with its owner as first argument.
    """

    value: Any
    bound: bool = False


def find(expression: str, namespace: Mapping[str, Any]) -> Found | None:
    """What `expression` means, None if unknown; also a method that would be bound first."""
    found = value_of(expression, namespace)
    if found is not MISSING and type(found) is not types.FunctionType:
        return Found(found)
    owner_expression, dot, name = expression.rpartition(".")
    owner = value_of(owner_expression, namespace) if dot else MISSING
    if owner is MISSING:
        return None if found is MISSING else Found(found)
    raw = raw_attribute(owner, name)
    if raw is MISSING:
        return None
    if type(raw) in (staticmethod, classmethod):
        return Found(raw.__func__, type(raw) is classmethod)
    if type(raw) not in (types.FunctionType, types.MethodDescriptorType):
        return None if found is MISSING else Found(found)
    own = is_real_instance(owner, type) or name in instance_dict(owner)
    return Found(raw, not own)


def raw_attribute(obj: Any, name: str) -> Any:
    """What lies under `name` in `obj`, its class or their bases, not computed; or MISSING."""
    own = instance_dict(obj)
    return own[name] if name in own else _class_attribute(obj, name)


def _class_attribute(obj: Any, name: str) -> Any:
    """The same, but not in the object's own dictionary."""
    found = lookup(obj, name) if is_real_instance(obj, type) else MISSING
    return lookup(type(obj), name) if found is MISSING else found


def raw_document(obj: Any) -> Any:
    """The docstring of a function, or of a class itself, not of its bases; or MISSING."""
    if type(obj) is types.MethodType:
        obj = obj.__func__
    document = obj.__doc__ if type(obj) in _DOCUMENTED_TYPES else MISSING
    if is_real_instance(obj, type):
        document = namespace_of(obj).get("__doc__", MISSING)
    return document if type(document) is str else MISSING


def keys_of(obj: Any, kinds: tuple[type, ...] = (str,)) -> list[Any]:
    """The keys of a mapping `obj` whose type is one of `kinds`, at most 1,000."""
    obj = _plain_mapping(obj)
    base = _mapping_base(obj)
    if base is None:
        return []
    return [key for key in list(base.__iter__(obj)) if type(key) in kinds][:_MAX_KEYS]


def item_of(obj: Any, key: Any) -> Any:
    """What lies in `obj`, a mapping, under a `key` that `keys_of` gave; or MISSING."""
    obj = _plain_mapping(obj)
    base = _mapping_base(obj)
    # Not obj[key]: that asks a ``__missing__`` of the user's, if the key has just gone.
    return MISSING if base is None else base.get(obj, key, MISSING)


def _plain_mapping(obj: Any) -> Any:
    """The dict in ``os.environ``, whose own methods are Python code; all else as it is."""
    if type(obj) is not type(os.environ):
        return obj
    stored = instance_dict(obj).get("_data")
    if type(stored) is not dict:
        return obj
    pairs = [pair for pair in list(stored.items()) if type(pair[0]) is type(pair[1]) is bytes]
    return {os.fsdecode(name): os.fsdecode(value) for name, value in pairs}


def _mapping_base(obj: Any) -> Any:
    """The built-in mapping type that `obj` is one of, whose methods are not the user's."""
    return next((kind for kind in _PLAIN_MAPPINGS if is_real_instance(obj, kind)), None)


def _evaluate(tree: ast.expr, namespace: Mapping[str, Any]) -> Any:
    match tree:
        case ast.Name(id=name):
            return _look_up_name(name, namespace)
        case ast.Attribute(value=value, attr=attr):
            return static_attribute(_evaluate(value, namespace), attr)
        case ast.Constant(value=value):
            return value
        case ast.Subscript(value=value, slice=ast.Constant(value=key)):
            return _look_up_item(_evaluate(value, namespace), key)
    made = _DISPLAY_TYPES.get(type(tree))
    return made() if made is not None else MISSING


def _look_up_name(name: str, namespace: Mapping[str, Any]) -> Any:
    if name in namespace:
        found = namespace[name]
        return found if type(found) is not _LAZY_IMPORT else _resolve_lazy_import(name, found)
    own_builtins = namespace.get("__builtins__")
    if is_real_instance(own_builtins, types.ModuleType):
        return vars(own_builtins).get(name, MISSING)
    return MISSING


def _resolve_lazy_import(name: str, lazy: object) -> Any:
    """What a lazy import called `name` will give; MISSING where that is to be imported first."""
    target = repr(lazy).split("'")[1]  # it tells nothing else without importing
    module, _, attribute = target.rpartition(".")
    if name == target.partition(".")[0]:  # lazy import os.path
        target = name
    if target in sys.modules:
        return sys.modules[target]
    return static_attribute(sys.modules.get(module, MISSING), attribute)


def static_attribute(obj: Any, name: str) -> Any:
    """The attribute `name` of `obj`, if it simply lies there; MISSING if it had to be computed."""
    if obj is MISSING:
        return MISSING
    found, own = _class_attribute(obj, name), instance_dict(obj)
    if name in own and not _is_computed(found):
        return own[name]
    if type(found) is types.MemberDescriptorType and not is_real_instance(obj, type):
        return _read_slot(found, obj)
    return MISSING if _is_computed(found) else found


def _is_computed(value: Any) -> bool:
    """Whether reading this value from a class runs something: a property, a descriptor."""
    if type(value) in (types.FunctionType, types.BuiltinFunctionType):
        return False
    return lookup(type(value), "__get__") is not MISSING


def _read_slot(member: Any, obj: Any) -> Any:
    try:
        return member.__get__(obj)
    except AttributeError:
        return MISSING


def _look_up_item(obj: Any, key: Any) -> Any:
    if type(key) in (str, int):
        own = next((own for own in keys_of(obj, (type(key),)) if own == key), MISSING)
        if own is not MISSING:
            return item_of(obj, own)
    if type(obj) in (list, tuple) and type(key) is int and -len(obj) <= key < len(obj):
        return obj[key]
    return MISSING


def find_named(name: str, namespace: Mapping[str, object]) -> object:
    """What ``a.b.c`` means: a name, a builtin or an imported module, and attributes of it.

    `namespace` is asked first. MISSING if there is no such thing. A method is given as it is
    in its class, a property as what computes it: neither is asked for its value.
    """
    first, *rest = name.split(".")
    for known in (namespace, vars(builtins), sys.modules):
        if first in known:
            found: object = known[first]
            break
    else:
        return MISSING
    for part in rest:
        owner, found = found, raw_attribute(found, part)
        if found is MISSING and is_real_instance(owner, types.ModuleType):
            found = sys.modules.get(f"{owner.__name__}.{part}", MISSING)
        if found is MISSING:
            break
    return found


def names_like(pattern: str, namespace: Mapping[str, object]) -> dict[str, object]:
    """What `find_named` gives for the names like `pattern`, in which ``*`` stands for any text.

    Case does not count; names that begin with ``_`` are left out unless the pattern does, too.
    """
    owner, dot, wanted = pattern.rpartition(".")
    known = names_of(find_named(owner, namespace)) if dot else {*namespace, *vars(builtins)}
    hidden = wanted.startswith("_")
    names = [each for each in known if type(each) is str and each.startswith("_") <= hidden]
    fits = [each for each in sorted(names) if fnmatchcase(each.lower(), wanted.lower())]
    found = {owner + dot + each: find_named(owner + dot + each, namespace) for each in fits}
    return {name: value for name, value in found.items() if value is not MISSING}


def source_object(thing: Any) -> Any:
    """What has the source of `thing`: the function in a method or partial, the running code."""
    while True:
        if is_real_instance(thing, (staticmethod, classmethod)):
            thing = thing.__func__
        elif is_real_instance(thing, property):
            thing = thing.fget
        elif is_real_instance(thing, (functools.partial, functools.cached_property)):
            thing = thing.func
        else:
            code = CODE_ATTRIBUTES.get(type(thing))
            return getattr(thing, code) if code else thing


#: What `inspect.isroutine` takes: that asks an instance for its ``__class__``, too.
ROUTINES = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
)
_INSPECTED = (*ROUTINES, types.CodeType, types.ModuleType, property, type)


def inspected(thing: object) -> object:
    """`thing` if it is code, a class or a module; else its class.

    An instance is nothing for `inspect`, which asks it for attributes: that runs code of the
    user's.
    """
    return thing if is_real_instance(thing, _INSPECTED) else type(thing)


def without_annotations(function: Any) -> Any:
    """A function like the plain `function`, with no annotations; any other thing as it is."""
    if type(function) is not types.FunctionType:
        return function
    code, names = function.__code__, function.__globals__
    bare = types.FunctionType(
        code, names, code.co_name, function.__defaults__, function.__closure__
    )
    bare.__kwdefaults__ = function.__kwdefaults__
    return bare


def written_signature(function: Any) -> str:
    """The signature as it was written; of a class without what it returns.

    Raises TypeError or ValueError where there is none.
    """
    call = lookup(type(function), "__call__")
    if type(call) is types.FunctionType and not is_real_instance(function, type):
        function = types.MethodType(
            call, function
        )  # `inspect` would ask the object for attributes
    options: dict[str, Any] = {}
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        options["annotation_format"] = Format.STRING
    signature = inspect.signature(function, **options)
    if is_real_instance(function, type):
        signature = signature.replace(return_annotation=inspect.Signature.empty)
    if sys.version_info >= (3, 14):
        return signature.format(quote_annotation_strings=False)
    return str(signature)
