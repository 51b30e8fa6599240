"""A coroutine that a cache, an attribute or a closure keeps, and gives a second time."""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
from types import CoroutineType, FunctionType, MethodType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import code_of, is_real_instance, lookup
from asyncrepl.explain.bindings import is_coroutine_function, variables
from asyncrepl.explain.explanation import Finding
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.scopes import CannotFixError, own_nodes, scope
from asyncrepl.syntax.names import callee_name, last_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

_AS_TASK = """\
def {0}(function):
    @functools.wraps(function)
    def start(*args, **keywords):
        return asyncio.ensure_future(function(*args, **keywords))
    return start

"""
_CACHES = (["cache"], ["lru_cache"], ["cached_property"])


def kept_coroutine(evidence: Evidence, unit: Unit, node: ast.expr) -> Finding | None:
    """The finding for `node` in `unit`: what a cache, or an attribute, gave a second time."""
    resolver, place = evidence.resolver, _collection_of(node)
    owner = resolver.value(place) if place is not None else None
    cached, held = _cached_function(evidence, node), [resolver.value(node)]
    if type(owner) is dict:
        held = [*owner.values()]
    elif cached is not None:
        held = [cached]  # whose calls are kept
    elif isinstance(node, ast.Call):
        own = resolver.value(node.func.value) if isinstance(node.func, ast.Attribute) else None
        held = _coroutines_held(resolver.value(node.func), own)
    if not any(is_over(each) or is_coroutine_function(each) for each in held):
        return None
    kept = "from a cache" if not isinstance(node, ast.Attribute) else "kept in an attribute"
    why = (
        f"{short(unit, node)} gives the coroutine of an earlier call again, {kept}, and a "
        "coroutine runs once: keep its result, or a task of it."
    )
    return Finding(why, _task_kept(evidence, unit, node, cached))


def _collection_of(node: ast.expr) -> ast.expr | None:
    """In ``cache[key]``, ``cache.get(key)`` and the like, the cache."""
    if isinstance(node, ast.Call) and callee_name(node) in ("get", "setdefault", "pop"):
        return node.func.value if isinstance(node.func, ast.Attribute) else None
    return node.value if isinstance(node, ast.Subscript) else None


def _cached_function(evidence: Evidence, node: ast.expr) -> object:
    """The function below ``@cache`` or ``@cached_property`` whose result `node` is, or None."""
    if isinstance(node, ast.Attribute):
        owner = evidence.resolver.info(node.value)
        found = lookup(owner.kind, node.attr) if owner is not None else None
        if not is_real_instance(found, functools.cached_property):
            return None
        return found.func if is_coroutine_function(found.func) else None
    value = evidence.resolver.value(node.func) if isinstance(node, ast.Call) else None
    own = value.__func__ if type(value) is MethodType else value
    return own.__wrapped__ if type(own) is type(_cached) else None


@correction
def _task_kept(fixing: Fixing, unit: Unit, node: ast.expr, cached: object) -> None:
    """``self.cache[key] = work(key)`` → a task of it is kept, where a loop runs for certain."""
    if cached is not None:
        _tasks_cached(fixing, cached)
        return
    if isinstance(node, ast.Call) and callee_name(node) == "setdefault":
        _task_set(fixing, unit, node)
        return
    kept = [each for each in unit.nodes(ast.Assign) if _keeps(unit, each, node)]
    kept = [each for each in kept if isinstance(scope(unit, each), ast.AsyncFunctionDef)]
    value = fixing.evidence.resolver.value(node.func) if isinstance(node, ast.Call) else None
    if not kept and (inside := fixing.evidence.units.definition(code_of(value))) is not None:
        unit, nodes = inside[0], list(own_nodes(inside[1]))
        assigned = [each for each in nodes if isinstance(each, ast.Assign)]
        kept = [each for each in assigned if isinstance(each.targets[0], ast.Subscript)]
    if len(kept) == 1 and isinstance(kept[0].value, ast.Call):
        fixing.given_to(unit, kept[0].value, "asyncio.create_task")


def _keeps(unit: Unit, assigned: ast.Assign, node: ast.expr) -> bool:
    """Whether `node` is what is assigned to, or takes it out of the collection by a method."""
    source, owner = unit.source.source, _collection_of(node)
    if not isinstance(node, ast.Call) or owner is None:
        return [source(each) for each in assigned.targets] == [source(node)]
    inside = [each.value for each in assigned.targets if isinstance(each, ast.Subscript)]
    return [source(each) for each in inside] == [source(owner)]


def _task_set(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``cache.setdefault(key, work(key))`` → a task, made only if there is none yet."""
    place = _collection_of(call)
    if place is None or len(call.args) != 2 or not isinstance(call.args[1], ast.Call):
        raise CannotFixError
    owner, key = map(unit.source.source, (place, call.args[0]))
    fixing.of(unit).before(call, f"({owner}[{key}] if {key} in {owner} else ")
    fixing.of(unit).after(call, ")")
    fixing.given_to(unit, call.args[1], "asyncio.create_task")


def _tasks_cached(fixing: Fixing, cached: object) -> None:
    """Below ``@lru_cache``, what makes a task of each call: that can be awaited again."""
    wrapped = getattr(inspect.unwrap(cached), "__code__", None) if callable(cached) else None
    found = fixing.evidence.units.definition(wrapped)
    decorators = found[1].decorator_list if found is not None else []
    if found is None or [last_name(each) for each in map(_called, decorators)] not in _CACHES:
        return
    (unit, function), name = found, fixing.fresh(found[0], "as_task")
    around = [each for each in unit.ancestors(function) if isinstance(each, ast.ClassDef)]
    edits = fixing.of(unit)
    edits.lines_before(around[-1] if around else function, _AS_TASK.format(name))
    start = unit.source.line_start(unit.source.span(function).start)
    edits.insert(start, f"{unit.source.indent(function)}@{name}\n")
    fixing.needs_import(unit, "functools")
    fixing.needs_import(unit, "asyncio")


def _called(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


@functools.cache
def _cached() -> None:
    """One of what `functools` makes of functions."""


def is_over(value: object) -> bool:
    """Whether it is a coroutine that has ended, or runs."""
    return is_real_instance(value, CoroutineType) and (value.cr_frame is None or value.cr_running)


def _coroutines_held(function: object, owner: object) -> list[object]:
    """The coroutines that a function holds: in its closure, its `owner`, and dicts there."""
    if is_real_instance(function, MethodType):
        owner = function.__self__
        function = function.__func__
    if not is_real_instance(function, FunctionType):
        return []
    held = list(variables(function, False).values())
    with contextlib.suppress(AttributeError):
        held += object.__getattribute__(owner, "__dict__").values()
    held += [each for value in held if type(value) is dict for each in value.values()]
    return [each for each in held if is_real_instance(each, CoroutineType)]
