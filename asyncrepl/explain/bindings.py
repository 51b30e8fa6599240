"""Where the variables of a function, the attributes and the methods of an object come from.

All is looked up; nothing of the user's is run. A descriptor whose value would have to be
asked for counts as unknown, but for a slot, which the interpreter itself reads.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import sys
from inspect import CO_VARARGS
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any

from asyncrepl.events.object_info import MISSING, ObjectInfo, describe, is_real_instance, lookup
from asyncrepl.explain.kinds import is_mock
from asyncrepl.explain.scopes import behind_call, is_generator, own_nodes
from asyncrepl.explain.source_units import own_name, positional
from asyncrepl.syntax.names import last_name
from asyncrepl.syntax.static_inspection import without_annotations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from asyncrepl.explain.source_units import Function, Unit, Units

#: Types of what is callable as it lies in a class: methods written in C, and cached functions.
_METHODS = (
    "method_descriptor", "wrapper_descriptor", "classmethod_descriptor", "_lru_cache_wrapper",
)  # fmt: skip


def local_names(code: CodeType) -> tuple[str, ...]:
    """The names `code` has for variables that are not global."""
    return code.co_varnames + code.co_cellvars + code.co_freevars


def encloses(outer: CodeType, code: CodeType) -> bool:
    """Whether `code` was defined in `outer`, at any depth."""
    inner = [each for each in outer.co_consts if isinstance(each, CodeType)]
    return code in inner or any(encloses(each, code) for each in inner)


def shared_variables(
    outer: CodeType | None, inner: CodeType | None, namespace: Mapping[str, Any]
) -> dict[str, Any]:
    """Those of `namespace`, the variables of `outer`, that `inner`, defined in it, uses."""
    if inner is None or outer is None or not encloses(outer, inner):
        return {}
    return {name: namespace[name] for name in inner.co_freevars if name in namespace}


def variables(function: FunctionType, bare: bool) -> dict[str, Any]:
    """What is known of the variables of `function`; called `bare`, its defaults count."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # not bound yet
            found[name] = cell.cell_contents
    if bare and (defaults := function.__defaults__):
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        found.update(zip(names[-len(defaults) :], defaults, strict=True))
    return found


def passed_arguments(code: CodeType, call: ast.Call, first: int) -> list[tuple[str, ast.expr]]:
    """Those parameters of `code`, from the `first` on, that `call` gives something, with that."""
    starred = any(isinstance(each, ast.Starred) for each in call.args)
    names = () if starred else code.co_varnames[first : code.co_argcount]
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    named = [(each.arg, each.value) for each in call.keywords if each.arg in known]
    return [*zip(names, call.args, strict=False), *named]


def stored_names(function: Function) -> set[str]:
    """The local names to which `function` gives values itself."""
    names = (each for each in own_nodes(function) if isinstance(each, ast.Name))
    return {each.id for each in names if isinstance(each.ctx, ast.Store)}


def own_object(
    units: Units, definition: Function, *namespaces: Mapping[str, Any]
) -> dict[str, ObjectInfo | None]:
    """The first parameter of the method `definition`, and what is known of it.

    The class is looked for in the `namespaces`, in their order: a function may have made it.
    Nothing if another class may inherit the method.
    """
    parents = (unit.parents.get(definition) for unit in units.all())
    owner = next((each for each in parents if isinstance(each, ast.ClassDef)), None)
    kind = next((each[owner.name] for each in namespaces if owner and owner.name in each), None)
    if not positional(definition) or not is_real_instance(kind, type) or type.__subclasses__(kind):
        return {}
    decorators = {last_name(each) for each in definition.decorator_list}
    made = describe(kind, keep=True) if "classmethod" in decorators else ObjectInfo(kind)
    return {} if "staticmethod" in decorators else {own_name(definition): made}


def member(owner: ObjectInfo, name: str) -> object:
    """The attribute `name`, or MISSING."""
    value = owner.value
    if is_real_instance(value, ModuleType):
        return vars(value).get(name, MISSING)
    if is_real_instance(value, type):
        return _plain(lookup(value, name))
    if value is not MISSING and owner.members:
        own = object.__getattribute__(value, "__dict__")
        if is_mock(value):  # which keeps its attributes elsewhere, and makes them when asked
            own = {**own.get("_mock_children", {}), **own}
        if name in own:
            return own[name]
    found = lookup(owner.kind, name)
    if value is not MISSING and (
        is_real_instance(found, MemberDescriptorType) or type(found).__name__ == "_tuplegetter"
    ):
        try:
            return found.__get__(value)  # type: ignore[attr-defined]  # neither runs user code
        except AttributeError:
            return MISSING
    return _plain(found)


def _plain(found: object) -> object:
    """The function in a static or class method; no descriptor whose value must be asked for."""
    if is_real_instance(found, (staticmethod, classmethod)):
        return found.__func__
    if is_real_instance(found, functools.singledispatchmethod):
        return found.dispatcher
    kept = is_real_instance(found, FunctionType) or type(found).__name__ in _METHODS
    return found if kept or lookup(type(found), "__get__") is MISSING else MISSING


def imported(unit: Unit, name: str) -> object:
    """What an import in `unit` binds to `name`, if its module is there already; or MISSING."""
    imports: Iterator[ast.Import | ast.ImportFrom] = unit.nodes(ast.Import, ast.ImportFrom)
    for node in imports:
        for alias in node.names:
            if (alias.asname or alias.name.partition(".")[0]) != name:
                continue
            if isinstance(node, ast.ImportFrom):
                module = sys.modules.get(node.module or "") if not node.level else None
                return MISSING if module is None else vars(module).get(alias.name, MISSING)
            path = alias.name if alias.asname else name
            return sys.modules.get(path, MISSING)
    return MISSING


def is_coroutine_function(value: object) -> bool:
    """Whether `value` is an ``async def`` without ``yield``."""
    return is_real_instance(value, FunctionType) and inspect.iscoroutinefunction(value)


def make_coroutines(functions: Iterable[Function]) -> bool:
    """Whether there are `functions`, and a call of each gives a coroutine."""
    found = [*functions]
    plain = [not isinstance(each, ast.AsyncFunctionDef) or is_generator(each) for each in found]
    return bool(found) and not any(plain)


def takes_nothing(function: object) -> bool:
    """Whether it can be called without arguments; also one of a text that has not run."""
    return needed_names(function) == []


def needed_names(function: object) -> list[tuple[str, bool]] | None:
    """The parameters that `function` needs, and whether only by name; None if nobody knows.

    Of a wrapper that takes anything, those of the function behind it.
    """
    if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        given = function.args
        places = [*given.posonlyargs, *given.args]
        named = zip(given.kwonlyargs, given.kw_defaults, strict=True)
        found = [(each.arg, False) for each in places[: len(places) - len(given.defaults)]]
        return found + [(each.arg, True) for each, default in named if default is None]
    while is_real_instance(function, FunctionType) and function.__code__.co_flags & CO_VARARGS:
        behind = vars(function).get("__wrapped__")
        if not is_real_instance(behind, FunctionType):
            break
        function = behind
    try:
        known = inspect.signature(without_annotations(function)).parameters.values()
    except (TypeError, ValueError, NameError):  # that of a class may still be evaluated
        return None
    stars = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        (each.name, each.kind is inspect.Parameter.KEYWORD_ONLY)
        for each in known
        if each.default is inspect.Parameter.empty and each.kind not in stars
    ]


def takes_only_its_object(function: object) -> bool:
    """Whether it is a method found through its class, and takes nothing but its object."""
    if is_real_instance(function, (MethodDescriptorType, WrapperDescriptorType)):
        known = function is AsyncGeneratorType.aclose  # says nothing of itself until Python 3.13
        return known or takes_nothing(functools.partial(function, None))
    plain = is_real_instance(function, FunctionType)
    return plain and needed_names(function) == [("self", False)]


def result_of_definition(node: Function) -> ObjectInfo | None:
    """What a call of a function gives that has not been made yet."""
    yields = is_generator(node)
    if not isinstance(node, ast.AsyncFunctionDef):
        return ObjectInfo(GeneratorType) if yields else None
    return ObjectInfo(AsyncGeneratorType if yields else CoroutineType, value=node)


def python_method(kind: type | None, name: str) -> FunctionType | None:
    """The method `name` of a class, if it is written in Python."""
    found = lookup(kind, name) if kind else None
    return found if is_real_instance(found, FunctionType) else None


def returned_values(function: ast.AST) -> list[ast.expr]:
    """What the ``return`` statements of a function return."""
    return [
        node.value
        for node in own_nodes(function)
        if isinstance(node, ast.Return) and node.value is not None
    ]


def returns_self(function: Function) -> bool:
    """Whether a method returns its own object, and nothing else."""
    values, own = returned_values(function), own_name(function)
    return bool(values) and all(isinstance(each, ast.Name) and each.id == own for each in values)


def has_flag(function: FunctionType, flag: int) -> bool:
    """Whether the code of `function` has the `flag` (`inspect.CO_…`)."""
    return bool(function.__code__.co_flags & flag)


def accepts(function: object, count: int, *names: str) -> bool | None:
    """Whether `function` takes `count` arguments and those `names`; None if nobody knows."""
    try:
        signature = inspect.signature(without_annotations(function), follow_wrapped=False)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*range(count), **dict.fromkeys(names))
    except TypeError:
        return False
    return True


def accepts_call(function: object, call: ast.Call, more: int = 0) -> bool | None:
    """Whether `function` takes the arguments of `call`, and `more`; None if nobody knows."""
    names = [keyword.arg for keyword in call.keywords if keyword.arg is not None]
    if len(names) < len(call.keywords) or any(isinstance(e, ast.Starred) for e in call.args):
        return None
    return accepts(function, len(call.args) + more, *names)


def takes(function: FunctionType, count: int) -> bool:
    """Whether a method can be called with its object and `count` arguments."""
    return bool(accepts(function, count + 1))


def makes_coroutine(kind: type) -> bool:
    """Whether a call of an instance, without arguments, gives a coroutine."""
    function = python_method(kind, "__call__")
    return function is not None and is_coroutine_function(function) and takes(function, 0)


def decorators(function: Function) -> list[ast.expr]:
    """What decorates `function`, without the arguments that it is given."""
    return [*map(behind_call, function.decorator_list)]
