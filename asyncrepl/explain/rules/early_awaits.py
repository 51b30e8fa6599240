"""What is awaited before it is complete, or where its task is meant; and a task that is wanted."""

from __future__ import annotations

import ast
import asyncio
from types import CoroutineType, NoneType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import (
    MISSING,
    PLAIN,
    describe,
    is_real_instance,
    lookup,
)
from asyncrepl.explain.demands import Demand
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, replaced, short
from asyncrepl.explain.kinds import Kind, a_type, has, kind_of
from asyncrepl.explain.operand_parts import put_into
from asyncrepl.explain.repairs.repair_case import Case, given_by_caller, single_assignment
from asyncrepl.explain.scopes import CannotFixError, scope
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import bindings, loads
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

#: What is asked of a task or a future, and what of many other things as well.
_OF_TASKS = {name for name in dir(asyncio.Task) if not name.startswith("_")} - {"send", "throw"}
_OF_OTHERS = {"cancel", "done", "exception", "get_loop", "result", "set_result"}


def _awaited_too_soon(evidence: Evidence) -> Finding | None:
    """``task = await create_task(work())``, and then ``task.cancel()``."""
    error, node, unit = evidence.error, evidence.node(ast.Attribute), evidence.unit
    if node is None or not evidence.direct or not isinstance(error, AttributeError):
        return None
    wait = _awaited_for(evidence, node.value)
    if error.name != node.attr or node.attr not in _OF_TASKS or not isinstance(wait, ast.Await):
        return None
    options = evidence.resolver.options(wait.value)
    kinds = {kind_of(each) for each in options}
    task = callee_name(wait.value) in _MAKERS or kinds in ({Kind.TASK}, {Kind.FUTURE})
    called = isinstance(unit.parents.get(node), ast.Call)
    certain = node.attr not in _OF_OTHERS or (called and type(error.obj) in (*PLAIN, NoneType))
    if not task and (kinds != {Kind.COROUTINE} or not certain):
        return None
    text, source = short(unit, node.value), short(unit, wait.value)
    why = (
        f"`await` waits for {source} right there, and {text} is what came of it: only "
        f"{'a future' if kinds == {Kind.FUTURE} else 'a task'} has `{node.attr}`."
    )
    if node.attr in ("result", "exception"):
        return Finding(why, _not_asked(evidence, unit, node))
    made = unit.source.source(wait.value)
    made = made if task else f"asyncio.create_task({made})"
    return Finding(why, replaced(evidence, unit, (wait, made)))


@correction
def _not_asked(fixing: Fixing, unit: Unit, node: ast.Attribute) -> None:
    """``rows.result()`` → ``rows``, which is the result: an awaited task has given it."""
    call = unit.parents.get(node)
    if node.attr != "result" or not isinstance(call, ast.Call):
        raise CannotFixError
    fixing.of(unit).replace(call, unit.source.operand(node.value))


def _awaited_for(evidence: Evidence, node: ast.expr) -> ast.expr | None:
    """What a name was given, or that one of the items of which a loop has taken it."""
    unit = evidence.unit
    given = single_assignment(unit, node, awaited=True)
    bound = bindings(unit, node)[1] if isinstance(node, ast.Name) else []
    loop = unit.parents.get(bound[0]) if len(bound) == 1 else None
    if given is not None or not isinstance(loop, ast.For):
        return given
    listed = single_assignment(unit, loop.iter) or loop.iter
    made = [listed.elt] if isinstance(listed, ast.ListComp) else put_into(unit, loop.iter)
    items = listed.elts if isinstance(listed, ast.List | ast.Tuple) else []
    if not items and len(made) == 1:
        return made[0]
    value = evidence.resolver.value
    own = [each for each in items if value(each) is getattr(evidence.error, "obj", MISSING)]
    return single_assignment(unit, own[0], awaited=True) if len(own) == 1 else None


_MAKERS = ("create_task", "ensure_future")


def _awaited_before_complete(evidence: Evidence) -> Finding | None:
    """``rows = await find()`` and ``rows.limit(2)``: that is a method of what was awaited."""
    error, node = evidence.error, evidence.node(ast.Attribute)
    if node is None or not evidence.direct or not isinstance(error, AttributeError):
        return None
    unit, wait, resolver = _wait_for(evidence, node)
    if not isinstance(wait, ast.Await) or error.name != node.attr or error.obj is None:
        return None  # what gives None has found nothing, and that is another matter
    options = resolver.options(wait.value)
    own = [each for each in options if has(each, "__await__") and kind_of(each) not in _RUNNING]
    if not own or any(lookup(each.kind, node.attr) is MISSING for each in options):
        return None
    why = (
        f"`await` has run {short(unit, wait.value)} already, and gave "
        f"{a_type(describe(error.obj))}: `{node.attr}` is of the {own[0].kind.__name__}, and "
        "comes before `await`."
    )
    return Finding(why, _awaited_when_complete(evidence, unit, wait, node))


#: What runs by itself, or only by being awaited: nothing can be added to it before.
_RUNNING = (Kind.COROUTINE, Kind.TASK, Kind.FUTURE, Kind.STEP)


def _wait_for(evidence: Evidence, node: ast.Attribute) -> tuple[Unit, ast.expr | None, Resolver]:
    """The ``await`` that gave the owner of the attribute, perhaps as an argument of a caller's."""
    unit, resolver = evidence.unit, evidence.resolver
    case = Case(evidence, unit, Demand("value", node.value, node, "."), None)
    if (given := given_by_caller(case)) is not None:
        unit, owner = given
        frames = (each.frame for each in reversed(evidence.sites) if each.unit is unit)
        inside = scope(unit, owner)
        frame = next((f for f in frames if unit.definition(f.f_code) is inside), None)
        resolver = Resolver.of_frame(evidence.units, frame) if frame is not None else resolver
    else:
        owner = node.value
    wait = owner if isinstance(owner, ast.Await) else single_assignment(unit, owner, awaited=True)
    return unit, wait, resolver


@correction
def _awaited_when_complete(
    fixing: Fixing, unit: Unit, wait: ast.Await, node: ast.Attribute
) -> None:
    """``rows = find()`` and ``await rows.limit(2)``."""
    source, home = unit.source.source, fixing.evidence.unit
    target = getattr(unit.parents.get(wait), "targets", [wait])[0]
    if isinstance(target, ast.Name) and len(loads(unit, target)) > 1:
        raise CannotFixError  # what it gives is used elsewhere
    fixing.of(unit).replace(wait, source(wait.value))
    call, here = home.parents.get(node), home is unit and scope(unit, wait) is scope(unit, node)
    if here and isinstance(call, ast.Call) and not isinstance(home.parents.get(call), ast.Await):
        fixing.of(home).before(call, "await ")


def _task_wanted(evidence: Evidence) -> Finding | None:
    """A coroutine, of which the user's own code has asked whether it is a future."""
    call, unit = _future_asked_for(evidence), evidence.unit
    value = evidence.resolver.value(call.args[0]) if call is not None else None
    if call is None or not is_real_instance(value, CoroutineType):
        return None
    case = Case(evidence, unit, Demand("task", call.args[0], call, "the test"), describe(value))
    why = (
        f"{short(unit, call.args[0])} is a coroutine, and no future, which is wanted here: "
        "`asyncio.create_task(…)` makes a task of it."
    )
    return Finding(why, _made_a_task(evidence, case))


def _future_asked_for(evidence: Evidence) -> ast.Call | None:
    """The question that led to the error: ``if not isinstance(job, Future): raise``."""
    node = evidence.unit.statement(evidence.nodes[-1]) if evidence.nodes else None
    around = evidence.unit.parents.get(node) if isinstance(node, ast.Raise) else node
    match around:
        case ast.Assert(ast.Call(function, [_, *kinds]) as call):
            pass
        case ast.If(ast.UnaryOp(ast.Not(), ast.Call(function, [_, *kinds]) as call)):
            pass
        case _:
            return None
    asked, *types = map(evidence.resolver.value, (function, *kinds))
    futures = [is_real_instance(each, type) and issubclass(each, asyncio.Future) for each in types]
    return call if asked is asyncio.isfuture or (futures and all(futures)) else None


@correction
def _made_a_task(fixing: Fixing, case: Case) -> None:
    """A task of the coroutine, where that is made, or given away, in an ``async def``."""
    made = single_assignment(case.unit, case.node) or case.node
    unit, node = given_by_caller(case) or (case.unit, made)
    if not isinstance(scope(unit, node), ast.AsyncFunctionDef):
        raise CannotFixError
    fixing.given_to(unit, node, "asyncio.create_task")


RULES = (
    Rule(
        "await-a-plain-call",
        "a result where its task is meant",
        5,
        "`await` waits until there is a result, and gives that. Who wants the task, to cancel it "
        "or to ask it later, keeps it: `task = asyncio.create_task(work())`, and awaits it then.",
        _awaited_too_soon,
        errors=(AttributeError,),
    ),
    Rule(
        "await-a-plain-call",
        "awaited before it was complete",
        5,
        "What is awaited runs, and gives its result. What is still to be added to it, as to a "
        "query, comes before: `await find().limit(2)`.",
        _awaited_before_complete,
        errors=(AttributeError,),
    ),
    Rule(
        "asyncio-wait-wants-tasks",
        "a coroutine where a task is wanted",
        3,
        "A coroutine is no future: nobody can add a callback to it, or cancel it. "
        "`asyncio.create_task(work())` makes a task of it, which is one.",
        _task_wanted,
        errors=(TypeError, ValueError, AssertionError, RuntimeError),
    ),
)
