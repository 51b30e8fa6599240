"""``await`` for the items of a collection: where they are made, or where they are used.

A collection that its function makes itself is filled with results at once. Of one that came from
elsewhere, the items are awaited before they are used.
"""

from __future__ import annotations

import ast
import asyncio
from types import CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import describe, is_real_instance
from asyncrepl.explain.demands import met
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.held_operands import values_in
from asyncrepl.explain.hoisted_code import mapped
from asyncrepl.explain.kinds import has
from asyncrepl.explain.repairs.awaited_origins import out_of_thread
from asyncrepl.explain.repairs.repair_case import is_endless
from asyncrepl.explain.scopes import CannotFixError, block_of, caught_kinds, scope
from asyncrepl.explain.value_origins import bindings, loads
from asyncrepl.instrument.probe_placement import AWAITABLE_CALLS
from asyncrepl.syntax.names import COMPREHENSIONS, LOOPS, callee_name, method_owner, written_name

if TYPE_CHECKING:
    from asyncrepl.explain.fix_editor import Fixing
    from asyncrepl.explain.repairs.repair_case import Case
    from asyncrepl.explain.source_units import Unit

    Named = ast.Name | ast.Attribute


_INSERTING = ("heappush", "insort", "insort_left", "insort_right")


def awaited_where_listed(fixing: Fixing, case: Case) -> None:
    """``jobs = [f(x) for x in xs]``, used as results → ``jobs = [await f(x) for x in xs]``.

    The items of a collection that the function itself makes: they may be used in many places,
    and where none is awaited all want results.
    """
    unit, resolver, options = case.unit, case.evidence.resolver, case.awaited
    if options and not any(met(case.demand, each) for each in options):
        raise CannotFixError
    named = _collection_of(unit, case.node)
    uses = _uses(unit, named) if named else []
    items = [one for use in uses for one in _put_in(unit, use)]
    items += _items_made(case.node) if named is None else _assigned(unit, named)
    made = [each for item in items for each in _made(unit, item)]
    known = [each for each in made if any(has(one, "__await__") for one in resolver.options(each))]
    if not made or (not known and len(made) > 1) or any(_is_awaited(unit, each) for each in uses):
        raise CannotFixError
    if not _holds_coroutines(case, named or case.node):
        raise CannotFixError
    for each in known or made:
        if not isinstance(scope(unit, each), ast.AsyncFunctionDef):
            raise CannotFixError
        fixing.changed = each
        if isinstance(each, ast.Call) and callee_name(each) == "map":
            mapped(fixing, unit, each)
        elif not out_of_thread(fixing, unit, each):
            fixing.awaiting(unit, each)


def _uses(unit: Unit, named: Named) -> list[Named]:
    """Where the collection is used: all of a variable, and of attributes of that name."""
    if isinstance(named, ast.Name):
        return [*loads(unit, named)]
    return [each for each in unit.nodes(ast.Attribute) if each.attr == named.attr]


def _assigned(unit: Unit, named: Named) -> list[ast.expr]:
    """What makes the items that a variable of a coroutine is given at once, or an attribute."""
    if isinstance(named, ast.Attribute):
        around = [unit.parents.get(each) for each in _uses(unit, named)]
        values = [each.value for each in around if isinstance(each, ast.Assign | ast.AnnAssign)]
        return [one for each in values if each is not None for one in _items_made(each)]
    owner, bound = bindings(unit, named)
    assigned = unit.parents.get(bound[0]) if len(bound) == 1 else None
    suspends = isinstance(owner, ast.AsyncFunctionDef) and scope(unit, named) is owner
    if not suspends or not isinstance(assigned, ast.Assign) or len(assigned.targets) != 1:
        raise CannotFixError
    return _items_made(assigned.value)


def _holds_coroutines(case: Case, named: ast.expr) -> bool:
    """Whether coroutines are in it, and no tasks: those run at once, and can be awaited again."""
    held = case.evidence.resolver.info(named)
    return CoroutineType in [each.kind for each in (case.info, held and held.item) if each]


def _collection_of(unit: Unit, node: ast.expr) -> Named | None:
    """The variable that holds `node`: ``jobs[0]``, what a loop takes of it, or all its items."""
    if isinstance(node, ast.Subscript):
        return _collection_of(unit, node.value) or _viewed(node.value)
    for around in unit.ancestors(node) if isinstance(node, ast.Name) else ():
        clauses = getattr(around, "generators", [around] if isinstance(around, ast.For) else [])
        for each in clauses:
            targets = [part.id for part in ast.walk(each.target) if isinstance(part, ast.Name)]
            if node.id in targets:  # type: ignore[attr-defined]  # it is a name
                return _viewed(each.iter)
    return _viewed(node)


def _viewed(node: ast.expr) -> Named | None:
    """The variable, or attribute, in ``jobs`` and ``jobs.items()``."""
    if isinstance(node, ast.Call) and callee_name(node) in ("values", "items"):
        return _viewed(method_owner(node) or node.func)
    return node if isinstance(node, ast.Name | ast.Attribute) else None


def _items_made(value: ast.expr) -> list[ast.expr]:
    """What makes the items of the collection `value`; of ``map`` the call itself."""
    match value:
        case ast.Call(ast.Name("list" | "tuple" | "set"), [inner], []):
            return _items_made(inner)
        case ast.Call(ast.Name("map"), [ast.Name() | ast.Attribute(), _], []):
            return [value]
        case ast.List(made) | ast.Tuple(made) | ast.Set(made) | ast.Dict(_, made):
            return made
        case (
            ast.ListComp(made) | ast.SetComp(made) | ast.GeneratorExp(made) | ast.DictComp(_, made)
        ):
            return [made]
    return []


def _put_in(unit: Unit, use: Named) -> list[ast.expr]:
    """What a statement with this `use` of a collection puts into it."""
    around = unit.parents[use]
    match around, unit.parents.get(around):
        case ast.Attribute(attr="append" | "add" | "insert" | "setdefault"), ast.Call(args=given):
            return given[-1:]
        case ast.Subscript(ctx=ast.Store()), ast.Assign(value=made):
            return [made]
        case ast.Call(args=[first, made]), _ if first is use and callee_name(around) in _INSERTING:
            return [made]
    return []


def _made(unit: Unit, node: ast.expr) -> list[ast.expr]:
    """The calls that make the item `node`, or the item; those that are not awaited already."""
    if isinstance(node, ast.Tuple | ast.List):
        return [each for part in node.elts for each in _made(unit, part)]
    statement, stored = unit.statement(node), f"Name(id={getattr(node, 'id', '')!r}, ctx=Store())"
    block = block_of(unit, statement) if isinstance(node, ast.Name) else [statement]
    given = [
        each.value
        for each in block[: block.index(statement)]
        if isinstance(each, ast.Assign) and ast.dump(each.targets[0]) == stored
    ]
    made = given[-1] if given else node
    thread = isinstance(made, ast.Await) and callee_name(made.value) in _THREADS
    return [made] if thread or not isinstance(made, ast.Await | ast.Constant) else []


_THREADS = ("to_thread", "run_in_executor")


def _is_awaited(unit: Unit, use: Named) -> bool:
    """Whether items of a collection are awaited at this `use`, or given to who awaits them."""
    around, item = unit.parents[use], None
    if isinstance(around, ast.Attribute) and around.attr in ("values", "items"):
        use, around = unit.parents[around], unit.parents[unit.parents[around]]  # type: ignore[assignment]
    if isinstance(around, ast.Starred | ast.Return | ast.Yield) or (
        isinstance(around, ast.Call) and callee_name(around) in _AWAITING
    ):
        return True
    if isinstance(around, ast.For | ast.comprehension) and around.iter is use:
        names = [part.id for part in ast.walk(around.target) if isinstance(part, ast.Name)]
        whole = unit.parents[around] if isinstance(around, ast.comprehension) else around
        return any(_waits_for(unit, n) for n in ast.walk(whole) if getattr(n, "id", "") in names)
    item = around if isinstance(around, ast.Subscript) else None
    return item is not None and _waits_for(unit, item)


def _waits_for(unit: Unit, item: ast.AST) -> bool:
    around = unit.parents.get(item)
    called = isinstance(around, ast.Call) and callee_name(around) in _AWAITING
    return called or isinstance(around, ast.Await)


#: Who waits for what it is given, one or many.
_AWAITING = AWAITABLE_CALLS | {"wait", "as_completed", "iscoroutine", "isawaitable"}


def results_kept(fixing: Fixing, case: Case) -> None:
    """``await gather(*jobs)``, thrown away above → ``jobs = await gather(*jobs)``.

    Of coroutines, which cannot be awaited again; a task can, and may be asked for more.
    """
    unit, node = case.unit, case.node
    if not _holds_coroutines(case, node):
        raise CannotFixError
    loops = [each for each in unit.ancestors(node) if isinstance(each, LOOPS + COMPREHENSIONS)]
    clauses = [one for each in loops for one in getattr(each, "generators", [each])]
    read = [node, *(each.iter for each in clauses if not isinstance(each, ast.While))]
    read += getattr(case.owner, "args", [])
    names = {part.id for each in read for part in ast.walk(each) if isinstance(part, ast.Name)}
    for call in unit.nodes(ast.Call):
        jobs = _named(call) if callee_name(call) == "gather" else ""
        waits, statement = unit.parents[call], unit.statement(call)
        runs = isinstance(waits, ast.Await) or callee_name(waits) == "run_until_complete"
        if names.isdisjoint(jobs.split(", ")) or not runs:
            continue
        last = max(node.lineno, getattr(case.owner, "lineno", 0))
        here = scope(unit, call) is scope(unit, node) and call.lineno < last
        if here and unit.parents[waits] is statement and isinstance(statement, ast.Expr):
            fixing.of(unit).before(statement, f"{jobs} = ")
            return
    raise CannotFixError


def _named(call: ast.Call) -> str:
    """The variables that a `call` is given, to take what it gives; "" where it is given more."""
    match call.args:
        case [ast.Starred(ast.Name(name))]:
            return name
        case [_, _, *_] as given if all(isinstance(each, ast.Name) for each in given):
            return ", ".join(map(written_name, given))
    return ""


def variable_of_awaited(case: Case) -> ast.Name | None:
    """The variable given the collection that the operand stands in, if its items are awaited."""
    unit, statement = case.unit, case.unit.statement(case.node)
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if not isinstance(target, ast.Name) or case.node not in _items_made(statement.value):  # type: ignore[attr-defined]
        return None
    return target if any(_is_awaited(unit, each) for each in loads(unit, target)) else None


def tasks_awaited(fixing: Fixing, case: Case) -> None:
    """``sum(tasks)``, of tasks that somebody waits for → ``sum([await job for job in tasks])``."""
    named, given = variable_of_awaited(case), getattr(case.owner, "args", [])
    used = [each for each in given if named is not None and written_name(each) == named.id]
    if len(used) != 1 or case.info is None or case.info.kind is CoroutineType:
        raise CannotFixError
    job, text = fresh(case.unit, "job"), case.unit.source.source(used[0])
    fixing.of(case.unit).replace(used[0], f"[await {job} for {job} in {text}]")
    fixing.suspending(case.unit, used[0])


def items_awaited(fixing: Fixing, case: Case) -> None:
    """``sum(jobs)`` → ``sum([await job for job in jobs])``; ``jobs.sort()`` has them first."""
    unit, node = case.unit, case.node
    held, loop = case.evidence.resolver.info(node), case.owner
    if held is None or any(not met(case.demand, each) for each in case.awaited):
        raise CannotFixError
    if isinstance(loop, ast.For) and unit.source.begins_line(loop.body[0]):
        job, target = fresh(unit, "job"), unit.source.source(loop.target)
        fixing.of(unit).lines_before(loop.body[0], f"{target} = await {job}")
        fixing.of(unit).replace(loop.target, job)  # ``for key, value in jobs:``
        fixing.suspending(unit, node)
        return
    pairs = callee_name(node) in ("items", "keys") or isinstance(loop, ast.BinOp)
    known = values_in(held.value) if type(held.value) in (dict, list, tuple) else []
    items = [*map(describe, known), *([held.item] if held.item is not None else [])]
    if pairs or not has(held, "__iter__") or not all(has(e, "__await__") for e in items):
        raise CannotFixError
    item, text = fresh(unit, "job"), case.source
    results = f"[await {item} for {item} in {text}]"
    done = values_in(held.value) if type(held.value) in (list, tuple, set) else []
    if isinstance(scope(unit, node), ast.FunctionDef) and done and all(map(is_done, done)):
        fixing.of(unit).replace(node, f"[{item}.result() for {item} in {text}]")
        return
    if held.kind is dict:
        key = fresh(unit, "key")
        results = f"{{{key}: await {item} for {key}, {item} in {text}.items()}}"
    if getattr(case.owner, "func", None) is unit.parents.get(node):  # a method of the collection
        fixing.of(unit).lines_before(unit.statement(node), f"{text}[:] = {results}")
    else:
        fixing.of(unit).replace(node, results)
    fixing.suspending(unit, node)


def is_done(task: object) -> bool:
    """Whether it is a task, or a future, that is done: plain code can ask for its result."""
    return is_real_instance(task, asyncio.Future) and bool(task.done())


def wants_each_round(case: Case) -> bool:
    """Whether each round of a loop wants one item of a stream that was made before the loop.

    Raises CannotFixError where nobody knows what is to happen when the stream ends.
    """
    unit, node, loop = case.unit, case.node, case.unit.enclosing(case.owner, ast.While)
    bound = bindings(unit, node)[1] if isinstance(node, ast.Name) else []
    if loop is None or not bound or {*ast.walk(loop)} & {*bound}:
        return False
    tries = [each for each in unit.ancestors(case.owner) if isinstance(each, ast.Try)]
    kinds = [kind for each in tries for one in each.handlers for kind in caught_kinds(one.type)]
    ends = "StopAsyncIteration" in map(written_name, kinds)
    if not ends and not is_endless(case, waiting=True):
        raise CannotFixError
    return True
