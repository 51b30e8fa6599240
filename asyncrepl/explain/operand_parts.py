"""What stands in an operand: the elements of a display, its sources, the items of a heap."""

from __future__ import annotations

import ast
import asyncio
from itertools import combinations
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from asyncrepl.events.object_info import MISSING, PLAIN, describe, instance_dict, lookup
from asyncrepl.explain.operand_uses import Use, formatted
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import bindings, origins
from asyncrepl.instrument.probe_placement import ITERTOOLS_CALLS
from asyncrepl.syntax.names import callee_name, method_owner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.events.object_info import ObjectInfo
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

#: Functions that ask nothing of the items of an argument.
MOVERS = ITERTOOLS_CALLS - {"accumulate", "starmap", "chain"} | {
    "list", "tuple", "set", "frozenset", "deque", "zip", "enumerate", "reversed", "iter", "print",
    "sample", "choice", "choices", "shuffle", "extend", "append", "insert", "repr", "hash", "len",
}  # fmt: skip


def parts(use: Use) -> Iterator[Use]:
    """The operand; of an argument that is a display, also what stands in it.

    What only moves its items on refuses none of them.
    """
    yield use
    inner: list[ast.expr] = []
    if use.role == "argument" and callee_name(use.owner) not in MOVERS:
        inner = [*_elements(use.node)]
    elif use.role == "except" and isinstance(use.node, ast.Tuple):
        inner = use.node.elts
    elif use.role == "operand":
        compared = isinstance(use.owner, ast.Compare) and isinstance(
            use.node, ast.Tuple | ast.List
        )
        inner = [*_elements(use.node)] if compared else formatted(use.owner)
    for each in inner:
        yield Use(use.role, each, use.owner, None)


def held_parts(evidence: Evidence, use: Use) -> Iterator[Use]:
    """What stands in the display that the argument of `use` was made of.

    Of one made in another text, "items" of the argument: there is no place for them here.
    """
    moved = use.role == "argument" and callee_name(use.owner) in MOVERS
    if use.role not in ("argument", "star") or moved:
        return
    call = evidence.unit.parents.get(use.owner) if use.role == "star" else use.owner
    filled = not callee_name(call).startswith("heap")  # which puts into it what it was given
    held = _collection(evidence, use.node)
    made_of = origins(evidence.units, evidence.unit, use.node)
    elsewhere = all(
        unit is not evidence.unit
        or (isinstance(made, ast.Call) and not _empty(made))
        or (made is use.node and not [*_elements(made)])
        or (filled and _empty(made))
        for unit, made in made_of
    )
    if held is not None and held.item is not None and elsewhere and isinstance(call, ast.Call):
        put = put_into(evidence.unit, use.node) if callee_name(call) == "gather" else []
        if len(put) == 1 and held.item.item is None:
            yield Use("argument", put[0], call, held.item)
        yield Use("items", use.node, call, held.item)
    for unit, made in made_of:
        if unit is evidence.unit and isinstance(call, ast.Call):
            item = held.item if held is not None and isinstance(made, ast.ListComp) else None
            for inner in _elements(made):
                yield Use("argument", inner, call, item or _seen_on_the_way(evidence, inner))


def _seen_on_the_way(evidence: Evidence, node: ast.expr) -> ObjectInfo | None:
    """What `node` was where the error has passed: in the frame of its own function."""
    for site in evidence.sites[:-1] if isinstance(node, ast.Name) else ():
        function = site.unit.function(node) if site.unit is evidence.unit else None
        if function is not None and site.unit.definition(site.frame.f_code) is function:
            return Resolver.of_frame(evidence.units, site.frame).info(node)
    return None


def _empty(made: ast.expr) -> bool:
    """Whether it makes a collection that is filled later: by ``append``, or by its keys."""
    given = getattr(made, "args", []) if callee_name(made) != "defaultdict" else []
    called = callee_name(made) in ("list", "dict", "set", "deque", "defaultdict") and not given
    return called or (isinstance(made, ast.List | ast.Dict | ast.Set) and not [*_elements(made)])


def put_into(unit: Unit, node: ast.expr) -> list[ast.expr]:
    """What ``jobs.append(…)`` is given in the function in `unit` that has the list `node`."""
    return [
        call.args[0]
        for call in own_nodes(unit.function(node) or unit.tree or node)
        if isinstance(call, ast.Call) and callee_name(call) == "append" and len(call.args) == 1
        if isinstance(call.func, ast.Attribute)
        if ast.unparse(call.func.value) == ast.unparse(node)
    ]


def _collection(evidence: Evidence, node: ast.expr) -> ObjectInfo | None:
    """What is known of a collection; of ``jobs.values()``, of the dict."""
    method = node.func if isinstance(node, ast.Call) else None
    if isinstance(method, ast.Attribute) and method.attr == "values":
        owner = evidence.resolver.info(method.value)
        return owner._replace(kind=list) if owner is not None and owner.kind is dict else None
    return evidence.resolver.info(node)


def _elements(node: ast.expr) -> Iterator[ast.expr]:
    elements: list[Any] = []
    match node:
        case ast.List(elements) | ast.Tuple(elements) | ast.Set(elements):
            pass
        case ast.Dict(_, elements):
            pass
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.SetComp(elt=element):
            elements = [element]
        case ast.DictComp(value=element):
            elements = [element]
    for each in elements:
        yield each
        yield from _elements(each)


def items_taken(evidence: Evidence, node: ast.expr) -> list[ObjectInfo]:
    """What `node`, ``x`` or ``x.method()``, gives, where a loop takes `x` out of a collection.

    From Python 3.12 on the variable of a comprehension is gone when it has failed.
    """
    resolver, function = evidence.resolver, getattr(node, "func", None)
    item = function.value if isinstance(function, ast.Attribute) else function or node
    bound = bindings(evidence.unit, item)[1] if isinstance(item, ast.Name) else []
    held = [each for name in bound for each in _taken(evidence, name)]
    if node is item:
        kinds = {type(each) for each in held}
        return [describe(held[0])] if len(kinds) == 1 else []
    if isinstance(function, ast.Attribute):
        held = [lookup(kind, callee_name(node)) for kind in {type(each) for each in held}]
    made = [resolver.results(each) for each in held]
    return [each for results in made for each in results] if all(made) else []


def _taken(evidence: Evidence, name: ast.AST) -> list[object]:
    """What a loop, or a clause, gives its variable `name`: of ``for key, name in …`` its part."""
    around, parents = evidence.unit.parents.get(name), evidence.unit.parents
    if isinstance(around, ast.comprehension | ast.For):
        return _held_by(evidence, around.iter)
    loop = parents.get(around) if isinstance(around, ast.Tuple) else None
    if not isinstance(around, ast.Tuple) or not isinstance(loop, ast.comprehension | ast.For):
        return []
    pairs, place = _held_by(evidence, loop.iter), [*around.elts].index(name)  # type: ignore[arg-type]
    return [
        each[place] for each in pairs if isinstance(each, tuple) and len(each) == len(around.elts)
    ]


def _held_by(evidence: Evidence, node: ast.expr) -> list[object]:
    """What is in a list, a tuple, or in a dict that is asked for its values or items."""
    view = callee_name(node) if isinstance(node, ast.Call) else ""
    owner = node.func.value if view in ("values", "items") else node  # type: ignore[attr-defined]  # a method
    found: Any = evidence.resolver.value(owner)
    if type(found) is dict and view:
        found = [*(found.values() if view == "values" else found.items())]
    return [*found] if type(found) in (list, tuple) else []


# -- heaps and priority queues: whether comparing their items is what failed ---------

#: What puts an item into a heap, which compares it with others.
PUSHING = ("heappush", "heappushpop", "heapreplace", "put", "put_nowait")
_NO_ORDER = vars(object)["__lt__"], vars(dict)["__lt__"]
_JOBS = (CoroutineType, asyncio.Future)
#: What was put into a heap last, and what it was compared with, is at its ends.
_ENDS = 100


def compares_others(evidence: Evidence, use: Use) -> bool:
    """Whether `use` is given to a heap that could not compare what stands before it."""
    call = use.owner
    if (
        use.role != "argument"
        or not isinstance(call, ast.Call)
        or callee_name(call) not in PUSHING
    ):
        return False
    items = heap_items(evidence, call)
    return items is not None and not is_decided_by_jobs(items)


def heap_items(evidence: Evidence, call: ast.Call) -> list[Any] | None:
    """The items of the heap into which `call` puts one; None if it is not known to be a heap."""
    by_function = callee_name(call).startswith("heap")
    place = call.args[0] if by_function else method_owner(call)
    heap = evidence.resolver.value(place) if place is not None else MISSING
    if by_function:
        return None if heap is MISSING else heap if type(heap) is list else []
    kept = instance_dict(heap)
    items = kept.get("_queue", kept.get("queue"))
    return items if type(items) is list else None


def is_decided_by_jobs(items: list[Any] | None) -> bool:
    """Whether two items of a heap are equal up to what is a coroutine, a task or a future."""
    return any(issubclass(kind, _JOBS) for kind in kinds_without_order(items or []))


def kinds_without_order(items: list[Any]) -> set[type]:
    """The types of what decides about two `items` of a heap, of those that have no ``<``."""
    some = [*items[:_ENDS], *items[_ENDS:][-_ENDS:]]
    return {kind for pair in combinations(some, 2) if (kind := _without_order(*pair))}


def _without_order(one: Any, other: Any) -> type | None:
    """The type of what decides about two items of a heap, if it has no ``<``."""
    tuples = type(one) is type(other) is tuple
    for left, right in zip(one, other, strict=False) if tuples else [(one, other)]:
        if type(left) is type(right) and lookup(type(left), "__lt__") in _NO_ORDER:
            return type(left)
        jobs = [each for each in (left, right) if issubclass(type(each), _JOBS)]
        if len(jobs) == 1 and {type(left), type(right)} & PLAIN:
            return type(jobs[0])  # which no plain value is compared with
        if type(left) not in PLAIN or type(right) not in PLAIN or left != right:
            return None
    return None
