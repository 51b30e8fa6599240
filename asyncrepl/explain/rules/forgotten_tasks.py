"""Tasks that are made and forgotten."""

from __future__ import annotations

import ast
import asyncio
import builtins
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, awaited, correction, short
from asyncrepl.explain.operand_parts import put_into
from asyncrepl.explain.scopes import CannotFixError, own_nodes, scope
from asyncrepl.explain.value_origins import assigned_loads, bindings, reached_functions
from asyncrepl.syntax.names import callee_name, canonical_name, last_name, written_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.events.findings import Finding as Seen
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
    if not isinstance(call, ast.Call) or not isinstance(job, ast.Call):
        return None
    name, bare = callee_name(job), _named_alone(unit, call)
    homes = list(evidence.units.functions(name))
    if len(homes) != 1 or _is_endless(evidence, *homes[0]) or (_is_used(unit, call) and not bare):
        return None
    why = (
        f"`{unit.source.source(job)}` was still at work when the program ended, and was cut off: "
    )
    if bare is not None:
        why += f"{short(unit, bare)} as a statement of its own waits for nothing."
        return Finding(why, awaited(evidence, unit, bare))
    why += "nobody waits for its task."
    if any(_is_looked_at(unit, each) for each in assigned_loads(unit, call)):
        return Finding(why, awaited(evidence, unit, call))  # its result is to be shown
    return Finding(why, _gathered(evidence, unit, call) or _awaited_last(evidence, unit, call))


def _named_alone(unit: Unit, call: ast.Call) -> ast.Name | None:
    """``task`` as a whole statement, of the variable that is given what `call` makes."""
    uses = assigned_loads(unit, call)
    return next((each for each in uses if isinstance(unit.parents.get(each), ast.Expr)), None)


def _not_ended(evidence: Evidence) -> Finding | None:
    """A task that was cancelled, where the loop ran no longer; `asyncio.run` lets it end."""
    use, unit = evidence.use("seen"), evidence.unit
    called = {canonical_name(call.func) for _, call in evidence.units.nodes(ast.Call)}
    call = use.node if use else None
    if not isinstance(call, ast.Call) or not call.args or called & _ENDING_RUNNERS:
        return None
    why = (
        f"{short(unit, call.args[0])} was cancelled, and the loop ended before the task had: "
        "`cancel()` only asks for that. Whoever cancels a task waits for its end."
    )
    return Finding(why)


#: What cancels all tasks at its end, and waits for them.
_ENDING_RUNNERS = {"asyncio.run", "asyncio.Runner"}


def _not_joined(evidence: Evidence, call: ast.Call) -> Finding | None:
    """``gather``, or ``shield``, that nobody awaits: of jobs that come to an end."""
    unit, inside = (
        evidence.unit,
        [node for each in call.args for node in _jobs(evidence.unit, each)],
    )
    homes = [home for node in inside for home in evidence.units.functions(callee_name(node))]
    if not homes or any(_is_endless(evidence, *home) for home in homes):
        return None
    uses, seen = assigned_loads(unit, call), evidence.seen
    if any(not _is_looked_at(unit, each) for each in uses):
        return None
    if seen is not None and not seen.number:  # all its parts are done
        why = f"{short(unit, call)} is not awaited: what is shown of it is no result."
        return Finding(why, awaited(evidence, unit, call)) if uses else None
    why = (
        f"{short(unit, call)} was still at work when the program ended, and was cut off: it is "
        "not awaited, so nobody waits for it."
    )
    return Finding(why, awaited(evidence, unit, call))


def _is_looked_at(unit: Unit, name: ast.Name) -> bool:
    """Whether it is only printed, or stands there alone."""
    parent = unit.parents.get(name)
    printed = isinstance(parent, ast.Call) and callee_name(parent) == "print"
    return printed or isinstance(parent, ast.Expr | ast.FormattedValue)


def _jobs(unit: Unit, node: ast.expr, depth: int = 3) -> Iterator[ast.AST]:
    """The nodes in an argument, and in what its variables were given, also by ``append``."""
    for each in ast.walk(node):
        yield each
        for bound in bindings(unit, each)[1] if isinstance(each, ast.Name) and depth else ():
            given = getattr(unit.parents.get(bound), "value", None)
            put = [*put_into(unit, each)] if isinstance(each, ast.Name) else []
            for one in (given, *put):
                if isinstance(one, ast.expr):
                    yield from _jobs(unit, one, depth - 1)


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
    """Whether a name, or an attribute, is read, and not only shown, or for its ``append``."""
    parent = unit.parents.get(node)
    if isinstance(node, ast.Name) and _is_looked_at(unit, node):
        return False
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
    if seen is None or issubclass(seen.info.kind, asyncio.CancelledError):
        return None  # the loop has cancelled it at its end, and a `gather` says so
    name = seen.info.function_name
    places = [pair for pair in evidence.units.nodes(ast.Call) if _makes(*pair, name)]
    if not places:
        return _failed_in_gather(evidence, seen) or _failed_in_thread(evidence, name)
    unit, call = places[0]
    if seen.number:
        why = (
            f"`{name}` ended in a {seen.info.kind.__name__}, which its task keeps to itself until "
            "somebody awaits it. What it was to do comes no more, and others wait for that."
        )
        return Finding(why)
    why = (
        f"{short(unit, call)} keeps its error to itself until somebody awaits the task, and "
        f"nobody does: the {seen.info.kind.__name__} goes unseen."
    )
    if len(places) > 1:
        return Finding(why)
    kind = seen.info.kind.__name__
    fix = _awaited_here(evidence, unit, call, kind) or _awaited_last(evidence, unit, call, kind)
    return Finding(why, fix)


def _failed_in_gather(evidence: Evidence, seen: Seen) -> Finding | None:
    """One of what a ``gather`` runs, for which nobody waits."""
    places = [
        (unit, call)
        for unit, call in evidence.units.nodes(ast.Call)
        if callee_name(call) in _JOINERS and isinstance(unit.parents.get(call), ast.Expr)
        for node in (each for given in call.args for each in _jobs(unit, given))
        if callee_name(node) == seen.info.function_name
    ]
    if not places or any(each != places[0] for each in places):
        return None
    unit, call = places[0]
    why = (
        f"{short(unit, call)} is not awaited, so nobody waits for it, and the "
        f"{seen.info.kind.__name__} of `{seen.info.function_name}` goes unseen."
    )
    return Finding(why, awaited(evidence, unit, call))


def _failed_in_thread(evidence: Evidence, name: str) -> Finding | None:
    """A function that a thread of the executor ran, whose future nobody keeps."""
    places = [
        (unit, call)
        for unit, call in evidence.units.nodes(ast.Call)
        if callee_name(call) == "run_in_executor" and len(call.args) > 1
        if last_name(call.args[1]) == name and isinstance(unit.parents.get(call), ast.Expr)
    ]
    if len(places) != 1 or evidence.seen is None:
        return None
    unit, call = places[0]
    why = (
        f"{short(unit, call)} gives a future and is not awaited: nobody asks how the thread has "
        f"ended, and the {evidence.seen.info.kind.__name__} goes unseen."
    )
    return Finding(why, awaited(evidence, unit, call))


def _makes(unit: Unit, call: ast.Call, name: str) -> bool:
    """Whether it makes a task of the function `name`, called here or for a name given here.

    Or where the function around is called, whose parameter it is.
    """
    if callee_name(call) not in _MAKERS or not call.args:
        return False
    job, helper = written_name(call.args[0]), getattr(scope(unit, call), "name", None)
    jobs = [call.args[0]]
    if isinstance(call.args[0], ast.Name):
        assigned = [n for n in unit.nodes(ast.Assign) if job in map(written_name, n.targets)]
        jobs = [each.value for each in assigned]
        calls = [each for each in unit.nodes(ast.Call) if callee_name(each) == helper]
        jobs += [each for one in calls if not assigned for each in one.args]
    return name in map(callee_name, jobs)


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


def _cancels_itself(evidence: Evidence) -> Finding | None:
    """A task that cancels the one in an attribute, which is itself, and then awaits more."""
    use, unit = evidence.use("seen"), evidence.unit
    function = scope(unit, use.node) if use is not None else None
    if use is None or function is None or not isinstance(use.node, ast.Attribute):
        return None  # a name may be that of each of many
    nodes = [each for each in own_nodes(function) if getattr(each, "lineno", 0) > use.node.lineno]
    meant = any(callee_name(each) == "current_task" for each in own_nodes(function))
    waits = [each for each in nodes if isinstance(each, ast.Await)]
    if meant or not waits or _reckons(unit, waits[0], use.node):
        return None
    text = unit.source.source(use.node)
    why = (
        f"`{text}` is the very task that runs here: `{text}.cancel()` cancels "
        "itself. The next `await` raises a CancelledError, and what follows is never done."
    )
    return Finding(why, _but_itself(evidence, unit, use.node))


def _reckons(unit: Unit, waits: ast.Await, cancelled: ast.expr) -> bool:
    """Whether the await is there to be cancelled: in a ``try`` of its own, or a loop's pause."""
    around = list(unit.ancestors(waits))
    blocks = [each for each in around if isinstance(each, ast.Try | ast.With)]
    own = any(each.lineno > cancelled.lineno for each in blocks)
    loops = [each for each in unit.ancestors(cancelled) if isinstance(each, ast.While | ast.For)]
    pause = callee_name(waits.value) == "sleep"
    return own or (pause and any(unit.statement(waits) is each.body[-1] for each in loops))


@correction
def _but_itself(fixing: Fixing, unit: Unit, task: ast.expr) -> None:
    """``if task is not asyncio.current_task():``."""
    statement, by = unit.statement(task), "    " + unit.source.indent(unit.statement(task))
    test = f"if {unit.source.source(task)} is not asyncio.current_task():"
    if isinstance(statement, ast.Expr) and unit.source.begins_line(statement):
        fixing.of(unit).replace(statement, f"{test}\n{by}{unit.source.source(statement)}")
        fixing.needs_import(unit, "asyncio")


RULES = (
    Rule(*_FORGOTTEN, _unkept, sees="unkept"),
    Rule(*_FORGOTTEN, _cut_off, sees="cut off"),
    Rule(
        "fire-and-forget-in-loop",
        "a cancelled task that nobody waits for",
        5,
        "`task.cancel()` has a CancelledError raised in the task when that runs next, and its "
        "`finally` may await. Only `await task`, or `asyncio.wait([task])`, sees it to its end.",
        _not_ended,
        sees="cancelling",
    ),
    Rule(
        "fire-and-forget-in-loop",
        "a task that cancels itself",
        5,
        "`task.cancel()` raises a CancelledError where the task awaits next, also in its own.",
        _cancels_itself,
        sees="own cancel",
    ),
    Rule(
        "task-exception-lost",
        "a task whose error nobody asks for",
        5,
        "An exception in a task waits for somebody to await the task. Await it, or use an "
        "`asyncio.TaskGroup`, which raises it where the tasks were made.",
        _failed,
        sees="failed",
    ),
)
