"""What is there already, where something asynchronous is demanded."""

from __future__ import annotations

import ast
import asyncio
import concurrent.futures
import inspect
import time
from types import FunctionType
from typing import TYPE_CHECKING, Any

from asyncrepl.events.object_info import MISSING, code_of, is_real_instance, lookup, place_at
from asyncrepl.explain.bindings import is_coroutine_function, makes_coroutine
from asyncrepl.explain.demands import passes_arguments
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.hoisted_code import made_in_function, next_taken, not_awaiting
from asyncrepl.explain.kinds import Kind, has, is_awaitable, replaced_since
from asyncrepl.explain.repairs.awaited_origins import either_awaited
from asyncrepl.explain.repairs.entered_operands import around_statement
from asyncrepl.explain.repairs.moved_awaits import async_methods, awaited_beside, coroutines_given
from asyncrepl.explain.repairs.moved_walks import read_asynchronously, streaming_helper
from asyncrepl.explain.repairs.repair_case import LOOPS, Case, given_by_caller
from asyncrepl.explain.scopes import CannotFixError, is_generator, own_nodes, scope, with_await
from asyncrepl.explain.value_arrivals import awaits_of
from asyncrepl.explain.value_origins import assigned_loads, loads
from asyncrepl.instrument.probe_placement import AWAITABLE_CALLS
from asyncrepl.syntax.names import callee_name, canonical_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.fix_editor import Fixing
    from asyncrepl.explain.source_units import Unit


def slept(fixing: Fixing, case: Case) -> None:
    """``await time.sleep(1)``."""
    call = case.node
    if not isinstance(call, ast.Call) or case.evidence.resolver.value(call.func) is not time.sleep:
        raise CannotFixError
    fixing.of(case.unit).replace(call.func, "asyncio.sleep")


def as_its_like(fixing: Fixing, case: Case) -> None:
    """``async def``, of the one method that is plain where a base, or all others, have that."""
    method = case.node.func if isinstance(case.node, ast.Call) else None
    if not isinstance(method, ast.Attribute):
        raise CannotFixError
    owner = case.evidence.resolver.info(method.value)
    bases = owner.kind.__mro__[1:] if owner is not None else ()
    inherits = any(is_coroutine_function(vars(each).get(method.attr)) for each in bases)
    homes = list(case.evidence.units.functions(method.attr))
    plain = [home for home in homes if isinstance(home[1], ast.FunctionDef)]
    listed = owner is None and isinstance(case.owner, ast.Call) and len(homes) > 1
    if len(plain) != 1 or not (inherits or listed):
        raise CannotFixError
    fixing.of(plain[0][0]).before(plain[0][1], "async ")


def dropped(fixing: Fixing, case: Case) -> None:
    """No ``await`` in front of a value; of what is no value, nobody knows what was meant."""
    kind = case.kind
    function = case.node.func if isinstance(case.node, ast.Call) else None
    replaced = function is not None and replaced_since(case.evidence.resolver.value(function))
    if kind in (Kind.MOCK, Kind.MODULE) or isinstance(case.node, ast.Constant) or replaced:
        raise CannotFixError
    if case.info is not None and makes_coroutine(case.info.kind):
        fixing.of(case.unit).after(case.node, "()")
        return
    alone = isinstance(case.unit.parents.get(case.owner), ast.Expr)
    if alone and (methods := async_methods(case)):
        if len(methods) > 1:
            raise CannotFixError  # an object for nothing: one of them was to be called
        fixing.of(case.unit).after(case.node, f".{methods[0]}()")
        return
    if kind is Kind.NONE and not (alone and isinstance(case.node, ast.Call)):
        raise CannotFixError
    if kind is Kind.NONE and _starts_a_task(case):
        raise CannotFixError  # which nobody awaits: it is that which was meant to be
    if kind is Kind.MANAGER:
        around_statement(fixing, case.unit, case.owner, case.source, keyword="with")
        return
    if function is not None and either_awaited(
        fixing, case.unit, case.node, code_of(case.evidence.resolver.value(function))
    ):
        return
    without_await(fixing, case)
    for each in _same_calls(case):
        not_awaiting(fixing, case.unit, each)
    uses = assigned_loads(case.unit, case.owner)
    for each in (case.owner, *uses) if has(case.info, "__iter__") else ():
        loop = case.unit.parents.get(each)
        is_async = isinstance(loop, ast.AsyncFor) or bool(getattr(loop, "is_async", False))
        if isinstance(loop, LOOPS) and loop.iter is each and is_async:
            fixing.loop_plain(case.unit, loop)


def _same_calls(case: Case) -> list[ast.Await]:
    """The other awaits of a call of the same, as statements or with what is known to be plain."""
    options, parents = case.evidence.resolver.options, case.unit.parents
    alike = [
        each
        for each in case.unit.nodes(ast.Await)
        if each is not case.owner
        if isinstance(each.value, ast.Call) and isinstance(case.node, ast.Call)
        if ast.dump(each.value.func) == ast.dump(case.node.func)
    ]
    if case.kind is Kind.NONE:
        return [each for each in alike if isinstance(parents.get(each), ast.Expr)]
    known = [(each, options(each.value)) for each in alike]
    return [each for each, found in known if found and not any(map(is_awaitable, found))]


def _starts_a_task(case: Case) -> bool:
    """Whether the function of the user's that gave None made a task."""
    value = case.evidence.resolver.value(case.node.func)  # type: ignore[attr-defined]  # a call
    found = case.evidence.units.source_of(value)
    return found is not None and any(
        isinstance(each, ast.Call) and callee_name(each) in ("create_task", "ensure_future")
        for each in ast.walk(found[1])
    )


def handed_uncalled(fixing: Fixing, case: Case) -> None:
    """``start(work(1))`` → ``start(work, 1)``, if `start` calls what it is given.

    What makes a function of one is called itself: ``wrapped(work(1))()`` → ``wrapped(work)(1)``.
    """
    taker, outer = case.evidence.resolver.value(case.owner.func), case.unit.parents[case.owner]
    own = case.demand.what in ("function", "callback")  # as `to_thread` does
    given, inner = (case.unit, case.node) if own else given_by_caller(case), case.owner
    call = given[1] if given is not None else None
    if given is None or not isinstance(call, ast.Call):
        raise CannotFixError
    source = given[0].source.source
    parts, head = [source(each) for each in (call.func, *call.args, *call.keywords)], inner.func
    if case.demand.what == "callback" and not passes_arguments(taker, callee_name(inner)):
        if not isinstance(outer, ast.Call) or outer.func is not inner or outer.args:
            raise CannotFixError
        fixing.of(given[0]).replace(outer, f"{source(head)}({parts[0]})({', '.join(parts[1:])})")
        return
    takes_more = own or any(isinstance(each, ast.Starred) for each in inner.args)
    if (inner.args and not takes_more) or call.keywords:
        raise CannotFixError
    text = ", ".join(parts) if takes_more or not call.args else f"lambda: {source(call)}"
    fixing.of(given[0]).replace(call, text)


def each_awaited(fixing: Fixing, case: Case) -> None:
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


def over_results(fixing: Fixing, case: Case) -> None:
    """A loop over awaitables: over their results."""
    unit, node = case.unit, case.node
    item = case.info.item if case.info is not None else None
    if item is None or not has(item, "__await__"):
        raise CannotFixError
    if _uses_awaitables(case):
        fixing.loop_plain(unit, case.owner)
        return
    if isinstance(node, ast.GeneratorExp):
        fixing.of(unit).before(node.elt, "await ")
        return
    fixing.loop_plain(unit, case.owner)
    fixing.of(unit).replace(node, f"await {_gathering(case)}")


def _gathering(case: Case) -> str:
    """The call of ``gather`` with what the operand holds."""
    listed = isinstance(case.node, ast.List | ast.Tuple) and case.source[:1] in "[("
    given = case.source[1:-1].rstrip(", \n") if listed else f"*{case.source}"
    return f"asyncio.gather({given})"


def _uses_awaitables(case: Case) -> bool:
    """Whether the loop does with its items what only awaitables are for, and tasks."""
    target, parents = case.owner.target, case.unit.parents
    for name in loads(case.unit, target) if isinstance(target, ast.Name) else ():
        parent = parents.get(name)
        if isinstance(parent, ast.Await):
            return True
        if isinstance(parent, ast.Attribute) and lookup(asyncio.Task, parent.attr) is not MISSING:
            return not hasattr(object, parent.attr)
        if isinstance(parent, ast.Call) and callee_name(parent) in AWAITABLE_CALLS:
            return True
    return False


def twin_method(fixing: Fixing, case: Case) -> None:
    """``async for x in llm.stream()`` → ``async for x in llm.astream()``."""
    awaited = case.demand.what == "await"
    twin = async_twin(
        case.evidence, case.node, inspect.CO_COROUTINE if awaited else inspect.CO_ASYNC_GENERATOR
    )
    if twin is None:
        raise CannotFixError
    with_twin(fixing, case.unit, case.node, twin)


def async_twin(evidence: Evidence, call: ast.expr, flag: int) -> str | None:
    """The method beside the one that is called that has the `flag`: ``ainvoke``, ``get_async``."""
    function = call.func if isinstance(call, ast.Call) else None
    info = evidence.resolver.info(function.value) if isinstance(function, ast.Attribute) else None
    if info is None or not isinstance(function, ast.Attribute):
        return None
    return twin_of(info.kind, function.attr, flag)


def twin_of(kind: type, method: str, flag: int) -> str | None:
    """The method of `kind` that is to `method` as ``ainvoke`` is to ``invoke``, and has `flag`."""
    for name in (f"a{method}", f"{method}_async", f"async_{method}"):
        found = lookup(kind, name)
        if is_real_instance(found, FunctionType):
            code = code_of(inspect.unwrap(found))  # a class may have it from another, wrapped
            if code is not None and code.co_flags & flag:
                return name
    return None


def with_twin(fixing: Fixing, unit: Unit, call: Any, twin: str) -> None:
    """The method `twin` in place of the one that is called."""
    end = unit.source.span(call.func).end
    fixing.of(unit).replace(Span(end - len(call.func.attr), end), twin)


def wrapped_future(fixing: Fixing, case: Case) -> None:
    """``await pool.submit(f)`` → ``await asyncio.wrap_future(pool.submit(f))``."""
    if case.info is None or not issubclass(case.info.kind, concurrent.futures.Future):
        raise CannotFixError
    fixing.given_to(case.unit, case.node, "asyncio.wrap_future")


def without_await(fixing: Fixing, case: Case) -> None:
    """The operand, without the ``await`` in front of it."""
    if not isinstance(case.owner, ast.Await):
        raise CannotFixError
    for each in (case.owner, *awaited_beside(case)):
        not_awaiting(fixing, case.unit, each)
    for argument in coroutines_given(case):
        fixing.awaiting(case.unit, argument)


def modern_coroutine(fixing: Fixing, case: Case) -> None:
    """A plain generator that is awaited: an ``async def``, with ``await`` for ``yield from``."""
    found = case.home
    nodes = list(own_nodes(found[1])) if found is not None else []
    yields = [each for each in nodes if isinstance(each, ast.YieldFrom)]
    if found is None or any(isinstance(each, ast.Yield) for each in nodes):
        raise CannotFixError
    unit, function = found
    fixing.of(unit).before(function, "async ")
    for each in yields:
        start, end = unit.source.span(each).start, unit.source.span(each.value).start
        fixing.of(unit).replace(Span(start, end), "await ")


def listed_items(fixing: Fixing, case: Case) -> None:
    """``await numbers()``, of a plain generator that gives items → ``list(numbers())``."""
    waits = awaits_of(case.unit, case.node)
    if case.kind is not Kind.GENERATOR or len(waits) != 1:
        raise CannotFixError
    fixing.of(case.unit).replace(waits[0], f"list({case.source})")


def gathered_values(fixing: Fixing, case: Case) -> None:
    """``await jobs`` → a dict of the results, where `jobs` is one of awaitables."""
    item = case.info.item if case.info is not None and case.info.kind is dict else None
    waits, jobs, node = awaits_of(case.unit, case.node), case.source, case.node
    known = isinstance(node, ast.Dict | ast.DictComp | ast.Name)
    if not known or not has(item, "__await__") or len(waits) != 1:
        raise CannotFixError
    if isinstance(node, ast.Dict):
        without_await(fixing, case)
        for value in node.values:
            fixing.awaiting(case.unit, value)
        return
    if isinstance(node, ast.DictComp):
        jobs = fresh(case.unit, "jobs")
        fixing.of(case.unit).lines_before(case.unit.statement(node), f"{jobs} = {case.source}")
    text = f"dict(zip({jobs}, await asyncio.gather(*{jobs}.values())))"
    fixing.of(case.unit).replace(waits[0], text)


def gathered(fixing: Fixing, case: Case) -> None:
    """``await [a(), b()]`` → ``await asyncio.gather(a(), b())``; of lists, of what they hold."""
    item = case.info.item if case.info is not None else None
    if not has(item, "__await__") or (case.info is not None and case.info.kind is dict):
        raise CannotFixError
    given = getattr(case.owner, "args", [case.node])
    stars = [each.value for each in given if isinstance(each, ast.Starred)]
    if case.node not in given and len(stars) == 1:
        job, group = fresh(case.unit, "job"), fresh(case.unit, "group")
        groups = case.unit.source.source(stars[0])
        text = f"[{job} for {group} in {groups} for {job} in {group}]"
        fixing.of(case.unit).replace(stars[0], text)
        return
    runs = isinstance(scope(case.unit, case.node), ast.AsyncFunctionDef)
    if isinstance(case.owner, ast.Call) and not runs:  # of whatever loop runs it
        made_in_function(fixing, case.unit, case.node, _gathering(case))
    else:
        whole = case.owner if case.demand.what == "coroutine" else case.node
        fixing.of(case.unit).replace(whole, _gathering(case))


def in_thread(fixing: Fixing, case: Case) -> None:
    """A plain call where asyncio wants to run something: it runs in a thread."""
    call = case.node
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name | ast.Attribute):
        raise CannotFixError
    wrapped = getattr(case.evidence.resolver.value(call.func), "__wrapped__", None)
    of_loops = (canonical_name(call.func) or "").startswith("asyncio.")
    if of_loops or inspect.iscoroutinefunction(wrapped):
        raise CannotFixError  # of no use in a thread, or it gives a coroutine at other times
    fixing.of(case.unit).replace(call, _in_thread(case.unit, call))


def awaited_in_thread(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``f(x)``, which is the `call` in `unit`, → ``await asyncio.to_thread(f, x)``."""
    fixing.awaiting_instead(unit, call, f"await {_in_thread(unit, call)}")


#: What belongs to a loop, and to its thread.
_OF_LOOPS = {"asyncio", "anyio", "trio"}


def called_in_thread(fixing: Fixing) -> None:
    """``f(x)``, by which a coroutine comes to what blocks → ``await asyncio.to_thread(f, x)``.

    If nothing on the way there belongs to a loop, and no library calls it.
    """
    units, calls = fixing.evidence.units, fixing.evidence.finding.held
    if len(calls) < 2:  # a callback of the loop's
        raise CannotFixError
    (code, offset), *inner = calls
    unit, place = units.get(code.co_filename), place_at(code, offset)
    here = unit.at(place) if unit is not None and place is not None else ()
    call = next((each for each in here if isinstance(each, ast.Call)), None)
    found = [units.definition(each) for each, _ in inner]
    if unit is None or call is None or callee_name(call) != inner[0][0].co_name or None in found:
        raise CannotFixError
    functions = [each[1] for each in found if each is not None]
    nodes = [node for each in functions for node in own_nodes(each)]
    if any(map(is_generator, functions)) or _OF_LOOPS & {*map(_root, nodes)}:
        raise CannotFixError
    awaited_in_thread(fixing, unit, call)


def _root(node: ast.AST) -> str:
    return canonical_name(node).partition(".")[0]


def _in_thread(unit: Unit, call: ast.Call) -> str:
    name, end = unit.source.span(call.func), unit.source.span(call).end
    behind = unit.text[name.end + 1 : end - 1].strip()
    if len(call.args) == 1 and isinstance(call.args[0], ast.GeneratorExp) and behind[:1] != "(":
        behind = f"({behind})"
    return f"asyncio.to_thread({unit.source.source(call.func)}{', ' if behind else ''}{behind})"


def entered_instead(fixing: Fixing, case: Case) -> None:
    """A plain context manager where asyncio waits for something: ``with`` gives its value."""
    call = case.owner
    whole = with_await(case.unit, call)
    if case.kind is not Kind.MANAGER or whole is call or callee_name(call) == "gather":
        raise CannotFixError
    around_statement(fixing, case.unit, whole, case.source, keyword="with")


_NO_RESULTS = (Kind.NONE, Kind.MODULE, Kind.MANAGER, Kind.GENERATOR)


def as_awaitable(fixing: Fixing, case: Case) -> None:
    """A value among what is awaited: by itself, it is its own result."""
    call = case.owner
    if not isinstance(call, ast.Call) or case.kind in _NO_RESULTS:
        raise CannotFixError
    whole = with_await(case.unit, call)
    if callee_name(call) in ("wait_for", "shield") and whole is not call:
        fixing.of(case.unit).replace(whole, case.unit.source.operand(case.node))
        return
    fixing.of(case.unit).replace(case.node, f"asyncio.sleep(0, {case.source})")


def loop_plain(fixing: Fixing, case: Case) -> None:
    """A plain ``for``; not over bytes, which gives numbers, nor over what runs a loop itself."""
    runs = case.code is not None and "run_until_complete" in case.code.co_names
    octets = case.info is not None and issubclass(case.info.kind, bytes | bytearray)
    if runs or octets or not has(case.info, "__iter__", "__getitem__"):
        raise CannotFixError
    if not (read_asynchronously(fixing, case) or streaming_helper(fixing, case)):
        fixing.loop_plain(case.unit, case.owner)


def next_instead(fixing: Fixing, case: Case) -> None:
    """``await anext(xs)`` → ``next(iter(xs))``."""
    if not has(case.info, "__iter__", "__next__"):
        raise CannotFixError
    unit, call, edits = case.unit, case.owner, fixing.of(case.unit)
    operand = case.source if has(case.info, "__next__") else f"iter({case.source})"
    rest = "".join(f", {unit.source.source(each)}" for each in call.args[1:])
    text = f"next({operand}{rest})"
    for each in awaits_of(unit, call):
        if each.value is call:
            next_taken(fixing, unit, each, text)
            return
        edits.replace(each, unit.source.source(each.value))
    edits.replace(call, text)


def as_async_result(fixing: Fixing, case: Case) -> None:
    """``aiter(coroutine)``, where that gives a list."""
    options = case.awaited
    if not options or not all(has(each, "__iter__") for each in options):
        raise CannotFixError
    as_async(fixing, case, f"await {case.source}")
    fixing.suspending(case.unit, case.node)


def as_async(fixing: Fixing, case: Case, text: str = "") -> None:
    """``aiter(xs)`` → an async generator over them."""
    if not text and not has(case.info, "__iter__"):
        raise CannotFixError
    name = fixing.fresh(case.unit, "as_async")
    lines = f"async def {name}(xs):\n    for x in xs:\n        yield x\n"
    fixing.of(case.unit).lines_before(case.unit.statement(case.node), lines)
    fixing.of(case.unit).replace(case.node, f"{name}({text or case.source})")
