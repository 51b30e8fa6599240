"""What has to be walked asynchronously: loops, steps, and lists of the items.

Of loops that take a step by hand each round: where the items end, they have to end as well. A
default in the place of the end only moves the mistake: ``while True`` never ends then.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, ObjectInfo, code_of, lookup
from asyncrepl.explain.bindings import returned_values, returns_self
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.hoisted_code import not_awaiting, put_head
from asyncrepl.explain.kinds import STREAMS, has, is_async_iterable, kind_of
from asyncrepl.explain.protocol_code import yield_each
from asyncrepl.explain.repairs.awaited_items import wants_each_round
from asyncrepl.explain.repairs.awaited_origins import kept_in_attribute
from asyncrepl.explain.repairs.moved_walks import walked_until
from asyncrepl.explain.repairs.repair_case import (
    LOOPS,
    Case,
    is_endless,
    made_here,
    matched_here,
    wants_list,
)
from asyncrepl.explain.scopes import CannotFixError, own_nodes, scope, with_await
from asyncrepl.explain.value_arrivals import async_walks, awaits_of
from asyncrepl.explain.value_origins import assigned_loads, loads, origins
from asyncrepl.syntax.names import callee_name, written_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.explain.fix_editor import Fixing
    from asyncrepl.explain.source_units import Unit


def is_walked(unit: Unit, node: ast.expr) -> bool:
    """Whether `node` is what an asynchronous loop walks, or a step is asked of."""
    parent = unit.parents.get(node)
    if isinstance(parent, ast.AsyncFor | ast.comprehension) and parent.iter is node:
        return isinstance(parent, ast.AsyncFor) or bool(parent.is_async)
    if isinstance(parent, ast.Call):
        return callee_name(parent) in ("anext", "aiter", "aclosing")
    return isinstance(parent, ast.Attribute) and parent.attr in ("__anext__", "asend", "aclose")


def later_walked(case: Case, parent: ast.AST | None) -> bool:
    """Whether what `parent` awaited is iterated over afterwards: by its name, or by who calls."""
    unit = case.unit
    if isinstance(parent, ast.Assign | ast.NamedExpr | ast.AnnAssign):
        targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
        for target in targets:
            if isinstance(target, ast.Name):
                uses = loads(unit, target)
                return any(is_walked(unit, each) or _is_asked(case, each) for each in uses)
            if isinstance(target, ast.Attribute):
                return any(
                    is_walked(each, node)
                    for each, node in case.evidence.units.nodes(ast.Attribute)
                    if node.attr == target.attr
                )
    if isinstance(parent, ast.Return):
        function = unit.function(parent)
        return function is not None and _result_is_walked(case, function.name)
    return _argument_is_walked(case, parent)


def _is_asked(case: Case, name: ast.expr) -> bool:
    """Whether the object itself is asked for something it has: ``cursor.to_list()``."""
    around = case.unit.parents.get(name)
    return isinstance(around, ast.Attribute) and has(case.info, around.attr)


def _argument_is_walked(case: Case, parent: ast.AST | None) -> bool:
    """Whether the function that gets it, if one does, walks its parameter."""
    call = case.unit.parents.get(parent) if isinstance(parent, ast.keyword) else parent
    for unit, function in case.evidence.units.functions(callee_name(call)):
        names = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
        return any(
            isinstance(node, ast.Name) and node.id in names and is_walked(unit, node)
            for node in own_nodes(function)
        )
    return False


def _result_is_walked(case: Case, name: str, *through: str) -> bool:
    """Whether what `name` returns is walked, perhaps by who gets it `through` other functions."""
    for unit, call in case.evidence.units.calls(name):
        used = with_await(unit, call)
        if any(is_walked(unit, each) for each in (used, *assigned_loads(unit, used))):
            return True
        function = unit.function(used) if isinstance(unit.parents.get(used), ast.Return) else None
        if function is not None and function.name not in (name, *through):
            return _result_is_walked(case, function.name, name, *through)
    return False


def loop_async(fixing: Fixing, case: Case) -> None:
    """``async for``; what it gives is not awaited again, if it is known to be plain."""
    if _stepped_plainly(fixing, case):
        return
    fixing.loop_async(case.unit, case.owner)
    expression = case.unit.parents[case.owner]
    if isinstance(expression, ast.GeneratorExp) and _taken_plainly(case, expression):
        fixing.collected(case.unit, expression)
    items = case.evidence.resolver.yielded(case.code)
    if items and not any(has(each, "__await__") for each in items):
        for each in _awaits_of_item(case):
            not_awaiting(fixing, case.unit, each)


def _stepped_plainly(fixing: Fixing, case: Case) -> bool:
    """``__aiter__`` beside ``__next__``: the class is walked plainly, and the one is misnamed."""
    kind = case.info.kind if case.info is not None else None
    if kind is None or lookup(kind, "__next__") is MISSING or has(case.info, "__anext__"):
        return False
    found = case.evidence.units.source_of(lookup(kind, "__aiter__"))
    if found is None or not returns_self(found[1]):
        return False
    put_head(fixing, *found, "def __iter__")
    return True


def _taken_plainly(case: Case, given: ast.GeneratorExp) -> bool:
    """Whether what gets the generator expression iterates over it, and cannot wait for that."""
    call = case.unit.parents.get(given)
    homes = [function for _, function in case.evidence.units.functions(callee_name(call))]
    nodes = [node for each in homes for node in ast.walk(each)]
    names = {each.arg for each in nodes if isinstance(each, ast.arg)}
    loops = [each for each in nodes if isinstance(each, ast.For)]
    plain = any(isinstance(each.iter, ast.Name) and each.iter.id in names for each in loops)
    return plain or (not homes and callee_name(call) == "join")


def _awaits_of_item(case: Case) -> list[ast.Await]:
    """Where the loop or the comprehension awaits what it is given, and nothing else."""
    owner = case.owner
    within = owner if isinstance(owner, ast.For) else case.unit.parents[owner]
    name = owner.target.id if isinstance(owner.target, ast.Name) else ""
    nodes = [each for each in ast.walk(within) if getattr(each, "id", "") == name]
    awaits = [case.unit.parents[each] for each in nodes]
    bound = [each for each in nodes if not isinstance(getattr(each, "ctx", None), ast.Load)]
    return [each for each in awaits if isinstance(each, ast.Await) and len(bound) == 1]


def collected_where_made(fixing: Fixing, case: Case) -> None:
    """A list of the items where the stream is made: what walks it cannot wait."""
    made = origins(case.evidence.units, case.unit, case.node)
    if is_endless(case) or any(node is case.node for _, node in made):
        raise CannotFixError
    for unit, node in made:
        if not isinstance(scope(unit, node), ast.AsyncFunctionDef | None):
            raise CannotFixError
        fixing.collected(unit, node)


def delegated(fixing: Fixing, case: Case) -> None:
    """``yield from stream`` → a loop that yields."""
    if not isinstance(case.unit.parents.get(case.owner), ast.Expr):
        raise CannotFixError
    yield_each(fixing, case.unit, case.owner, case.source)
    fixing.suspending(case.unit, case.owner)


def first_of_iter(fixing: Fixing, case: Case) -> None:
    """``next(iter(stream))`` → ``await anext(aiter(stream))``."""
    step = case.unit.parents.get(case.owner)
    if callee_name(step) != "next" or not isinstance(step, ast.Call):
        raise CannotFixError
    fixing.of(case.unit).replace(case.owner.func, "aiter")
    fixing.of(case.unit).replace(step.func, "anext")
    fixing.awaiting(case.unit, step)


def renamed_aiter(fixing: Fixing, case: Case) -> None:
    """``iter(stream)`` → ``aiter(stream)``, and what walks it then."""
    unit, call = case.unit, case.owner
    if len(call.args) > 1:
        walked_until(fixing, case)
        return
    if isinstance(unit.parents.get(call), ast.List | ast.Tuple):
        fixing.collected(unit, case.node)  # who knows what walks it then
        return
    if isinstance(method := scope(unit, call), ast.FunctionDef) and method.name == "__iter__":
        put_head(fixing, unit, method, "def __aiter__")
        _walked_by_caller(fixing, case)
    fixing.of(unit).replace(call.func, "aiter")
    for each in (call, *assigned_loads(unit, call)):
        fixing.walk_async(unit, each)


def _walked_by_caller(fixing: Fixing, case: Case) -> None:
    """Where an ``__iter__`` was called that is an ``__aiter__`` now: walk it so."""
    for unit, node in ((at.unit, n) for at in case.evidence.sites[-2:-1] for n in at.nodes[::-1]):
        loop = node if isinstance(node, ast.For) else unit.parents.get(node)
        if isinstance(loop, ast.For | ast.comprehension):
            return fixing.loop_async(unit, loop)
        if callee_name(node) in ("list", "next") and isinstance(node, ast.Call):
            return fixing.walk_async(unit, node.args[0])
    raise CannotFixError


def list_call(fixing: Fixing, case: Case) -> None:
    """``list(stream)`` → ``[x async for x in stream]``."""
    if len(case.owner.args) != 1:
        raise CannotFixError
    fixing.list_call(case.unit, case.owner, case.node)


def counted(fixing: Fixing, case: Case) -> None:
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


def stepped(fixing: Fixing, case: Case) -> None:
    """``next(stream)`` → ``await anext(stream)``."""
    fixing.of(case.unit).replace(case.owner.func, "anext")
    _through_aiter(fixing, case)
    if not awaits_of(case.unit, case.owner):
        fixing.awaiting(case.unit, case.owner)


def from_iterator(fixing: Fixing, case: Case) -> None:
    """``anext(iterable)`` → ``anext(aiter(iterable))``."""
    _through_aiter(fixing, case)


def _through_aiter(fixing: Fixing, case: Case) -> None:
    if case.info is not None and not has(case.info, "__anext__"):
        fixing.given_to(case.unit, case.node, "aiter")


def first_item(fixing: Fixing, case: Case) -> None:
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
    fixing.awaiting_instead(case.unit, case.owner, f"await anext({inner})")


def _walked_beside(case: Case) -> list[ast.expr]:
    """The other streams that the function walks, as ``chain(first(), second())``."""
    around, call = case.unit.parents.get(case.node), case.owner
    given: list[ast.expr] = around.elts if isinstance(around, ast.List | ast.Tuple) else []
    if isinstance(call, ast.Call) and callee_name(call) in _OF_STREAMS:
        given = given or call.args
    resolver, own = case.evidence.resolver, [each for each in given if each is case.node]
    infos = {each: resolver.info(each) for each in given if each is not case.node}
    streams = [each for each, info in infos.items() if info and kind_of(info) in STREAMS]
    if any(is_endless(case._replace(info=infos[each])) for each in streams):
        raise CannotFixError
    return streams if own else []


#: Functions that walk all of their arguments.
_OF_STREAMS = ("chain", "zip", "zip_longest", "product", "merge", "union", "update")


def collected(fixing: Fixing, case: Case) -> None:
    """A list of the items: where an attribute gets its value, or a name that is used again."""
    if not wants_list(case) or is_endless(case):
        raise CannotFixError
    matched = matched_here(case.unit, case.node)
    made = matched[0] if len(matched) == 1 else made_here(case) or kept_in_attribute(case)
    alike = [e for e in case.unit.nodes(ast.Attribute) if ast.dump(e) == ast.dump(case.node)]
    uses = loads(case.unit, case.node) if isinstance(case.node, ast.Name) else alike
    stored = not isinstance(getattr(case.owner, "ctx", None), ast.Load | None)
    again = len(uses) > 1 or stored or bool(matched) or isinstance(case.node, ast.Attribute)
    walked = any(is_walked(case.unit, each) for each in uses)
    if made is not None and again and not walked:
        fixing.changed = made
        fixing.collected(case.unit, made)
    else:
        for each in (case.node, *_walked_beside(case)):
            fixing.collected(case.unit, each)
        for loop in async_walks(case.unit, case.owner) if isinstance(case.owner, ast.expr) else ():
            fixing.loop_plain(case.unit, loop)


def walked_not_awaited(fixing: Fixing, case: Case) -> None:
    """``await gen()``: walked later, or right here, or collected."""
    unit, await_ = case.unit, case.owner
    parent = unit.parents.get(await_)
    if isinstance(case.node, ast.GeneratorExp) and not isinstance(parent, LOOPS):
        start, end = unit.source.span(case.node)
        fixing.of(unit).replace(Span(unit.source.span(await_).start, start + 1), "[")
        fixing.of(unit).replace(Span(end - 1, end), "]")
        return
    if isinstance(parent, ast.Expr):
        name = fixing.fresh(unit, "_")
        fixing.of(unit).replace(await_, f"async for {name} in {case.source}: pass")
        return
    if isinstance(parent, ast.Yield) and isinstance(unit.parents.get(parent), ast.Expr):
        yield_each(fixing, unit, parent, case.source)
        fixing.suspending(unit, parent)
        return
    not_awaiting(fixing, unit, await_)
    if isinstance(parent, LOOPS) and parent.iter is await_:
        if not isinstance(parent, ast.AsyncFor) and not getattr(parent, "is_async", False):
            fixing.loop_async(unit, parent)
    elif not (is_walked(unit, await_) or later_walked(case, parent)):
        if not wants_list(case):
            raise CannotFixError
        fixing.collected(unit, case.node)


def collected_jobs(fixing: Fixing, case: Case) -> None:
    """A list of the awaitables that the stream yields; of tasks, where those are wanted."""
    items = case.evidence.resolver.yielded(case.code)
    star = "*" if callee_name(case.owner) == "gather" else ""
    one = case.demand.what == "await" and not star
    if one or not any(has(each, "__await__") for each in items):
        raise CannotFixError
    name, unit = fresh(case.unit, "x"), case.unit
    item = f"asyncio.ensure_future({name})" if case.demand.what == "tasks" else name
    fixing.of(unit).replace(case.node, f"{star}[{item} async for {name} in {case.source}]")
    fixing.suspending(unit, case.node)


def drained(fixing: Fixing, case: Case) -> None:
    """A coroutine that is written for it walks the generator; or one item of it is waited for."""
    unit, waits = case.unit, callee_name(case.owner) == "wait_for"
    if wants_each_round(case) or (waits and is_endless(case, waiting=True)):
        fixing.given_to(unit, case.node, "anext")
        return
    name, statement = fixing.fresh(unit, "drain"), unit.statement(case.owner)
    if not unit.source.begins_line(statement):
        raise CannotFixError
    lines = f"async def {name}(stream):\n    return [x async for x in stream]\n"
    fixing.of(unit).lines_before(statement, lines)
    for argument in getattr(case.owner, "args", []):
        info = None if argument is case.node else case.evidence.resolver.info(argument)
        if info is not None and is_async_iterable(info) and not has(info, "__await__"):
            fixing.given_to(unit, argument, name)
    given_to(fixing, case, name)


def given_to(fixing: Fixing, case: Case, name: str) -> None:
    """A call of the coroutine function `name`; as a task, in a list, where that is demanded."""
    listed, unit = case.demand.what in ("tasks", "awaitables"), case.unit
    task = case.demand.what in ("tasks", "task")
    before = ("[" if listed else "") + ("asyncio.create_task(" if task else "") + f"{name}("
    after = ")" + (")" if task else "") + ("]" if listed else "")
    fixing.of(unit).before(case.node, before)
    fixing.of(unit).after(case.node, after)


def uncalled(fixing: Fixing, case: Case) -> None:
    """The object itself, in the place of a call of it."""
    unit, call = case.unit, case.owner
    if call.args or call.keywords:
        raise CannotFixError
    parent = unit.parents.get(call)
    if case.kind in STREAMS and isinstance(parent, ast.Await | ast.Call):
        name = fresh(unit, "x")
        whole = with_await(unit, call)
        fixing.of(unit).replace(whole, f"[{name} async for {name} in {case.source}]")
        fixing.suspending(unit, whole)
        return
    fixing.of(unit).replace(call, case.source)


def over_range(fixing: Fixing, case: Case) -> None:
    """A loop over a number: over that many."""
    if case.info is None or case.info.kind is not int:
        raise CannotFixError
    fixing.loop_plain(case.unit, case.owner)
    fixing.of(case.unit).replace(case.node, f"range({case.source})")


_TWINS = {"send": "asend", "throw": "athrow", "close": "aclose"}


def twin(fixing: Fixing, case: Case) -> None:
    """``gen.send(x)`` → ``await gen.asend(x)``."""
    call = case.unit.parents.get(case.owner)
    if case.owner.attr not in _TWINS or not isinstance(call, ast.Call):
        raise CannotFixError
    fixing.of(case.unit).replace(case.owner, f"{case.source}.{_TWINS[case.owner.attr]}")
    if not awaits_of(case.unit, call):
        fixing.awaiting(case.unit, call)


def walked_plainly(fixing: Fixing, case: Case) -> None:
    """In a block that becomes a plain ``with``, the loops over what that is known to give."""
    unit, block = case.unit, case.owner
    names = [item.optional_vars for item in block.items if item.context_expr is case.node]
    given = _given_by_enter(case) if names and isinstance(names[0], ast.Name) else []
    if not given or any(is_async_iterable(each) or not has(each, "__iter__") for each in given):
        return
    for node in ast.walk(block):
        if not isinstance(node, ast.AsyncFor | ast.comprehension):
            continue
        walks = isinstance(node, ast.AsyncFor) or bool(node.is_async)
        if walks and written_name(node.iter) == written_name(names[0]):
            fixing.loop_plain(unit, node)


def _given_by_enter(case: Case) -> list[ObjectInfo]:
    """What ``__enter__`` returns, also if it has only just made it: in an attribute."""
    code = code_of(lookup(case.info.kind, "__enter__")) if case.info is not None else None
    found = case.evidence.units.definition(code)
    if found is None or case.info is None:
        return []
    resolver, made = case.evidence.resolver.inside(code), []
    assigned = [each for each in own_nodes(found[1]) if isinstance(each, ast.Assign)]
    for value in returned_values(found[1]):
        here = [a.value for a in assigned if written_name(a.targets[0]) == written_name(value)]
        for each in here if isinstance(value, ast.Attribute) else [value]:
            made += resolver.options(each)
    return [case.info] if returns_self(found[1]) else made
