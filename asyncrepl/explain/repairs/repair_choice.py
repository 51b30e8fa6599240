"""Repairs, each written once: how an operand is made to meet what is demanded of it.

Which it is depends on the kind of the operand, on the demand, and on what else is done with the
value. Where it stays unknown what awaiting gives, what the user wrote is kept: he wrote ``async
for``, so it becomes ``async for … in await x``. What is known to fail again is not offered.
"""

from __future__ import annotations

import ast
import asyncio
from itertools import product
from types import BuiltinFunctionType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, ObjectInfo, is_real_instance, lookup
from asyncrepl.explain.bindings import takes_nothing, takes_only_its_object
from asyncrepl.explain.demands import Demand, met
from asyncrepl.explain.fix_editor import Fixing
from asyncrepl.explain.fresh_names import arguments_at_hand, fresh
from asyncrepl.explain.kinds import ASYNCHRONOUS, RESULTS, STREAMS, UNCALLED, Kind, has, kind_of
from asyncrepl.explain.repairs.awaited_items import (
    awaited_where_listed,
    items_awaited,
    results_kept,
    tasks_awaited,
)
from asyncrepl.explain.repairs.awaited_operands import (
    awaited,
    awaited_instead,
    awaited_result,
    delegated_result,
    ensured,
    entered_owner,
    listed,
    loop_over_awaited,
    loop_over_owner,
    next_of_result,
    one_item,
    result_not_called,
    result_of_done,
    scheduled,
    step_itself,
    whole_iterator,
)
from asyncrepl.explain.repairs.awaited_origins import (
    as_task,
    awaited_function,
    awaited_in_return,
    awaited_where_made,
    called_where_made,
    plain_decorator,
    plain_factory,
    unawaited,
    waits_inside,
)
from asyncrepl.explain.repairs.entered_operands import (
    awaited_before,
    delegated_entered,
    entered,
    entered_async,
    entered_first,
    entered_generator,
    entered_plainly,
    entered_uncalled,
    lock_of_asyncio,
    make_async_with,
    make_plain_with,
    opened,
    unclosed,
    unentered_plainly,
)
from asyncrepl.explain.repairs.iterated_operands import (
    collected,
    collected_jobs,
    collected_where_made,
    counted,
    delegated,
    drained,
    first_item,
    first_of_iter,
    from_iterator,
    list_call,
    loop_async,
    over_range,
    renamed_aiter,
    stepped,
    twin,
    uncalled,
    walked_not_awaited,
)
from asyncrepl.explain.repairs.mocked_operands import as_async_items, as_async_mock, as_plain_mock
from asyncrepl.explain.repairs.moved_awaits import (
    awaited_behind,
    branch_awaited,
    entered_head,
    left_to_taker,
    waited_by_method,
)
from asyncrepl.explain.repairs.moved_walks import (
    aiter_instead,
    around_each_item,
    next_method,
    of_one_item,
    streaming_method,
    walked_elsewhere,
    yielded_through,
)
from asyncrepl.explain.repairs.plain_operands import (
    as_async,
    as_async_result,
    as_awaitable,
    as_its_like,
    dropped,
    each_awaited,
    entered_instead,
    gathered,
    gathered_values,
    handed_uncalled,
    in_thread,
    listed_items,
    loop_plain,
    modern_coroutine,
    next_instead,
    over_results,
    slept,
    twin_method,
    without_await,
    wrapped_future,
)
from asyncrepl.explain.repairs.repair_case import (
    COLLECTORS,
    LOOPS,
    Case,
    is_lock,
    is_loose,
    is_mocked,
    is_used_plainly,
)
from asyncrepl.explain.repairs.yielded_resources import (
    resource,
    resource_awaited,
    yielded_as_its_like,
)
from asyncrepl.explain.scopes import CannotFixError, scope, with_await
from asyncrepl.syntax.names import callee_name
from asyncrepl.syntax.source_rewriter import Edit, Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.explanation import Fix

    #: A function of `asyncrepl.explain.repairs`: `fixing` gets its edits, which correct what the
    #: `case` says. It raises `CannotFixError`, and the edits are forgotten, if it is not its case.
    Repair = Callable[[Fixing, Case], None]


def items_as_list(fixing: Fixing, case: Case) -> None:
    """What a list has, or collects the items in other libraries: a list of them."""
    call, name = case.unit.parents.get(case.owner), case.owner.attr
    if name in COLLECTORS and isinstance(call, ast.Call):
        item = fresh(case.unit, "x")
        text = f"[{item} async for {item} in {case.source}]"
        fixing.of(case.unit).replace(with_await(case.unit, call), text)
        fixing.suspending(case.unit, call)
    elif lookup(list, name) is not MISSING:
        collected(fixing, case)
    else:
        raise CannotFixError


def repaired(case: Case) -> Fix | None:
    """The correction; None where nobody knows what was meant, or where it cannot be written."""
    around = case.unit.parents.get(scope(case.unit, case.node) or case.node)
    becomes_def = isinstance(around, ast.Assign | ast.keyword) or callee_name(around) in _MAPPING
    tries = (False, True) if becomes_def else (False,)
    for in_lambda, repair in product(tries, _choices(case)):
        fixing = Fixing(case.evidence, in_lambda=in_lambda)
        try:
            repair(fixing, case)
        except CannotFixError:
            continue
        if (fix := fixing.fix()) is not None:
            return fix
    return None


def _choices(case: Case) -> tuple[Repair, ...]:
    """The repairs that may do, the best first."""
    table = _UNKNOWN if case.info is None else _table(case)
    for key in (f"{case.demand.what}, {_form(case)}", case.demand.what, "*"):
        if key in table:
            return table[key]
    return ()


def _table(case: Case) -> dict[str, tuple[Repair, ...]]:
    kind = case.kind
    waits = kind in RESULTS and not case.demand.what.startswith("async ")
    if is_mocked(case) and (not waits or is_used_plainly(case)):
        return _MOCK
    if kind in _OWN:
        return _OWN[kind]
    if kind in RESULTS and not (kind is Kind.AWAITABLE and has(case.info, "__aenter__")):
        return _AWAITABLE
    if has(case.info, "__aenter__"):
        managed = _AWAITABLE_MANAGER if has(case.info, "__await__") else _MANAGER
        return _LOCK if is_lock(case.info) else managed
    return _PLAIN.get(kind, _ORDINARY)


def _form(case: Case) -> str:
    """What kind of place demands, where that decides; of a call, the name of the function."""
    owner = case.owner
    if case.demand.what == "call" and isinstance(case.unit.parents.get(owner), ast.Await):
        return "awaited"
    if case.demand.what == "attribute" and lookup(asyncio.Task, owner.attr) is not MISSING:
        return "of tasks"
    if isinstance(owner, LOOPS):
        return "loop"
    if isinstance(owner, ast.With | ast.AsyncWith):
        return "with"
    if isinstance(owner, ast.Call):
        return callee_name(owner) if callee_name(owner) in _NAMED else "function"
    return "yield from" if isinstance(owner, ast.YieldFrom) else ""


def _called(fixing: Fixing, case: Case) -> None:
    """A call of the function or class, and whatever its result needs then."""
    assert case.info is not None
    function = case.info.value
    bound = is_real_instance(function, BuiltinFunctionType)  # to its object
    if function is MISSING or bound:
        function = case.evidence.resolver.value(case.node)
    given = _taken_behind(fixing, case) or arguments_at_hand(case.unit, case.node, function)
    if given is None:
        raise CannotFixError
    results = case.evidence.resolver.results(function)
    fitting = [each for each in results if _fits(case.demand, each)]
    node, loose = case.node, is_loose(case.node)
    if fitting and isinstance(node, ast.Lambda) and isinstance(case.owner, ast.Call):
        fixing.of(case.unit).replace(node, case.unit.source.source(node.body))
        return
    if fitting:
        fixing.of(case.unit).before(node, "(" if loose else "")
        fixing.of(case.unit).after(node, f"){given}" if loose else given)
        for each in _uncalled_beside(case):
            fixing.of(case.unit).after(each, "()")
        return
    if isinstance(node, ast.Lambda) or not results or given != "()":
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


def _taken_behind(fixing: Fixing, case: Case) -> str:
    """The arguments of ``run(main)("x")``, which become those of `main`; "" if it is not so."""
    unit, call = case.unit, case.unit.parents.get(case.owner)
    called = isinstance(case.owner, ast.Call) and getattr(call, "func", None) is case.owner
    if call is None or not called:
        return ""
    end = unit.source.span(case.owner).end
    fixing.of(unit).replace(Span(end, unit.source.span(call).end), "")
    return unit.text[end : unit.source.span(call).end]


def _uncalled_beside(case: Case) -> list[ast.expr]:
    """The other arguments of ``gather(first, second)`` that were not called either."""
    arguments = case.owner.args if isinstance(case.owner, ast.Call) else []
    infos = {each: case.evidence.resolver.info(each) for each in arguments}
    return [
        each
        for each, info in infos.items()
        if each is not case.node and case.node in arguments and case.info is not None
        if info is not None and kind_of(info) is kind_of(case.info)
        if takes_nothing(info.value) or takes_only_its_object(info.value)
    ]


def _fits(demand: Demand, info: ObjectInfo) -> bool:
    if demand.what == "attribute" and kind_of(info) in ASYNCHRONOUS:
        return lookup(info.kind, demand.needs[0]) is not MISSING
    return met(demand, info)


def _put_suffix(fixing: Fixing, case: Case) -> None:
    """The call itself, behind the operand, unless that was replaced as a whole."""
    edits = fixing.of(case.unit)
    start, end = case.unit.source.span(fixing.changed or case.node)
    if not any(each.start <= start and end <= each.end for each in edits.edits if each.text):
        loose = is_loose(fixing.changed or case.node)
        edits.edits.insert(0, Edit(end, end, f"){case.suffix}" if loose else case.suffix))
        edits.edits.extend([Edit(start, start, "(")] if loose else [])


_MAPPING = ("map", "filter")  # of which a lambda becomes the element of a comprehension
_NAMED = ("iter", "enumerate", "list")
_UNKNOWN: dict[str, tuple[Repair, ...]] = {
    "await": (twin_method, slept, as_its_like, without_await)
}

_LOOPED = (
    whole_iterator, one_item, yielded_through, yielded_as_its_like, awaited_in_return,
    loop_over_awaited,
    loop_over_owner, awaited_where_made,
)  # fmt: skip
_AWAITABLE: dict[str, tuple[Repair, ...]] = {
    "coroutine": (ensured,),
    "function": (scheduled,),
    "callback": (awaited_function, handed_uncalled),
    "items": (results_kept, awaited_where_listed, items_awaited, awaited_where_made),
    "task": (listed,),
    "tasks": (listed,),
    "awaitables": (listed,),
    "step": (awaited_in_return, awaited_instead),
    "async step": (next_of_result, awaited),
    "iterator": (awaited_in_return, awaited, as_async_result),
    "walk, loop": _LOOPED,
    "async walk, loop": _LOOPED,
    "walk, yield from": (delegated_result,),
    "async enter, with": (entered_owner, awaited_before, awaited),
    "enter, with": (entered_owner, awaited_before, awaited),
    "call, awaited": (plain_decorator, awaited_function, uncalled),
    "call": (plain_decorator, handed_uncalled, result_not_called, awaited),
    "attribute, of tasks": (awaited_in_return, awaited_result, as_task, awaited_where_made),
    "*": (
        plain_factory, results_kept, awaited_where_listed, tasks_awaited, awaited_in_return,
        awaited, awaited_where_made, result_of_done,
    ),
}  # fmt: skip
_STEP = {**_AWAITABLE, "async step": (step_itself, awaited)}
_WALKABLE: dict[str, tuple[Repair, ...]] = {
    "attribute": (twin, next_method, resource, items_as_list, around_each_item, of_one_item),
    "await, function": (collected_jobs, walked_elsewhere, drained),
    "await": (awaited_behind, resource_awaited, walked_not_awaited),
    "walk, loop": (loop_async, aiter_instead, collected_where_made),
    "walk, yield from": (delegated, aiter_instead),
    "walk, iter": (first_of_iter, renamed_aiter),
    "walk, enumerate": (counted, collected),
    "walk, list": (list_call, collected),
    "walk": (left_to_taker, collected, collected_where_made),
    "step": (stepped,),
    "async step": (from_iterator,),
    "enter": (entered_generator,),
    "async enter": (entered_generator,),
    "coroutine": (walked_elsewhere, drained),
    "task": (drained,),
    "tasks": (collected_jobs, drained),
    "awaitables": (collected_jobs, drained),
    "call": (uncalled,),
    "close": (unclosed,),
    "*": (first_item, collected),
}

_MANAGER: dict[str, tuple[Repair, ...]] = {
    "await": (awaited_behind, entered),
    "walk, yield from": (delegated_entered,),
    "enter, with": (make_async_with,),
    "enter": (entered_async,),
    "coroutine": (opened,),
    "task": (opened,),
    "tasks": (opened,),
    "awaitables": (opened,),
    "await, function": (opened,),
    "function": (),
    "async enter": (),
    "call": (entered_uncalled, entered),
    "call, awaited": (entered,),
    "*": (entered,),
}
_AWAITABLE_MANAGER = {**_MANAGER, "async walk": (entered,), "*": (awaited,)}
_MOCK: dict[str, tuple[Repair, ...]] = {"await": (as_async_mock,)}
_MOCK["async walk"] = (as_async_items,)
_MOCK["async enter, with"] = (as_plain_mock,)
_CALLABLE: dict[str, tuple[Repair, ...]] = {"*": (called_where_made, _called)}

_OWN: dict[Kind, dict[str, tuple[Repair, ...]]] = {
    Kind.MOCK: _MOCK,
    Kind.STEP: _STEP,
    **dict.fromkeys(STREAMS, _WALKABLE),
    **dict.fromkeys(UNCALLED | {Kind.FUNCTION, Kind.CLASS}, _CALLABLE),
}

#: Entering a lock gives nothing.
_LOCK = {
    **_MANAGER,
    "await": (awaited_behind, entered_head, dropped),
    "call": (entered_uncalled,),
    "*": (),
}

_INSTEAD = (twin_method, wrapped_future, gathered_values, gathered, slept, awaited_behind)
_ORDINARY: dict[str, tuple[Repair, ...]] = {
    "await, function": (
        unawaited, wrapped_future, waited_by_method, gathered, as_its_like, in_thread,
        as_awaitable,
    ),
    "await, list": (wrapped_future, in_thread, as_awaitable),
    "await": (
        unawaited, waits_inside, *_INSTEAD, waited_by_method, branch_awaited, as_its_like, dropped,
    ),
    "task": (unawaited,),
    "coroutine": (unawaited, waited_by_method, gathered, in_thread, as_awaitable),
    "async walk": (
        twin_method, each_awaited, over_results, loop_plain, over_range, streaming_method,
    ),
    "async enter, with": (unentered_plainly,),
    "async step": (next_instead,),
    "iterator": (as_async,),
    "close": (unclosed,),
    "function": (handed_uncalled,),
}  # fmt: skip

_PLAIN_MANAGER = {
    **_ORDINARY,
    "await, function": (entered_instead, opened),
    "coroutine": (entered_instead, opened),
    "async walk": (loop_plain, entered_first),
    "async enter, with": (lock_of_asyncio, make_plain_with),
    "async enter": (entered_plainly,),
}

_PLAIN: dict[Kind, dict[str, tuple[Repair, ...]]] = {
    Kind.MANAGER: _PLAIN_MANAGER,
    Kind.GENERATOR: {**_ORDINARY, "await": (gathered, modern_coroutine, listed_items)},
}
