"""``await`` in front of less or more than the operand, or in a loop that a builtin ran before.

In ``await fetch()["data"]`` the ``await`` stands before too much; ``reduce(add, items)`` awaits
nothing. Where it belongs to the call that made the coroutine: `awaited_origins`.
"""

from __future__ import annotations

import ast
import inspect
from types import CoroutineType, FunctionType, MethodDescriptorType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import (
    MISSING,
    ObjectInfo,
    describe,
    is_real_instance,
    lookup,
)
from asyncrepl.explain.bindings import is_coroutine_function, python_method, takes
from asyncrepl.explain.demands import demand_of
from asyncrepl.explain.hoisted_code import body_after, not_awaiting
from asyncrepl.explain.kinds import Kind, has, kind_of, waiting_method
from asyncrepl.explain.operand_uses import Use
from asyncrepl.explain.scopes import CannotFixError, behind_call, own_nodes, scope, with_await
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_arrivals import awaits_of
from asyncrepl.explain.value_origins import STEPS, assigned_loads, loads
from asyncrepl.syntax.names import (
    callee_name,
    canonical_name,
    written_name,
)
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.explain.fix_editor import Fixing
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
    whole = with_await(case.unit, call)
    fixing.of(case.unit).replace(whole, f"{function}(await {case.source})")
    fixing.suspending(case.unit, call)
    return True


def called_again(fixing: Fixing, case: Case) -> bool:
    """``step = step()``, in a loop: this very call made it, a round before; whether it is that."""
    assigned, source = case.unit.parents.get(case.owner), case.unit.source.source
    if case.demand.what != "call" or not isinstance(assigned, ast.Assign):
        return False
    if case.source not in map(source, assigned.targets) or isinstance(case.node, ast.Call):
        return False
    fixing.awaiting(case.unit, case.owner)
    return True


def take_await_before(fixing: Fixing, case: Case) -> None:
    """Of ``await fetch()["data"].name`` the ``await``, which stands before too much.

    Where a method of the result is called that nobody knows, it may be meant.
    """
    take_await_of_operation(fixing, case, case.owner)
    method = case.unit.parents.get(case.owner)
    node, after = case.owner, next_values(case, case.owner, case.awaited)
    while True:
        around = case.unit.parents.get(node)
        if isinstance(around, ast.Await):
            break
        if not isinstance(around, ast.Attribute | ast.Subscript | ast.Call) or (
            (around.func if isinstance(around, ast.Call) else around.value) is not node
        ):
            return
        node, after = around, next_values(case, around, after)
    if not isinstance(node, ast.Attribute | ast.Subscript | ast.Call) or node is case.node:
        return
    unknown = not after and isinstance(node, ast.Call) and node in (method, case.owner)
    plain = not unknown and not any(has(each, "__await__") for each in after)
    if isinstance(case.node, ast.Call) and plain:
        not_awaiting(fixing, case.unit, around)


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
    found = awaitable_branches(case, case.node)
    if not found:
        raise CannotFixError
    _take_away(fixing, case.unit, case.owner)
    for each in found:
        fixing.awaiting(case.unit, each)


def awaitable_branches(case: Case, node: ast.expr) -> list[ast.expr]:
    """Of `node`, ``a() if x else b`` or ``a() or b``, what may be awaited, if not all may."""
    branches = [node.body, node.orelse] if isinstance(node, ast.IfExp) else []
    branches = node.values if isinstance(node, ast.BoolOp) else branches
    options = case.evidence.resolver.options
    found = [each for each in branches if any(has(one, "__await__") for one in options(each))]
    return found if len(found) < len(branches) else []


def awaited_behind(fixing: Fixing, case: Case) -> None:
    """``(await cursor()).to_list()`` → ``await cursor().to_list()``, whose method is awaited."""
    unit, around = case.unit, case.owner
    method = unit.parents.get(around)
    call = unit.parents.get(method) if isinstance(method, ast.Attribute) else None
    if not isinstance(method, ast.Attribute) or not isinstance(call, ast.Call):
        raise CannotFixError
    if call.func is not method or case.info is None:
        raise CannotFixError
    waits = inspect.iscoroutinefunction(lookup(case.info.kind, method.attr))
    steps = has(case.info, "__anext__") and method.attr in STEPS
    made = case.kind is Kind.ASYNC_MANAGER and isinstance(case.node, ast.Call)  # to be entered
    if made or not (waits or steps) or isinstance(unit.parents.get(call), ast.Await):
        raise CannotFixError
    rest = unit.text[unit.source.span(method.value).end : unit.source.span(call).end]
    text = f"await {unit.source.operand(case.node)}{rest[rest.index('.') :]}"
    fixing.awaiting_instead(unit, call, text)


def entered_head(fixing: Fixing, case: Case) -> None:
    """``with await lock:``, as up to Python 3.8, or ``async with await m()`` → ``async with``."""
    unit, whole = case.unit, case.owner
    item = unit.parents.get(whole)
    block = unit.parents[item] if isinstance(item, ast.withitem) else None
    if block is None or (isinstance(block, ast.With) and len(block.items) > 1):
        raise CannotFixError
    not_awaiting(fixing, unit, whole)
    if isinstance(block, ast.With):
        fixing.of(unit).before(block, "async ")


def not_stepped(fixing: Fixing, case: Case) -> bool:
    """``await response.__anext__()``, of what stands for one result → ``await response``."""
    call = case.unit.parents.get(case.owner)
    awaits = awaits_of(case.unit, call) if isinstance(call, ast.Call) else []
    steps = any(has(each, "__anext__") for each in case.awaited)
    if getattr(case.owner, "attr", "") != "__anext__" or len(awaits) != 1 or steps:
        return False
    if case.kind is not Kind.AWAITABLE:
        return False
    fixing.of(case.unit).replace(awaits[0], f"await {case.source}")
    return True


def not_entered(fixing: Fixing, case: Case) -> bool:
    """``async with fetch() as x:``, where that gives no manager → ``x = await fetch()``."""
    items, options = getattr(case.owner, "items", []), case.awaited
    name = items[0].optional_vars if len(items) == 1 else None
    managers = any(has(each, "__aenter__", "__enter__") for each in options)
    if (
        "enter" not in case.demand.what
        or not options
        or managers
        or not isinstance(name, ast.Name)
    ):
        return False
    if any(has(each, *_CLOSING) for each in options):
        raise CannotFixError  # the block was to close it at its end
    body_after(fixing, case.unit, case.owner, f"{name.id} = await {case.source}")
    return True


#: What is called when somebody is done with an object.
_CLOSING = ("close", "aclose", "disconnect", "release", "quit", "stop")


def methods_awaited(fixing: Fixing, case: Case) -> None:
    """In ``with SMTP() as smtp: smtp.helo()`` the calls of coroutine functions of `smtp`."""
    items = getattr(case.owner, "items", [])
    target = items[0].optional_vars if len(items) == 1 else None
    if not isinstance(target, ast.Name) or case.info is None:
        return
    entered = [each.kind for each in case.evidence.resolver.entered(case.info)]
    for call in (each for part in case.owner.body for each in own_nodes(part)):
        method = call.func if isinstance(call, ast.Call) else None
        if not isinstance(call, ast.Call) or not isinstance(method, ast.Attribute):
            continue
        waits = any(inspect.iscoroutinefunction(lookup(each, method.attr)) for each in entered)
        if waits and written_name(method.value) == target.id and _is_dropped(case.unit, call):
            fixing.awaiting(case.unit, call)


def _is_dropped(unit: Unit, call: ast.Call) -> bool:
    """Whether the coroutine that `call` makes is shown, thrown away, or kept and not awaited."""
    parent = unit.parents.get(call)
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
        uses = [unit.parents.get(each) for each in loads(unit, parent.targets[0])]
        return all(isinstance(each, ast.Attribute | ast.Subscript) for each in uses)
    shown = isinstance(parent, ast.Call) and callee_name(parent) in ("print", "str", "repr")
    return shown or isinstance(parent, ast.Expr | ast.FormattedValue)


def _is_plain_result(case: Case, node: ast.AST) -> bool:
    """Whether it is a call of ``max`` or the like of results that nobody can await."""
    called = isinstance(node, ast.Call) and canonical_name(node.func) in _PASSING
    return called and not any(has(each, "__await__") for each in case.awaited)


#: Builtins that give one of their arguments, or a value like it.
_PASSING = ("max", "min", "abs", "round", "pow", "divmod", "sum")


def next_values(case: Case, node: ast.AST, before: list[ObjectInfo]) -> list[ObjectInfo]:
    """What `node`, an attribute, item or call of values that were `before`, may be, if known."""
    resolver, found = case.evidence.resolver, []
    for each in before:
        if isinstance(node, ast.Call):
            # Of an instance of which no more is known, what its class does when that is called.
            function = each.value if each.value is not MISSING else lookup(each.kind, "__call__")
            own = each.value is not MISSING or is_real_instance(function, FunctionType)
            found += resolver.results(function) if own else []
            continue
        name = node.attr if isinstance(node, ast.Attribute) else "__getitem__"
        value = lookup(each.kind, name)
        if is_real_instance(value, property):
            found += resolver.results(value.fget)
        elif value is not MISSING:
            made = describe(value, keep=True)
            found += [made] if isinstance(node, ast.Attribute) else resolver.results(value)
    return found


def waited_by_method(fixing: Fixing, case: Case) -> None:
    """``await event`` → ``await event.wait()``; of a queue, if the item is used."""
    method, alone = (
        waiting_method(case.info),
        isinstance(case.unit.parents.get(case.owner), ast.Expr),
    )
    uses = assigned_loads(case.unit, case.owner)  # the object itself is wanted for its methods
    kept = any(isinstance(case.unit.parents.get(each), ast.Attribute | ast.Call) for each in uses)
    if not method or (method == "get" and alone) or (kept and isinstance(case.node, ast.Call)):
        raise CannotFixError
    fixing.of(case.unit).replace(case.node, f"{case.unit.source.operand(case.node)}.{method}()")


def left_to_taker(fixing: Fixing, case: Case) -> None:
    """``gather(*(await f(x) for x in xs))`` → ``gather(*(f(x) for x in xs))``: it awaits them."""
    node, star = case.node, case.owner
    call = case.unit.parents.get(star) if isinstance(star, ast.Starred) else star
    made = node.elt if isinstance(node, ast.GeneratorExp) else None
    waits = [each for each in ast.walk(node) if isinstance(each, ast.Await)]
    if not isinstance(made, ast.Await) or waits != [made] or callee_name(call) not in _TAKERS:
        raise CannotFixError
    fixing.of(case.unit).replace(made, case.unit.source.source(made.value))


#: What awaits each of its arguments.
_TAKERS = ("gather", "as_completed", "wait")


def async_methods(case: Case) -> list[str]:
    """Of a call of a class, the coroutine functions among the methods that need no argument."""
    function = behind_call(case.node)
    made = case.evidence.resolver.value(function)
    own = vars(made) if is_real_instance(made, type) else {}
    found = [name for name, each in own.items() if is_coroutine_function(each) and takes(each, 0)]
    return [name for name in found if not name.startswith("_")]


def awaited_beside(case: Case) -> list[ast.Await]:
    """The other awaits of plain methods of the same event, lock or queue: ``ready.set()``."""
    function = case.node.func if isinstance(case.node, ast.Call) else None
    owner = function.value if isinstance(function, ast.Attribute) else None
    info = case.evidence.resolver.info(owner) if owner is not None else None
    if owner is None or info is None or info.kind.__module__ not in _OF_EVENTS:
        return []
    text, found = ast.dump(owner), []
    for each in case.unit.nodes(ast.Await):
        called = each.value.func if isinstance(each.value, ast.Call) else None
        if isinstance(called, ast.Attribute) and ast.dump(called.value) == text:
            method = python_method(info.kind, called.attr)
            plain = method is not None and not is_coroutine_function(method)
            if plain and each is not case.owner:
                found.append(each)
    return found


_OF_EVENTS = ("asyncio.locks", "asyncio.queues")


def coroutines_given(case: Case) -> list[ast.expr]:
    """The coroutines in ``await cache.pop(key, work())``: no method of a builtin awaits them."""
    call, resolver = case.node, case.evidence.resolver
    method = resolver.value(call.func) if isinstance(call, ast.Call) else None
    if not isinstance(call, ast.Call) or not is_real_instance(method, MethodDescriptorType):
        return []
    made = {each: resolver.options(each) for each in call.args if isinstance(each, ast.Call)}
    return [
        each
        for each, options in made.items()
        if options and all(one.kind is CoroutineType for one in options)
    ]


def kept_awaited(fixing: Fixing, case: Case) -> bool:
    """``known.setdefault(key, work()).x``, which keeps what it is given; whether it is that."""
    found = coroutines_given(case)
    for each in found:
        fixing.awaiting(case.unit, each)
    return bool(found)


def siblings(case: Case) -> list[ast.expr]:
    """What stands beside the operand in a display or an operation, and is of its kind."""
    if case.suffix:
        return []
    resolver = case.evidence.resolver
    alike = given_alike(case, case.unit, case.node)
    return alike + [
        each
        for each in (*_beside(case.unit, case.node), *_arguments_alike(case))
        if any(case.info and one.kind is case.info.kind for one in resolver.options(each))
    ]


def given_alike(case: Case, unit: Unit, own: ast.expr) -> list[ast.expr]:
    """What the other calls of the function that `own` is given to are given in its place.

    As far as it is a coroutine for certain, where `own` was one.
    """
    call, place = _argument_place(unit, own)
    if call is None or case.kind is not Kind.COROUTINE:
        return []
    around, evidence = scope(unit, own), case.evidence
    frames = [e.frame for e in evidence.sites if unit.definition(e.frame.f_code) is around]
    resolver = Resolver(evidence.units, evidence.namespace)
    resolver = Resolver.of_frame(evidence.units, frames[-1]) if frames else resolver
    function = ast.dump(call.func)
    found: list[ast.expr] = []
    for other in unit.nodes(ast.Call):
        for part in ast.walk(other.args[place]) if len(other.args) > place else ():
            at = _argument_place(unit, part) if isinstance(part, ast.Call) else (None, 0)
            alike = at == (other, place) and other is not call
            if alike and ast.dump(other.func) == function and isinstance(part, ast.Call):
                kinds = {kind_of(each) for each in resolver.options(part)}
                found += [part] if kinds == {Kind.COROUTINE} else []
    return found


def _argument_place(unit: Unit, node: ast.AST) -> tuple[ast.Call | None, int]:
    """The call that `node`, or the display around it, is an argument of; and which it is."""
    around = unit.parents.get(node)
    while isinstance(around, ast.Tuple | ast.List):
        node, around = around, unit.parents.get(around)
    if not isinstance(around, ast.Call) or node not in around.args:
        return None, 0
    return around, around.args.index(node)


def _arguments_alike(case: Case) -> list[ast.expr]:
    """The other arguments of a function that demands the same of them."""
    call, resolver = case.owner, case.evidence.resolver
    if not isinstance(call, ast.Call) or case.node not in call.args:
        return []
    callee = resolver.value(call.func)
    demands = {each: demand_of(Use("argument", each, call, None), callee) for each in call.args}
    return [
        each
        for each, demand in demands.items()
        if each is not case.node and demand is not None and demand.what == case.demand.what
    ]


def _beside(unit: Unit, node: ast.expr) -> list[ast.expr]:
    found: list[ast.expr] = []
    match unit.parents.get(node):
        case ast.List(elts=found) | ast.Tuple(elts=found) | ast.Set(elts=found):
            pass
        case ast.Dict(values=found):
            pass
        case ast.Compare(left, comparators=comparators):
            found = [left, *comparators]
        case ast.BinOp(left, _, right) as around:
            found = [left, right, *_beside(unit, around)]
    return [each for each in found if each is not node]
