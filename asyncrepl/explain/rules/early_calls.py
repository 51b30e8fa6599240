"""Called, or awaited, too early: a result where its function, or its task, is wanted.

And a class that was not called at all where an object of it is; and what is returned out of the
block that it needs, before it has run.
"""

from __future__ import annotations

import ast
import asyncio
from types import CoroutineType, ModuleType, NoneType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import (
    MISSING,
    PLAIN,
    describe,
    function_of,
    is_real_instance,
    lookup,
)
from asyncrepl.explain.bindings import (
    accepts_call,
    is_coroutine_function,
    python_method,
    takes_nothing,
)
from asyncrepl.explain.demands import Demand
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, awaited, corrected, correction, replaced, short
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.hoisted_code import called_at
from asyncrepl.explain.kinds import Kind, a_kind, a_type, has, kind_of
from asyncrepl.explain.operand_parts import put_into
from asyncrepl.explain.repairs.awaited_origins import classes_given
from asyncrepl.explain.repairs.repair_case import Case, given_by_caller, single_assignment
from asyncrepl.explain.rules.own_states import own_attributes
from asyncrepl.explain.scopes import CannotFixError, scope
from asyncrepl.explain.source_units import own_name
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import bindings, loads
from asyncrepl.instrument.probe_placement import LATER_CALLS
from asyncrepl.syntax.names import FUNCTIONS, callee_name, method_owner, written_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit

#: What calls a function that it is given, with the arguments that follow: its position.
_TAKING = {**LATER_CALLS, "to_thread": 0, "run_in_executor": 1}


def _called_already(evidence: Evidence) -> Finding | None:
    """``call_soon(work())``, where `work` is a plain function: the loop gets what that gave."""
    use, unit = evidence.use("seen"), evidence.unit
    call = unit.parents.get(use.node) if use is not None else None
    if use is None or use.info is None or not isinstance(call, ast.Call):
        return None
    if not isinstance(use.node, ast.Call) or callee_name(call) not in LATER_CALLS:
        return None
    why = (
        f"`{callee_name(call)}` takes a function, and {short(unit, use.node)} has been called "
        f"already, right here: the loop gets {a_kind(use.info, kind_of(use.info))}."
    )
    return Finding(why, _handed_over(evidence, call, use.node, passes=False))


def _called_with_too_little(evidence: Evidence) -> Finding | None:
    """``add_done_callback(over())``: who calls `over` later would give it the task."""
    given, unit = evidence.node(ast.Call), evidence.unit
    call = unit.parents.get(given) if given is not None else None
    if given is None or not isinstance(call, ast.Call) or not evidence.direct:
        return None
    place = _TAKING.get(callee_name(call), len(call.args))
    if given not in call.args[place : place + 1]:
        return None
    passes = callee_name(call) == "add_done_callback"
    later = len(call.args) - place - 1 + passes
    if _takes(evidence, given, 0) or not _takes(evidence, given, later):
        return None
    by = "the task that is over" if passes else "the arguments that follow"
    why = (
        f"`{callee_name(call)}` takes the function itself, and calls it with {by}: "
        f"{short(unit, given)} calls it right here, and without."
    )
    return Finding(why, _handed_over(evidence, call, given, passes=passes))


def _takes(evidence: Evidence, call: ast.Call, more: int) -> bool:
    """Whether a function of the user's can be called as by `call` and with `more` arguments."""
    value, owner = evidence.resolver.value, getattr(call.func, "value", None)
    function = function_of(value(call.func))
    if function is None:
        return False
    object_given = owner is not None and not is_real_instance(value(owner), (type, ModuleType))
    return bool(accepts_call(function, call, more + object_given))


@correction
def _handed_over(fixing: Fixing, call: ast.Call, given: ast.Call, *, passes: bool) -> None:
    """``call_soon(work(1))`` → ``call_soon(work, 1)``; a future gives its callbacks itself.

    `passes` says that the function was called without it, and takes it last.
    """
    unit, source = fixing.evidence.unit, fixing.evidence.unit.source.source
    function, *arguments = [source(each) for each in (given.func, *given.args)]
    text = ", ".join([function, *arguments])
    if isinstance(call.func, ast.Attribute) and call.func.attr == "add_done_callback":
        task, named = fresh(unit, "task"), [source(each) for each in given.keywords]
        whole = arguments == ([] if passes else [source(call.func.value)]) and not named
        inner = [*arguments, task, *named] if passes else [*arguments, *named]
        text = function if whole else f"lambda {task}: {function}({', '.join(inner)})"
    elif given.keywords or (call.args[-1] is not given and not passes and not arguments):
        text = f"lambda: {source(given)}"
    fixing.of(unit).replace(given, text)


def _class_itself(evidence: Evidence) -> Finding | None:
    """``ready = asyncio.Event``, and then ``ready.set()``, for which there is no object."""
    call, unit = evidence.node(ast.Call), evidence.unit
    method = call.func if call is not None else None
    if call is None or not isinstance(method, ast.Attribute) or not evidence.direct:
        return None
    made = evidence.resolver.value(method.value)
    function = python_method(made, method.attr) if is_real_instance(made, type) else None
    if not is_real_instance(made, type) or function is None:
        return None
    ours = made.__module__.partition(".")[0] == "asyncio" or is_coroutine_function(function)
    if not ours or accepts_call(function, call) or not accepts_call(function, call, 1):
        return None
    places = classes_given(evidence.units, unit, method.value, made)
    if not places:
        return None
    text = places[0].unit.source.source(places[0].node)
    why = (
        f"{short(unit, method.value)} is the class `{text}` itself, and no object of it: it has "
        "to be called where it is given that name."
    )
    return Finding(why, corrected(evidence, called_at, places) if takes_nothing(made) else None)


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


def _outlives(evidence: Evidence) -> Finding | None:
    """What is returned out of ``async with … as x`` and runs only later, when that is left."""
    unit, call = evidence.unit, evidence.seen_node
    owner = method_owner(call) if isinstance(call, ast.Call) else None
    if call is None or owner is None:
        return None
    blocks = [each for each in unit.ancestors(call) if isinstance(each, ast.AsyncWith | ast.With)]
    around = [each for each in blocks if _gives(each, written_name(owner))]
    if not around or _leaves_alone(evidence, around[0], callee_name(call)):
        return None
    text, name = short(unit, call), written_name(owner)
    if evidence.seen is not None and evidence.seen.info.kind is CoroutineType:
        why = (
            f"{text} is a coroutine, and not awaited when `return` leaves the block of `{name}`, "
            "which closes that: nothing of it has run by then. Await it inside."
        )
        waits = evidence.units.nodes(ast.Await)
        twice = any(isinstance(each.value, ast.Await) for _, each in waits)  # of what is returned
        return Finding(why, None if twice else awaited(evidence, unit, call))
    why = (
        f"`return` leaves the block of `{name}`, which closes it, and {text} has not run by then: "
        "it begins when it is walked. Do that inside the block."
    )
    return Finding(why)


def _gives(block: ast.With | ast.AsyncWith, name: str) -> bool:
    return any(written_name(each.optional_vars) == name for each in block.items)


def _leaves_alone(evidence: Evidence, block: ast.With | ast.AsyncWith, method: str) -> bool:
    """Whether leaving an object of a class of the user's touches nothing that `method` uses."""
    made = callee_name(block.items[0].context_expr)
    owners = (unit.class_named(made) for unit in evidence.units.all()) if made else ()
    for owner in filter(None, owners):
        methods = {each.name: each for each in owner.body if isinstance(each, FUNCTIONS)}
        exits = _touched(methods, {"__aexit__", "__exit__"} & methods.keys())
        used = _touched(methods, {method}) if method in methods else exits
        return bool(exits) and not (exits - methods.keys()) & used
    return False


def _touched(methods: Mapping[str, Function], names: set[str]) -> set[str]:
    """The attributes of their object that `methods` of these `names` name, or others they call."""
    todo = sorted(names)
    for name in todo:  # which grows
        found = (
            own_attributes(methods[name], own_name(methods[name])) if name in methods else set()
        )
        todo += sorted(found.difference(todo))
    return {*todo}


RULES = (
    Rule(
        "await-a-plain-call",
        "a function called where it is to be handed over",
        5,
        "What the loop is to call later takes the function itself, and its arguments beside it: "
        "`loop.call_later(1, work, x)`. `work(x)` runs at once.",
        _called_already,
        sees="called back",
    ),
    Rule(
        "await-a-plain-call",
        "a function called where it is to be handed over",
        5,
        "What is to be called later is given as it is, without brackets: "
        "`task.add_done_callback(over)` calls `over(task)` when the task is over.",
        _called_with_too_little,
    ),
    Rule(
        "await-a-plain-call",
        "a class where an object of it is meant",
        5,
        "`asyncio.Event` is the class. Only a call of it makes an event that tasks can share: "
        "`ready = asyncio.Event()`.",
        _class_itself,
    ),
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
    Rule(
        "returned-out-of-its-block",
        "what is returned out of the block that it needs",
        1,
        "A generator or coroutine runs when it is walked or awaited, not when it is made. What "
        "is entered is closed by then: walk it inside, and yield or return what it gives.",
        _outlives,
        sees="outliving",
    ),
)
