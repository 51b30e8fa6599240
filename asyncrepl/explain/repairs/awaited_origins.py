"""``await`` where the coroutine is made, or no ``async`` where nothing in it waits.

In ``order = Order(total())`` the mistake shows where the total is used; the call, or the function
that is called, is what is wrong.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
from types import CodeType, CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, function_of, is_real_instance, lookup
from asyncrepl.explain.bindings import returned_values, takes_nothing
from asyncrepl.explain.demands import met
from asyncrepl.explain.dropped_coroutines import dropping
from asyncrepl.explain.fix_editor import Fixing
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.hoisted_code import called_at, called_here, made_plain, not_awaiting
from asyncrepl.explain.kinds import Kind, has
from asyncrepl.explain.repairs.moved_awaits import next_values
from asyncrepl.explain.repairs.repair_case import single_assignment
from asyncrepl.explain.scopes import (
    CannotFixError,
    behind_await,
    own_nodes,
    scope,
    stored_there,
    with_await,
)
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import Origin, bindings, calls_of, loads, origins
from asyncrepl.instrument.probe_placement import AWAITABLE_CALLS
from asyncrepl.syntax.names import (
    FUNCTIONS,
    callee_name,
    last_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.repairs.repair_case import Case
    from asyncrepl.explain.source_units import Function, Unit, Units


def decorated_async(fixing: Fixing, case: Case) -> None:
    """A plain function below ``@manager()``, which awaits what it decorates: ``async def``."""
    code = case.code
    if (
        code is None
        or code.co_filename != contextlib.__file__
        or not isinstance(case.node, ast.Call)
    ):
        return
    wrapped = getattr(case.evidence.resolver.value(case.node.func), "__wrapped__", None)
    found = case.evidence.units.source_of(wrapped)
    if found is not None and isinstance(found[1], ast.FunctionDef):
        fixing.of(found[0]).before(found[1], "async ")


def awaited_where_made(fixing: Fixing, case: Case) -> None:
    """``await`` in front of the one call of its function that nobody awaits."""
    code = case.code
    if case.info is None or case.info.kind is not CoroutineType or code is None:
        raise CannotFixError
    if out_of_thread(fixing, case.unit, single_assignment(case.unit, case.node, awaited=True)):
        return
    options = case.awaited
    if options and not any(met(case.demand, each) for each in options):
        raise CannotFixError
    name = case.info.function_name
    found = list(_unawaited_calls(case, code, name))
    if len(found) != 1 or _is_handed_over(case, code, name):
        found = list(_calls_followed(case, code))
    found = found if len(found) == 1 else _returned_unawaited(case)
    if not found:
        raise CannotFixError
    for unit, call in found:
        fixing.changed = call
        fixing.awaiting(unit, call)


def awaited_in_return(fixing: Fixing, case: Case) -> None:
    """``rows = await load()``, still to be awaited: ``await`` in the ``return`` of `load`."""
    found = [e for e in _returned_unawaited(case) if not _makes_task(e[1])]
    found = [e for e in found if not _gives_more(case.evidence.units, e[1])]
    if not found:
        raise CannotFixError
    for each in found:
        fixing.awaiting(*each)


def _gives_more(units: Units, call: ast.Call) -> bool:
    """Whether a plain function of its name returns several things: some may be there already."""
    named = [f for _, f in units.functions(callee_name(call)) if isinstance(f, ast.FunctionDef)]
    return any(len(returned_values(each)) > 1 for each in named)


def plain_factory(fixing: Fixing, case: Case) -> None:
    """``defaultdict(zero)``, of an ``async def`` in which nothing waits: a plain function."""
    found, units = case.home, case.evidence.units
    name = found[1].name if found is not None else ""
    given = [each for _, call in units.calls("defaultdict") for each in call.args[:1]]
    given += [each.value for _, each in units.nodes(ast.keyword) if each.arg == "default_factory"]
    if found is None or any(units.calls(name)) or name not in map(last_name, given):
        raise CannotFixError
    made_plain(fixing, *found)


def plain_decorator(fixing: Fixing, case: Case) -> None:
    """``@logged`` above an ``async def``, where `logged` is one and waits for nothing: a plain."""
    found = case.evidence.units.definition(case.info.code if case.info is not None else None)
    name = found[1].name if found is not None else ""
    decorated = [
        each
        for _, each in case.evidence.units.functions(last_name(case.node))
        if name in map(last_name, each.decorator_list)
    ]
    around = getattr(case.unit.parents.get(case.node), "decorator_list", [])
    if found is None or not (decorated or case.node in around):
        raise CannotFixError
    made_plain(fixing, *found)


def awaited_function(fixing: Fixing, case: Case) -> None:
    """``map(loaded(), xs)`` → ``map(await loaded(), xs)``, where that gives a function."""
    made = returned_values(case.home[1]) if case.home is not None else []
    called = [has(each, "__call__") for each in case.awaited]
    if not all(called or [isinstance(each, ast.Lambda) for each in made] or [False]):
        raise CannotFixError
    after = next_values(case, case.owner, case.awaited) if case.demand.what == "call" else []
    around = case.unit.parents.get(case.owner)
    if isinstance(around, ast.Await) and not any(has(each, "__await__") for each in after):
        not_awaiting(fixing, case.unit, around)  # ``await loaded()()``
    fixing.awaiting(case.unit, case.node)


def out_of_thread(fixing: Fixing, unit: Unit, made: ast.expr | None) -> bool:
    """`made`, ``await to_thread(work, 1)``, a coroutine → ``await work(1)``; if it is that."""
    call = made.value if isinstance(made, ast.Await) else None
    if not isinstance(call, ast.Call) or callee_name(call) not in ("to_thread", "run_in_executor"):
        return False
    called_here(fixing, unit, call, call.args[callee_name(call) == "run_in_executor" :])
    return True


def called_where_made(fixing: Fixing, case: Case) -> None:
    """``lock = asyncio.Lock`` → ``lock = asyncio.Lock()``: each use would make one of its own."""
    made = case.info.value if case.info is not None else None
    places = classes_given(case.evidence.units, case.unit, case.node, made)
    fitting = any(met(case.demand, each) for each in case.evidence.resolver.results(made))
    if not places or not fitting or not takes_nothing(made):
        raise CannotFixError
    called_at(fixing, places)


def classes_given(units: Units, unit: Unit, node: ast.expr, made: object) -> list[Origin]:
    """Where `node` of `unit` was given the class `made` itself, and not an object of it."""
    name = made.__name__ if is_real_instance(made, type) else ""
    places = origins(units, unit, node)
    same = all(last_name(each.node) == name and each.node is not node for each in places)
    return places if name and same else []


def as_task(fixing: Fixing, case: Case) -> None:
    """``job = f()`` and ``job.cancel()`` → ``job = create_task(f())``, which has this method.

    Of what is awaited elsewhere also for its ``result()``: that awaits a coroutine only once.
    """
    name = getattr(case.owner, "attr", "")
    if case.demand.what != "attribute" or lookup(asyncio.Task, name) is MISSING:
        raise CannotFixError
    if any(lookup(each.kind, name) is not MISSING for each in case.awaited):
        raise CannotFixError  # that is a future itself
    direct = case.node if isinstance(case.node, ast.Call) else None
    made = [direct or single_assignment(case.unit, case.node)]
    made = made if made != [None] else _made_in_list(case)
    if (name in ("result", "exception") and not awaited_by_name(case)) or not made:
        raise CannotFixError
    for each in made:
        if each is not None:
            fixing.given_to(case.unit, each, "asyncio.create_task")


def awaited_by_name(case: Case) -> bool:
    """Whether the coroutine that the operand names is awaited by its name as well."""
    uses = loads(case.unit, case.node) if isinstance(case.node, ast.Name) else []
    return any(isinstance(case.unit.parents.get(each), ast.Await) for each in uses)


def _made_in_list(case: Case) -> list[ast.expr | None]:
    """In ``for each in jobs``, the calls of which a display has made the coroutines in `jobs`."""
    unit, node = case.unit, case.node
    bound = bindings(unit, node)[1] if isinstance(node, ast.Name) else []
    loop = unit.parents.get(bound[0]) if len(bound) == 1 else None
    listed = single_assignment(unit, loop.iter) if isinstance(loop, ast.For) else None
    if isinstance(listed, ast.ListComp):
        return [listed.elt]
    items = listed.elts if isinstance(listed, ast.List | ast.Tuple) else []
    found = [single_assignment(unit, each) or each for each in items]
    info = case.evidence.resolver.info
    kinds = {each: info(item) for each, item in zip(found, items, strict=True)}
    return [each for each, known in kinds.items() if known and known.kind is CoroutineType]


def unawaited(fixing: Fixing, case: Case) -> None:
    """``create_task(await f())`` → ``create_task(f())``, also where a name was given that."""
    unit, node = case.unit, single_assignment(case.unit, case.node, awaited=True) or case.node
    if not isinstance(node, ast.Await):
        raise CannotFixError
    if _is_meant_as_task(case, node):
        fixing.of(unit).replace(node, f"asyncio.create_task({unit.source.source(node.value)})")
        return
    if not _needs_no_await(case, node):
        raise CannotFixError
    if isinstance(case.owner, ast.Await) and not (
        case.kind is Kind.NONE or _makes_task(node.value)
    ):
        raise CannotFixError  # one `await` is enough, and that was the first
    found, by = {node}, getattr(case.owner, "func", None)
    for call in own_nodes(scope(unit, node) or unit.tree or node):  # it may be so of each task
        if isinstance(call, ast.Call) and by is not None and ast.dump(call.func) == ast.dump(by):
            awaits = [each for each in call.args if isinstance(each, ast.Await)]
            found |= {each for each in awaits if _needs_no_await(case, each)}
    for each in found:
        fixing.of(unit).replace(each, unit.source.source(each.value))


def _makes_task(node: ast.expr) -> bool:
    return callee_name(node) in ("create_task", "ensure_future")


def _is_meant_as_task(case: Case, node: ast.Await) -> bool:
    """Whether a coroutine is awaited for a name, or an item, that is used as its task is."""
    options = case.evidence.resolver.options(node.value)
    if _makes_task(node.value) or [each.kind for each in options] != [CoroutineType]:
        return False
    uses = loads(case.unit, case.node) if isinstance(case.node, ast.Name) else []
    asked = {getattr(case.unit.parents.get(each), "attr", "_") for each in uses}
    names = [each for each in asked if not each.startswith("_") and hasattr(asyncio.Task, each)]
    kind = case.info.kind if case.info is not None else object
    return case.demand.what == "task" or any(lookup(kind, each) is MISSING for each in names)


def _needs_no_await(case: Case, node: ast.Await) -> bool:
    info = case.evidence.resolver.info(node.value)
    return info is not None and met(case.demand, info)


def may_await_where_made(fixing: Fixing, case: Case) -> bool:
    """The same, and whether that is possible."""
    with contextlib.suppress(CannotFixError):
        awaited_where_made(Fixing(case.evidence), case)  # which may fail half way
        awaited_where_made(fixing, case)
        return True
    return False


def _unawaited_calls(case: Case, code: CodeType, name: str) -> Iterator[tuple[Unit, ast.Call]]:
    """Those that may make it: not what has led here, for which an ``await`` comes too late."""
    under_way = [each.node(ast.Call) for each in case.evidence.sites[:-1]]
    for unit in case.evidence.units.all():
        for call in unit.nodes(ast.Call):
            around = unit.parents.get(call)
            awaits = isinstance(around, ast.Await | ast.Starred) or (
                isinstance(around, ast.Call) and callee_name(around) in AWAITABLE_CALLS
            )
            if call in under_way:
                continue
            if callee_name(call) == name and not awaits and _may_be(case, call, code):
                yield unit, call


def _calls_followed(case: Case, code: CodeType) -> Iterator[tuple[Unit, ast.Call]]:
    """The calls, of whatever a function was given, that the value of an attribute comes from."""
    for unit, node in origins(case.evidence.units, case.unit, case.node):
        if not isinstance(node, ast.Call) or isinstance(unit.parents.get(node), ast.Await):
            continue
        bound = bindings(unit, node.func)[1] if isinstance(node.func, ast.Name) else []
        given = isinstance(case.node, ast.Attribute) and [*map(type, bound)] == [ast.arg]
        if given and _may_be(case, node, code):
            yield unit, node


def _returned_unawaited(case: Case) -> list[tuple[Unit, ast.Call]]:
    """Of ``await connect()``, a coroutine, the calls that this returns: its wrapper's, say."""
    made = single_assignment(case.unit, case.node, awaited=True) or case.node
    call = behind_await(made)
    called = case.evidence.resolver.value(call.func) if isinstance(call, ast.Call) else None
    found, function = case.evidence.units.source_of(called), function_of(called)
    if found is None or call is made or not isinstance(found[1], ast.AsyncFunctionDef):
        return []
    resolver = case.evidence.resolver.inside(function and function.__code__, function)
    returned = [_given_before(*found, each) for each in returned_values(found[1])]
    calls = dict.fromkeys(each for each in returned if isinstance(each, ast.Call))
    known = [each for each in calls if any(has(e, "__await__") for e in resolver.options(each))]
    may = [each for each in calls if not resolver.options(each)]
    return [(found[0], each) for each in known or may[: len(may) == 1]]


def _given_before(unit: Unit, function: Function, value: ast.expr) -> ast.expr:
    """What the function gives the variable, or the item, that it returns."""
    if isinstance(value, ast.Subscript):
        return stored_there(function, value) or value
    return single_assignment(unit, value) or value


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


def kept_in_attribute(case: Case) -> ast.Call | ast.Name | None:
    """What an attribute is given, once, in a coroutine: by a call, or in a variable."""
    unit, text = case.unit, case.unit.source.source(case.node)
    if not isinstance(case.node, ast.Attribute):
        return None
    uses = [each for each in unit.nodes(ast.Attribute) if unit.source.source(each) == text]
    owners = [unit.parents.get(each) for each in uses]
    given = [each.value for each in owners if isinstance(each, ast.Assign)]
    made = [each for each in given if not isinstance(each, ast.Constant)]
    if len(made) != 1 or any(isinstance(each, ast.Await) for each in owners):
        return None
    inside = isinstance(scope(unit, made[0]), ast.AsyncFunctionDef)
    return made[0] if inside and isinstance(made[0], ast.Call | ast.Name) else None


def either_awaited(
    fixing: Fixing, unit: Unit, call: ast.expr, code: CodeType | None = None
) -> bool:
    """`call`, ``handler()``, of one of several handlers: some may be plain; whether it is that."""
    seen = fixing.evidence.seen
    found = fixing.evidence.units.definition(seen.info.code if seen is not None else code)
    if found is None and code is None:  # nobody knows of which object it is a method
        named = fixing.evidence.units.functions(callee_name(call))
        found = next((each for each in named if isinstance(each[1], ast.FunctionDef)), None)
    if found is None or not isinstance(call, ast.Call):
        return False
    if not _other_beside(fixing.evidence.units, unit, call, found):
        return False
    statement, whole = unit.statement(call), with_await(unit, call)
    source, by, name = (
        unit.source.source(call),
        unit.source.indent(statement),
        fresh(unit, "result"),
    )
    if isinstance(statement, ast.Expr) and statement.value is whole:
        text = f"{name} = {source}\n{by}if inspect.isawaitable({name}):\n{by}    await {name}"
        fixing.of(unit).replace(statement, text)
    else:
        text = f"(await {name} if inspect.isawaitable({name} := {source}) else {name})"
        fixing.of(unit).replace(whole, text)
    fixing.waiting.add(call)
    fixing.suspending(unit, call)
    return True


def _other_beside(units: Units, unit: Unit, call: ast.Call, found: tuple[Unit, Function]) -> bool:
    """Whether what is called may be async or plain, too: registered, or listed, like it.

    In a loop over such things, or where one of them was kept: ``self.connection.execute()``.
    """
    (home, function), name = found, found[1].name
    item = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    bound = bindings(unit, item)[1] if isinstance(item, ast.Name) else []
    looped = [unit.parents.get(each) for each in bound]
    kept = isinstance(item, ast.Attribute | ast.Call) and item is not call.func
    if not kept and not any(
        isinstance(each, ast.For | ast.comprehension | ast.Tuple) for each in looped
    ):
        return False
    others = [
        (one.parents.get(each), each)
        for one in units.all()
        for each in one.functions()
        if type(each) is not type(function) and each is not scope(unit, call)  # which will wait
    ]
    if isinstance(call.func, ast.Attribute):
        bases = {last_name(each) for each in getattr(home.parents.get(function), "bases", ())}
        owners = [around for around, each in others if each.name == name]
        return any(isinstance(each, ast.ClassDef) and each.name not in bases for each in owners)
    decorators = set(map(ast.dump, function.decorator_list))
    if any(decorators & set(map(ast.dump, each.decorator_list)) for _, each in others):
        return True
    names = {each.name for _, each in others}
    given = [(ast.dump(each.func), each.args) for _, each in units.nodes(ast.Call)]
    takers = {by for by, each in given if name in map(last_name, each)}
    listed = [
        {*map(last_name, each.elts)}
        for one in units.all()
        for each in one.nodes(ast.expr)
        if isinstance(each, ast.List | ast.Tuple | ast.Set)
    ]
    return any(names & {*map(last_name, each)} for by, each in given if by in takers) or any(
        name in each and names & each for each in listed
    )


def waits_inside(fixing: Fixing, case: Case) -> None:
    """``await setup()``, which drops coroutines: an ``async def`` that awaits them."""
    found = dropping(case.evidence, case.node)
    if found is None:
        raise CannotFixError
    unit, function, calls = found
    called = calls_of(unit, function, unit)
    if all(isinstance(unit.parents.get(each), ast.Await) for each in called):
        fixing.of(unit).before(function, "async ")
    else:
        fixing.make_async(unit, function)  # with the others who call it
    for each in calls:
        fixing.of(unit).before(each, "await ")


def awaited_on_loop(fixing: Fixing, unit: Unit, call: ast.Call, given: ast.expr) -> None:
    """``run_coroutine_threadsafe(given, loop).result(1)``, which is `call` → ``await given``."""
    source, made = unit.source.source, unit.parents[given]
    future = call.func.value if isinstance(call.func, ast.Attribute) else call
    text = source(given if future is made else future)
    for timeout in (*call.args, *(each.value for each in call.keywords)):
        text = f"asyncio.wait_for({text}, {source(timeout)})"
    if future is not made:
        fixing.of(unit).replace(made, f"asyncio.ensure_future({source(given)})")
    fixing.of(unit).replace(call, text)
    fixing.awaiting(unit, call)
