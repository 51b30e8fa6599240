"""Coroutines that are not awaited where they are made, but kept, or handed on.

A cache, an attribute or a closure keeps one, and gives it a second time. A heap keeps one until
its turn comes, and is not to compare it. Functions of the user's hand one on, to a library that
refuses it far away: the very object tells where it came from.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
from types import AsyncGeneratorType, CoroutineType, FunctionType, MethodType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import (
    code_of,
    describe,
    is_real_instance,
    lookup,
)
from asyncrepl.explain.bindings import decorators, is_coroutine_function, variables
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, awaited, correction, replaced, short
from asyncrepl.explain.held_operands import asks_plain, innermost_frame
from asyncrepl.explain.kinds import Kind, a_kind, kind_of
from asyncrepl.explain.library_results import library_source
from asyncrepl.explain.operand_parts import PUSHING, heap_items, is_decided_by_jobs
from asyncrepl.explain.other_callers import returned_to_library
from asyncrepl.explain.repairs.repair_case import single_assignment
from asyncrepl.explain.scopes import (
    CannotFixError,
    behind_await,
    own_nodes,
    scope,
    with_await,
)
from asyncrepl.explain.value_origins import loads
from asyncrepl.instrument.probe_placement import AWAITABLE_CALLS
from asyncrepl.syntax.names import callee_name, last_name

if TYPE_CHECKING:
    from types import FrameType

    from asyncrepl.explain.evidence import Evidence, Site
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
    return own.__wrapped__ if type(own) is CACHED else None


@correction
def _task_kept(fixing: Fixing, unit: Unit, node: ast.expr, cached: object) -> None:
    """``self.cache[key] = work(key)`` → a task of it is kept, where a loop runs for certain."""
    if cached is not None:
        tasks_cached(fixing, cached)
        return
    if isinstance(node, ast.Call) and callee_name(node) == "setdefault":
        _task_set(fixing, unit, node)
        return
    kept = [each for each in unit.nodes(ast.Assign) if _keeps(unit, each, node)]
    kept = [each for each in kept if isinstance(scope(unit, each), ast.AsyncFunctionDef)]
    value = fixing.evidence.resolver.value(node.func) if isinstance(node, ast.Call) else None
    if not kept and (inside := fixing.evidence.units.source_of(value)) is not None:
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
    for each in unit.nodes(ast.Call):
        if each is not call and ast.dump(each.func) != ast.dump(call.func):
            continue
        place = _collection_of(each)
        if place is None or len(each.args) != 2 or not isinstance(each.args[1], ast.Call):
            raise CannotFixError
        owner, key = map(unit.source.source, (place, each.args[0]))
        fixing.of(unit).before(each, f"({owner}[{key}] if {key} in {owner} else ")
        fixing.of(unit).after(each, ")")
        fixing.given_to(unit, each.args[1], "asyncio.create_task")


def tasks_cached(fixing: Fixing, cached: object) -> None:
    """Below the ``@lru_cache`` of the function `cached`, what makes a task of each call."""
    wrapped = getattr(inspect.unwrap(cached), "__code__", None) if callable(cached) else None
    found = fixing.evidence.units.definition(wrapped)
    if found is None or [*map(last_name, decorators(found[1]))] not in _CACHES:
        return
    (unit, function), name = found, fixing.fresh(found[0], "as_task")
    around = [each for each in unit.ancestors(function) if isinstance(each, ast.ClassDef)]
    edits = fixing.of(unit)
    edits.lines_before(around[-1] if around else function, _AS_TASK.format(name))
    start = unit.source.line_start(unit.source.span(function).start)
    edits.insert(start, f"{unit.source.indent(function)}@{name}\n")


#: The type of what `functools.cache` makes of a function.
CACHED = type(functools.cache(id))


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


# -- what is handed on -----------------------------------------------------------------


#: Modules that know what to do with a coroutine.
_AT_HOME = ("asyncio", "contextlib", "inspect", "types", "unittest")


def _handed_on(evidence: Evidence) -> Finding | None:
    """A coroutine in the hands of a library, which a function of the user's has made before."""
    refused = _refused_coroutine(evidence)
    if refused is None:
        return None
    for site in reversed(evidence.sites):
        for name in _variables(evidence, site, refused):
            call = single_assignment(site.unit, name)
            if isinstance(call, ast.Call):
                given = f"{short(site.unit, name)} ({short(site.unit, call, 30)})"
                why = f"{given} is a coroutine; its result only exists after `await`."
                fits = not _is_asked_in_vain(evidence, refused)
                return Finding(why, awaited(evidence, site.unit, call) if fits else None)
    return None


def _refused_coroutine(evidence: Evidence) -> object | None:
    """The one that a library has missed an attribute of, or was alone to have in its hands."""
    frame = innermost_frame(evidence)
    if evidence.direct or frame is None:
        return None
    root = str(frame.f_globals.get("__name__")).partition(".")[0]
    if root in _AT_HOME or evidence.units.get(frame.f_code.co_filename) is not None:
        return None
    missed = isinstance(evidence.error, AttributeError)
    if not missed and asks_plain(evidence):
        return None
    held: list[object] = [evidence.error.obj] if missed else [*frame.f_locals.values()]  # type: ignore[union-attr]
    found = {id(each): each for each in held if is_real_instance(each, CoroutineType)}
    states = [inspect.getcoroutinestate(each) for each in found.values()]
    return next(iter(found.values())) if states == [inspect.CORO_CREATED] else None


def _variables(evidence: Evidence, site: Site, value: object) -> list[ast.Name]:
    """The variables that have `value` where the error passed, by one of their uses."""
    function = evidence.units.definition(site.frame.f_code)
    names = {name for name, each in site.frame.f_locals.items() if each is value}
    nodes = own_nodes(function[1]) if function is not None else ()
    used = {n.id: n for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    return [node for name, node in used.items() if name in names]


def _is_asked_in_vain(evidence: Evidence, refused: object) -> bool:
    """Whether its result has what the library asks for only as an ``async def``."""
    name = getattr(evidence.error, "name", None)
    given = evidence.resolver.awaited(describe(refused, keep=True))
    return isinstance(name, str) and any(
        inspect.iscoroutinefunction(lookup(each.kind, name)) for each in given
    )


def _returned(evidence: Evidence) -> Finding | None:
    """A coroutine that a function of the user's has returned to the library that called it."""
    refused, frame = _refused_coroutine(evidence), innermost_frame(evidence)
    if frame is None or not is_real_instance(refused, CoroutineType):
        return None
    if _takes_coroutines(frame, refused):
        return None
    name = refused.cr_code.co_name
    units = evidence.units
    found = [each for each in units.calls(name) if returned_to_library(units, *each)]
    if len(found) != 1:
        return None
    unit, call = found[0]
    library = str(frame.f_globals.get("__name__")).partition(".")[0]
    function = getattr(scope(unit, call), "name", "")
    why = (
        f"`{function}` returns {short(unit, call)} as it is, a coroutine: `{library}`, which "
        f"calls `{function}`, needs its result, and that only exists after `await`."
    )
    return Finding(why, awaited(evidence, unit, call))


def _takes_coroutines(frame: FrameType, value: object) -> bool:
    """Whether the library that has refused `value` awaits what it is given, or makes a task."""
    names = {name for name, each in frame.f_locals.items() if each is value}
    source = library_source(frame.f_code)
    takers = [
        each
        for each in (ast.walk(source) if source is not None else ())
        if isinstance(each, ast.Await) or callee_name(each) in AWAITABLE_CALLS
    ]
    given = [part for each in takers for part in ast.iter_child_nodes(each)]
    return any(isinstance(each, ast.Name) and each.id in names for each in given)


_SIGNATURE = code_of(vars(inspect).get("_signature_from_callable"))


def _made_already(evidence: Evidence) -> Finding | None:
    """``Depends(session())``, where it is looked at how the function can be called."""
    frame = innermost_frame(evidence)
    value = frame.f_locals.get("obj") if frame is not None else None
    kinds = (CoroutineType, AsyncGeneratorType)
    if frame is None or frame.f_code is not _SIGNATURE or not is_real_instance(value, kinds):
        return None
    info = describe(value)
    name, known = info.function_name, evidence.units.definition(info.code) is not None
    made = evidence.units.calls(name)
    calls = [(at, c) for at, c in made if isinstance(at.parents.get(c), ast.Call | ast.keyword)]
    what = "a coroutine" if info.kind is CoroutineType else "an async generator"
    why = (
        f"`{name}` was called too early: what was handed over is {what}, which cannot be called, "
        f"where `{name}` itself is wanted, to be called later."
    )
    bare = len(calls) == 1 and not (calls[0][1].args or calls[0][1].keywords)
    if not (known and bare):
        return Finding(why)
    unit, call = calls[0]
    return Finding(why, replaced(evidence, unit, (call, unit.source.source(call.func))))


# -- in a heap -------------------------------------------------------------------------

_TAKING = ("heappop", "heappushpop", "heapreplace", "get", "get_nowait")
_JOBS = (Kind.COROUTINE, Kind.TASK, Kind.FUTURE)


def _compared(evidence: Evidence) -> Finding | None:
    """``heappush(jobs, (1, work()))``: of two that come first alike, the coroutines decide."""
    unit, call = evidence.unit, behind_await(evidence.node(ast.Call, ast.Await))
    pushed = _pushed(call)
    if pushed is None or not isinstance(call, ast.Call):
        return None
    found = [each for each in evidence.resolver.options(pushed.elts[-1]) if kind_of(each) in _JOBS]
    taken = [each for each in unit.nodes(ast.Call) if _takes_from(each, _heap(call))]
    if not found or not any(_is_awaited(unit, each) for each in taken):
        return None
    if not is_decided_by_jobs(heap_items(evidence, call)):
        return None
    why = (
        f"Where what stands before it is equal, {short(unit, pushed.elts[-1])} is compared, and "
        f"it is {a_kind(found[0], kind_of(found[0]))}: a number that counts up decides before it."
    )
    return Finding(why, numbered(evidence, call))


def _pushed(call: ast.AST | None) -> ast.Tuple | None:
    """The tuple that `call` puts into a heap."""
    given = call.args[-1:] if isinstance(call, ast.Call) else []
    pair = given[0] if given and callee_name(call) in PUSHING else None
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
    return unit.parents.get(with_await(unit, call))


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
def numbered(fixing: Fixing, call: ast.Call) -> None:
    """``(1, work())`` → ``(1, next(order), work())``, and one more where they are taken.

    `call` is one that puts an item into the heap, or takes one.
    """
    unit, edits, name = fixing.evidence.unit, fixing.of(fixing.evidence.unit), _heap(call)
    order, calls = fixing.fresh(unit, "order"), [*unit.nodes(ast.Call)]
    pushed = [pair for each in calls if _heap(each) == name and (pair := _pushed(each))]
    if not pushed or not name:  # by a name of the method, of which heap nobody knows
        raise CannotFixError
    for pair in pushed:
        edits.before(pair.elts[-1], f"next({order}), ")
    for each in [each for each in calls if _takes_from(each, name)]:
        match _taken_by(unit, each):
            case ast.Assign([ast.Tuple([*_, last])]):
                edits.before(last, "_, ")
            case ast.Subscript(slice=ast.Constant() as index):
                edits.replace(index, "-1" if index.value else str(index.value))
            case _:
                raise CannotFixError
    if _is_looked_into(unit, name):
        raise CannotFixError
    around = [each for each in unit.ancestors(call) if isinstance(each, ast.stmt)]
    edits.lines_before(around[-1], f"{order} = itertools.count()\n\n")


def _is_looked_into(unit: Unit, heap: str) -> bool:
    """Whether parts of items that stay there are used: ``jobs[0][1]``, ``for _, job in jobs``."""
    walked = [each.iter for each in unit.nodes(ast.For)]
    walked += [each.iter for each in unit.nodes(ast.comprehension)]
    parts = [each for each in unit.nodes(ast.Subscript) if isinstance(each.value, ast.Subscript)]
    later = [each for each in parts if getattr(each.slice, "value", None) != 0]
    items = [each.value.value for each in later if isinstance(each.value, ast.Subscript)]
    return heap in map(last_name, (*items, *walked))


RULES = (
    Rule(
        "coroutine-used-as-its-result",
        "a coroutine handed to what needs its result",
        5,
        "The call gives a coroutine object, wherever it is handed on to; `await` gives the "
        "result: `save(await fetch())`.",
        _handed_on,
        errors=(TypeError, AttributeError),
    ),
    Rule(
        "coroutine-used-as-its-result",
        "a coroutine returned to what needs its result",
        5,
        "A function that returns a coroutine has not waited for it: who calls the function gets "
        "the coroutine. `return await fetch()` gives the result.",
        _returned,
        errors=(Exception,),
        before="aiter_methods",
    ),
    Rule(
        "coroutine-function-as-callback",
        "an async function that was called instead of handed over",
        5,
        "Who asks for a function calls it himself, when it is time: `Depends(session)`. "
        "`session()` hands over what a call gives, and that cannot be called again.",
        _made_already,
        errors=(TypeError,),
    ),
    Rule(
        "coroutine-used-as-its-result",
        "a coroutine or a task that a heap compares",
        5,
        "A heap compares whole tuples: where their first items are equal, the next ones decide. "
        "Nothing compares coroutines or tasks: `(priority, next(counter), coroutine)`.",
        _compared,
        before="aiter_methods",
    ),
)
