"""Loops that keep others from running, or do one thing after the other.

A loop that takes turns with its source may be meant so, and looks just the same: that is told
only to those who ask.
"""

from __future__ import annotations

import ast
import time
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import code_of, lookup
from asyncrepl.explain.explanation import Finding, Fix, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, short
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.repairs.awaited_origins import awaited_on_loop
from asyncrepl.explain.repairs.plain_operands import awaited_in_thread, called_in_thread
from asyncrepl.explain.rules.endless_waits import calls_on
from asyncrepl.explain.scopes import own_nodes, scope
from asyncrepl.explain.value_origins import bound_by
from asyncrepl.syntax.names import FUNCTIONS, callee_name, canonical_name, last_name, written_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit


def _blocks(evidence: Evidence) -> Finding | None:
    use, unit = evidence.use("seen"), evidence.unit
    call = use.owner if use else None
    if use is None or use.info is None or not isinstance(call, ast.Call):
        return None
    plain, said = unit.function(call), short(unit, call)
    if isinstance(plain, ast.FunctionDef):
        why = (
            f"{said} in `{plain.name}` stops the whole thread, and `{plain.name}` is called on "
            "the loop: until it returns no other task runs. Call it in `asyncio.to_thread`."
        )
        return Finding(why, corrected(evidence, called_in_thread))
    why = (
        f"{said} stops the whole thread: until it returns no other task runs, nor the loop itself."
    )
    return Finding(why, _suspending_call(evidence, unit, call, use.info.value))


def _blocked(evidence: Evidence) -> Finding | None:
    """A line at which the loop was seen for long; nothing is known but that."""
    if evidence.made is None:
        return None
    unit, number = evidence.made
    if any(each.lineno == number for each in unit.nodes(ast.Import, ast.ImportFrom)):
        return None  # the first time only, and no thread is the place for it
    around: list[Function] = unit.around(number, *FUNCTIONS)
    line = unit.text.split("\n")[number - 1].strip()
    where = f"`{line}` in `{around[-1].name}`" if around else f"`{line}`"
    if around and around[-1].lineno == number:
        where = f"`{around[-1].name}`"
    why = (
        f"{where} held the loop for {evidence.finding.number} ms in one go, and other tasks were "
        "ready: they wait until it suspends. Call what blocks or computes in `asyncio.to_thread`."
    )
    return Finding(why)


_THREADS = {"Thread", "Timer", "ThreadPoolExecutor", "to_thread", "run_in_executor"}


def _waits_for_own_loop(evidence: Evidence) -> Finding | None:
    """``run_coroutine_threadsafe(…).result()`` in the one thread there is."""
    named = map(last_name, (each for _, each in evidence.units.nodes(ast.expr)))
    if evidence.made is None or not _THREADS.isdisjoint(named):
        return None
    unit, line = evidence.made
    for call in unit.nodes(ast.Call):
        if call.lineno != line or callee_name(call) != "result":
            continue
        given = _given_to_loop(unit, call.func)
        if given is not None:
            why = (
                f"{short(unit, call)} waits in the thread of the loop for {short(unit, given)}, "
                "which was given to this very loop: it cannot run before the wait is over. Await "
                "it, or make a task of it; `run_coroutine_threadsafe` is for other threads."
            )
            return Finding(why, corrected(evidence, awaited_on_loop, unit, call, given))
    return None


def _given_to_loop(unit: Unit, function: ast.expr) -> ast.expr | None:
    """The coroutine given to ``run_coroutine_threadsafe``, if its future is asked."""
    future = function.value if isinstance(function, ast.Attribute) else None
    if isinstance(future, ast.Name):
        assigned = bound_by(unit, future)
        future = assigned.value if isinstance(assigned, ast.Assign) else None
    known = canonical_name(getattr(future, "func", None)) == "asyncio.run_coroutine_threadsafe"
    return future.args[0] if known and isinstance(future, ast.Call) and future.args else None


def _stays_set(evidence: Evidence) -> Finding | None:
    """A loop that waits for an event which is set and never cleared: it does not suspend."""
    unit, line = evidence.made or (evidence.unit, 0)
    around = unit.around(line, ast.While)
    if not around or _calls_in(unit, line):
        return None
    waits = [node.value for node in ast.walk(around[-1]) if isinstance(node, ast.Await)]
    event = _event_waited_for(evidence, waits[0]) if len(waits) == 1 else None
    if event is None or calls_on(evidence, written_name(event), "clear"):
        return None
    text = unit.source.source(event)
    why = (
        f"`await {text}.wait()` does not suspend, for an event that was set stays set: the loop "
        f"went round for {evidence.finding.number} ms, and others waited. `{text}.clear()` has to "
        "follow."
    )
    return Finding(why, _cleared(evidence, unit, waits[0], text))


def _goes_round(evidence: Evidence) -> Finding | None:
    """A loop in which the one ``await`` gives at once: no other task comes between its rounds."""
    unit, line = evidence.made or (evidence.unit, 0)
    here: list[Function] = unit.around(line, *FUNCTIONS)
    if not here or _calls_in(unit, line, _AT_ONCE):
        return None
    waits = [
        pair
        for pair in evidence.units.nodes(ast.Await)
        if pair[0].enclosing(pair[1], ast.While) is not None
        if (own := [f for _, f in evidence.units.functions(callee_name(pair[1].value))])
        if here[-1] in (pair[0].function(pair[1]), *own)
    ]
    why = (
        "{} gives at once and does not suspend: its loop goes round and round, and no other task "
        "runs. Wait there for what is to come, or `await asyncio.sleep(…)` in each round."
    )
    return Finding(why.format(short(*waits[0]))) if len(waits) == 1 else None


#: What takes no time.
_AT_ONCE = ("empty", "qsize", "full", "pop", "popleft", "get_nowait", "is_set", "done", "len")


def _calls_in(unit: Unit, line: int, but: tuple[str, ...] = ()) -> bool:
    """Whether a function is called in the `line`, other than what is awaited, and some others."""
    calls = (e for e in unit.nodes(ast.Call) if e.lineno == line and callee_name(e) not in but)
    return any(not isinstance(unit.parents.get(each), ast.Await) for each in calls)


def _event_waited_for(evidence: Evidence, call: ast.expr) -> ast.expr | None:
    """The event of asyncio's whose ``wait()`` the `call` is."""
    function = call.func if isinstance(call, ast.Call) else None
    if not isinstance(function, ast.Attribute) or function.attr != "wait":
        return None
    made = any(
        canonical_name(getattr(node.value, "func", None)) == "asyncio.Event"
        and written_name(function.value) in map(written_name, node.targets)
        for _, node in evidence.units.nodes(ast.Assign)
    )
    return function.value if made else None


@correction
def _cleared(fixing: Fixing, unit: Unit, call: ast.expr, event: str) -> None:
    statement = unit.statement(call)
    if isinstance(statement, ast.Expr):
        fixing.of(unit).lines_after(statement, f"{event}.clear()")


@correction
def _suspending_call(fixing: Fixing, unit: Unit, call: ast.Call, function: object) -> None:
    waits = isinstance(unit.parents.get(call), ast.Await)
    if function is not time.sleep:
        if not waits:
            awaited_in_thread(fixing, unit, call)
        return
    fixing.of(unit).replace(call.func, f"{'' if waits else 'await '}asyncio.sleep")
    fixing.suspending(unit, call)


def walked_at(evidence: Evidence) -> tuple[ast.AST, ast.expr] | None:
    """The loop that was seen, and its operand."""
    use = evidence.use("seen")
    owner = use.owner if use else None
    if use is None or not isinstance(owner, ast.AsyncFor | ast.comprehension):
        return None
    return owner, use.node


def _told_of_loop(
    why: str, correct: Callable[[Evidence, Unit, ast.AST], Fix | None]
) -> Callable[[Evidence], Finding | None]:
    """A finder that says of the loop that was seen `why`, a text with places."""

    def find(evidence: Evidence) -> Finding | None:
        found, unit = walked_at(evidence), evidence.unit
        if found is None:
            return None
        loop, operand = found
        said = why.format(operand=short(unit, operand), ms=evidence.finding.number)
        return Finding(said, correct(evidence, unit, loop))

    return find


_HOGGED = (
    "The body of the loop over {operand} ran for {ms} ms in one go, and other tasks were ready: "
    "they wait until it suspends."
)
_STARVED = (
    "No step of {operand} suspended: `async for` gives way only while it waits, so other tasks "
    "that were ready waited for the whole loop."
)
_SEQUENTIAL = (
    "The loop over {operand} takes one item at a time: the next is asked for when the body is "
    "done, however long that waits."
)
_ALTERNATING = (
    "{operand} and the body take turns: the source does not run on while the body waits, it has "
    "no task of its own."
)


@correction
def _computing_elsewhere(fixing: Fixing, unit: Unit, loop: ast.AST) -> None:
    if not isinstance(loop, ast.AsyncFor) or len(loop.body) != 1:
        return
    statement = loop.body[0]
    value = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
    if not isinstance(value, ast.Call):
        return
    awaited_in_thread(fixing, unit, value)


@correction
def _giving_way(fixing: Fixing, unit: Unit, loop: ast.AST) -> None:
    """``await asyncio.sleep(0)`` in the body; for a comprehension, in what it walks."""
    if not isinstance(loop, ast.AsyncFor):
        _source_gives_way(fixing)
    elif isinstance(first := loop.body[0], ast.Pass) and len(loop.body) == 1:
        fixing.of(unit).replace(first, "await asyncio.sleep(0)")
    elif first.lineno == loop.lineno:
        fixing.of(unit).before(first, "await asyncio.sleep(0); ")
    else:
        _sleep_first(fixing, unit, first)


def _sleep_first(fixing: Fixing, unit: Unit, statement: ast.stmt) -> None:
    fixing.of(unit).lines_before(statement, "await asyncio.sleep(0)")


def _source_gives_way(fixing: Fixing) -> None:
    use = fixing.evidence.use("seen")
    info = use.info if use else None
    step = lookup(info.kind, "__anext__") if info else None
    found = fixing.evidence.units.definition((info.code if info else None) or code_of(step))
    if found is None:
        return
    unit, function = found
    yields = (node for node in own_nodes(function) if isinstance(node, ast.Yield))
    first = function.body[0] if function.name == "__anext__" else next(yields, None)
    if first is not None:
        _sleep_first(fixing, unit, unit.statement(first))


_MODEL = (
    "While synchronous code runs, nothing else does: `await asyncio.sleep()` instead of "
    "`time.sleep()`, and `await asyncio.to_thread(f)` for what must block or compute."
)
_BLOCKS = "blocking-call-in-async-for", "a blocking call on the loop", 5, _MODEL

_AHEAD = """\
async def {name}(source):
    queue = asyncio.Queue()
    async def fill():
        async for item in source:
            await queue.put((item,))
        await queue.put(None)
    task = asyncio.create_task(fill())
    while (found := await queue.get()) is not None:
        yield found[0]
    await task
"""


def _gathered(evidence: Evidence, unit: Unit, loop: ast.AST) -> Fix | None:
    if isinstance(loop, ast.comprehension):
        return _comprehension(evidence, unit, loop)
    statement = loop.body[0] if isinstance(loop, ast.AsyncFor) and len(loop.body) == 1 else None
    if not isinstance(statement, ast.Expr) or not isinstance(loop, ast.AsyncFor):
        return None
    value, fixing = statement.value, Fixing(evidence)
    walk = f"async for {_text(unit, loop.target)} in {_text(unit, loop.iter)}"
    if isinstance(value, ast.Await) and isinstance(value.value, ast.Call):
        text = f"await asyncio.gather(*[{_text(unit, value.value)} {walk}])"
    elif isinstance(value, ast.Yield) and isinstance(value.value, ast.Await):
        by, task, tasks = (
            unit.source.indent(loop),
            fresh(unit, "task"),
            fixing.fresh(unit, "tasks"),
        )
        job = _text(unit, value.value.value)
        text = (
            f"{tasks} = [asyncio.create_task({job}) {walk}]\n{by}for {task} in {tasks}:\n"
            f"{by}    yield await {task}"
        )
    else:
        return None
    fixing.of(unit).replace(loop, text)
    return fixing.fix()


@correction
def _comprehension(fixing: Fixing, unit: Unit, clause: ast.comprehension) -> None:
    whole = unit.parents.get(clause)
    if not isinstance(whole, ast.ListComp) or not isinstance(whole.elt, ast.Await):
        return
    edits = fixing.of(unit)
    edits.replace(whole.elt, _text(unit, whole.elt.value))
    edits.before(whole, "await asyncio.gather(*")
    edits.after(whole, ")")


def _text(unit: Unit, node: ast.AST) -> str:
    return unit.source.source(node)


@correction
def _run_ahead(fixing: Fixing, unit: Unit, loop: ast.AST) -> None:
    if not isinstance(loop, ast.AsyncFor):
        return
    outer = [each for each in unit.ancestors(loop) if isinstance(each, ast.stmt)]
    first = outer[-1] if outer and scope(unit, loop) is not None else loop
    name = fixing.fresh(unit, "ahead")
    fixing.of(unit).lines_before(first, _AHEAD.format(name=name))
    fixing.given_to(unit, loop.iter, name)


def _unsuspended(evidence: Evidence) -> Finding | None:
    """A loop awaits a coroutine that awaits nothing, beside a task that was just made."""
    for unit, loop in evidence.units.nodes(ast.While, ast.For):
        awaited = next((each for each in ast.walk(loop) if isinstance(each, ast.Await)), None)
        name = callee_name(awaited.value) if awaited else ""
        home = _awaits_nothing(evidence, name)
        if awaited and home and _makes_tasks(scope(unit, loop) or unit.tree, loop):
            why = (
                f"{short(unit, awaited)} never suspends: `{name}` awaits nothing itself, and "
                "`await` gives way only when something in it waits."
            )
            return Finding(why, corrected(evidence, _sleep_first, home[0], home[1].body[0]))
    return None


def _awaits_nothing(evidence: Evidence, name: str) -> tuple[Unit, ast.AsyncFunctionDef] | None:
    waits = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield)
    for unit, function in evidence.units.nodes(ast.AsyncFunctionDef):
        if function.name == name:
            waiting = any(isinstance(node, waits) for node in own_nodes(function))
            return None if waiting else (unit, function)
    return None


def _makes_tasks(around: ast.AST | None, loop: ast.AST) -> bool:
    """Whether a task is made in `around`, in front of `loop`."""
    line = getattr(loop, "lineno", 0)
    return around is not None and any(
        isinstance(node, ast.Call)
        and callee_name(node) in ("create_task", "ensure_future")
        and node.lineno < line
        for node in ast.walk(around)
    )


RULES = (
    Rule(*_BLOCKS, _blocks, sees="blocks"),
    Rule(*_BLOCKS, _told_of_loop(_HOGGED, _computing_elsewhere), sees="hogged"),
    Rule(
        _BLOCKS[0],
        "a wait for the loop in its own thread",
        5,
        "A loop runs one thing at a time, in one thread. Plain code that waits in that thread "
        "keeps the loop from running what it waits for.",
        _waits_for_own_loop,
        sees="blocked",
    ),
    Rule(
        "never-suspends-starves-others",
        "an event that stays set",
        3,
        "`await event.wait()` returns at once, without suspending, while the event is set. Who "
        "has seen it clears it, or leaves the loop.",
        _stays_set,
        sees="blocked",
    ),
    Rule(
        "blocking-call-in-async-for",
        "a loop whose `await` never suspends",
        5,
        "`await` lets others run where it has to wait: give a poll a timeout, or sleep between.",
        _goes_round,
        sees="blocked",
    ),
    Rule(*_BLOCKS, _blocked, sees="blocked"),
    Rule(
        "never-suspends-starves-others",
        "a source that never suspends",
        3,
        "`async for` may suspend, it need not: if the awaitable of a step is ready at once, no "
        "other task runs. `await asyncio.sleep(0)` gives way.",
        _told_of_loop(_STARVED, _giving_way),
        sees="starved",
    ),
    Rule(
        "async-for-is-concurrent",
        "a loop taken for many things at once",
        5,
        "`async for` is a loop: one item after the other. It lets other tasks run while it "
        "waits, and starts none. For many at once: `asyncio.gather`, or a TaskGroup.",
        _told_of_loop(_SEQUENTIAL, _gathered),
        sees="sequential",
    ),
    Rule(
        "async-generator-runs-ahead",
        "a source taken to run ahead",
        2,
        "An async generator runs only while a step of it is awaited. To have it run ahead, give "
        "it a task of its own that puts the items into a queue.",
        _told_of_loop(_ALTERNATING, _run_ahead),
        sees="alternating",
    ),
    Rule(
        "await-always-switches",
        "`await` taken for giving way",
        3,
        "`await` runs the coroutine in the same task. Others run only if something in it "
        "suspends; `await asyncio.sleep(0)` does.",
        _unsuspended,
        sees="unsuspended",
    ),
)
