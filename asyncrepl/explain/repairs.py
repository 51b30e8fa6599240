"""Repairs, each written once: how an operand is made to meet what is demanded of it.

Which it is depends on the kind of the operand, on the demand, and on what else is done with the
value. Where it stays unknown what awaiting gives, what the user wrote is kept: he wrote ``async
for``, so it becomes ``async for … in await x``. What is known to fail again is not offered.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import time
from dataclasses import dataclass
from types import CoroutineType, FunctionType
from typing import TYPE_CHECKING, Any

from asyncrepl.explain.demands import Demand, met
from asyncrepl.explain.fixing import (
    CannotFixError,
    Fixing,
    async_walks,
    awaits_of,
    fresh,
)
from asyncrepl.explain.kinds import ASYNCHRONOUS, Kind, has, kind_of
from asyncrepl.explain.value_origins import bindings, loads, origins
from asyncrepl.explain.resolving import is_async_iterable, takes_nothing
from asyncrepl.explain.methods import takes
from asyncrepl.explain.scopes import own_nodes, scope
from asyncrepl.explain.steps import called, stepped_source
from asyncrepl.instrument.probe_placement import AWAITABLE_CALLS
from asyncrepl.syntax.names import callee_name
from asyncrepl.syntax.source_rewriter import Edit, Span
from asyncrepl.events.object_info import MISSING, ObjectInfo, lookup

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.explanation import Fix
    from asyncrepl.explain.units import Unit

__all__ = ["Case", "repaired"]

_AWAITABLE = {Kind.COROUTINE, Kind.STEP, Kind.TASK, Kind.FUTURE, Kind.AWAITABLE}
_WALKABLE = {Kind.ASYNC_GENERATOR, Kind.ASYNC_ITERATOR, Kind.ASYNC_ITERABLE}
_CALLABLE = {
    Kind.COROUTINE_FUNCTION, Kind.ASYNC_GENERATOR_FUNCTION, Kind.FUNCTION, Kind.CLASS,
    Kind.ASYNC_MANAGER_FUNCTION, Kind.ASYNC_CLASS,
}  # fmt: skip
_LOOPS = (ast.For, ast.AsyncFor, ast.comprehension)
#: What gives what its first argument gives, when it is awaited.
_PASSING = ("create_task", "ensure_future", "shield", "wait_for")
COLLECTORS = frozenset(
    {"to_list", "tolist", "list", "collect", "as_list", "values", "all", "flatten", "fetchall"}
)


@dataclass(frozen=True)
class Case:
    """What is to be repaired: `info` are those of the operand, where they are known."""

    evidence: Evidence
    unit: Unit
    demand: Demand
    info: ObjectInfo | None
    suffix: str = ""

    @property
    def node(self) -> ast.expr:
        """The operand."""
        return self.demand.node

    @property
    def owner(self) -> Any:
        """The construct or call that demands."""
        return self.demand.owner

    @property
    def source(self) -> str:
        """The text of the operand."""
        return self.unit.source.source(self.node) + self.suffix

    @property
    def awaited(self) -> list[ObjectInfo]:
        """What awaiting the operand may give, as far as it is known."""
        resolver = self.evidence.resolver
        found = resolver.awaited(self.info) if self.info is not None else []
        for unit, node in () if found else origins(self.evidence.units, self.unit, self.node):
            name = callee_name(node)
            if name == "gather" and unit is self.unit:
                found.append(ObjectInfo(list))
            elif kind_of_case(self) is Kind.STEP and isinstance(node, ast.Call):
                source = stepped_source(node)
                for made in origins(self.evidence.units, unit, source) if source else ():
                    for info in resolver.options(made.node):
                        found += resolver.yielded(info.code)
            elif name in _PASSING and isinstance(node, ast.Call) and node.args:
                for made in origins(self.evidence.units, unit, node.args[0]):
                    for info in resolver.options(made.node):
                        found += resolver.awaited(info)
        return found


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
        return [_without_await] if case.demand.what == "await" else []
    kind = kind_of(case.info)
    if kind in _AWAITABLE and not (kind is Kind.AWAITABLE and has(case.info, "__aenter__")):
        return _of_awaitable(case)
    if kind in _WALKABLE:
        return _of_walkable(case)
    if kind in _CALLABLE:
        return [_called]
    if kind is Kind.ASYNC_MANAGER or has(case.info, "__aenter__"):
        return _of_manager(case)
    return _of_ordinary(case, kind)


# -- what has to be awaited ------------------------------------------------------------


def _of_awaitable(case: Case) -> list[Callable[[Fixing, Case], None]]:
    what = case.demand.what
    if what == "coroutine":
        return [_ensured]
    if what == "function":
        return [_scheduled]
    if what in ("tasks", "awaitables"):
        return [_listed]
    if what == "step":
        return [_awaited_instead]
    if what == "async step":
        return [_step_itself if kind_of_case(case) is Kind.STEP else _next_of_result, _awaited]
    if what == "iterator":
        return [_awaited, _as_async_result]
    if what in ("walk", "async walk") and isinstance(case.owner, _LOOPS):
        return [
            _whole_iterator, _one_item, _yielded_through, _loop_over_awaited, _loop_over_owner,
        ]  # fmt: skip
    if what == "call":
        awaited = isinstance(case.unit.parents.get(case.owner), ast.Await)
        return [_uncalled] if awaited else [_result_not_called, _awaited]
    if isinstance(case.owner, ast.YieldFrom):
        return [_delegated_result]
    if (
        what == "attribute"
        and lookup(asyncio.Task, getattr(case.owner, "attr", "")) is not MISSING
    ):
        return [_as_task]
    return [_awaited]


def _results(case: Case) -> tuple[bool, bool, bool]:
    """Whether what awaiting gives is unknown, may be walked plainly, or asynchronously."""
    options = case.awaited
    return (
        not options,
        any(has(each, "__iter__", "__getitem__") for each in options),
        any(is_async_iterable(each) for each in options),
    )


def _loop_over_awaited(fixing: Fixing, case: Case) -> None:
    unknown, plain, asynchronous = _results(case)
    is_async = case.demand.what == "async walk"
    if unknown and is_async and _walked_owner(case) is not None:
        raise CannotFixError
    if not (unknown or plain or asynchronous):
        raise CannotFixError
    if asynchronous and not is_async and not plain:
        fixing.loop_async(case.unit, case.owner)
    if plain and is_async and not asynchronous:
        fixing.loop_plain(case.unit, case.owner)
    _await_at(fixing, case)


def _walked_owner(case: Case) -> ast.expr | None:
    """In ``reader.readline()``, the reader, if that can be walked itself."""
    call = case.node
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.args:
        return None
    info = case.evidence.resolver.info(call.func.value)
    return call.func.value if info is not None and is_async_iterable(info) else None


def _whole_iterator(fixing: Fixing, case: Case) -> None:
    """``async for x in anext(it)`` → ``async for x in it``."""
    found = called(case.evidence, case.unit, case.node)
    source = stepped_source(found[1]) if found is not None else None
    if found is None or source is None or not isinstance(case.owner, _LOOPS):
        raise CannotFixError
    if case.demand.what == "walk":
        fixing.loop_async(case.unit, case.owner)
    fixing.of(found[0]).replace(found[1], found[0].source.source(source))


def _one_item(fixing: Fixing, case: Case) -> None:
    """``async for x in queue.get(): body`` → ``x = await queue.get()`` and the body."""
    unit, loop = case.unit, case.owner
    if case.info is None or case.info.code is not asyncio.Queue.get.__code__:
        raise CannotFixError
    jumps = any(isinstance(each, ast.Break | ast.Continue) for each in ast.walk(loop))
    if not isinstance(loop, ast.AsyncFor) or jumps or loop.orelse:
        fixing.loop_plain(unit, loop)
        fixing.of(unit).replace(case.node, f"[await {case.source}]")
        return
    by, body = unit.source.indent(loop), loop.body[0]
    inner = unit.source.indent(body)
    lines = unit.text[unit.source.span(body).start : unit.source.span(loop).end].split("\n")
    rest = "\n".join([lines[0], *(by + line.removeprefix(inner) for line in lines[1:])])
    target = unit.source.source(loop.target)
    fixing.of(unit).replace(loop, f"{target} = await {case.source}\n{by}{rest}")


def _loop_over_owner(fixing: Fixing, case: Case) -> None:
    owner = _walked_owner(case)
    if owner is None or case.demand.what != "async walk":
        raise CannotFixError
    fixing.of(case.unit).replace(case.node, case.unit.source.source(owner))


def _yielded_through(fixing: Fixing, case: Case) -> None:
    """A coroutine function that awaits an async generator yields its items instead."""
    code = case.info.code if case.info else None
    found = case.evidence.units.definition(code)
    if found is None or case.info is None or case.info.kind is not CoroutineType:
        raise CannotFixError
    unit, function = found
    returns = [node for node in own_nodes(function) if isinstance(node, ast.Return) and node.value]
    resolver = case.evidence.resolver.inside(code, _callee(case))
    if not returns or not all(_awaits_walkable(resolver, node.value) for node in returns):
        raise CannotFixError
    for node in returns:
        assert isinstance(node.value, ast.Await)
        by, name = unit.source.indent(node), fresh(unit, "item")
        source = unit.source.source(node.value.value)
        text = f"async for {name} in {source}:\n{by}    yield {name}\n{by}return"
        fixing.of(unit).replace(node, text)
    if case.demand.what == "walk":
        fixing.loop_async(case.unit, case.owner)


def _callee(case: Case) -> object:
    """The function that made the operand."""
    made = (
        case.node if isinstance(case.node, ast.Call) else single_assignment(case.unit, case.node)
    )
    return case.evidence.resolver.value(made.func) if isinstance(made, ast.Call) else MISSING


def _awaits_walkable(resolver: Any, node: ast.expr | None) -> bool:
    if not isinstance(node, ast.Await):
        return False
    info = resolver.info(node.value)
    return info is not None and kind_of(info) in _WALKABLE


def _awaited(fixing: Fixing, case: Case) -> None:
    options = case.awaited
    if options and not any(met(case.demand, each) or is_async_iterable(each) for each in options):
        if not _enters(case, options):
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
        _make_async_with(fixing, case)
    if case.demand.what == "async enter" and options and not fitting:
        if not isinstance(case.owner, ast.With | ast.AsyncWith):
            raise CannotFixError
        _make_plain_with(fixing, case)
    _await_at(fixing, case)


def _enters(case: Case, options: list[ObjectInfo]) -> bool:
    names = {"enter": "__aenter__", "async enter": "__enter__"}
    name = names.get(case.demand.what, "")
    return bool(name) and isinstance(case.owner, ast.With | ast.AsyncWith) and any(
        has(each, name) for each in options
    )  # fmt: skip


def _await_at(fixing: Fixing, case: Case) -> None:
    """``await`` where the value is made, if that is in the same function; else where it is used."""
    made = _made_here(case)
    if made is not None and _all_want_results(case.unit, case.node):
        fixing.changed = made
        fixing.awaiting(case.unit, made)
    else:
        fixing.awaiting(case.unit, case.node)


def single_assignment(unit: Unit, node: ast.expr) -> ast.expr | None:
    """The call that a name is given, once, in the function that uses it."""
    if not isinstance(node, ast.Name):
        return None
    around, nodes = bindings(unit, node)
    assigned = unit.parents.get(nodes[0]) if len(nodes) == 1 else None
    if not isinstance(assigned, ast.Assign) or len(assigned.targets) != 1:
        return None
    same = scope(unit, node) is around and isinstance(assigned.targets[0], ast.Name)
    inner = around is not None and not isinstance(around, ast.FunctionDef)
    kept = isinstance(assigned.value, ast.Await | ast.Constant)
    return assigned.value if (same or inner) and not kept else None


def _made_here(case: Case) -> ast.expr | None:
    """What the operand's name is given, once, if that can be changed in its place."""
    made = single_assignment(case.unit, case.node)
    loose = isinstance(made, ast.IfExp | ast.BoolOp | ast.BinOp | ast.Lambda | ast.NamedExpr)
    return None if loose and case.suffix else made


def _all_want_results(unit: Unit, name: ast.expr) -> bool:
    """Whether no use of the variable awaits it, or gives it to somebody who does."""
    for each in loads(unit, name) if isinstance(name, ast.Name) else ():
        parent = unit.parents.get(each)
        if isinstance(parent, ast.Await | ast.Starred | ast.List | ast.Tuple):
            return False
        if isinstance(parent, ast.Call) and callee_name(parent) in AWAITABLE_CALLS:
            return False
        if isinstance(parent, ast.Attribute) and parent.attr in ("cancel", "done", "result"):
            return False
    return True


def _next_of_result(fixing: Fixing, case: Case) -> None:
    """``await anext(coroutine)`` → ``next(iter(await coroutine))``, if that gives plain items."""
    options = case.awaited
    if not options or not all(has(each, "__iter__", "__next__") for each in options):
        raise CannotFixError
    stepped = all(has(each, "__next__") for each in options)
    text = f"next(await {case.source})" if stepped else f"next(iter(await {case.source}))"
    awaits = [each for each in awaits_of(case.unit, case.owner) if each.value is case.owner]
    fixing.of(case.unit).replace(awaits[0] if awaits else case.owner, text)
    fixing.suspending(case.unit, case.owner)


def _step_itself(fixing: Fixing, case: Case) -> None:
    """``await anext(step)`` → ``await step``."""
    fixing.of(case.unit).replace(case.owner, case.source)


def _result_not_called(fixing: Fixing, case: Case) -> None:
    """``task()`` → ``await task``, if what that gives is not to be called."""
    call, options = case.owner, case.awaited
    known = bool(options) and not any(has(each, "__call__") for each in options)
    if call.args or call.keywords or not (known or kind_of_case(case) is Kind.STEP):
        raise CannotFixError
    loop = case.unit.parents.get(call)
    if isinstance(loop, ast.AsyncFor | ast.comprehension) and getattr(loop, "is_async", True):
        if known and not any(is_async_iterable(each) for each in options):
            fixing.loop_plain(case.unit, loop)
    tight = isinstance(loop, ast.Attribute | ast.Subscript | ast.BinOp)
    text = f"await {case.source}"
    fixing.of(case.unit).replace(call, f"({text})" if tight else text)
    fixing.suspending(case.unit, call)


def _awaited_instead(fixing: Fixing, case: Case) -> None:
    """``next(coroutine)`` → ``await coroutine``."""
    options = case.awaited
    text = f"await {case.source}"
    if options and all(has(each, "__next__") for each in options):
        text = f"next({text})"
    elif options and all(has(each, "__iter__") for each in options):
        text = f"next(iter({text}))"
    fixing.of(case.unit).replace(case.owner, text)
    fixing.suspending(case.unit, case.owner)


def _ensured(fixing: Fixing, case: Case) -> None:
    """A task or another awaitable needs no task; ``ensure_future`` takes either."""
    call = case.owner
    text = case.unit.source.source(call.func)
    if not text.endswith(".create_task") or text.startswith("self."):
        raise CannotFixError
    if case.unit.source.source(call.func.value) != "asyncio":
        raise CannotFixError
    fixing.of(case.unit).replace(call.func, "asyncio.ensure_future")


def _scheduled(fixing: Fixing, case: Case) -> None:
    """A coroutine where a callback is wanted: the loop runs a task of it."""
    call, name = case.owner, callee_name(case.owner)
    if name in ("to_thread", "run_in_executor"):
        awaits = [each for each in awaits_of(case.unit, call) if each.value is call]
        if not awaits:
            raise CannotFixError
        fixing.of(case.unit).replace(call, case.source)
    elif name in ("call_soon", "call_soon_threadsafe"):
        fixing.of(case.unit).replace(call, f"asyncio.create_task({case.source})")
        fixing.needs_import(case.unit, "asyncio")
    else:
        parameters = " task" if name == "add_done_callback" else ""
        fixing.of(case.unit).before(case.node, f"lambda{parameters}: asyncio.create_task(")
        fixing.of(case.unit).after(case.node, ")")
        fixing.needs_import(case.unit, "asyncio")


def _listed(fixing: Fixing, case: Case) -> None:
    """A collection of the one awaitable; of tasks, where those are wanted."""
    tasks = case.demand.what == "tasks" and kind_of_case(case) not in (Kind.TASK, Kind.FUTURE)
    before, after = ("[asyncio.ensure_future(", ")]") if tasks else ("[", "]")
    if isinstance(case.unit.parents.get(case.node), ast.List | ast.Tuple | ast.Set):
        before, after = ("asyncio.ensure_future(", ")") if tasks else ("", "")
    fixing.of(case.unit).before(case.node, before)
    fixing.of(case.unit).after(case.node, after)
    fixing.needs_import(case.unit, "asyncio")


def kind_of_case(case: Case) -> Kind:
    """The kind of the operand; VALUE if it is unknown."""
    return kind_of(case.info) if case.info is not None else Kind.VALUE


# -- what has to be walked -------------------------------------------------------------


def _of_walkable(case: Case) -> list[Callable[[Fixing, Case], None]]:
    what = case.demand.what
    if what == "attribute":
        return [_twin, _next_method, _resource, _items_as_list, _of_one_item]
    if what == "await":
        if isinstance(case.owner, ast.Await):
            return [_walked_not_awaited]
        return [_drained]
    if what == "walk":
        return _walks(case)
    if what == "step":
        return [_stepped]
    if what == "async step":
        return [_from_iterator]
    if what == "enter" or what == "async enter":
        return [_entered_generator]
    if what in ("coroutine", "tasks", "awaitables"):
        return [_drained]
    if what == "call":
        return [_uncalled]
    if what == "close":
        return [_unclosed]
    return [_first_item, _collected]


def _walks(case: Case) -> list[Callable[[Fixing, Case], None]]:
    if isinstance(case.owner, _LOOPS):
        return [_loop_async]
    if isinstance(case.owner, ast.YieldFrom):
        return [_delegated]
    name = callee_name(case.owner)
    if name == "iter":
        return [_first_of_iter, _renamed_aiter]
    if name == "enumerate":
        return [_counted, _collected]
    return [_list_call, _collected] if name == "list" else [_collected]


def _loop_async(fixing: Fixing, case: Case) -> None:
    fixing.loop_async(case.unit, case.owner)


def _delegated(fixing: Fixing, case: Case) -> None:
    if not isinstance(case.unit.parents.get(case.owner), ast.Expr):
        raise CannotFixError
    name, by = fresh(case.unit, "item"), case.unit.source.indent(case.owner)
    text = f"async for {name} in {case.source}:\n{by}    yield {name}"
    fixing.of(case.unit).replace(case.owner, text)
    fixing.suspending(case.unit, case.owner)


def _delegated_result(fixing: Fixing, case: Case) -> None:
    """``yield from coroutine`` → a loop over its result, in an ``async def``."""
    if not isinstance(case.unit.parents.get(case.owner), ast.Expr):
        raise CannotFixError
    options = case.awaited
    loop = "async for" if any(is_async_iterable(each) for each in options) else "for"
    name, by = fresh(case.unit, "item"), case.unit.source.indent(case.owner)
    text = f"{loop} {name} in await {case.source}:\n{by}    yield {name}"
    fixing.of(case.unit).replace(case.owner, text)
    fixing.suspending(case.unit, case.owner)


def _first_of_iter(fixing: Fixing, case: Case) -> None:
    """``next(iter(stream))`` → ``await anext(aiter(stream))``."""
    step = case.unit.parents.get(case.owner)
    if callee_name(step) != "next" or not isinstance(step, ast.Call):
        raise CannotFixError
    fixing.of(case.unit).replace(case.owner.func, "aiter")
    fixing.of(case.unit).replace(step.func, "anext")
    fixing.awaiting(case.unit, step)


def _renamed_aiter(fixing: Fixing, case: Case) -> None:
    fixing.of(case.unit).replace(case.owner.func, "aiter")


def _list_call(fixing: Fixing, case: Case) -> None:
    if len(case.owner.args) != 1:
        raise CannotFixError
    fixing.list_call(case.unit, case.owner, case.node)


def _counted(fixing: Fixing, case: Case) -> None:
    """``for i, x in enumerate(xs)`` → an ``async for`` that counts by hand."""
    unit, call = case.unit, case.owner
    loop = unit.parents.get(call)
    if not isinstance(loop, ast.For | ast.AsyncFor) or not isinstance(loop.target, ast.Tuple):
        raise CannotFixError
    if len(loop.target.elts) != 2 or not isinstance(loop.target.elts[0], ast.Name):
        raise CannotFixError
    edits, source = fixing.of(unit), unit.source.source
    counter = loop.target.elts[0].id
    start = source(call.args[1]) if len(call.args) > 1 else "0"
    start = next((source(each.value) for each in call.keywords if each.arg == "start"), start)
    first = str(int(start) - 1) if start.isdigit() else f"{start} - 1"
    edits.lines_before(loop, f"{counter} = {first}")
    edits.replace(loop.target, source(loop.target.elts[1]))
    edits.replace(call, source(case.node))
    body = loop.body[0]
    by = unit.source.indent(body)
    separate = "; " if body.lineno == loop.lineno else f"\n{by}"
    edits.before(body, f"{counter} += 1{separate}")
    if isinstance(loop, ast.For):
        fixing.loop_async(unit, loop)


def _stepped(fixing: Fixing, case: Case) -> None:
    fixing.of(case.unit).replace(case.owner.func, "anext")
    _through_aiter(fixing, case)
    if not awaits_of(case.unit, case.owner):
        fixing.awaiting(case.unit, case.owner)


def _from_iterator(fixing: Fixing, case: Case) -> None:
    _through_aiter(fixing, case)


def _through_aiter(fixing: Fixing, case: Case) -> None:
    if case.info is not None and not has(case.info, "__anext__"):
        fixing.of(case.unit).before(case.node, "aiter(")
        fixing.of(case.unit).after(case.node, ")")


def _first_item(fixing: Fixing, case: Case) -> None:
    """``gen()[0]`` → ``await anext(gen())``."""
    index = case.owner.slice if isinstance(case.owner, ast.Subscript) else None
    if (
        not isinstance(index, ast.Constant)
        or index.value != 0
        or case.owner.value is not case.node
    ):
        raise CannotFixError
    if not isinstance(case.owner.ctx, ast.Load):
        raise CannotFixError
    inner = f"aiter({case.source})" if not has(case.info, "__anext__") else case.source
    text = f"await anext({inner})"
    parent = case.unit.parents.get(case.owner)
    tight = isinstance(parent, ast.Attribute | ast.Subscript | ast.BinOp)
    fixing.of(case.unit).replace(case.owner, f"({text})" if tight else text)
    fixing.suspending(case.unit, case.owner)


#: Modules whose functions take numbers and strings.
_OF_SCALARS = ("cmath", "struct", "_struct", "datetime", "time")
_SCALARS = frozenset(
    "sqrt sin cos floor ceil log exp int float complex chr ord abs round hex oct bin open range pow divmod loads fromisoformat "
    "getattr split sleep Decimal Fraction timedelta".split()
)


def _wants_list(case: Case) -> bool:
    """Whether a list of the items may be what is wanted."""
    if case.demand.what not in ("value", "await"):
        return True
    found = case.evidence.units.definition(case.info.code if case.info is not None else None)
    once = found is not None and yields_once(*found)
    if case.demand.what == "await":
        around = case.unit.parents.get(case.owner)
        return not (once and isinstance(around, ast.BinOp | ast.Subscript | ast.Attribute))
    if once:
        return callee_name(case.owner) == "len"
    if isinstance(case.owner, ast.Subscript) and case.owner.value is not case.node:
        return False
    if isinstance(case.owner, ast.Call):
        callee = case.evidence.resolver.value(case.owner.func)
        module = getattr(callee, "__module__", None) or ""
        name = callee_name(case.owner)
        return name not in _SCALARS and str(module).partition(".")[0] not in _OF_SCALARS
    if isinstance(case.owner, ast.UnaryOp | ast.FormattedValue | ast.Raise | ast.ExceptHandler):
        return False
    if isinstance(case.owner, ast.BinOp | ast.AugAssign):
        others = [case.owner.value, case.owner.target] if isinstance(
            case.owner, ast.AugAssign
        ) else [case.owner.left, case.owner.right]  # fmt: skip
        known = [case.evidence.resolver.info(each) for each in others if each is not case.node]
        times = isinstance(case.owner.op, ast.Mult)
        return all(each is None or each.kind is list or times for each in known)
    return True


def _collected(fixing: Fixing, case: Case) -> None:
    """A list of the items: where the name gets its value, if that is used several times."""
    if not _wants_list(case):
        raise CannotFixError
    made = _made_here(case)
    uses = loads(case.unit, case.node) if isinstance(case.node, ast.Name) else []
    again = len(uses) > 1 or not isinstance(getattr(case.owner, "ctx", None), ast.Load | None)
    walked = any(_is_walked(case.unit, each) for each in uses)
    if made is not None and again and not walked:
        fixing.changed = made
        fixing.collected(case.unit, made)
    else:
        fixing.collected(case.unit, case.node)
        for loop in async_walks(case.unit, case.owner) if isinstance(case.owner, ast.expr) else ():
            fixing.loop_plain(case.unit, loop)


def _is_walked(unit: Unit, node: ast.expr) -> bool:
    """Whether `node` is what an asynchronous loop walks, or a step is asked of."""
    parent = unit.parents.get(node)
    if isinstance(parent, ast.AsyncFor | ast.comprehension) and parent.iter is node:
        return isinstance(parent, ast.AsyncFor) or bool(parent.is_async)
    if isinstance(parent, ast.Call):
        return callee_name(parent) in ("anext", "aiter", "aclosing")
    return isinstance(parent, ast.Attribute) and parent.attr in ("__anext__", "asend", "aclose")


def _walked_not_awaited(fixing: Fixing, case: Case) -> None:
    """``await gen()``: walked later, or right here, or collected."""
    unit, await_ = case.unit, case.owner
    parent = unit.parents.get(await_)
    span = Span(unit.source.span(await_).start, unit.source.span(case.node).start)
    if isinstance(case.node, ast.GeneratorExp) and not isinstance(parent, _LOOPS):
        start, end = unit.source.span(case.node)
        fixing.of(unit).replace(Span(span.start, start + 1), "[")
        fixing.of(unit).replace(Span(end - 1, end), "]")
        return
    if isinstance(parent, ast.Expr):
        name = fresh(unit, "_")
        fixing.of(unit).replace(await_, f"async for {name} in {case.source}: pass")
        return
    if isinstance(parent, _LOOPS) and parent.iter is await_:
        fixing.of(unit).replace(span, "")
        if not isinstance(parent, ast.AsyncFor) and not getattr(parent, "is_async", False):
            fixing.loop_async(unit, parent)
        return
    if _is_walked(unit, await_) or _later_walked(case, parent):
        fixing.of(unit).replace(span, "")
        return
    if not _wants_list(case):
        raise CannotFixError
    fixing.of(unit).replace(span, "")
    fixing.collected(unit, case.node)


def _later_walked(case: Case, parent: ast.AST | None) -> bool:
    """Whether what was awaited is walked afterwards: under its name, or by those who call."""
    unit = case.unit
    if isinstance(parent, ast.Assign | ast.NamedExpr | ast.AnnAssign):
        targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
        for target in targets:
            if isinstance(target, ast.Name):
                return any(_is_walked(unit, each) for each in loads(unit, target))
            if isinstance(target, ast.Attribute):
                return any(
                    _is_walked(each, node)
                    for each in case.evidence.units.all()
                    for node in each.nodes(ast.Attribute)
                    if node.attr == target.attr
                )
    if isinstance(parent, ast.Return):
        function = unit.function(parent)
        return function is not None and _result_is_walked(case, function.name)
    if isinstance(parent, ast.withitem):
        return False
    if isinstance(parent, ast.Call | ast.keyword):
        return _argument_is_walked(case, parent)
    return False


def _argument_is_walked(case: Case, parent: ast.AST) -> bool:
    """Whether the function that gets it walks its parameter."""
    call = case.unit.parents.get(parent) if isinstance(parent, ast.keyword) else parent
    if not isinstance(call, ast.Call):
        return False
    for unit in case.evidence.units.all():
        for function in unit.functions():
            if function.name == callee_name(call):
                names = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
                walked = [
                    node
                    for node in own_nodes(function)
                    if isinstance(node, ast.Name) and node.id in names and _is_walked(unit, node)
                ]
                return bool(walked)
    return False


def _result_is_walked(case: Case, name: str) -> bool:
    for unit in case.evidence.units.all():
        for call in unit.nodes(ast.Call):
            if callee_name(call) != name:
                continue
            parent = unit.parents.get(call)
            used: ast.expr = parent if isinstance(parent, ast.Await) else call
            if _is_walked(unit, used):
                return True
            assigned = unit.parents.get(used)
            if isinstance(assigned, ast.Assign) and isinstance(assigned.targets[0], ast.Name):
                if any(_is_walked(unit, each) for each in loads(unit, assigned.targets[0])):
                    return True
    return False


def _drained(fixing: Fixing, case: Case) -> None:
    """A coroutine walks the generator; where it is wanted once, one that is written for it."""
    unit = case.unit
    name = fixing.fresh(unit, "drain")
    statement = unit.statement(case.owner)
    if not unit.source.begins_line(statement):
        raise CannotFixError
    lines = f"async def {name}(stream):\n    return [x async for x in stream]\n"
    fixing.of(unit).lines_before(statement, lines)
    for argument in getattr(case.owner, "args", []):
        info = case.info if argument is case.node else case.evidence.resolver.info(argument)
        if info is not None and is_async_iterable(info) and not has(info, "__await__"):
            fixing.of(unit).before(argument, f"{name}(")
            fixing.of(unit).after(argument, ")")
    if case.node not in getattr(case.owner, "args", []):
        fixing.of(unit).before(case.node, f"{name}(")
        fixing.of(unit).after(case.node, ")")
    elif case.demand.what in ("tasks", "awaitables"):
        task = case.demand.what == "tasks"
        fixing.of(unit).before(case.node, "[asyncio.create_task(" if task else "[")
        fixing.of(unit).after(case.node, ")]" if task else "]")


_TWINS = {"send": "asend", "throw": "athrow", "close": "aclose"}
_NEXT = ("anext", "__anext__", "__next__", "next")
_ITER = ("aiter", "__iter__", "iter")


def _twin(fixing: Fixing, case: Case) -> None:
    """``gen.send(x)`` → ``await gen.asend(x)``."""
    call = case.unit.parents.get(case.owner)
    if case.owner.attr not in _TWINS or not isinstance(call, ast.Call):
        raise CannotFixError
    fixing.of(case.unit).replace(case.owner, f"{case.source}.{_TWINS[case.owner.attr]}")
    if not awaits_of(case.unit, call):
        fixing.awaiting(case.unit, call)


def _next_method(fixing: Fixing, case: Case) -> None:
    """``gen.anext()`` → ``await anext(gen)``; what is no iterator goes through ``aiter``."""
    call = case.unit.parents.get(case.owner)
    if not isinstance(call, ast.Call) or case.owner.attr not in (*_NEXT, *_ITER):
        raise CannotFixError
    source = case.unit.source.source
    name = "anext" if case.owner.attr in _NEXT else "aiter"
    operand = case.source
    if name == "anext" and not has(case.info, "__anext__"):
        operand = f"aiter({operand})"
    arguments = ", ".join([operand, *(source(each) for each in call.args)])
    fixing.of(case.unit).replace(call, f"{name}({arguments})")
    if name == "anext" and not awaits_of(case.unit, call):
        fixing.awaiting(case.unit, call)


def _resource(fixing: Fixing, case: Case) -> None:
    """A generator that yields one thing to be used: entered as the context manager it is meant as."""
    assert case.info is not None
    found = case.evidence.units.definition(case.info.code)
    options = case.evidence.resolver.yielded(case.info.code)
    if found is None or not yields_once(*found):
        raise CannotFixError
    if options and not any(met(case.demand, each) for each in options):
        raise CannotFixError
    made = origins(case.evidence.units, case.unit, case.node)
    if len(made) != 1 or not isinstance(made[0].node, ast.Call):
        raise CannotFixError
    (unit, call) = made[0]
    assert isinstance(call, ast.Call)
    if callee_name(call) != found[1].name:
        raise CannotFixError  # it was made by somebody who was given the function
    function = unit.source.source(call.func)
    manager = (
        f"asynccontextmanager({function})"
        + unit.text[unit.source.span(call.func).end : unit.source.span(call).end]
    )
    fixing.needs_name(unit, "contextlib", "asynccontextmanager")
    assigned = unit.parents.get(call)
    if isinstance(assigned, ast.Assign) and isinstance(assigned.targets[0], ast.Name):
        enter_rest(fixing, unit, assigned, manager, assigned.targets[0].id)
    else:
        around_statement(fixing, unit, call, manager)


def _items_as_list(fixing: Fixing, case: Case) -> None:
    """What a list has, or collects the items in other libraries: a list of them."""
    call, name = case.unit.parents.get(case.owner), case.owner.attr
    if name in COLLECTORS and isinstance(call, ast.Call):
        item = fresh(case.unit, "x")
        text = f"[{item} async for {item} in {case.source}]"
        awaits = [each for each in awaits_of(case.unit, call) if each.value is call]
        fixing.of(case.unit).replace(awaits[0] if awaits else call, text)
        fixing.suspending(case.unit, call)
    elif lookup(list, name) is not MISSING:
        _collected(fixing, case)
    else:
        raise CannotFixError


def _of_one_item(fixing: Fixing, case: Case) -> None:
    """What the items have: asked of the next one."""
    assert case.info is not None
    options = case.evidence.resolver.yielded(case.info.code)
    found = case.evidence.units.definition(case.info.code)
    once = found is not None and yields_once(*found)  # then it is to be closed, too
    if once or not any(met(case.demand, each) for each in options):
        raise CannotFixError
    fixing.of(case.unit).replace(case.node, f"(await anext({case.source}))")
    fixing.suspending(case.unit, case.node)


def _as_task(fixing: Fixing, case: Case) -> None:
    """``f().cancel()``: a task of it has this method."""
    name = getattr(case.owner, "attr", "")
    if case.demand.what != "attribute" or lookup(asyncio.Task, name) is MISSING:
        raise CannotFixError
    made = (
        case.node if isinstance(case.node, ast.Call) else single_assignment(case.unit, case.node)
    )
    if name in ("result", "exception") or made is None:
        raise CannotFixError
    fixing.of(case.unit).before(made, "asyncio.create_task(")
    fixing.of(case.unit).after(made, ")")
    fixing.needs_import(case.unit, "asyncio")


def _uncalled(fixing: Fixing, case: Case) -> None:
    unit, call = case.unit, case.owner
    if call.args or call.keywords:
        raise CannotFixError
    parent = unit.parents.get(call)
    if kind_of_case(case) in _WALKABLE and isinstance(parent, ast.Await | ast.Call):
        name = fresh(unit, "x")
        whole = parent if isinstance(parent, ast.Await) else call
        fixing.of(unit).replace(whole, f"[{name} async for {name} in {case.source}]")
        fixing.suspending(unit, whole)
        return
    fixing.of(unit).replace(call, case.source)


def _unclosed(fixing: Fixing, case: Case) -> None:
    """What has no ``aclose`` needs nobody to call it."""
    statement = case.unit.parents.get(case.unit.parents.get(case.owner, case.owner))
    if not isinstance(statement, ast.AsyncWith) or len(statement.items) != 1:
        raise CannotFixError
    target = statement.items[0].optional_vars
    if not isinstance(target, ast.Name):
        raise CannotFixError
    _unwrapped(fixing, case.unit, statement, f"{target.id} = {case.source}")


def _unwrapped(
    fixing: Fixing, unit: Unit, statement: ast.With | ast.AsyncWith, first: str
) -> None:
    """The body of a ``with`` in its place, behind the line `first`."""
    by, body = unit.source.indent(statement), statement.body[0]
    if body.lineno == statement.lineno:
        raise CannotFixError
    deeper = unit.source.indent(body)
    start, end = unit.source.span(body).start, unit.source.span(statement).end
    lines = unit.text[start:end].split("\n")
    rest = [by + line.removeprefix(deeper) if line.strip() else line for line in lines[1:]]
    fixing.of(unit).replace(statement, "\n".join([first, by + lines[0], *rest]))


def _entered_generator(fixing: Fixing, case: Case) -> None:
    """An async generator in a ``with``: closed at its end, or made a context manager."""
    code = case.info.code if case.info is not None else None
    found = case.evidence.units.definition(code)
    once = found is not None and yields_once(*found)
    name = "asynccontextmanager" if once and not _body_walks(case) else "aclosing"
    if isinstance(case.owner, ast.With):
        _make_async_with(fixing, case)
    if name == "aclosing" and not _closes(case.info):
        return _unentered(fixing, case)
    if name == "aclosing":
        fixing.needs_name(case.unit, "contextlib", name)
        fixing.of(case.unit).before(case.node, "aclosing(")
        fixing.of(case.unit).after(case.node, ")")
        return
    assert found is not None
    _decorated(fixing, *found)


def _closes(info: ObjectInfo | None) -> bool:
    """Whether it has ``aclose``, which is no special method."""
    return info is not None and lookup(info.kind, "aclose") is not MISSING


def _unentered(fixing: Fixing, case: Case) -> None:
    """What is walked as it is: the body of the ``with``, with the name given before."""
    statement = case.owner
    if len(statement.items) != 1 or not isinstance(statement, ast.With | ast.AsyncWith):
        raise CannotFixError
    target = statement.items[0].optional_vars
    if not isinstance(target, ast.Name) or not _body_walks(case):
        raise CannotFixError
    _unwrapped(fixing, case.unit, statement, f"{target.id} = {case.source}")


def _decorated(fixing: Fixing, unit: Unit, function: Any) -> None:
    fixing.needs_name(unit, "contextlib", "asynccontextmanager")
    start = unit.source.span(function).start
    by = unit.source.indent(function)
    fixing.of(unit).insert(unit.source.line_start(start), f"{by}@asynccontextmanager\n")


def _body_walks(case: Case) -> bool:
    names = {
        item.optional_vars.id
        for item in getattr(case.owner, "items", [])
        if isinstance(item.optional_vars, ast.Name)
    }
    return not names or any(
        isinstance(each, ast.AsyncFor | ast.comprehension)
        and isinstance(each.iter, ast.Name)
        and each.iter.id in names
        for each in ast.walk(case.owner)
    )


def yields_once(unit: Unit, function: ast.AST) -> bool:
    """Whether it is a function that a context manager can be made of."""
    yields = [node for node in own_nodes(function) if isinstance(node, ast.Yield)]
    looped = any(
        isinstance(each, ast.For | ast.AsyncFor | ast.While)
        for node in yields
        for each in unit.ancestors(node)
    )
    return len(yields) == 1 and not looped


# -- what has to be called -------------------------------------------------------------


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


# -- what has to be entered ------------------------------------------------------------


def _of_manager(case: Case) -> list[Callable[[Fixing, Case], None]]:
    if case.demand.what == "enter" and isinstance(case.owner, ast.With):
        return [_make_async_with]
    if case.demand.what == "enter":
        return [_entered_async]
    if case.demand.what in ("coroutine", "task", "tasks", "awaitables"):
        return [_opened]
    if case.demand.what in ("function", "async enter"):
        return []
    if has(case.info, "__await__") and case.demand.what != "async walk":
        return [_awaited]
    if case.demand.what == "await" and not isinstance(case.owner, ast.Await):
        return [_opened]
    if case.info is not None and case.info.kind.__module__.startswith("asyncio."):
        return [_dropped] if case.demand.what == "await" else []  # entering a lock gives nothing
    return [_entered]


def _entered_async(fixing: Fixing, case: Case) -> None:
    """``stack.enter_context(cm)`` → ``await stack.enter_async_context(cm)``, of another stack."""
    call = case.owner
    stack = call.func.value if isinstance(call.func, ast.Attribute) else None
    made = None
    for origin in origins(case.evidence.units, case.unit, stack) if stack is not None else ():
        made = origin
    statement = case.unit.enclosing(call, ast.With)
    if stack is None or statement is None or made is None:
        raise CannotFixError
    item = statement.items[0]
    if callee_name(item.context_expr) != "ExitStack" or not isinstance(
        item.context_expr, ast.Call
    ):
        raise CannotFixError
    text = case.unit.source.source(item.context_expr.func)
    fixing.of(case.unit).replace(
        item.context_expr.func, text.replace("ExitStack", "AsyncExitStack")
    )
    fixing.of(case.unit).replace(
        call.func, f"{case.unit.source.source(stack)}.enter_async_context"
    )
    fixing.of(case.unit).before(statement, "async ")
    fixing.awaiting(case.unit, call)


def _opened(fixing: Fixing, case: Case) -> None:
    """Where asyncio runs something: a coroutine that enters the manager, and gives its value."""
    unit, statement = case.unit, case.unit.statement(case.owner)
    if not unit.source.begins_line(statement):
        raise CannotFixError
    name = fixing.fresh(unit, "opened")
    keyword = "async with" if has(case.info, "__aenter__") else "with"
    lines = f"async def {name}(manager):\n    {keyword} manager as value:\n        return value\n"
    fixing.of(unit).lines_before(statement, lines)
    listed = case.demand.what in ("tasks", "awaitables")
    task = case.demand.what in ("tasks", "task")
    before = ("[" if listed else "") + ("asyncio.create_task(" if task else "") + f"{name}("
    after = ")" + (")" if task else "") + ("]" if listed else "")
    fixing.of(unit).before(case.node, before)
    fixing.of(unit).after(case.node, after)


def _entered(fixing: Fixing, case: Case) -> None:
    """``async with … as name`` around what needs it: the rest of the block, or the statement."""
    unit, node = case.unit, case.node
    whole: ast.expr = case.owner if isinstance(case.owner, ast.Await) else node
    if case.demand.what == "call":
        parent = unit.parents.get(case.owner)
        whole = parent if isinstance(parent, ast.Await) else case.owner
    made = _made_here(case)
    target = unit.parents.get(made) if made is not None else unit.parents.get(whole)
    options = case.evidence.resolver.entered(case.info) if case.info is not None else []
    _adapt_loop(fixing, case, options)
    _adapt_head(fixing, unit, whole, options)
    if isinstance(target, ast.Assign) and isinstance(target.targets[0], ast.Name):
        source = unit.source.source(made if made is not None else node) + case.suffix
        fixing.changed = made
        enter_rest(fixing, unit, target, source, target.targets[0].id)
        if made is not None and whole is not node:
            span = Span(unit.source.span(whole).start, unit.source.span(node).start)
            fixing.of(unit).replace(span, "")
        return
    around_statement(fixing, unit, whole, case.source)


def _adapt_head(fixing: Fixing, unit: Unit, whole: ast.expr, options: list[ObjectInfo]) -> None:
    """The kind of loop that walks what is entered, where ``await`` stood in its head."""
    loop = unit.parents.get(whole)
    if not isinstance(whole, ast.Await) or not isinstance(loop, _LOOPS) or not options:
        return
    is_async = isinstance(loop, ast.AsyncFor) or bool(getattr(loop, "is_async", False))
    walkable = any(is_async_iterable(each) for each in options)
    if is_async and not walkable:
        fixing.loop_plain(unit, loop)
    elif walkable and not is_async:
        fixing.loop_async(unit, loop)


def _adapt_loop(fixing: Fixing, case: Case, options: list[ObjectInfo]) -> None:
    """The kind of loop that what is entered needs; only where the loop is the owner."""
    if case.demand.what == "walk" and any(is_async_iterable(each) for each in options):
        if not isinstance(case.owner, _LOOPS):
            raise CannotFixError
        fixing.loop_async(case.unit, case.owner)
    elif case.demand.what == "async walk" and options:
        if not any(is_async_iterable(each) for each in options):
            if not any(has(each, "__iter__") for each in options):
                raise CannotFixError
            fixing.loop_plain(case.unit, case.owner)
    elif options and case.demand.what in ("value", "walk", "call", "step"):
        if not any(met(case.demand, each) for each in options):
            raise CannotFixError


def enter_rest(fixing: Fixing, unit: Unit, statement: ast.stmt, manager: str, name: str) -> None:
    """Make ``async with manager as name:`` of `statement`, around the rest of its block."""
    block = next(
        (
            value
            for _, value in ast.iter_fields(unit.parents[statement])
            if isinstance(value, list) and statement in value
        ),
        None,
    )
    if block is None:
        raise CannotFixError
    rest = block[block.index(statement) + 1 :]
    if not rest or not unit.source.begins_line(statement):
        raise CannotFixError
    edits, by = fixing.of(unit), unit.source.indent(statement)
    edits.replace(statement, f"async with {manager} as {name}:")
    start, end = unit.source.block(rest[0]).start, unit.source.block(rest[-1]).end
    deepen(fixing, unit, start, end, by)
    fixing.suspending(unit, statement)


def deepen(fixing: Fixing, unit: Unit, start: int, end: int, by: str) -> None:
    """Indent the lines from `start` to `end`, but for those inside a string."""
    strings = [
        unit.source.span(node)
        for node in unit.nodes(ast.Constant, ast.JoinedStr)
        if getattr(node, "end_lineno", 0) != getattr(node, "lineno", 0)
    ]
    at = start
    while at < end:
        line = unit.text[at : unit.text.find("\n", at) + 1 or len(unit.text)]
        inside = any(span.start < at < span.end for span in strings)
        if line.strip() and not inside and line.startswith(by):
            fixing.of(unit).insert(at + len(by), "    ")
        at += len(line) or 1


def around_statement(
    fixing: Fixing, unit: Unit, whole: ast.expr, manager: str, keyword: str = "async with"
) -> None:
    """Put ``async with manager as name:`` around the statement, and the name in it."""
    statement = unit.statement(whole)
    if not unit.source.begins_line(statement) or scope(unit, whole) is not scope(unit, statement):
        raise CannotFixError
    name, by = fresh(unit, "stream"), unit.source.indent(statement)
    parent = unit.parents.get(whole)
    inner = unit.source.span(whole)
    if isinstance(parent, ast.Expr):
        fixing.of(unit).replace(whole, f"{keyword} {manager}: pass")
        fixing.suspending(unit, whole)
        return
    around = unit.text[inner.start - 1 : inner.start] + unit.text[inner.end : inner.end + 1]
    bracketed = around == "()" and isinstance(parent, ast.Attribute | ast.Subscript)
    span = Span(inner.start - 1, inner.end + 1) if bracketed else inner
    edits = fixing.of(unit)
    edits.insert(unit.source.block(statement).start, f"{by}{keyword} {manager} as {name}:\n")
    start, end = unit.source.block(statement)
    deepen(fixing, unit, start, end, by)
    edits.replace(span, name)
    fixing.suspending(unit, statement)


def _make_async_with(fixing: Fixing, case: Case) -> None:
    """``async with``, of those managers that need it."""
    _split(fixing, case, asynchronous=True)


def _make_plain_with(fixing: Fixing, case: Case) -> None:
    _split(fixing, case, asynchronous=False)


def _split(fixing: Fixing, case: Case, *, asynchronous: bool) -> None:
    """The statement with the other keyword; in two, if others need the one it has."""
    unit, statement = case.unit, case.owner
    edits = fixing.of(unit)
    others = [item for item in statement.items if item.context_expr is not case.node]
    wanted = "__aenter__" if asynchronous else "__enter__"
    twins = {item: has(case.evidence.resolver.info(item.context_expr), wanted) for item in others}
    keyword = "async with" if asynchronous else "with"
    start = unit.source.span(statement).start
    first = unit.source.span(statement.items[0].context_expr).start
    before = unit.text[start:first]
    if all(twins.values()):
        edits.replace(Span(start, first), before.replace("async ", "").replace("with", keyword, 1))
    else:
        _in_two(fixing, case, keyword, [item for item in others if not twins[item]])
    if asynchronous:
        fixing.suspending(unit, statement)


def _in_two(fixing: Fixing, case: Case, keyword: str, kept: list[ast.withitem]) -> None:
    unit, statement, edits = case.unit, case.owner, fixing.of(case.unit)
    by = unit.source.indent(statement)
    own = "async with" if isinstance(statement, ast.AsyncWith) else "with"
    items = [(keyword if each not in kept else own, each) for each in statement.items]
    lines, depth = [], 0
    for word, item in items:
        text = unit.source.source(item.context_expr)
        if item.optional_vars is not None:
            text += f" as {unit.source.source(item.optional_vars)}"
        lines.append(f"{by if depth else ''}{'    ' * depth}{word} {text}:")
        depth += 1
    body = statement.body[0]
    if body.lineno == statement.lineno:
        raise CannotFixError
    start = unit.source.span(statement).start
    line = unit.source.line_start(unit.source.span(body).start)
    edits.replace(Span(start, line), "\n".join(lines) + "\n")
    end = unit.source.block(statement).end
    for _ in range(depth - 1):
        deepen(fixing, unit, line, end, by)


# -- what is there already -------------------------------------------------------------


def _of_ordinary(case: Case, kind: Kind) -> list[Callable[[Fixing, Case], None]]:
    what = case.demand.what
    if what == "await" and isinstance(case.owner, ast.Await):
        return [_gathered, _slept, _dropped]
    if what in ("await", "coroutine"):
        manager = kind_of_case(case) is Kind.MANAGER
        return [_entered_instead, _opened] if manager else [_in_thread, _as_awaitable]
    if what == "async walk":
        return [
            _each_awaited, _over_results, _loop_plain, _over_range, _streaming_method, _entered_first,
        ]  # fmt: skip
    if what == "async enter" and has(case.info, "__iter__") and not has(case.info, "__enter__"):
        return [_unentered_plainly] if isinstance(case.owner, ast.AsyncWith) else []
    if what == "async enter" and has(case.info, "__enter__"):
        return [_make_plain_with] if isinstance(case.owner, ast.AsyncWith) else [_entered_plainly]
    if what == "async step":
        return [_next_instead]
    if what == "iterator":
        return [_as_async]
    if what == "close":
        return [_unclosed]
    return []


def _slept(fixing: Fixing, case: Case) -> None:
    """``await time.sleep(1)``."""
    call = case.node
    if not isinstance(call, ast.Call) or case.evidence.resolver.value(call.func) is not time.sleep:
        raise CannotFixError
    fixing.of(case.unit).replace(call.func, "asyncio.sleep")
    fixing.needs_import(case.unit, "asyncio")


def _dropped(fixing: Fixing, case: Case) -> None:
    """No ``await`` in front of a value; of what is no value, nobody knows what was meant."""
    kind = kind_of_case(case)
    if kind in (Kind.MOCK, Kind.MODULE) or isinstance(case.node, ast.Constant):
        raise CannotFixError
    alone = isinstance(case.unit.parents.get(case.owner), ast.Expr)
    if kind is Kind.NONE and not (alone and isinstance(case.node, ast.Call)):
        raise CannotFixError
    if kind is Kind.MANAGER:
        around_statement(fixing, case.unit, case.owner, case.source, keyword="with")
        return
    _without_await(fixing, case)
    loop = case.unit.parents.get(case.owner)
    is_async = isinstance(loop, ast.AsyncFor) or bool(getattr(loop, "is_async", False))
    if isinstance(loop, _LOOPS) and loop.iter is case.owner and is_async and has(
        case.info, "__iter__"
    ):  # fmt: skip
        fixing.loop_plain(case.unit, loop)


def _each_awaited(fixing: Fixing, case: Case) -> None:
    """``for p in as_completed(…)``, and ``await p`` for each use in the body."""
    info = case.info
    code = getattr(asyncio.as_completed, "__code__", None)
    if info is None or info.code is None or info.code is not code:
        raise CannotFixError
    fixing.loop_plain(case.unit, case.owner)
    target = case.owner.target
    for name in loads(case.unit, target) if isinstance(target, ast.Name) else ():
        if not isinstance(case.unit.parents.get(name), ast.Await):
            fixing.awaiting(case.unit, name)
            return


def _over_results(fixing: Fixing, case: Case) -> None:
    """A loop over awaitables: over their results."""
    unit, node = case.unit, case.node
    item = case.info.item if case.info is not None else None
    if item is None or not has(item, "__await__"):
        raise CannotFixError
    if isinstance(node, ast.GeneratorExp):
        fixing.of(unit).before(node.elt, "await ")
        return
    listed = isinstance(node, ast.List | ast.Tuple) and case.source[:1] in "[("
    arguments = case.source[1:-1].rstrip(", \n") if listed else f"*{case.source}"
    fixing.loop_plain(unit, case.owner)
    fixing.of(unit).replace(node, f"await asyncio.gather({arguments})")
    fixing.needs_import(unit, "asyncio")


def _streaming_method(fixing: Fixing, case: Case) -> None:
    """The one method of the object that gives an async generator."""
    kind = case.info.kind if case.info is not None else object
    methods = [
        name
        for base in kind.__mro__
        for name, value in vars(base).items()
        if inspect.isasyncgenfunction(value) and not name.startswith("_")
    ]
    if len(methods) != 1:
        raise CannotFixError
    text = f"{case.unit.source.operand(case.node)}.{methods[0]}()"
    fixing.of(case.unit).replace(case.node, text)


def _without_await(fixing: Fixing, case: Case) -> None:
    start = case.unit.source.span(case.owner).start
    end = case.unit.source.span(case.node).start
    fixing.of(case.unit).replace(Span(start, end), "")


def _gathered(fixing: Fixing, case: Case) -> None:
    item = case.info.item if case.info is not None else None
    if item is None or not has(item, "__await__"):
        raise CannotFixError
    source = case.source
    listed = isinstance(case.node, ast.List | ast.Tuple) and source[:1] in "[("
    arguments = source[1:-1].rstrip(", \n") if listed else f"*{source}"
    fixing.of(case.unit).replace(case.node, f"asyncio.gather({arguments})")
    fixing.needs_import(case.unit, "asyncio")


def _in_thread(fixing: Fixing, case: Case) -> None:
    """A plain call where asyncio wants to run something: it runs in a thread."""
    call = case.node
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name | ast.Attribute):
        raise CannotFixError
    function = case.unit.source.source(call.func)
    start, end = case.unit.source.span(call)
    opening = case.unit.source.span(call.func).end + 1
    rest = case.unit.text[opening : end - 1].strip()
    text = f"asyncio.to_thread({function}{', ' if rest else ''}{rest})"
    fixing.of(case.unit).replace(Span(start, end), text)
    fixing.needs_import(case.unit, "asyncio")


def _entered_instead(fixing: Fixing, case: Case) -> None:
    """A plain context manager where asyncio waits for something: ``with`` gives its value."""
    call = case.owner
    awaits = [each for each in awaits_of(case.unit, call) if each.value is call]
    if kind_of_case(case) is not Kind.MANAGER or not awaits or callee_name(call) == "gather":
        raise CannotFixError
    around_statement(fixing, case.unit, awaits[0], case.source, keyword="with")


def _as_awaitable(fixing: Fixing, case: Case) -> None:
    """A value among what is awaited: by itself, it is its own result."""
    call = case.owner
    if not isinstance(call, ast.Call) or kind_of_case(case) in (Kind.NONE, Kind.MODULE, Kind.MANAGER):
        raise CannotFixError
    awaits = [each for each in awaits_of(case.unit, call) if each.value is call]
    if callee_name(call) in ("wait_for", "shield") and awaits:
        fixing.of(case.unit).replace(awaits[0], case.unit.source.operand(case.node))
        return
    fixing.of(case.unit).before(case.node, "asyncio.sleep(0, ")
    fixing.of(case.unit).after(case.node, ")")
    fixing.needs_import(case.unit, "asyncio")


def _loop_plain(fixing: Fixing, case: Case) -> None:
    if not has(case.info, "__iter__", "__getitem__"):
        raise CannotFixError
    fixing.loop_plain(case.unit, case.owner)


def _entered_first(fixing: Fixing, case: Case) -> None:
    """``async for`` over a plain context manager: over what ``with`` gives."""
    if kind_of_case(case) is not Kind.MANAGER:
        raise CannotFixError
    fixing.loop_plain(case.unit, case.owner)
    around_statement(fixing, case.unit, case.node, case.source, keyword="with")


def _over_range(fixing: Fixing, case: Case) -> None:
    if case.info is None or case.info.kind is not int:
        raise CannotFixError
    fixing.loop_plain(case.unit, case.owner)
    fixing.of(case.unit).replace(case.node, f"range({case.source})")


def _unentered_plainly(fixing: Fixing, case: Case) -> None:
    """The same for what a plain ``for`` walks."""
    target = case.owner.items[0].optional_vars
    loops = [
        each
        for each in ast.walk(case.owner)
        if isinstance(each, ast.AsyncFor)
        and isinstance(each.iter, ast.Name)
        and each.iter.id == getattr(target, "id", None)
    ]
    statement = case.owner
    if len(loops) != 1 or len(statement.body) != 1 or loops[0] is not statement.body[0]:
        raise CannotFixError
    by, deeper = case.unit.source.indent(statement), case.unit.source.indent(loops[0])
    start = case.unit.source.span(loops[0]).start + len("async ")
    lines = case.unit.text[start : case.unit.source.span(statement).end].split("\n")
    rest = [by + line.removeprefix(deeper) if line.strip() else line for line in lines[1:]]
    name = getattr(target, "id", "items")
    text = "\n".join([f"{name} = {case.source}", by + lines[0], *rest])
    fixing.of(case.unit).replace(statement, text)


def _entered_plainly(fixing: Fixing, case: Case) -> None:
    """``await stack.enter_async_context(cm)`` → ``stack.enter_context(cm)``."""
    call = case.owner
    if not isinstance(call.func, ast.Attribute):
        raise CannotFixError
    source = case.unit.source.source(call.func.value)
    awaits = [each for each in awaits_of(case.unit, call) if each.value is call]
    fixing.of(case.unit).replace(call.func, f"{source}.enter_context")
    for each in awaits:
        start = case.unit.source.span(each).start
        fixing.of(case.unit).replace(Span(start, case.unit.source.span(call).start), "")


def _next_instead(fixing: Fixing, case: Case) -> None:
    """``await anext(xs)`` → ``next(iter(xs))``."""
    if not has(case.info, "__iter__", "__next__"):
        raise CannotFixError
    unit, call, edits = case.unit, case.owner, fixing.of(case.unit)
    operand = case.source if has(case.info, "__next__") else f"iter({case.source})"
    rest = "".join(f", {unit.source.source(each)}" for each in call.args[1:])
    text = f"next({operand}{rest})"
    for each in awaits_of(unit, call):
        if each.value is call:
            edits.replace(each, text)
            return
        edits.replace(each, unit.source.source(each.value))
    edits.replace(call, text)


def _as_async_result(fixing: Fixing, case: Case) -> None:
    """``aiter(coroutine)``, where that gives a list."""
    options = case.awaited
    if not options or not all(has(each, "__iter__") for each in options):
        raise CannotFixError
    _as_async(fixing, case, f"await {case.source}")
    fixing.suspending(case.unit, case.node)


def _as_async(fixing: Fixing, case: Case, text: str = "") -> None:
    if not text and not has(case.info, "__iter__"):
        raise CannotFixError
    name = fixing.fresh(case.unit, "as_async")
    lines = f"async def {name}(xs):\n    for x in xs:\n        yield x\n"
    fixing.of(case.unit).lines_before(case.unit.statement(case.node), lines)
    fixing.of(case.unit).replace(case.node, f"{name}({text or case.source})")
