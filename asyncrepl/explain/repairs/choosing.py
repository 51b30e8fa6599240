"""Repairs, each written once: how an operand is made to meet what is demanded of it.

Which it is depends on the kind of the operand, on the demand, and on what else is done with the
value. Where it stays unknown what awaiting gives, what the user wrote is kept: he wrote ``async
for``, so it becomes ``async for … in await x``. What is known to fail again is not offered.
"""

from __future__ import annotations

import ast
import asyncio
from types import FunctionType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, ObjectInfo, lookup
from asyncrepl.explain.demands import Demand, met
from asyncrepl.explain.fixing import CannotFixError, Fixing
from asyncrepl.explain.kinds import ASYNCHRONOUS, Kind, has, kind_of
from asyncrepl.explain.methods import takes
from asyncrepl.explain.repairs.attribute_repairs import (
    items_as_list,
    next_method,
    of_one_item,
    resource,
    twin,
)
from asyncrepl.explain.repairs.awaited_operands import (
    as_task,
    awaited,
    awaited_instead,
    delegated_result,
    ensured,
    listed,
    loop_over_awaited,
    loop_over_owner,
    next_of_result,
    one_item,
    result_not_called,
    scheduled,
    step_itself,
    whole_iterator,
    yielded_through,
)
from asyncrepl.explain.repairs.case import AWAITABLE, CALLABLE, LOOPS, WALKABLE, Case, kind_of_case
from asyncrepl.explain.repairs.entered_operands import (
    entered,
    entered_async,
    entered_first,
    entered_generator,
    entered_plainly,
    make_async_with,
    make_plain_with,
    opened,
    unclosed,
    unentered_plainly,
)
from asyncrepl.explain.repairs.iterated_operands import (
    collected,
    counted,
    delegated,
    drained,
    first_item,
    first_of_iter,
    from_iterator,
    list_call,
    loop_async,
    renamed_aiter,
    stepped,
    uncalled,
    walked_not_awaited,
)
from asyncrepl.explain.repairs.plain_operands import (
    as_async,
    as_async_result,
    as_awaitable,
    dropped,
    each_awaited,
    entered_instead,
    gathered,
    in_thread,
    loop_plain,
    next_instead,
    over_range,
    over_results,
    slept,
    streaming_method,
    without_await,
)
from asyncrepl.explain.resolving import takes_nothing
from asyncrepl.syntax.names import callee_name
from asyncrepl.syntax.source_rewriter import Edit

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.explanation import Fix

__all__ = ["repaired"]


def repaired(case: Case) -> Fix | None:
    """The correction; None where nobody knows what was meant, or where it cannot be written."""
    for repair in _choices(case):
        fixing = Fixing(case.evidence)
        try:
            repair(fixing, case)
        except CannotFixError:
            continue
        fix = fixing.fix()
        if fix is not None:
            return fix
    return None


def _choices(case: Case) -> list[Callable[[Fixing, Case], None]]:
    """The repairs that may do, the best first."""
    if case.info is None:
        return [without_await] if case.demand.what == "await" else []
    kind = kind_of(case.info)
    if kind in AWAITABLE and not (kind is Kind.AWAITABLE and has(case.info, "__aenter__")):
        return _of_awaitable(case)
    if kind in WALKABLE:
        return _of_walkable(case)
    if kind in CALLABLE:
        return [_called]
    if kind is Kind.ASYNC_MANAGER or has(case.info, "__aenter__"):
        return _of_manager(case)
    return _of_ordinary(case, kind)


def _of_awaitable(case: Case) -> list[Callable[[Fixing, Case], None]]:
    what = case.demand.what
    if what == "coroutine":
        return [ensured]
    if what == "function":
        return [scheduled]
    if what in ("tasks", "awaitables"):
        return [listed]
    if what == "step":
        return [awaited_instead]
    if what == "async step":
        return [step_itself if kind_of_case(case) is Kind.STEP else next_of_result, awaited]
    if what == "iterator":
        return [awaited, as_async_result]
    if what in ("walk", "async walk") and isinstance(case.owner, LOOPS):
        return [
            whole_iterator, one_item, yielded_through, loop_over_awaited, loop_over_owner,
        ]  # fmt: skip
    if what == "call":
        waits = isinstance(case.unit.parents.get(case.owner), ast.Await)
        return [uncalled] if waits else [result_not_called, awaited]
    if isinstance(case.owner, ast.YieldFrom):
        return [delegated_result]
    if (
        what == "attribute"
        and lookup(asyncio.Task, getattr(case.owner, "attr", "")) is not MISSING
    ):
        return [as_task]
    return [awaited]


def _of_walkable(case: Case) -> list[Callable[[Fixing, Case], None]]:
    what = case.demand.what
    if what == "attribute":
        return [twin, next_method, resource, items_as_list, of_one_item]
    if what == "await":
        if isinstance(case.owner, ast.Await):
            return [walked_not_awaited]
        return [drained]
    if what == "walk":
        return _walks(case)
    if what == "step":
        return [stepped]
    if what == "async step":
        return [from_iterator]
    if what == "enter" or what == "async enter":
        return [entered_generator]
    if what in ("coroutine", "tasks", "awaitables"):
        return [drained]
    if what == "call":
        return [uncalled]
    if what == "close":
        return [unclosed]
    return [first_item, collected]


def _walks(case: Case) -> list[Callable[[Fixing, Case], None]]:
    if isinstance(case.owner, LOOPS):
        return [loop_async]
    if isinstance(case.owner, ast.YieldFrom):
        return [delegated]
    name = callee_name(case.owner)
    if name == "iter":
        return [first_of_iter, renamed_aiter]
    if name == "enumerate":
        return [counted, collected]
    return [list_call, collected] if name == "list" else [collected]


def _called(fixing: Fixing, case: Case) -> None:
    """A call of the function or class, and whatever its result needs then."""
    assert case.info is not None
    function = case.info.value
    if not takes_nothing(function) and not _is_free_method(function):
        raise CannotFixError
    results = case.evidence.resolver.results(function)
    fitting = [each for each in results if _fits(case.demand, each)]
    node = case.node
    loose = isinstance(node, ast.Lambda | ast.IfExp | ast.BoolOp)
    if fitting:
        fixing.of(case.unit).before(node, "(" if loose else "")
        fixing.of(case.unit).after(node, ")()" if loose else "()")
        return
    if loose or not results:
        raise CannotFixError
    inner = Case(case.evidence, case.unit, case.demand, results[0], suffix="()")
    for repair in _choices(inner):
        try:
            repair(fixing, inner)
        except CannotFixError:
            fixing.units.clear()
            continue
        _put_suffix(fixing, inner)
        return
    raise CannotFixError


def _is_free_method(function: object) -> bool:
    """Whether it is a method found through its object, and takes nothing but that."""
    if not isinstance(function, FunctionType):
        return False
    return function.__code__.co_varnames[:1] == ("self",) and takes(function, 0)


def _fits(demand: Demand, info: ObjectInfo) -> bool:
    if demand.what == "attribute" and kind_of(info) in ASYNCHRONOUS:
        return lookup(info.kind, demand.needs[0]) is not MISSING
    return met(demand, info)


def _put_suffix(fixing: Fixing, case: Case) -> None:
    """The call itself, behind the operand, unless that was replaced as a whole."""
    edits = fixing.of(case.unit)
    start, end = case.unit.source.span(fixing.changed or case.node)
    if not any(each.start <= start and end <= each.end for each in edits.edits if each.text):
        edits.edits.insert(0, Edit(end, end, case.suffix))


def _of_manager(case: Case) -> list[Callable[[Fixing, Case], None]]:
    if case.demand.what == "enter" and isinstance(case.owner, ast.With):
        return [make_async_with]
    if case.demand.what == "enter":
        return [entered_async]
    if case.demand.what in ("coroutine", "task", "tasks", "awaitables"):
        return [opened]
    if case.demand.what in ("function", "async enter"):
        return []
    if has(case.info, "__await__") and case.demand.what != "async walk":
        return [awaited]
    if case.demand.what == "await" and not isinstance(case.owner, ast.Await):
        return [opened]
    if case.info is not None and case.info.kind.__module__.startswith("asyncio."):
        return [dropped] if case.demand.what == "await" else []  # entering a lock gives nothing
    return [entered]


def _of_ordinary(case: Case, kind: Kind) -> list[Callable[[Fixing, Case], None]]:
    what = case.demand.what
    if what == "await" and isinstance(case.owner, ast.Await):
        return [gathered, slept, dropped]
    if what in ("await", "coroutine"):
        manager = kind_of_case(case) is Kind.MANAGER
        return [entered_instead, opened] if manager else [in_thread, as_awaitable]
    if what == "async walk":
        return [
            each_awaited, over_results, loop_plain, over_range, streaming_method, entered_first,
        ]  # fmt: skip
    if what == "async enter" and has(case.info, "__iter__") and not has(case.info, "__enter__"):
        return [unentered_plainly] if isinstance(case.owner, ast.AsyncWith) else []
    if what == "async enter" and has(case.info, "__enter__"):
        return [make_plain_with] if isinstance(case.owner, ast.AsyncWith) else [entered_plainly]
    if what == "async step":
        return [next_instead]
    if what == "iterator":
        return [as_async]
    if what == "close":
        return [unclosed]
    return []
