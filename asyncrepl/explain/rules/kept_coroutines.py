"""A coroutine that a cache, an attribute or a closure keeps, and gives a second time.

Or a heap keeps it, to be awaited when its turn comes, and is not to compare it.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
from types import CoroutineType, FunctionType, MethodType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import code_of, is_real_instance, lookup
from asyncrepl.explain.bindings import is_coroutine_function, variables
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.kinds import Kind, a_kind, kind_of
from asyncrepl.explain.scopes import CannotFixError, own_nodes, scope
from asyncrepl.explain.value_origins import loads
from asyncrepl.instrument.probe_placement import AWAITABLE_CALLS
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


# -- in a heap -------------------------------------------------------------------------

_PUSHING = ("heappush", "heappushpop", "heapreplace", "put", "put_nowait")
_TAKING = ("heappop", "heappushpop", "heapreplace", "get", "get_nowait")
_JOBS = (Kind.COROUTINE, Kind.TASK, Kind.FUTURE)


def _compared(evidence: Evidence) -> Finding | None:
    """``heappush(jobs, (1, work()))``: of two that come first alike, the coroutines decide."""
    unit, node = evidence.unit, evidence.node(ast.Call, ast.Await)
    call = node.value if isinstance(node, ast.Await) else node
    pushed = _pushed(call)
    if pushed is None or not isinstance(call, ast.Call):
        return None
    found = [each for each in evidence.resolver.options(pushed.elts[-1]) if kind_of(each) in _JOBS]
    taken = [each for each in unit.nodes(ast.Call) if _takes_from(each, _heap(call))]
    if not found or not any(_is_awaited(unit, each) for each in taken):
        return None
    why = (
        f"Where what stands before it is equal, {short(unit, pushed.elts[-1])} is compared, and "
        f"it is {a_kind(found[0], kind_of(found[0]))}: a number that counts up decides before it."
    )
    return Finding(why, _numbered(evidence, call, taken))


def _pushed(call: ast.AST | None) -> ast.Tuple | None:
    """The tuple that `call` puts into a heap."""
    given = call.args[-1:] if isinstance(call, ast.Call) else []
    pair = given[0] if given and callee_name(call) in _PUSHING else None
    return pair if isinstance(pair, ast.Tuple) and len(pair.elts) > 1 else None


def _heap(call: ast.Call) -> str:
    """The name of the heap that `call` asks for something."""
    if callee_name(call).startswith("heap"):
        return last_name(call.args[0]) if call.args else ""
    return last_name(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def _takes_from(call: ast.Call, heap: str) -> bool:
    return callee_name(call) in _TAKING and _heap(call) == heap != ""


def _taken_by(unit: Unit, call: ast.Call) -> ast.AST | None:
    """What unpacks, or subscripts, what is taken."""
    around = unit.parents.get(call)
    return unit.parents.get(around) if isinstance(around, ast.Await) else around


def _is_awaited(unit: Unit, call: ast.Call) -> bool:
    match by := _taken_by(unit, call):
        case ast.Subscript():
            return isinstance(unit.parents.get(by), ast.Await)
        case ast.Assign([ast.Tuple([*_, ast.Name() as last])]):
            uses = [unit.parents.get(each) for each in loads(unit, last)]
            return any(
                isinstance(each, ast.Await) or callee_name(each) in AWAITABLE_CALLS
                for each in uses
            )
    return False


@correction
def _numbered(fixing: Fixing, call: ast.Call, taken: list[ast.Call]) -> None:
    """``(1, work())`` → ``(1, next(order), work())``, and one more where they are taken."""
    unit, edits, name = fixing.evidence.unit, fixing.of(fixing.evidence.unit), _heap(call)
    order = fixing.fresh(unit, "order")
    for each in unit.nodes(ast.Call):
        pushed = _pushed(each) if _heap(each) == name else None
        if pushed is not None:
            edits.before(pushed.elts[-1], f"next({order}), ")
    for each in taken:
        match _taken_by(unit, each):
            case ast.Assign([ast.Tuple([*_, last])]):
                edits.before(last, "_, ")
            case ast.Subscript(slice=ast.Constant() as index):
                edits.replace(index, "-1" if index.value else str(index.value))
            case _:
                raise CannotFixError
    around = [each for each in unit.ancestors(call) if isinstance(each, ast.stmt)]
    edits.lines_before(around[-1], f"{order} = itertools.count()\n\n")
    fixing.needs_import(unit, "itertools")


#: Asked before what tells of an operand.
_RANK = 200

RULES = (
    Rule(
        "coroutine-used-as-its-result",
        "a coroutine or a task that a heap compares",
        5,
        "A heap compares whole tuples: where their first items are equal, the next ones decide. "
        "Nothing compares coroutines or tasks: `(priority, next(counter), coroutine)`.",
        _compared,
        rank=_RANK,
    ),
)
