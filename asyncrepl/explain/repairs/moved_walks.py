"""Repairs that iterate asynchronously, or end that, at another place than that of the error."""

from __future__ import annotations

import ast
import inspect
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from asyncrepl.events.object_info import MISSING, ObjectInfo, describe, is_real_instance
from asyncrepl.explain.demands import met
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.hoisted_code import put_head
from asyncrepl.explain.kinds import STREAMS, has, is_async_iterable, kind_of
from asyncrepl.explain.protocol_code import yield_each
from asyncrepl.explain.repairs.repair_case import (
    argument_at,
    given_by_caller,
    single_assignment,
    yields_once,
)
from asyncrepl.explain.scopes import (
    CannotFixError,
    deepen,
    is_while_true,
    keyword_span,
    own_nodes,
    scope,
    with_await,
)
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_arrivals import awaits_of
from asyncrepl.explain.value_origins import bindings, bound_by, loads, origins, stepped_source
from asyncrepl.instrument.probe_placement import ITERATING_CALLS
from asyncrepl.syntax.names import FUNCTIONS, callee_name, canonical_name, written_name
from asyncrepl.syntax.source_rewriter import SourceRewriter, Span, indent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.fix_editor import Fixing
    from asyncrepl.explain.repairs.repair_case import Case
    from asyncrepl.explain.source_units import Unit


def read_until(fixing: Fixing, case: Case) -> bool:
    """``for x in iter(read, b"")`` → ``while (x := await read()) != b""``; whether it is one.

    Also if `x` was given to a function, which used it.
    """
    given = filter(None, (given_by_caller(case), (case.unit, case.node)))
    return any(read_by_loop(fixing, *each) for each in given)


def read_by_loop(fixing: Fixing, unit: Unit, node: ast.expr) -> bool:
    """The same of `node`, where that is ``x``."""
    loop = bound_by(unit, node)
    return isinstance(loop, ast.For) and read_in(fixing, unit, loop)


def timed_loop(fixing: Fixing, case: Case) -> bool:
    """``async for x in wait_for(stream(), 1):`` → the loop in an ``asyncio.timeout(1)``."""
    loop, call, unit = case.owner, case.node, case.unit
    if not isinstance(loop, ast.AsyncFor) or not isinstance(call, ast.Call):
        return False
    info = case.evidence.resolver.info(call.args[0]) if len(call.args) == 2 else None
    if canonical_name(call.func) != "asyncio.wait_for" or not has(info, "__aiter__"):
        return False
    source, by, edits = unit.source.source, unit.source.indent(loop), fixing.of(unit)
    start, end = unit.source.block(loop)
    edits.insert(start, f"{by}async with asyncio.timeout({source(call.args[1])}):\n")
    deepen(edits, unit, start, end, by)
    edits.replace(call, source(call.args[0]))
    return True


def read_asynchronously(fixing: Fixing, case: Case) -> bool:
    """The same of ``async for x in iter(read, b"")``, where `read` has to be awaited."""
    call, resolver = case.node, case.evidence.resolver
    if not isinstance(call, ast.Call) or callee_name(call) != "iter" or len(call.args) != 2:
        return False
    function = call.args[0]
    results = resolver.results(resolver.value(function))
    if isinstance(function, ast.Lambda):
        results = resolver.options(function.body)
    if not any(has(each, "__await__") for each in results):
        return False
    if not isinstance(case.owner, ast.AsyncFor) or not read_in(fixing, case.unit, case.owner):
        raise CannotFixError
    return True


def read_in(fixing: Fixing, unit: Unit, loop: ast.For | ast.AsyncFor) -> bool:
    """The same of that `loop`."""
    call = loop.iter
    if not isinstance(call, ast.Call) or callee_name(call) != "iter" or len(call.args) != 2:
        return False
    if not isinstance(loop.target, ast.Name):
        return False
    function, sentinel = call.args
    source = unit.source.source
    made = f"{source(function)}()"
    if isinstance(function, ast.Lambda):
        made = source(function.body)
    if loop.orelse:
        raise CannotFixError
    start, end = unit.source.span(loop).start, unit.source.span(call).end
    sign = "is not" if _is_singleton(sentinel) else "!="
    head = f"while ({loop.target.id} := await {made}) {sign} {source(sentinel)}"
    fixing.of(unit).replace(Span(start, end), head)
    fixing.suspending(unit, loop)
    return True


def walked_until(fixing: Fixing, case: Case) -> None:
    """``for x in iter(stream, None)`` → ``async for x in stream``, and a ``break`` at None."""
    unit, call = case.unit, case.owner
    loop = unit.parents.get(call)
    if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name):
        raise CannotFixError
    sentinel = call.args[1]
    sign = "is" if _is_singleton(sentinel) else "=="
    test = f"if {loop.target.id} {sign} {unit.source.source(sentinel)}:\n    break"
    fixing.of(unit).replace(call, case.source)
    fixing.of(unit).lines_before(loop.body[0], test)
    fixing.loop_async(unit, loop)


def _is_singleton(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (None, True, False)


def reduced(fixing: Fixing, case: Case) -> bool:
    """``reduce(add, items)`` → a loop that awaits each `add`; whether it is one."""
    found = _reduction(case)
    if found is None:
        return False
    unit, call = found
    if call.keywords or not 2 <= len(call.args) <= 3:
        raise CannotFixError
    function, items, *start = (unit.source.source(each) for each in call.args)
    total, item, rest = fresh(unit, "total"), fresh(unit, "item"), fresh(unit, "rest")
    first = (
        [f"{total} = {start[0]}"]
        if start
        else [f"{rest} = iter({items})", f"{total} = next({rest})"]
    )
    source = items if start else rest
    lines = [
        *first,
        f"for {item} in {source}:",
        f"    {total} = await {function}({total}, {item})",
    ]
    fixing.of(unit).lines_before(unit.statement(call), "\n".join(lines))
    fixing.of(unit).replace(with_await(unit, call), total)
    fixing.suspending(unit, call)
    return True


def _reduction(case: Case) -> tuple[Unit, ast.Call] | None:
    """The call of ``reduce`` that gave the operand, or gives it to its function."""
    node, unit = case.node, case.unit
    made = node if isinstance(node, ast.Call) else single_assignment(unit, node)
    if isinstance(made, ast.Call) and canonical_name(made.func) == "functools.reduce":
        return unit, made
    scope, bound = bindings(unit, node) if isinstance(node, ast.Name) else (None, [])
    if not isinstance(scope, ast.AsyncFunctionDef) or not isinstance(bound[0], ast.arg):
        return None
    found = [
        (each, call)
        for each, call in case.evidence.units.calls("reduce")
        if canonical_name(call.func) == "functools.reduce" and call.args
        if isinstance(call.args[0], ast.Name) and call.args[0].id == scope.name
    ]
    return found[0] if len(found) == 1 else None


def aiter_instead(fixing: Fixing, case: Case) -> None:
    """``__iter__`` that walks a stream → async ``__aiter__``, and ``async for`` over the object.

    The interpreter called it: what walks the object is where the error passed last.
    """
    unit, function = case.unit, scope(case.unit, case.owner)
    owner = unit.parents.get(function) if function is not None else None
    walks = [each for each in map(_walked_at, case.evidence.sites[:-1]) if each is not None]
    if not isinstance(function, ast.FunctionDef) or not isinstance(owner, ast.ClassDef):
        raise CannotFixError
    there = [getattr(each, "name", "") for each in owner.body]
    if function.name != "__iter__" or "__aiter__" in there or "__next__" in there or not walks:
        raise CannotFixError
    put_head(fixing, unit, function, "async def __aiter__")
    if isinstance(case.owner, ast.YieldFrom):
        yield_each(fixing, unit, case.owner, case.source)
    else:
        fixing.of(unit).insert(keyword_span(unit, case.owner).start, "async ")
    fixing.walk_async(*walks[-1])


def around_each_item(fixing: Fixing, case: Case) -> None:
    """``print(text(stream))`` → a loop over the stream, around the statement.

    What the statement gives is used by nobody, and so it is meant for each of the items.
    """
    unit, node = case.unit, case.node
    given = argument_at(case.evidence.sites[-2], unit, node) if case.evidence.sites[1:] else None
    if given is not None:
        unit, node = case.evidence.sites[-2].unit, given
    statement, items = unit.statement(node), case.evidence.resolver.yielded(case.code)
    uses = loads(unit, node) if isinstance(node, ast.Name) else []
    if not isinstance(statement, ast.Expr) or not uses or not unit.source.begins_line(statement):
        raise CannotFixError
    inside = {*ast.walk(statement)}
    if not inside.issuperset(uses) or any(isinstance(each, ast.Await) for each in inside):
        raise CannotFixError
    once = case.home
    if (once and yields_once(*once)) or not any(met(case.demand, each) for each in items):
        raise CannotFixError
    name, by = fresh(unit, "item"), unit.source.indent(statement)
    text = unit.source.source(node)
    fixing.of(unit).before(statement, f"async for {name} in {text}:\n{by}    ")
    for each in uses:
        fixing.of(unit).replace(each, name)
    fixing.suspending(unit, statement)


def walked_elsewhere(fixing: Fixing, case: Case) -> None:
    """A call of the coroutine function that walks the very same, and that nobody calls yet."""
    calls = [each for _, each in case.evidence.units.nodes(ast.Call)]
    called, source = {callee_name(each) for each in calls}, ast.dump(case.node)
    found = [
        function.name
        for function in case.unit.functions()
        if isinstance(function, ast.AsyncFunctionDef) and function.name not in called
        if scope(case.unit, function) is None and not ast.unparse(function.args)
        if not any(isinstance(each, ast.Yield) for each in own_nodes(function))
        if any(ast.dump(each.iter) == source for each in _walks_in(function))
    ]
    if len(found) != 1 or not isinstance(case.node, ast.Call):
        raise CannotFixError
    fixing.of(case.unit).replace(case.node, f"{found[0]}()")


def _walks_in(function: ast.AST) -> Iterator[ast.AsyncFor | ast.comprehension]:
    for each in own_nodes(function):
        if isinstance(each, ast.AsyncFor) or (
            isinstance(each, ast.comprehension) and each.is_async
        ):
            yield each


def _walked_at(site: Site) -> tuple[Unit, ast.expr] | None:
    """What a loop, or a call that walks its argument, walks at the `site`."""
    for node in reversed(site.nodes):
        for each in (node, site.unit.parents.get(node)):
            match each:
                case ast.For(iter=walked) | ast.comprehension(iter=walked):
                    return site.unit, walked
                case ast.ListComp(generators=[clause]) | ast.SetComp(generators=[clause]):
                    return site.unit, clause.iter
                case ast.Call(args=[walked, *_]) if callee_name(each) in ITERATING_CALLS:
                    return site.unit, walked
    return None


_NEXT = ("anext", "__anext__", "__next__", "next")
_ITER = ("aiter", "__iter__", "iter")


def next_method(fixing: Fixing, case: Case) -> None:
    """``gen.anext()`` → ``await anext(gen)``; what is no iterator goes through ``aiter``."""
    call = case.unit.parents.get(case.owner)
    if not isinstance(call, ast.Call) or case.owner.attr not in (*_NEXT, *_ITER):
        raise CannotFixError
    source = case.unit.source.source
    name = "anext" if case.owner.attr in _NEXT else "aiter"
    whole = name == "aiter" or has(case.info, "__anext__")
    operand = case.source if whole else f"aiter({case.source})"
    arguments = ", ".join([operand, *(source(each) for each in call.args)])
    fixing.of(case.unit).replace(call, f"{name}({arguments})")
    if name == "anext" and not awaits_of(case.unit, call):
        fixing.awaiting(case.unit, call)


def of_one_item(fixing: Fixing, case: Case) -> None:
    """What the items have: asked of the next one."""
    found, options = case.home, case.evidence.resolver.yielded(case.code)
    once = found is not None and yields_once(*found)  # then it is to be closed, too
    if once or not any(met(case.demand, each) for each in options):
        raise CannotFixError
    fixing.of(case.unit).replace(case.node, f"(await anext({case.source}))")
    fixing.suspending(case.unit, case.node)


def streaming_method(fixing: Fixing, case: Case) -> None:
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


def streaming_helper(fixing: Fixing, case: Case) -> bool:
    """A plain generator that walks a stream it was given: ``async`` there; whether it is that."""
    if case.home is None:
        return False
    unit, function = case.home
    walked = [each for each in own_nodes(function) if isinstance(each, ast.For)]
    loops = [each for each in walked if any(map(is_async_iterable, _walked_by(case, each)))]
    for each in loops:
        fixing.loop_async(unit, each)
    return bool(loops)


def _walked_by(case: Case, loop: ast.For) -> list[ObjectInfo]:
    """What a `loop` of the generator walks: what that holds, or what may have made it."""
    held = case.info.value if case.info is not None else None
    frame = held.gi_frame if is_real_instance(held, GeneratorType) else None
    name = written_name(loop.iter)
    if frame is not None and case.home is not None and name in frame.f_locals:
        return [describe(frame.f_locals[name])]
    made = origins(case.evidence.units, case.home[0], loop.iter) if case.home is not None else []
    return [info for each in made for info in case.evidence.resolver.options(each.node)]


def yielded_through(fixing: Fixing, case: Case) -> None:
    """A coroutine function that awaits an async generator yields its items instead."""
    found = case.home
    if found is None or case.info is None or case.info.kind is not CoroutineType:
        raise CannotFixError
    unit, function = found
    returns = [node for node in own_nodes(function) if isinstance(node, ast.Return) and node.value]
    resolver = case.evidence.resolver.inside(case.code, called_object(case))
    for node in returns:
        made = single_assignment(unit, node.value, awaited=True) if node.value else None
        statement = unit.statement(made) if made is not None else node
        value = made if made is not None else node.value
        if not isinstance(value, ast.Await) or not _awaits_walkable(resolver, value):
            raise CannotFixError
        by, name = unit.source.indent(statement), fresh(unit, "item")
        source = unit.source.source(value.value)
        end = f"\n{by}return" if statement is node else ""
        text = f"async for {name} in {source}:\n{by}    yield {name}{end}"
        fixing.of(unit).replace(statement, text)
        if statement is not node:
            fixing.of(unit).replace(node, "return")
    if not returns:
        raise CannotFixError
    if case.demand.what == "walk":
        fixing.loop_async(case.unit, case.owner)


def guard_statement(
    edits: SourceRewriter, unit: Unit, node: ast.AST, stop: str, handler: str
) -> None:
    """Put ``try`` / ``except stop: handler`` around the statement that holds `node`."""
    statement = unit.statement(node)
    start, end = unit.source.block(statement)
    by = unit.source.indent(statement)
    body = indent(unit.text[start:end].rstrip("\n"), "    ")
    text = f"{by}try:\n{body}\n{by}except {stop}:\n{by}    {handler}\n"
    edits.applicable &= unit.source.begins_line(statement)
    edits.replace(unit.source.block(statement), text)


def end_loop(evidence: Evidence, fixing: Fixing, sites: list[Site], step: ast.Call | None) -> bool:
    """Let the loop end with the items of which `sites[-1]` took one too many.

    The innermost loop in that function counts, and else an endless one in a caller's. False if
    there is none. A ``while True`` that begins with the `step` becomes an ``async for``.
    """
    for site in reversed(sites):
        loop = _loop_around(site)
        if loop is None or not (site is sites[-1] or is_while_true(loop)):
            continue
        if step is None or not _iterated_instead(evidence, fixing, site, loop, step):
            edits = fixing.of(site.unit)
            guard_statement(edits, site.unit, site.nodes[-1], "StopAsyncIteration", "break")
        return True
    return False


def _loop_around(site: Site) -> ast.While | ast.For | None:
    """The loop in whose body the place is, in the same function and not in a ``finally``."""
    for child, parent in site.unit.steps_up(site.nodes[-1]) if site.nodes else ():
        if isinstance(parent, (*FUNCTIONS, ast.Lambda, ast.AsyncFor, ast.comprehension)):
            return None
        if isinstance(parent, ast.Try) and child in parent.finalbody:
            return None
        if isinstance(parent, ast.While | ast.For) and child in parent.body:
            return parent
    return None


def _iterated_instead(
    evidence: Evidence, fixing: Fixing, site: Site, loop: ast.While | ast.For, step: ast.Call
) -> bool:
    """``while True: x = await anext(it)`` → ``async for x in it``, if that is all it can be."""
    first, source = loop.body[0], stepped_source(step)
    if not is_while_true(loop) or loop.orelse or len(loop.body) < 2 or source is None:
        return False
    if not isinstance(first, ast.Assign) or len(first.targets) != 1:
        return False
    value = first.value
    if not isinstance(value, ast.Await) or value.value is not step or step.keywords:
        return False
    owns = Resolver.of_frame(evidence.units, site.frame).info(source)
    unit = site.unit
    if owns is None or owns.kind is not AsyncGeneratorType or _is_used_again(loop, source):
        return False
    if not (unit.source.begins_line(first) and unit.source.begins_line(loop.body[1])):
        return False
    edits, begin = fixing.of(unit), unit.source.span(loop).start
    target = unit.source.source(first.targets[0])
    head = f"async for {target} in {unit.source.source(source)}"
    edits.replace(Span(begin, unit.source.span(loop.test).end), head)  # type: ignore[union-attr]
    edits.remove(first)
    return True


def _is_used_again(loop: ast.stmt, source: ast.expr) -> bool:
    """Whether `loop` does more with `source`; of what is no name, nobody knows."""
    if not isinstance(source, ast.Name):
        return True
    names = (each.id for each in ast.walk(loop) if isinstance(each, ast.Name))
    return sum(name == source.id for name in names) > 1


def called_object(case: Case) -> object:
    """The function that made the operand."""
    made = single_assignment(case.unit, case.node) or case.node
    return case.evidence.resolver.value(made.func) if isinstance(made, ast.Call) else MISSING


def _awaits_walkable(resolver: Any, node: ast.expr | None) -> bool:
    if not isinstance(node, ast.Await):
        return False
    info = resolver.info(node.value)
    return info is not None and kind_of(info) in STREAMS
