"""What has to be awaited: where ``await`` goes, and what else its result asks for."""

from __future__ import annotations

import ast
import asyncio
import functools
import inspect
import sys
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, ObjectInfo, function_of, lookup
from asyncrepl.explain.bindings import returned_values
from asyncrepl.explain.demands import met
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.hoisted_code import body_after, made_in_function, out_of_class
from asyncrepl.explain.kinds import Kind, has, is_async_iterable
from asyncrepl.explain.plain_runners import runner_at
from asyncrepl.explain.protocol_code import yield_each
from asyncrepl.explain.repairs.awaited_items import is_done, variable_of_awaited
from asyncrepl.explain.repairs.awaited_origins import (
    awaited_by_name,
    decorated_async,
    either_awaited,
    kept_in_attribute,
    may_await_where_made,
)
from asyncrepl.explain.repairs.entered_operands import make_async_with, make_plain_with
from asyncrepl.explain.repairs.moved_awaits import (
    awaitable_branches,
    called_again,
    called_then,
    given_alike,
    kept_awaited,
    not_entered,
    not_stepped,
    siblings,
    take_await_before,
    take_await_of_operation,
)
from asyncrepl.explain.repairs.moved_walks import called_object, read_until, reduced, timed_loop
from asyncrepl.explain.repairs.repair_case import (
    LOOPS,
    Case,
    also_wanting,
    given_by_caller,
    lock_of,
    made_here,
    matched_here,
    single_assignment,
    task_maker,
    used_again,
)
from asyncrepl.explain.scopes import CannotFixError, scope, with_await
from asyncrepl.explain.value_origins import bindings, called, loads, stepped_source
from asyncrepl.instrument.probe_placement import AWAITABLE_CALLS
from asyncrepl.syntax.names import callee_name, canonical_name, written_name

if TYPE_CHECKING:
    from asyncrepl.explain.fix_editor import Fixing
    from asyncrepl.explain.source_units import Unit


def _results(case: Case) -> tuple[bool, bool, bool]:
    """Whether what awaiting gives is unknown, may be walked plainly, or asynchronously."""
    options = case.awaited
    streams = any(is_async_iterable(each) for each in options)
    made = single_assignment(case.unit, case.node) or case.node
    flags = [each.value for each in getattr(made, "keywords", ())]
    asked = any(isinstance(each, ast.Constant) and each.value is True for each in flags)
    # What gives a stream if asked to (``stream=True``) gives one whole answer otherwise.
    whole = (dict, str, bytes) if streams and asked else ()
    walked = [each for each in options if each.kind not in whole]
    return (
        not options,
        any(has(each, "__iter__", "__getitem__") and not _is_model(each) for each in walked),
        streams,
    )


def _is_of_stdlib(case: Case) -> bool:
    """Whether a function of the standard library makes what awaiting gives: no stream."""
    found, resolver = case.home, case.evidence.resolver.inside(case.code)
    values = returned_values(found[1]) if found is not None else []
    makers = [resolver.value(each.func) for each in values if isinstance(each, ast.Call)]
    roots = [str(getattr(each, "__module__", None)).partition(".")[0] for each in makers]
    known = all(each in sys.stdlib_module_names and each not in _OF_STREAMS for each in roots)
    return bool(values) and len(roots) == len(values) and known


_OF_STREAMS = ("asyncio", "contextlib")


def _is_model(info: ObjectInfo) -> bool:
    """Whether it is a model of Pydantic's, whose ``__iter__`` gives its fields: no items."""
    function = function_of(lookup(info.kind, "__iter__"))
    return function is not None and function.__module__.startswith("pydantic.")


def loop_over_awaited(fixing: Fixing, case: Case) -> None:
    """A loop over what awaiting gives, of the kind that walks it."""
    unknown, plain, asynchronous = _results(case)
    is_async = case.demand.what == "async walk"
    if unknown and is_async and _walked_owner(case) is not None:
        raise CannotFixError
    if not (unknown or plain or asynchronous):
        raise CannotFixError
    if asynchronous and not is_async and not plain:
        fixing.loop_async(case.unit, case.owner)
    if is_async and not asynchronous and (plain or _is_of_stdlib(case)):
        fixing.loop_plain(case.unit, case.owner)
    _await_at(fixing, case)


def _walked_owner(case: Case) -> ast.expr | None:
    """In ``reader.readline()``, the reader, if that can be walked itself."""
    call = case.node
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.args:
        return None
    info = case.evidence.resolver.info(call.func.value)
    return call.func.value if info is not None and is_async_iterable(info) else None


def whole_iterator(fixing: Fixing, case: Case) -> None:
    """``async for x in anext(it)`` → ``async for x in it``."""
    if timed_loop(fixing, case):
        return
    found = called(case.evidence, case.unit, case.node)
    source = stepped_source(found[1]) if found is not None else None
    if found is None or source is None or not isinstance(case.owner, LOOPS):
        raise CannotFixError
    if case.demand.what == "walk":
        if any(has(each, "__iter__") and each.kind is not str for each in case.awaited):
            raise CannotFixError  # what the step gives can be walked as it stands
        fixing.loop_async(case.unit, case.owner)
    fixing.of(found[0]).replace(found[1], found[0].source.source(source))


def one_item(fixing: Fixing, case: Case) -> None:
    """``async for x in queue.get(): body`` → ``x = await queue.get()`` and the body."""
    unit, loop = case.unit, case.owner
    if case.info is None or case.info.code is not asyncio.Queue.get.__code__:
        raise CannotFixError
    jumps = any(isinstance(each, ast.Break | ast.Continue) for each in ast.walk(loop))
    if not isinstance(loop, ast.AsyncFor) or jumps or loop.orelse:
        fixing.loop_plain(unit, loop)
        fixing.of(unit).replace(case.node, f"[await {case.source}]")
        return
    target = unit.source.source(loop.target)
    body_after(fixing, unit, loop, f"{target} = await {case.source}")


def entered_owner(fixing: Fixing, case: Case) -> None:
    """``async with lock.acquire():`` → ``async with lock:``."""
    owner = lock_of(case)
    if owner is None or len(case.owner.items) != 1:
        raise CannotFixError
    if isinstance(case.owner, ast.With):
        make_async_with(fixing, case)
    fixing.of(case.unit).replace(case.node, case.unit.source.source(owner))


def loop_over_owner(fixing: Fixing, case: Case) -> None:
    """``async for line in reader.readline()`` → ``async for line in reader``."""
    owner = _walked_owner(case)
    if owner is None or case.demand.what != "async walk":
        raise CannotFixError
    fixing.of(case.unit).replace(case.node, case.unit.source.source(owner))


def awaited(fixing: Fixing, case: Case) -> None:
    """``await`` where that gives what meets the demand, or may."""
    ways = (read_until, kept_awaited, reduced, called_then, called_again, not_stepped, not_entered)
    if any(each(fixing, case) for each in ways):
        return
    if isinstance(around := scope(case.unit, case.node), ast.ClassDef):
        out_of_class(fixing, case.unit, around, case.node, f"await {case.source}")
        return
    if called_object(case) is functools.reduce:  # its function was given coroutines before
        raise CannotFixError
    if case.demand.what == "value" and variable_of_awaited(case) is not None:
        raise CannotFixError
    options = case.awaited
    usable = [each for each in options if met(case.demand, each) or is_async_iterable(each)]
    if case.demand.what == "call":
        usable = [each for each in options if has(each, "__call__")]
    told = case.kind is Kind.AWAITABLE and case.demand.what == "attribute"  # not all are known
    if options and not usable and not _enters(case, options) and not told:
        raise CannotFixError
    fitting = any(met(case.demand, each) for each in options)
    walkable = next((each for each in options if is_async_iterable(each)), None)
    if not fitting and walkable is not None and case.demand.what in ("walk", "value"):
        name = fresh(case.unit, "x")
        text = f"[{name} async for {name} in await {case.source}]"
        fixing.of(case.unit).replace(case.node, text)
        fixing.suspending(case.unit, case.node)
        return
    if case.demand.what == "enter" and any(has(each, "__aenter__") for each in options):
        make_async_with(fixing, case)
    if case.demand.what == "async enter" and options and not fitting:
        if not isinstance(case.owner, ast.With | ast.AsyncWith):
            raise CannotFixError
        make_plain_with(fixing, case)
    _await_at(fixing, case)


def _enters(case: Case, options: list[ObjectInfo]) -> bool:
    names = {"enter": "__aenter__", "async enter": "__enter__"}
    name = names.get(case.demand.what, "")
    return bool(name) and isinstance(case.owner, ast.With | ast.AsyncWith) and any(
        has(each, name) for each in options
    )  # fmt: skip


def _await_at(fixing: Fixing, case: Case) -> None:
    """``await`` where the value is made, if that is in the same function; else at its use."""
    _await_method(fixing, case)
    decorated_async(fixing, case)
    if _await_matched(fixing, case):
        return
    given = given_by_caller(case)
    made = None if case.kind is Kind.TASK else made_here(case)
    if callee_name(made) in ("create_future", "Future"):
        made = None  # nobody has given it a result there: that would be waited for in vain
    wanting = also_wanting(case, made if made is not None else case.node)
    for each in wanting:
        fixing.awaiting(case.unit, each)
        take_await_of_operation(fixing, case, case.unit.parents[each])
    place = given if given is not None or made is None else (case.unit, made)
    if place is not None and _all_want_results(case.unit, case.node):
        fixing.changed = place[1]
        for each in (place[1], *given_alike(case, *place)):
            _await_each(fixing, case, place[0], each)
    elif isinstance(case.node, _READS) and may_await_where_made(fixing, case):
        return
    elif isinstance(made := kept_in_attribute(case), ast.Call):
        _await_each(fixing, case, case.unit, made)
    elif case.kind is Kind.COROUTINE and _read_again(case):
        raise CannotFixError  # it runs once, and who knows which is the first
    elif (again := used_again(case)) is not None and _all_want_results(case.unit, case.node):
        fixing.awaiting_first(case.unit, *again)
    else:
        for each in (case.node, *siblings(case)):
            if each not in wanting:
                _await_each(fixing, case, case.unit, each)


def _read_again(case: Case) -> bool:
    """Whether an attribute is read at another place as well."""
    shapes = [ast.dump(each) for each in case.unit.nodes(ast.Attribute)]
    return shapes.count(ast.dump(case.node)) > 1


#: What only reads a coroutine that was made elsewhere; an ``await`` whose result is one, too.
_READS = (ast.Name, ast.Attribute, ast.Await)


def _await_matched(fixing: Fixing, case: Case) -> bool:
    """``await`` behind ``match``, where a case has named what is matched; whether it has."""
    options, matched = case.evidence.resolver.options, matched_here(case.unit, case.node)
    for each in matched:
        if len(matched) == 1 or any(has(one, "__await__") for one in options(each)):
            _await_each(fixing, case, case.unit, each)
    return bool(matched)


def _await_each(fixing: Fixing, case: Case, unit: Unit, node: ast.expr) -> None:
    """``await`` in front of `node`; of ``a() if x else b``, in front of what may be awaited."""
    node = node.value if isinstance(node, ast.NamedExpr) else node
    if either_awaited(fixing, unit, node, case.code):
        return
    for each in awaitable_branches(case, node) or [node]:
        fixing.awaiting(unit, each)


def _await_method(fixing: Fixing, case: Case) -> None:
    """Of ``(await cursor).fetchall()`` the method as well, if that is a coroutine function."""
    take_await_before(fixing, case)
    call = case.unit.parents.get(case.owner)
    if case.demand.what != "attribute" or not isinstance(call, ast.Call):
        return
    methods = [lookup(each.kind, case.demand.needs[0]) for each in case.awaited]
    handed = isinstance(case.unit.parents.get(call), ast.Await | ast.Call | ast.Starred)
    printed = callee_name(case.unit.parents.get(call)) in ("print", "str", "len", "list", "repr")
    coroutine = any(inspect.iscoroutinefunction(each) for each in methods)
    if coroutine and call.func is case.owner and (printed or not handed):
        fixing.awaiting(case.unit, call)


def _all_want_results(unit: Unit, name: ast.expr) -> bool:
    """Whether no use of the variable awaits it, or gives it to somebody who does."""
    for each in loads(unit, name) if isinstance(name, ast.Name) else ():
        parent = unit.parents.get(each)
        if isinstance(parent, ast.Await | ast.Starred | ast.List | ast.Tuple):
            return False
        if callee_name(parent) in AWAITABLE_CALLS or getattr(parent, "attr", "") in _OF_TASKS:
            return False
    return True


_OF_TASKS = ("cancel", "cancelled", "done", "result", "exception", "get_coro", "add_done_callback")


def next_of_result(fixing: Fixing, case: Case) -> None:
    """``await anext(coroutine)`` → ``next(iter(await coroutine))``, if that gives plain items."""
    options = case.awaited
    if not options or not all(has(each, "__iter__", "__next__") for each in options):
        raise CannotFixError
    stepped = all(has(each, "__next__") for each in options)
    text = f"next(await {case.source})" if stepped else f"next(iter(await {case.source}))"
    fixing.of(case.unit).replace(with_await(case.unit, case.owner), text)
    fixing.suspending(case.unit, case.owner)


def step_itself(fixing: Fixing, case: Case) -> None:
    """``await anext(step)`` → ``await step``."""
    fixing.of(case.unit).replace(case.owner, case.source)


def result_not_called(fixing: Fixing, case: Case) -> None:
    """``task()`` → ``await task``, if what that gives is not to be called."""
    call, options = case.owner, case.awaited
    known = bool(options) and not any(has(each, "__call__") for each in options)
    kept = not options and not isinstance(case.node, ast.Call)  # what was kept as a function
    if call.args or call.keywords or not (known or kept or case.kind is Kind.STEP):
        raise CannotFixError
    loop = case.unit.parents.get(call)
    if isinstance(loop, ast.Assign) and written_name(loop.targets[0]) == written_name(case.node):
        raise CannotFixError  # ``state = state()``: the first one is a function
    walks = isinstance(loop, ast.AsyncFor | ast.comprehension) and getattr(loop, "is_async", True)
    if loop is not None and walks and known and not any(map(is_async_iterable, options)):
        fixing.loop_plain(case.unit, loop)
    fixing.awaiting_instead(case.unit, call, f"await {case.source}")


def awaited_instead(fixing: Fixing, case: Case) -> None:
    """``next(coroutine)`` → ``await coroutine``."""
    options = case.awaited
    text = f"await {case.source}"
    if options and all(has(each, "__next__") for each in options):
        text = f"next({text})"
    elif options and all(has(each, "__iter__") for each in options):
        text = f"next(iter({text}))"
    fixing.of(case.unit).replace(case.owner, text)
    fixing.suspending(case.unit, case.owner)


def ensured(fixing: Fixing, case: Case) -> None:
    """A task or another awaitable needs no task; ``ensure_future`` takes either.

    A task group waits for what it has made itself: ``wait_for`` makes a coroutine of anything.
    """
    call = case.owner
    if canonical_name(call.func) == "asyncio.create_task":
        fixing.of(case.unit).replace(call.func, "asyncio.ensure_future")
    elif callee_name(call) in ("create_task", "run_coroutine_threadsafe"):
        fixing.of(case.unit).replace(case.node, f"asyncio.wait_for({case.source}, None)")
    elif canonical_name(call.func) == "asyncio.run" and case.node in call.args:
        if (runner := runner_at(case.unit, call)) != "asyncio.run":
            fixing.of(case.unit).replace(call, f"{runner}({case.source})")
        else:
            made_in_function(fixing, case.unit, case.node)
    else:
        raise CannotFixError


def scheduled(fixing: Fixing, case: Case) -> None:
    """A coroutine where a callback is wanted: the loop runs a task of it."""
    call, name = case.owner, callee_name(case.owner)
    if name in ("to_thread", "run_in_executor"):
        if with_await(case.unit, call) is call:
            raise CannotFixError
        fixing.of(case.unit).replace(call, case.source)
    elif name in ("call_soon", "call_soon_threadsafe"):
        fixing.of(case.unit).replace(call, f"asyncio.create_task({case.source})")
    else:
        parameters = f" {fresh(case.unit, 'task')}" if name == "add_done_callback" else ""
        fixing.of(case.unit).before(case.node, f"lambda{parameters}: ")
        fixing.given_to(case.unit, case.node, "asyncio.create_task")


def listed(fixing: Fixing, case: Case) -> None:
    """A collection of the one awaitable; of tasks, where those are wanted."""
    one = case.demand.what == "task"  # of a collection
    tasks = case.demand.what != "awaitables" and case.kind not in (Kind.TASK, Kind.FUTURE)
    before, after = (f"{task_maker(case.unit, case.node)}(", ")") if tasks else ("", "")
    if not one and not isinstance(
        case.unit.parents.get(case.node), ast.List | ast.Tuple | ast.Set
    ):
        before, after = f"[{before}", f"{after}]"
    fixing.of(case.unit).before(case.node, before)
    fixing.of(case.unit).after(case.node, after)


def delegated_result(fixing: Fixing, case: Case) -> None:
    """``yield from coroutine`` → a loop over its result, in an ``async def``."""
    if not isinstance(case.unit.parents.get(case.owner), ast.Expr):
        raise CannotFixError
    options = case.awaited
    loop = "async for" if any(is_async_iterable(each) for each in options) else "for"
    yield_each(fixing, case.unit, case.owner, f"await {case.source}", loop)
    fixing.suspending(case.unit, case.owner)


def awaited_result(fixing: Fixing, case: Case) -> None:
    """``coroutine.result()``, as of a task that is done → ``await coroutine``."""
    call = case.unit.parents.get(case.owner)
    if getattr(case.owner, "attr", "") != "result" or not isinstance(call, ast.Call):
        raise CannotFixError
    if call.func is not case.owner or call.args or call.keywords or awaited_by_name(case):
        raise CannotFixError
    fixing.of(case.unit).replace(call, case.source)
    fixing.awaiting(case.unit, call)


def result_of_done(fixing: Fixing, case: Case) -> None:
    """``task[:3]`` → ``task.result()[:3]``, of what is done: in plain code, or of a parameter."""
    task, node = case.info.value if case.info is not None else MISSING, case.node
    bound = bindings(case.unit, node)[1] if isinstance(node, ast.Name) else []
    plain = isinstance(scope(case.unit, node), ast.FunctionDef)
    if not is_done(task) or not (plain or [*map(type, bound)] == [ast.arg]):
        raise CannotFixError
    fixing.of(case.unit).after(node, ".result()")
