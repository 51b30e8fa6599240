"""Signals that nobody gives, or to another: by an event, a condition, a barrier, a queue."""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, endless
from asyncrepl.explain.fix_editor import Fixing, correction, removed, short
from asyncrepl.explain.repairs.repair_case import single_assignment
from asyncrepl.explain.rules.endless_waits import Ends, awaited_object, calls_on, ends_of
from asyncrepl.explain.rules.never_run import STARTING_CALLS
from asyncrepl.explain.scopes import REPEATED, own_nodes, scope
from asyncrepl.syntax.names import (
    FUNCTIONS,
    callee_name,
    canonical_name,
    method_owner,
    written_name,
)

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit


def _notified_before(evidence: Evidence) -> Finding | None:
    """``wait`` of a condition that was, or will be, notified for nobody."""
    condition = awaited_object(evidence, asyncio.Condition, "wait")
    if condition is None:
        return None
    text = evidence.unit.source.source(condition)
    notified = calls_on(evidence, written_name(condition), "notify", "notify_all")
    if not notified:
        return Finding(f"`{text}.wait()` waits for a `notify`, and nobody notifies `{text}`.")
    unit, call = notified[0]
    source = unit.source.source
    if evidence.unit.enclosing(condition, ast.While) is not None:
        ones = all(callee_name(each) == "notify" and not each.args for _, each in notified)
        if evidence.finding.number < 2 or not ones:
            return None  # it has asked for the state
        why = (
            f"`{source(call)}` wakes one of those that wait for `{text}`, and there are more: "
            "nobody wakes the others, whose turn it may be. `notify_all()` wakes all of them."
        )
        return Finding(why, _all_woken(evidence, notified))
    why = (
        f"`{source(call)}` wakes those who wait at that moment: one that came before this "
        f"`{text}.wait()` is lost, and no other comes. Ask for the state first: "
        f"`await {text}.wait_for(lambda: …)`."
    )
    return Finding(why)


@correction
def _all_woken(fixing: Fixing, notified: Ends) -> None:
    for unit, call in notified:
        every = unit.source.source(call.func).removesuffix("notify") + "notify_all"
        fixing.of(unit).replace(call.func, every)


def _missing_parties(evidence: Evidence) -> Finding | None:
    barrier, seen = awaited_object(evidence, asyncio.Barrier, "wait"), evidence.finding
    if barrier is None:
        return None
    more = "1 more task" if seen.number == 1 else f"{seen.number} more tasks"
    text = evidence.unit.source.source(barrier)
    why = f"The barrier `{text}` opens when {more} wait{'s' * (seen.number == 1)} for it, "
    return Finding(f"{why}and no other is left to do so: it was made for too many parties.")


def _forgotten(evidence: Evidence) -> Finding | None:
    """An event that was set, and that is cleared right before the wait for it."""
    event = awaited_object(evidence, asyncio.Event, "wait")
    if event is None or not calls_on(evidence, written_name(event), "set"):
        return None
    unit, waits = evidence.unit, evidence.unit.statement(event)
    for home, call in calls_on(evidence, written_name(event), "clear"):
        cleared = home.statement(call)
        block = getattr(unit.parents.get(waits), "body", [])
        if home is unit and cleared in block and waits in block:
            between = block[block.index(cleared) + 1 : block.index(waits)]
            if block.index(cleared) < block.index(waits) and not between:
                text = unit.source.source(event)
                why = (
                    f"`{text}.clear()` forgets that `{text}` was set, right before the wait for "
                    "it, and nobody sets it again. An event that is set lets everybody pass: "
                    "leave the `clear()` out, or do it when the wait is over."
                )
                return Finding(why, removed(evidence, unit, cleared))
    return _forgotten_by_another(evidence, event)


def _forgotten_by_another(evidence: Evidence, event: ast.expr) -> Finding | None:
    """An event that was set, and that another task has cleared before this one came to wait."""
    cleared = calls_on(evidence, written_name(event), "clear")
    if evidence.finding.number != 1 or not cleared:
        return None
    text, clear = evidence.unit.source.source(event), short(*cleared[0])
    why = (
        f"`{text}` was set, and {clear} forgot that for all before this `{text}.wait()` began: "
        "whoever clears an event takes its news from those who have not waited yet. Give each its "
        "own event, or wait for an `asyncio.Condition`."
    )
    return Finding(why)


def _each_its_own(evidence: Evidence) -> Finding | None:
    """An event, or a queue, of which each call of a function makes a new one."""
    waited, calls = ends_of(evidence) or (None, [])
    name = _made_by(evidence, evidence.unit, waited)
    for home, call in calls if waited is not None else ():
        ended = method_owner(call)
        if ended is None or not name or name != _made_by(evidence, home, ended):
            continue
        kind, waits = evidence.finding.info.kind.__name__, evidence.node(ast.Await)
        why = (
            f"Each call of `{name}` makes a new {kind}: that of {short(home, call)} is another "
            f"than that of {short(evidence.unit, waits or call)}. Make it once, and give both the "
            "same."
        )
        return Finding(why)
    return None


def _made_by(evidence: Evidence, unit: Unit, node: ast.expr | None) -> str:
    """The function of the user's of which each call makes a new thing of asyncio's: `node`.

    It is the call, or what is given once, by the call.
    """
    made = single_assignment(unit, node) if isinstance(node, ast.Name) else None
    called = callee_name(made or node)
    functions = [each for _, each in evidence.units.functions(called)] if called else []
    if len(functions) != 1 or functions[0].decorator_list:
        return ""
    body = functions[0].body
    calls = [e.value for e in body if isinstance(e, ast.Assign | ast.Return)]
    made_by = [canonical_name(e.func) or "" for e in calls if isinstance(e, ast.Call)]
    makes = any(each.startswith("asyncio.") for each in made_by)
    return called if makes and not any(isinstance(e, ast.If | ast.Try) for e in body) else ""


def _subscribed_late(evidence: Evidence) -> Finding | None:
    """A queue that its reader makes and puts among others, when all was given to those."""
    queue, seen = awaited_object(evidence, asyncio.Queue, "get"), evidence.finding
    made = single_assignment(evidence.unit, queue) if isinstance(queue, ast.Name) else None
    reader = scope(evidence.unit, queue)
    if queue is None or made is None or not isinstance(reader, ast.AsyncFunctionDef):
        return None
    if seen.number or not _is_kept(reader, queue):
        return None
    _, calls = ends_of(evidence) or (None, [])
    givers = {each.name for pair in calls if isinstance(each := scope(*pair), FUNCTIONS)}
    given = [*evidence.units.calls(*givers)]
    begins = _first_step(evidence, reader.name)
    if not given or begins is None or not all(_is_before(*each, *begins) for each in given):
        return None
    unit, call = given[0]
    why = (
        f"`{reader.name}` makes its queue when it takes its first step, in line {begins[1]}, and "
        f"{short(unit, call)} in line {call.lineno} comes before that: it goes to no queue. Make "
        f"the queue before that, in a plain function that calls `{reader.name}`, or begin to read "
        "first."
    )
    return Finding(why)


def _is_kept(reader: ast.AsyncFunctionDef, queue: ast.expr) -> bool:
    """Whether `reader` gives its own `queue` to something that keeps it."""
    return any(
        written_name(part) == written_name(queue)
        for node in own_nodes(reader)
        for part in _kept_by(node)
    )


def _kept_by(node: ast.AST) -> list[ast.expr]:
    """What `node` puts into a collection, or an attribute."""
    match node:
        case ast.Call() if callee_name(node) in ("append", "add"):
            return node.args
        case ast.Assign([ast.Attribute() | ast.Subscript()], value):
            return [value]
    return []


def _first_step(evidence: Evidence, name: str) -> tuple[Unit, int] | None:
    """The line in which the one call of the function `name` takes its first step."""
    calls = [*evidence.units.calls(name)]
    if len(calls) != 1:
        return None
    (unit, call), around = calls[0], calls[0][0].parents.get(calls[0][1])
    steps: list[ast.AsyncFor | ast.Await] = [
        each
        for each in unit.nodes(ast.AsyncFor)
        if (single_assignment(unit, each.iter) or each.iter) is call
    ]
    if callee_name(around) in STARTING_CALLS:  # a task begins when the one that runs waits
        steps = [each for each in unit.nodes(ast.Await) if each.lineno > call.lineno]
        steps = [each for each in steps if scope(unit, each) is scope(unit, call)]
    elif isinstance(around, ast.Await):
        steps = [around]
    return (unit, min(each.lineno for each in steps)) if steps else None


def _is_before(unit: Unit, call: ast.Call, home: Unit, line: int) -> bool:
    """Whether `call` comes before `line` in the same function, once."""
    waits = next((each for each in home.nodes(ast.stmt) if each.lineno == line), None)
    here = waits is not None and home is unit and scope(unit, call) is scope(unit, waits)
    return here and (call.end_lineno or 0) < line and unit.enclosing(call, *REPEATED) is None


RULES = (
    endless(
        "an event that was set, and cleared again",
        "`event.wait()` passes at once as long as the event is set, and `clear()` forgets that "
        "it was. Clear it when its news has been taken, not when they are waited for.",
        _forgotten,
    ),
    endless(
        "a condition that nobody notifies any more",
        "`notify` wakes those who wait, and is not kept for those who come later. "
        "`await condition.wait_for(predicate)` looks at the state first, and waits only if it "
        "has to.",
        _notified_before,
    ),
    endless(
        "a barrier with too few tasks",
        "`asyncio.Barrier(n)` lets nobody pass until n tasks wait for it at the same time.",
        _missing_parties,
    ),
    endless(
        "a signal that each makes for himself",
        "Who waits and who signals need the same event, queue or future. A function that makes a "
        "new one in each call gives it to one of them only.",
        _each_its_own,
    ),
    endless(
        "a subscription that begins with the first step",
        "The body of an async generator, as of a coroutine, begins when its first step is "
        "awaited, and not when it is called. What is published before that goes to those who "
        "have subscribed by then.",
        _subscribed_late,
    ),
)
