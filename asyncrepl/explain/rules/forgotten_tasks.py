"""Tasks that are made and forgotten, and waits that nothing ends."""

from __future__ import annotations

import ast
import asyncio
import builtins
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, awaited, correction, short
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.rules.wrong_with import held_already
from asyncrepl.explain.scopes import CannotFixError, own_nodes, scope
from asyncrepl.syntax.names import callee_name, canonical_name, written_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit

_JOINERS = ("gather", "shield")
_MAKERS = ("create_task", "ensure_future", "Task")


def _unkept(evidence: Evidence) -> Finding | None:
    use, seen, unit = evidence.use("seen"), evidence.seen, evidence.unit
    if use is None or seen is None or not isinstance(use.node, ast.Call):
        return None
    job = use.node.args[0] if use.node.args else use.node
    tasks = "a task" if seen.number == 1 else f"{seen.number} tasks"
    verb = "runs" if seen.number == 1 else "run"
    why = f"{tasks[:1].upper()}{tasks[1:]} of {short(unit, job)} still {verb}: nobody waits for "
    why += "it." if seen.number == 1 else "them."
    return Finding(why, _gathered(evidence, unit, use.node))


def _cut_off(evidence: Evidence) -> Finding | None:
    """A task that was still at work when the program's loop came to its end."""
    use, unit = evidence.use("seen"), evidence.unit
    call = use.node if use else None
    if isinstance(call, ast.Call) and callee_name(call) in _JOINERS:
        return _not_joined(evidence, call)
    job = call.args[0] if isinstance(call, ast.Call) and call.args else None
    if not isinstance(call, ast.Call) or not isinstance(job, ast.Call) or _is_used(unit, call):
        return None
    name = callee_name(job)
    homes = list(evidence.units.functions(name))
    if len(homes) != 1 or _is_endless(evidence, *homes[0]):
        return None
    why = (
        f"`{unit.source.source(job)}` was still at work when the program ended, and was cut off: "
        "nobody waits for its task."
    )
    return Finding(why, _gathered(evidence, unit, call) or _awaited_last(evidence, unit, call))


def _not_joined(evidence: Evidence, call: ast.Call) -> Finding | None:
    """``gather``, or ``shield``, that nobody awaits: of jobs that come to an end."""
    unit, inside = evidence.unit, [node for each in call.args for node in ast.walk(each)]
    homes = [home for node in inside for home in evidence.units.functions(callee_name(node))]
    if not homes or any(_is_endless(evidence, *home) for home in homes):
        return None
    why = (
        f"{short(unit, call)} was still at work when the program ended, and was cut off: it is "
        "not awaited, so nobody waits for it."
    )
    return Finding(why, awaited(evidence, unit, call))


def _is_used(unit: Unit, call: ast.Call) -> bool:
    """Whether the name, or the list, that the task is put in is used for anything else."""
    parent = unit.parents.get(call)
    owner: ast.AST | None = None
    if isinstance(parent, ast.Assign):
        owner = parent.targets[0]
    elif isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute):
        owner = parent.func.value
    return owner is not None and any(
        written_name(node) == written_name(owner) and node is not owner and _is_asked(unit, node)
        for node in unit.nodes(ast.Name, ast.Attribute)
    )


def _is_asked(unit: Unit, node: ast.AST) -> bool:
    """Whether a name, or an attribute, is read, and not only for its ``append``."""
    parent = unit.parents.get(node)
    appends = isinstance(parent, ast.Attribute) and parent.attr == "append"
    return isinstance(getattr(node, "ctx", None), ast.Load) and not appends


def _is_endless(evidence: Evidence, unit: Unit, function: Function) -> bool:
    """Whether the job may be meant to go on until the program ends."""
    return any(
        isinstance(node, ast.While)
        for _, each in reached_functions(evidence, unit, function)
        for node in own_nodes(each)
    )


@correction
def _gathered(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """Keep the tasks in a list, and wait for them behind the loop."""
    loop = unit.enclosing(call, ast.AsyncFor, ast.For)
    function = scope(unit, call)
    if loop is None or scope(unit, loop) is not function or isinstance(function, ast.FunctionDef):
        return
    name, statement = fixing.fresh(unit, "tasks"), unit.parents.get(call)
    edits = fixing.of(unit)
    if isinstance(statement, ast.Call) and isinstance(statement.func, ast.Attribute):
        name = unit.source.source(statement.func.value)
    elif isinstance(statement, ast.Expr):
        edits.lines_before(loop, f"{name} = []")
        fixing.given_to(unit, call, f"{name}.append")
    else:
        raise CannotFixError
    edits.lines_after(loop, f"await asyncio.gather(*{name})")
    fixing.needs_import(unit, "asyncio")


def _failed(evidence: Evidence) -> Finding | None:
    """A task died with an error that nobody has asked for."""
    seen = evidence.seen
    name = seen.info.function_name if seen is not None else ""
    places = [pair for pair in evidence.units.nodes(ast.Call) if _makes(*pair, name)]
    if seen is None or not places:
        return None
    unit, call = places[0]
    why = (
        f"{short(unit, call)} keeps its error to itself until somebody awaits the task, and "
        f"nobody does: the {seen.info.kind.__name__} goes unseen."
    )
    if len(places) > 1:
        return Finding(why)
    kind = seen.info.kind.__name__
    fix = _awaited_here(evidence, unit, call, kind) or _awaited_last(evidence, unit, call, kind)
    return Finding(why, fix)


def _makes(unit: Unit, call: ast.Call, name: str) -> bool:
    """Whether it makes a task of the function `name`, called here or for a name given here."""
    if callee_name(call) not in _MAKERS or not call.args:
        return False
    job = call.args[0]
    if isinstance(job, ast.Name):
        return any(
            callee_name(node.value) == name
            for node in unit.nodes(ast.Assign)
            if any(written_name(target) == job.id for target in node.targets)
        )
    return callee_name(job) == name


@correction
def _awaited_here(fixing: Fixing, unit: Unit, call: ast.Call, kind: str) -> None:
    """In the body of a loop, the task's job awaited in its place, and its error caught."""
    statement = unit.parents.get(call)
    looped = unit.enclosing(call, ast.AsyncFor) is not None
    if not isinstance(statement, ast.Expr) or not looped or kind not in vars(builtins):
        return
    by = unit.source.indent(statement)
    job = unit.source.source(call.args[0])
    text = (
        f"try:\n{by}    await {job}\n{by}except {kind} as error:\n{by}    print('failed:', error)"
    )
    fixing.of(unit).replace(statement, text)
    fixing.suspending(unit, call)


@correction
def _awaited_last(fixing: Fixing, unit: Unit, call: ast.Call, kind: str = "") -> None:
    """The task awaited at the end of the function that made it.

    An error of the `kind` is told there, unless the program is ready for it: in a ``try`` at its
    top.
    """
    statement, function = unit.parents.get(call), scope(unit, call)
    if not isinstance(function, ast.AsyncFunctionDef) or statement not in function.body:
        return
    last = function.body[-1]
    name = fixing.fresh(unit, "task")
    if isinstance(statement, ast.Expr):
        fixing.of(unit).before(call, f"{name} = ")
    elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        name = written_name(statement.targets[0])
    else:
        raise CannotFixError
    uses = [each for each in own_nodes(function) if isinstance(each, ast.Name) and each.id == name]
    if len(uses) > 1 or isinstance(last, ast.Return | ast.Raise):
        raise CannotFixError
    text, body = f"await {name}", unit.tree.body if unit.tree else []
    if kind in vars(builtins) and not any(isinstance(s, ast.Try | ast.TryStar) for s in body):
        caught = fixing.fresh(unit, "error")
        text = (
            f"try:\n    {text}\nexcept {kind} as {caught}:\n    print('failed:', repr({caught}))"
        )
    fixing.of(unit).lines_after(last, text)


def reached_functions(
    evidence: Evidence, unit: Unit, function: Function
) -> list[tuple[Unit, Function]]:
    """`function`, and the user's own that it calls, by their names, and those they call."""
    named = {f.name: (home, f) for home in evidence.units.all() for f in home.functions()}
    found, names = [(unit, function)], [function.name]
    for _, each in found:
        for node in own_nodes(each):
            name = callee_name(node) if isinstance(node, ast.Call) else ""
            if name in named and name not in names:
                names.append(name)
                found.append(named[name])
    return found


_FORGOTTEN = (
    "fire-and-forget-in-loop",
    "tasks that nobody waits for",
    5,
    (
        "`create_task` starts and goes on; the loop keeps no strong reference, and at its end "
        "cancels what still runs. Keep the tasks and await them: `asyncio.gather(*tasks)`, or an "
        "`asyncio.TaskGroup`."
    ),
)


def _stuck(evidence: Evidence) -> Finding | None:
    unit = evidence.unit
    await_ = evidence.node(ast.Await)
    # A loop over an iterator of somebody else's has no ``await`` of its own.
    waited = await_.value if await_ is not None else evidence.node(ast.AST)
    text = short(unit, waited) if isinstance(waited, ast.expr) else "what it waits for"
    known = _never_finished(evidence, waited) or held_already(evidence)
    if known is not None:
        return known
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


def _never_finished(evidence: Evidence, waited: ast.AST | None) -> Finding | None:
    """``queue.join()`` of a queue that is empty, where nobody ever calls ``task_done``."""
    function = waited.func if isinstance(waited, ast.Call) else None
    if not isinstance(function, ast.Attribute) or function.attr != "join":
        return None
    info = evidence.resolver.info(function.value)
    if info is None and not _awaits_a_queue(evidence, waited):
        return None
    if info is not None and not issubclass(info.kind, asyncio.Queue):
        return None
    if info is not None and isinstance(info.value, asyncio.Queue) and not info.value.empty():
        return None
    calls = {callee_name(node) for _, node in evidence.units.nodes(ast.Call)}
    if "task_done" in calls or not {"get", "get_nowait"} & calls:
        return None
    text = f"{evidence.unit.source.source(function.value)}"
    why = (
        f"`{text}.join()` waits until `{text}.task_done()` was called for every item that was put "
        "in, and nobody calls it: the items are taken, and never said to be done."
    )
    return Finding(why, _said_to_be_done(evidence))


def _awaits_a_queue(evidence: Evidence, call: ast.AST | None) -> bool:
    """Whether the `call` of ``join`` is awaited, and queues of asyncio's are made."""
    made = {canonical_name(node.func) for _, node in evidence.units.nodes(ast.Call)}
    waits = call is not None and isinstance(evidence.unit.parents.get(call), ast.Await)
    return waits and "asyncio.Queue" in made


@correction
def _said_to_be_done(fixing: Fixing) -> None:
    """``task_done`` at the end of the one loop that takes the items."""
    taken = [
        (unit, node.value.func.value, loop)
        for unit, node in fixing.evidence.units.nodes(ast.Await)
        if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute)
        if callee_name(node.value) == "get" and not node.value.args
        if (loop := unit.enclosing(node, ast.While)) is not None
    ]
    if len(taken) != 1:
        return
    unit, queue, loop = taken[0]
    jumps = (ast.Continue, ast.Break, ast.Return)
    if any(isinstance(each, jumps) for part in loop.body for each in ast.walk(part)):
        return
    fixing.of(unit).lines_after(loop.body[-1], f"{unit.source.source(queue)}.task_done()")


def _timed_out(evidence: Evidence) -> Finding | None:
    """The same, where a timeout has ended the wait."""
    unit, nodes = evidence.unit, evidence.nodes[::-1]
    limits = [each for node in nodes for each in unit.ancestors(node)]
    for node in [*nodes, *(each for each in limits if isinstance(each, ast.AsyncWith))]:
        for each in ast.walk(node):
            if found := _never_finished(evidence, each):
                return found
    return None


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


RULES = (
    Rule(*_FORGOTTEN, _unkept, sees="unkept"),
    Rule(*_FORGOTTEN, _cut_off, sees="cut off"),
    Rule(
        "task-exception-lost",
        "a task whose error nobody asks for",
        5,
        "An exception in a task waits for somebody to await the task. Await it, or use an "
        "`asyncio.TaskGroup`, which raises it where the tasks were made.",
        _failed,
        sees="failed",
    ),
    Rule(
        "endless-generator-hangs",
        "a source that waits for ever",
        3,
        "A step that awaits what nobody provides suspends the loop for good. Let the producer "
        "say that it is done (a None in the queue), or limit the wait: `asyncio.timeout()`.",
        _stuck,
        sees="stuck",
    ),
    Rule(
        "endless-generator-hangs",
        "a queue whose items nobody says to be done",
        3,
        "`await queue.join()` waits until `queue.task_done()` was called once for each item that "
        "was put in: whoever takes an item calls it when the work on it is done.",
        _timed_out,
        errors=(TimeoutError,),
    ),
)
