"""Heaps and priority queues: what their items are, and whether comparing these is what failed."""

from __future__ import annotations

import ast
import asyncio
from itertools import combinations
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from asyncrepl.events.object_info import MISSING, PLAIN, instance_dict, lookup
from asyncrepl.syntax.names import callee_name, method_owner

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.operand_uses import Use


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
