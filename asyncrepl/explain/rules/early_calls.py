"""Called too early: a result where its function is wanted.

And a result that is asked for before its task has it; a class that was not called at all where an
object of it is; and what is returned out of the block that it needs, before it has run.
"""

from __future__ import annotations

import ast
import asyncio
from types import CoroutineType, ModuleType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import (
    function_of,
    is_real_instance,
)
from asyncrepl.explain.bindings import (
    accepts_call,
    is_coroutine_function,
    python_method,
    takes_nothing,
)
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, awaited, corrected, correction, short
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.hoisted_code import called_at
from asyncrepl.explain.kinds import a_kind, kind_of
from asyncrepl.explain.operand_parts import items_taken
from asyncrepl.explain.repairs.awaited_origins import classes_given
from asyncrepl.explain.rules.own_states import own_attributes
from asyncrepl.explain.scopes import block_of, own_nodes
from asyncrepl.explain.source_units import own_name
from asyncrepl.instrument.probe_placement import LATER_CALLS
from asyncrepl.syntax.names import FUNCTIONS, callee_name, method_owner, written_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function

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


def _result_too_early(evidence: Evidence) -> Finding | None:
    """``task.result()``, which does not wait for the task."""
    node = evidence.node(ast.Call)
    if node is None or not isinstance(node.func, ast.Attribute) or not evidence.direct:
        return None
    info = evidence.resolver.info(node.func.value)
    info = info or next(iter(items_taken(evidence, node.func.value)), None)
    if node.func.attr not in ("result", "exception") or info is None:
        return None
    if not issubclass(info.kind, asyncio.Future) or node.args:
        return None
    if callee_name(node.func.value) == "create_future":
        return None  # nothing is under way that would be waited for
    source = evidence.unit.source.source(node.func.value)
    kind = "task" if issubclass(info.kind, asyncio.Task) else "future"
    why = (
        f"`{source}` is a {kind} that was not done yet: `.{node.func.attr}()` does not wait for "
        f"it, `await {source}` does."
    )
    waits = node.func.attr == "result"
    return Finding(why, _awaited_instead(evidence, node, node.func.value) if waits else None)


@correction
def _awaited_instead(fixing: Fixing, call: ast.Call, task: ast.expr) -> None:
    """``task.result()`` → ``await task``; also of others that are asked with it."""
    unit = fixing.evidence.unit
    for asked, future in ((call, task), *_asked_with(fixing.evidence, call)):
        if not isinstance(unit.parents.get(asked), ast.Await):  # which was meant for the task
            fixing.awaiting(unit, asked)
        span = Span(unit.source.span(future).end, unit.source.span(asked).end)
        fixing.of(unit).replace(span, "")


def _asked_with(evidence: Evidence, call: ast.Call) -> Iterator[tuple[ast.Call, ast.expr]]:
    """The other futures whose results the block asks for, in the statement of `call` or below.

    They were begun as that was, and nothing has waited for them.
    """
    statement = evidence.unit.statement(call)
    block = block_of(evidence.unit, statement)
    for node in (n for each in block[block.index(statement) :] for n in own_nodes(each)):
        future = method_owner(node) if isinstance(node, ast.Call) and node is not call else None
        if isinstance(node, ast.Call) and isinstance(future, ast.Name) and not node.args:
            info = evidence.resolver.info(future)
            if callee_name(node) == "result" and info and issubclass(info.kind, asyncio.Future):
                yield node, future


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
        "returned-out-of-its-block",
        "what is returned out of the block that it needs",
        1,
        "A generator or coroutine runs when it is walked or awaited, not when it is made. What "
        "is entered is closed by then: walk it inside, and yield or return what it gives.",
        _outlives,
        sees="outliving",
    ),
    Rule(
        "coroutine-used-as-its-result",
        "the result of a task that is not done",
        5,
        "A task runs while others wait. `task.result()` only gives what is there already; `await "
        "task` waits for it.",
        _result_too_early,
        errors=(asyncio.InvalidStateError,),
    ),
)
