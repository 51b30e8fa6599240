"""Waits that nothing ends: why nobody does what is waited for.

What a task waits for is known of asyncio's own objects. Why it does not come is read from who
could do it, and where that stands: behind the wait, before it, or in who holds the lock.
"""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, replaced, short
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.scopes import CannotFixError, may_be_left, scope
from asyncrepl.explain.value_origins import bindings
from asyncrepl.syntax.names import callee_name, canonical_name, written_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit


def awaited_object(evidence: Evidence, kind: type, method: str) -> ast.expr | None:
    """The object that is waited for by its own `method`, where that is what never returns."""
    info = evidence.seen.info if evidence.seen is not None else None
    await_ = evidence.node(ast.Await)
    call = await_.value if await_ is not None else None
    if info is None or info.kind is not kind or info.name != method:
        return None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    return call.func.value if call.func.attr == method else None


def calls_on(evidence: Evidence, name: str, *methods: str) -> list[tuple[Unit, ast.Call]]:
    """The calls of one of the `methods` of what is called `name`, or of anything without one.

    Also where they are only named: they are handed on so, ``call_soon(event.set)``.
    """
    return [
        (unit, unit.parents[node] if callee_name(unit.parents[node]) else node)  # type: ignore[misc]
        for unit, node in evidence.units.nodes(ast.Attribute)
        if node.attr in methods and (not name or written_name(node.value) == name)
    ]


_LOCKS = {"asyncio.Lock", "asyncio.Semaphore", "asyncio.BoundedSemaphore"}


def _held_already(evidence: Evidence) -> Finding | None:
    """The lock, or the connection of a pool, that is waited for and was taken by a caller."""
    place = evidence.nodes[-1] if evidence.nodes else None
    made = {canonical_name(node.func) for _, node in evidence.units.nodes(ast.Call)}
    for unit, block in evidence.units.nodes(ast.AsyncWith):
        wanted, function = _named_in(block), scope(unit, block)
        if not (place and wanted) or not isinstance(function, ast.AsyncFunctionDef):
            continue
        giver = getattr(scope(evidence.unit, place), "name", None)
        given = isinstance(wanted, ast.Call) and giver == callee_name(wanted)
        if not given and (place not in (block, wanted) or not made & _LOCKS):
            continue
        for held in unit.nodes(ast.AsyncWith):
            found = (
                _walked_with(unit, held, wanted, function)
                or _left_with(unit, held, wanted)
                or _taken_twice(unit, held, wanted, function, is_lock="asyncio.Lock" in made)
            )
            if found is not None:
                return found
    return None


def _taken_twice(
    unit: Unit, block: ast.AsyncWith, wanted: ast.expr, function: Function, *, is_lock: bool
) -> Finding | None:
    """Where a function that asks for the same again is awaited, or stands, in the `block`."""
    held, inside = _named_in(block), [each for part in block.body for each in ast.walk(part)]
    awaited = [each.value for each in inside if isinstance(each, ast.Await)]
    again = wanted in inside or function.name in map(callee_name, awaited)
    if held is None or held is wanted or not again or ast.dump(held) != ast.dump(wanted):
        return None
    text = unit.source.source(held)
    why = (
        f"`{text}` is held already, by the same task: it awaits `{function.name}` inside `async "
        f"with {text}`. "
    )
    if is_lock:
        return Finding(f"{why}An `asyncio.Lock` cannot be taken twice, and waits for itself.")
    return Finding(f"{why}It waits for one more before it gives that back, and nobody gives one.")


def _walked_with(
    unit: Unit, block: ast.AsyncWith, wanted: ast.expr, function: Function
) -> Finding | None:
    """A generator that yields while it holds the lock, where the body of a loop asks for it."""
    maker = _yields_with(unit, block, wanted)
    if maker is None or not any(_asks_again(each, maker, function) for each in _loops(unit)):
        return None
    text = unit.source.source(wanted)
    why = (
        f"`{maker.name}` yields inside `async with {text}`, so `{text}` is held while the body of "
        f"the loop over it runs, and there `{function.name}` waits for it. Let go of it before "
        "the `yield`."
    )
    return Finding(why)


def _asks_again(loop: ast.AsyncFor, maker: Function, function: Function) -> bool:
    """Whether the body of a loop over what `maker` gives calls `function`, which waits."""
    body = {callee_name(each) for part in loop.body for each in ast.walk(part)}
    return callee_name(loop.iter) == maker.name and function.name in body


def _yields_with(unit: Unit, block: ast.AsyncWith, wanted: ast.expr) -> Function | None:
    """The generator that yields inside of `block`, if that holds what is `wanted`."""
    maker, held = scope(unit, block), _named_in(block)
    yields = any(isinstance(each, ast.Yield) for part in block.body for each in ast.walk(part))
    same = held is not None and ast.dump(held) == ast.dump(wanted)
    return maker if yields and same and isinstance(maker, ast.AsyncFunctionDef) else None


def _left_with(unit: Unit, block: ast.AsyncWith, wanted: ast.expr) -> Finding | None:
    """A generator that yields while it holds the lock, and a loop over one that is left."""
    maker = _yields_with(unit, block, wanted)
    if maker is None or not any(may_be_left(unit, each) for each in _loops(unit)):
        return None
    why = (
        f"`{maker.name}` yields inside `async with {unit.source.source(wanted)}`: left in the "
        "middle it is still open and keeps the lock. Close it: `async with aclosing(…)`, or "
        "`await x.aclose()`."
    )
    return Finding(why)


def _loops(unit: Unit) -> list[ast.AsyncFor]:
    return [*unit.nodes(ast.AsyncFor)]


def _named_in(block: ast.AsyncWith | None) -> ast.expr | None:
    """What stands for a lock in an ``async with`` of one item, by its name."""
    item = block.items[0].context_expr if block is not None and len(block.items) == 1 else None
    return item if isinstance(item, ast.Name | ast.Attribute | ast.Call) else None


#: What is gone through more than once.
REPEATED = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.GeneratorExp)


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
    why = (
        f"`{source(call)}` wakes those who wait at that moment: one that came before this "
        f"`{text}.wait()` is lost, and no other comes. Ask for the state first: "
        f"`await {text}.wait_for(lambda: …)`."
    )
    return Finding(why)


def _missing_parties(evidence: Evidence) -> Finding | None:
    barrier, seen = awaited_object(evidence, asyncio.Barrier, "wait"), evidence.seen
    if barrier is None or seen is None:
        return None
    more = "1 more task" if seen.number == 1 else f"{seen.number} more tasks"
    text = evidence.unit.source.source(barrier)
    why = f"The barrier `{text}` opens when {more} wait{'s' * (seen.number == 1)} for it, "
    return Finding(f"{why}and no other is left to do so: it was made for too many parties.")


def _pipe_full(evidence: Evidence) -> Finding | None:
    """``process.wait()`` of a process that is over, where nobody reads its output."""
    process = awaited_object(evidence, asyncio.subprocess.Process, "wait")
    if process is None:
        return None
    text = evidence.unit.source.source(process)
    why = (
        f"`{text}.wait()` waits until the pipe of its output is empty, too, and nobody reads what "
        f"the process has written. `await {text}.communicate()` reads while it waits."
    )
    return Finding(why)


def _waits_for_itself(evidence: Evidence) -> Finding | None:
    """A wait for all tasks, of which the one that waits is one."""
    await_, unit = evidence.node(ast.Await), evidence.unit
    waits = await_.value if await_ is not None else None
    if not isinstance(waits, ast.Call):
        return None
    for each in waits.args:
        tasks = each.value if isinstance(each, ast.Starred) else each
        if isinstance(tasks, ast.Name):
            bound = [unit.parents.get(node) for node in bindings(unit, tasks)[1]]
            taken = calls_on(evidence, tasks.id, "discard", "remove", "difference_update")
            assigned = bound[0] if len(bound) == 1 and not taken else None
            tasks = assigned.value if isinstance(assigned, ast.Assign) else tasks
        if isinstance(tasks, ast.Call) and canonical_name(tasks.func) == "asyncio.all_tasks":
            text = unit.source.source(tasks)
            why = (
                f"`{text}` has the task in it that runs here, and {short(unit, waits)} waits for "
                "that, too: it waits for itself. Leave out `asyncio.current_task()`."
            )
            others = f"{text} - {{asyncio.current_task()}}"
            return Finding(why, replaced(evidence, unit, (tasks, others)))
    return None


#: By what waits: what ends the wait.
_ENDS = {
    (asyncio.Event, "wait"): ("set",),
    (asyncio.Queue, "get"): ("put", "put_nowait"),
    (asyncio.Condition, "wait"): ("notify", "notify_all"),
}


def _ended_too_late(evidence: Evidence) -> Finding | None:
    """What would end the wait stands behind it, in the function that waits."""
    for (kind, method), ends in _ENDS.items():
        waited = awaited_object(evidence, kind, method)
        calls = [*calls_on(evidence, "", *ends)] if waited is not None else []
        if waited is None or calls != calls_on(evidence, written_name(waited), *ends):
            continue  # who knows what the others are called on
        found = behind(evidence, calls)
        if found is None:
            return None
        unit, statement = found
        text, call = evidence.unit.source.source(waited), unit.source.source(calls[0][1])
        where = f"{_waits_for(unit, statement)}, which waits for this very task first"
        if statement is evidence.unit.statement(waited):
            where = "it, in the same task: it is never reached"
        return Finding(f"`{call}` would end the wait for `{text}`, and stands behind {where}.")
    return None


def behind(evidence: Evidence, calls: list[tuple[Unit, ast.Call]]) -> tuple[Unit, ast.stmt] | None:
    """The statement that waits behind which all of the `calls` stand, in one function with it.

    It is where the stuck task waits, or where what runs in the foreground does.
    """
    seen, waiting = evidence.seen, [(evidence.unit, each) for each in evidence.nodes[-1:]]
    if seen is not None and seen.made is not None:
        home = evidence.units.get(seen.made[0])
        lines = home.nodes(ast.stmt) if home is not None else ()
        first = next((each for each in lines if each.lineno == seen.made[1]), None)
        waiting += [(home, first)] if home is not None and first is not None else []
    for unit, node in reversed(waiting):
        statement = unit.statement(node)
        if calls and all(_follows(unit, statement, *each) for each in calls):
            return unit, statement
    return None


def _follows(unit: Unit, statement: ast.stmt, home: Unit, call: ast.Call) -> bool:
    return (
        home is unit
        and scope(unit, call) is scope(unit, statement)
        and call.lineno > (statement.end_lineno or 0)
        and not _shares_loop(unit, statement, call)
    )


def _shares_loop(unit: Unit, statement: ast.stmt, call: ast.Call) -> bool:
    """Whether both stand in one loop: then what is behind comes before, in the next round."""
    around = [each for each in unit.ancestors(statement) if isinstance(each, REPEATED)]
    return any(each in around for each in unit.ancestors(call))


def _waits_for(unit: Unit, statement: ast.stmt) -> str:
    """The statement that waits, in words."""
    if isinstance(statement, ast.AsyncWith):
        return f"`async with {unit.source.source(statement.items[0].context_expr)}`"
    return short(unit, statement)


def _stuck(evidence: Evidence) -> Finding | None:
    unit = evidence.unit
    await_ = evidence.node(ast.Await)
    # A loop over an iterator of somebody else's has no ``await`` of its own.
    waited = await_.value if await_ is not None else evidence.node(ast.AST)
    text = short(unit, waited) if isinstance(waited, ast.expr) else "what it waits for"
    why = (
        f"Nothing can wake {text} any more: no other task runs, no timer is set"
        f"{_left_undone(evidence, waited)}. Ctrl-C ends the wait."
    )
    return Finding(why, _ended_by_none(evidence, unit, await_) if await_ else None)


def _left_undone(evidence: Evidence, waited: ast.AST | None) -> str:
    """What nobody does for an event, or a queue, that is waited for."""
    made = {canonical_name(node.func) for _, node in evidence.units.nodes(ast.Call)}
    name = callee_name(waited) if isinstance(waited, ast.Call) else ""
    if name == "wait" and "asyncio.Event" in made and "asyncio.Condition" not in made:
        return ", and nobody sets the event"
    return ", and nobody fills the queue" if name == "get" and "asyncio.Queue" in made else ""


@correction
def _ended_by_none(fixing: Fixing, unit: Unit, waited: ast.Await) -> None:
    """Of a generator that drains a queue: None in the queue ends it."""
    function, taken = scope(unit, waited), waited.value
    loop = unit.enclosing(waited, ast.While)
    statement = unit.statement(waited)
    drains = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield)
    endless = loop is not None and isinstance(loop.test, ast.Constant) and bool(loop.test.value)
    if callee_name(taken) != "get" or not drains or not endless or loop is None:
        return
    if not isinstance(function, ast.AsyncFunctionDef) or loop.body != [statement]:
        return
    name = fresh(unit, "item")
    edits = fixing.of(unit)
    edits.replace(loop.test, f"({name} := {unit.source.source(waited)}) is not None")
    edits.replace(waited, name)
    if not _closed(fixing.evidence, fixing, function.name):
        raise CannotFixError


def _closed(evidence: Evidence, fixing: Fixing, name: str) -> bool:
    """Put the None in, in front of the loop that walks the generator."""
    for unit, loop in evidence.units.nodes(ast.AsyncFor):
        call = loop.iter
        if isinstance(call, ast.Call) and callee_name(call) == name and len(call.args) == 1:
            queue = unit.source.source(call.args[0])
            fixing.of(unit).lines_before(loop, f"{queue}.put_nowait(None)")
            return True
    return False


_ID = "endless-generator-hangs"

RULES = (
    Rule(
        _ID,
        "a wait for what is held already",
        3,
        "What is taken in an `async with` is given back at its end, and not before: not while its "
        "body awaits something else, and not while a generator stands at a `yield` in it.",
        _held_already,
        sees="stuck",
    ),
    Rule(
        _ID,
        "a wait for what comes after it",
        3,
        "Statements run one after the other, also when they await: what stands behind a wait "
        "cannot end it. Do it before, or in a task of its own.",
        _ended_too_late,
        sees="stuck",
    ),
    Rule(
        _ID,
        "a condition that nobody notifies any more",
        3,
        "`notify` wakes those who wait, and is not kept for those who come later. "
        "`await condition.wait_for(predicate)` looks at the state first, and waits only if it "
        "has to.",
        _notified_before,
        sees="stuck",
    ),
    Rule(
        _ID,
        "a barrier with too few tasks",
        3,
        "`asyncio.Barrier(n)` lets nobody pass until n tasks wait for it at the same time.",
        _missing_parties,
        sees="stuck",
    ),
    Rule(
        _ID,
        "a process whose output nobody reads",
        3,
        "A pipe and the reader behind it hold little, and a process that writes more waits until "
        "somebody reads. `await process.communicate()` reads all of it and waits for the end.",
        _pipe_full,
        sees="stuck",
    ),
    Rule(
        "task-waits-for-itself",
        "a task that waits for itself",
        3,
        "`asyncio.all_tasks()` contains the running task; waiting for it waits for oneself. "
        "Take it out: `asyncio.all_tasks() - {asyncio.current_task()}`.",
        _waits_for_itself,
        sees="stuck",
    ),
    Rule(
        _ID,
        "a source that waits for ever",
        3,
        "A step that awaits what nobody provides suspends the loop for good. Let the producer "
        "say that it is done (a None in the queue), or limit the wait: `asyncio.timeout()`.",
        _stuck,
        sees="stuck",
    ),
)
