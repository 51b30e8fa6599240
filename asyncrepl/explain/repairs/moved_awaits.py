"""``await`` at another place than the operand.

Where the coroutine was made, in front of less, or in a loop that a builtin ran before:
``order = Order(total())`` shows its mistake where the total is used; in ``await fetch()["data"]``
the ``await`` stands before too much; and ``reduce(add, items)`` awaits nothing.
"""

from __future__ import annotations

import ast
import contextlib
from types import CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, ObjectInfo, describe, lookup
from asyncrepl.explain.demands import met
from asyncrepl.explain.fix_editor import Fixing
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.hoisted_code import made_plain, put_head, yield_each
from asyncrepl.explain.kinds import has, waiting_method
from asyncrepl.explain.repairs.repair_case import argument_at, single_assignment, yields_once
from asyncrepl.explain.scopes import CannotFixError, keyword_span, own_nodes, scope
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import bindings, loads
from asyncrepl.instrument.probe_placement import AWAITABLE_CALLS, ITERATING_CALLS
from asyncrepl.syntax.names import FUNCTIONS, callee_name, canonical_name, last_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from asyncrepl.explain.evidence import Site
    from asyncrepl.explain.repairs.repair_case import Case
    from asyncrepl.explain.source_units import Unit


def called_then(fixing: Fixing, case: Case) -> bool:
    """``fetch().then(show)``, as in JavaScript → ``show(await fetch())``; whether it is that."""
    call = case.unit.parents.get(case.owner)
    if getattr(case.owner, "attr", "") != "then" or not isinstance(call, ast.Call):
        return False
    if len(call.args) != 1 or call.keywords or isinstance(call.args[0], ast.Starred):
        return False
    if any(lookup(each.kind, "then") is not MISSING for each in case.awaited):
        return False
    function = case.unit.source.source(call.args[0])
    if not isinstance(call.args[0], ast.Name | ast.Attribute):
        function = f"({function})"
    around = case.unit.parents.get(call)
    whole = around if isinstance(around, ast.Await) else call
    fixing.of(case.unit).replace(whole, f"{function}(await {case.source})")
    fixing.suspending(case.unit, call)
    return True


def take_await_before(fixing: Fixing, case: Case) -> None:
    """Of ``await fetch()["data"].name`` the ``await``, which stands before too much.

    Where a method of the result is called that nobody knows, it may be meant.
    """
    take_await_of_operation(fixing, case, case.owner)
    method = case.unit.parents.get(case.owner)
    node, after = case.owner, _next_values(case, case.owner, case.awaited)
    while True:
        around = case.unit.parents.get(node)
        if isinstance(around, ast.Await):
            break
        if not isinstance(around, ast.Attribute | ast.Subscript | ast.Call) or (
            (around.func if isinstance(around, ast.Call) else around.value) is not node
        ):
            return
        node, after = around, _next_values(case, around, after)
    if not isinstance(node, ast.Attribute | ast.Subscript | ast.Call) or node is case.node:
        return
    unknown = not after and isinstance(node, ast.Call) and node in (method, case.owner)
    plain = not unknown and not any(has(each, "__await__") for each in after)
    if isinstance(case.node, ast.Call) and plain:
        start, end = case.unit.source.span(around).start, case.unit.source.span(node).start
        fixing.of(case.unit).replace(Span(start, end), "")


#: What gives a plain value of operands that are plain.
_OPERATIONS = (ast.BinOp, ast.UnaryOp, ast.Compare)


def take_await_of_operation(fixing: Fixing, case: Case, node: ast.AST) -> None:
    """Of ``await (first() + second())`` the ``await``: each operand of `node` gets its own."""
    unit = case.unit
    while isinstance(node, _OPERATIONS) and isinstance(unit.parents.get(node), _OPERATIONS):
        node = unit.parents[node]
    around = unit.parents.get(node)
    plain = isinstance(node, _OPERATIONS) or _is_plain_result(case, node)
    if not isinstance(around, ast.Await) or not plain:
        return
    if not any(each.start == unit.source.span(around).start for each in fixing.of(unit).edits):
        _take_away(fixing, unit, around)


def _take_away(fixing: Fixing, unit: Unit, await_: ast.Await) -> None:
    """The ``await`` in front of an operation, and the brackets where they are of no use then."""
    (start, end), inner = unit.source.span(await_), unit.source.span(await_.value)
    if isinstance(unit.parents.get(await_), ast.stmt | ast.Call | ast.keyword):
        fixing.of(unit).replace(Span(inner.end, end), "")
        fixing.of(unit).replace(Span(start, inner.start), "")
    else:
        rest = unit.text[start + len("await") : inner.start].lstrip()
        fixing.of(unit).replace(Span(start, inner.start - len(rest)), "")


def branch_awaited(fixing: Fixing, case: Case) -> None:
    """``await (known or fetch())`` → ``known or await fetch()``."""
    node, options = case.node, case.evidence.resolver.options
    branches = [node.body, node.orelse] if isinstance(node, ast.IfExp) else []
    branches = node.values if isinstance(node, ast.BoolOp) else branches
    found = [each for each in branches if any(has(one, "__await__") for one in options(each))]
    if not found or len(found) == len(branches):
        raise CannotFixError
    _take_away(fixing, case.unit, case.owner)
    for each in found:
        fixing.awaiting(case.unit, each)


def _is_plain_result(case: Case, node: ast.AST) -> bool:
    """Whether it is a call of ``max`` or the like of results that nobody can await."""
    called = isinstance(node, ast.Call) and canonical_name(node.func) in _PASSING
    results = case.awaited
    return called and bool(results) and not any(has(each, "__await__") for each in results)


#: Builtins that give one of their arguments, or a value like it.
_PASSING = ("max", "min", "abs", "round", "pow", "divmod", "sum")


def _next_values(case: Case, node: ast.AST, before: list[ObjectInfo]) -> list[ObjectInfo]:
    """What an attribute, an item or a call of these values may be, as far as it is known."""
    resolver, found = case.evidence.resolver, []
    for each in before:
        if isinstance(node, ast.Call):
            found += resolver.results(each.value) if each.value is not MISSING else []
            continue
        name = node.attr if isinstance(node, ast.Attribute) else "__getitem__"
        value = lookup(each.kind, name)
        if isinstance(value, property):
            found += resolver.results(value.fget)
        elif value is not MISSING:
            made = describe(value, keep=True)
            found += [made] if isinstance(node, ast.Attribute) else resolver.results(value)
    return found


def awaited_where_made(fixing: Fixing, case: Case) -> None:
    """``await`` in front of the one call of its function that nobody awaits."""
    code = case.info.code if case.info is not None else None
    if case.info is None or case.info.kind is not CoroutineType or code is None:
        raise CannotFixError
    options = case.awaited
    if options and not any(met(case.demand, each) for each in options):
        raise CannotFixError
    name = case.info.function_name
    found = list(_unawaited_calls(case, code, name))
    if len(found) != 1 or _is_handed_over(case, code, name):
        raise CannotFixError
    unit, call = found[0]
    fixing.changed = call
    fixing.awaiting(unit, call)


def items_awaited(fixing: Fixing, case: Case) -> None:
    """``sum(jobs)`` → ``sum([await job for job in jobs])``; ``jobs.sort()`` has them first."""
    unit, node = case.unit, case.node
    held = case.evidence.resolver.info(node)
    if held is None or any(not met(case.demand, each) for each in case.awaited):
        raise CannotFixError
    item, text = fresh(unit, "job"), case.source
    results = f"[await {item} for {item} in {text}]"
    if held.kind is dict:
        key = fresh(unit, "key")
        results = f"{{{key}: await {item} for {key}, {item} in {text}.items()}}"
    if getattr(case.owner, "func", None) is unit.parents.get(node):  # a method of the collection
        fixing.of(unit).lines_before(unit.statement(node), f"{text}[:] = {results}")
    else:
        fixing.of(unit).replace(node, results)
    fixing.suspending(unit, node)


def plain_factory(fixing: Fixing, case: Case) -> None:
    """``defaultdict(zero)``, of an ``async def`` in which nothing waits: a plain function."""
    found = case.evidence.units.definition(case.info.code if case.info is not None else None)
    name = found[1].name if found is not None else ""
    given = [
        each
        for _, call in case.evidence.units.nodes(ast.Call)
        for each in (
            *(call.args[:1] if callee_name(call) == "defaultdict" else ()),
            *(each.value for each in call.keywords if each.arg == "default_factory"),
        )
    ]
    called = any(callee_name(call) == name for _, call in case.evidence.units.nodes(ast.Call))
    if found is None or called or not any(last_name(each) == name for each in given):
        raise CannotFixError
    made_plain(fixing, *found)


def waited_by_method(fixing: Fixing, case: Case) -> None:
    """``await event`` → ``await event.wait()``; of a queue, if the item is used."""
    method, alone = (
        waiting_method(case.info),
        isinstance(case.unit.parents.get(case.owner), ast.Expr),
    )
    if not method or (method == "get" and alone):
        raise CannotFixError
    fixing.of(case.unit).replace(case.node, f"{case.unit.source.operand(case.node)}.{method}()")


def awaited_function(fixing: Fixing, case: Case) -> None:
    """``map(loaded(), xs)`` → ``map(await loaded(), xs)``, where that gives a function."""
    if not case.awaited or not all(has(each, "__call__") for each in case.awaited):
        raise CannotFixError
    fixing.awaiting(case.unit, case.node)


def may_await_where_made(fixing: Fixing, case: Case) -> bool:
    """The same, and whether that is possible."""
    with contextlib.suppress(CannotFixError):
        awaited_where_made(Fixing(case.evidence), case)  # which may fail half way
        awaited_where_made(fixing, case)
        return True
    return False


def _unawaited_calls(case: Case, code: CodeType, name: str) -> Iterator[tuple[Unit, ast.Call]]:
    for unit in case.evidence.units.all():
        for call in unit.nodes(ast.Call):
            around = unit.parents.get(call)
            awaits = isinstance(around, ast.Await | ast.Starred) or (
                isinstance(around, ast.Call) and callee_name(around) in AWAITABLE_CALLS
            )
            if callee_name(call) == name and not awaits and _may_be(case, call, code):
                yield unit, call


def _may_be(case: Case, call: ast.Call, code: CodeType) -> bool:
    """Whether what is called may be the function: not if it is known to be another."""
    resolver = Resolver(case.evidence.units, case.evidence.namespace)
    known = [each.code for each in resolver.options(call)]
    return not known or code in known


def _is_handed_over(case: Case, code: CodeType, name: str) -> bool:
    """Whether the function itself is given to somebody, who calls it."""
    return any(
        _names(unit, node, code, name) and not isinstance(unit.parents.get(node), ast.Call)
        for unit in case.evidence.units.all()
        for node in unit.nodes(ast.expr)
    )


def _names(unit: Unit, node: ast.expr, code: CodeType, name: str) -> bool:
    """Whether `node` reads the function `name`, or a method of that name."""
    if not isinstance(getattr(node, "ctx", None), ast.Load):
        return False
    if isinstance(node, ast.Attribute) and node.attr == name:
        return "." in code.co_qualname.replace("<locals>.", "")
    if isinstance(node, ast.Name) and node.id == name:
        return any(isinstance(each, FUNCTIONS) for each in bindings(unit, node)[1])
    return False


def read_until(fixing: Fixing, case: Case) -> bool:
    """``for x in iter(read, b"")`` → ``while (x := await read()) != b""``; whether it is one."""
    unit, node = case.unit, case.node
    bound = bindings(unit, node)[1] if isinstance(node, ast.Name) else []
    loop = unit.parents.get(bound[0]) if len(bound) == 1 else None
    return isinstance(loop, ast.For) and _read_in(fixing, unit, loop)


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
    if not isinstance(case.owner, ast.AsyncFor) or not _read_in(fixing, case.unit, case.owner):
        raise CannotFixError
    return True


def _read_in(fixing: Fixing, unit: Unit, loop: ast.For | ast.AsyncFor) -> bool:
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
    around = unit.parents.get(call)
    fixing.of(unit).replace(around if isinstance(around, ast.Await) else call, total)
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
        for each in case.evidence.units.all()
        for call in each.nodes(ast.Call)
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
    statement, items = unit.statement(node), case.evidence.resolver.yielded(_code(case))
    uses = loads(unit, node) if isinstance(node, ast.Name) else []
    if not isinstance(statement, ast.Expr) or not uses or not unit.source.begins_line(statement):
        raise CannotFixError
    inside = {*ast.walk(statement)}
    if not inside.issuperset(uses) or any(isinstance(each, ast.Await) for each in inside):
        raise CannotFixError
    once = case.evidence.units.definition(_code(case))
    if (once and yields_once(*once)) or not any(met(case.demand, each) for each in items):
        raise CannotFixError
    name, by = fresh(unit, "item"), unit.source.indent(statement)
    text = unit.source.source(node)
    fixing.of(unit).before(statement, f"async for {name} in {text}:\n{by}    ")
    for each in uses:
        fixing.of(unit).replace(each, name)
    fixing.suspending(unit, statement)


def _code(case: Case) -> CodeType | None:
    return case.info.code if case.info is not None else None


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


def kept_in_attribute(case: Case) -> ast.Call | None:
    """The call that an attribute is given, once, in a coroutine; it is read more than once."""
    unit, text = case.unit, case.unit.source.source(case.node)
    if not isinstance(case.node, ast.Attribute):
        return None
    uses = [each for each in unit.nodes(ast.Attribute) if unit.source.source(each) == text]
    owners = [unit.parents.get(each) for each in uses]
    made = [
        each.value
        for each in owners
        if isinstance(each, ast.Assign) and not isinstance(each.value, ast.Constant)
    ]
    if len(made) != 1 or any(isinstance(each, ast.Await) for each in owners):
        return None
    inside = isinstance(scope(unit, made[0]), ast.AsyncFunctionDef)
    return made[0] if inside and isinstance(made[0], ast.Call) else None
