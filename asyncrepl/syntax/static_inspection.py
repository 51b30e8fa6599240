"""Inspecting objects without running a line of the user's code.

What a dotted name means, which object has the source of another, how a signature was written.
From Python 3.14 on annotations are evaluated when somebody asks for them, and
``inspect.signature`` does: that is code of the user's, and names in it may not exist yet.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import sys
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any

from asyncrepl.events.object_info import CODE_ATTRIBUTES, MISSING, is_real_instance, lookup

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        owner = found
        if is_real_instance(owner, ModuleType):
            found = vars(owner).get(part, MISSING)
            if found is MISSING:
                found = sys.modules.get(f"{owner.__name__}.{part}", MISSING)
        else:
            found = inspect.getattr_static(owner, part, MISSING)
        if found is MISSING:
            break
    return found


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
    FunctionType,
    MethodType,
    BuiltinFunctionType,
    MethodDescriptorType,
    ClassMethodDescriptorType,
    WrapperDescriptorType,
    MethodWrapperType,
)
_INSPECTED = (*ROUTINES, CodeType, ModuleType, property, type)


def inspected(thing: object) -> object:
    """`thing` if it is code, a class or a module; else its class.

    An instance is nothing for `inspect`, which asks it for attributes: that runs code of the
    user's.
    """
    return thing if is_real_instance(thing, _INSPECTED) else type(thing)


def without_annotations(function: Any) -> Any:
    """A function like the plain `function`, with no annotations; any other thing as it is."""
    if type(function) is not FunctionType:
        return function
    code, names = function.__code__, function.__globals__
    bare = FunctionType(code, names, code.co_name, function.__defaults__, function.__closure__)
    bare.__kwdefaults__ = function.__kwdefaults__
    return bare


def written_signature(function: Any) -> str:
    """The signature as it was written; of a class without what it returns.

    Raises TypeError or ValueError where there is none.
    """
    call = lookup(type(function), "__call__")
    if type(call) is FunctionType and not is_real_instance(function, type):
        function = MethodType(call, function)  # `inspect` would ask the object for attributes
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
