"""Tasks that are made and forgotten."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, awaited, correction, short
from asyncrepl.explain.operand_parts import put_into
from asyncrepl.explain.scopes import (
    CannotFixError,
    caught_kinds,
    own_nodes,
    scope,
    suppressed_kinds,
)
from asyncrepl.explain.value_origins import assigned_loads, bindings, reached_functions
from asyncrepl.syntax.names import callee_name, canonical_name, last_name, written_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit

JOINERS = ("gather", "shield")


def _unkept(evidence: Evidence) -> Finding | None:
    node, seen, unit = evidence.seen_node, evidence.seen, evidence.unit
    if seen is None or not isinstance(node, ast.Call):
        return None
    job = node.args[0] if node.args else node
    tasks = "a task" if seen.number == 1 else f"{seen.number} tasks"
    verb = "runs" if seen.number == 1 else "run"
    why = f"{tasks[:1].upper()}{tasks[1:]} of {short(unit, job)} still {verb}: nobody waits for "
    why += "it." if seen.number == 1 else "them."
    return Finding(why, _gathered(evidence, unit, node))


def _cut_off(evidence: Evidence) -> Finding | None:
    """A task that was still at work when the program's loop came to its end."""
    call, unit = evidence.seen_node, evidence.unit
    if isinstance(call, ast.Call) and callee_name(call) in JOINERS:
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
    return Finding(why, _gathered(evidence, unit, call) or awaited_last(evidence, unit, call))


def _given_up(unit: Unit, call: ast.Call) -> ast.Call | None:
    """The `asyncio.wait` for what `call` makes in whose ``try`` a TimeoutError is waited for."""
    for each in _uses(unit, call):
        wait = unit.parents.get(each)
        if isinstance(wait, ast.Call) and canonical_name(wait.func) == "asyncio.wait":
            limits = [keyword.arg for keyword in wait.keywords]
            if limits == ["timeout"] and "TimeoutError" in _expected(unit, wait):
                return wait
    return None


def _expected(unit: Unit, node: ast.AST) -> set[str]:
    """The names of the errors that a ``try`` or a ``with suppress(…)`` around `node` catches."""
    around = list(unit.ancestors(node))
    handlers = [h for each in around if isinstance(each, ast.Try) for h in each.handlers]
    kinds = [kind for each in handlers for kind in caught_kinds(each.type)]
    kinds += [kind for each in around for kind in suppressed_kinds(each)]
    return {*map(last_name, kinds)}


def _gave_up(evidence: Evidence) -> Finding | None:
    """Tasks that `asyncio.wait` did not wait for any longer, where an error was expected of it."""
    node, unit = evidence.seen_node, evidence.unit
    wait = _given_up(unit, node) if isinstance(node, ast.Call) else None
    if wait is None:
        return None
    why = (
        f"{short(unit, wait)} raises no TimeoutError: when the time is up it returns what is done "
        "and what is not, and that goes on. `asyncio.wait_for` and `asyncio.timeout` raise one."
    )
    return Finding(why, _raising(evidence, unit, wait))


@correction
def _raising(fixing: Fixing, unit: Unit, wait: ast.Call) -> None:
    """``asyncio.wait(tasks, timeout=1)`` → ``asyncio.wait_for(asyncio.gather(*tasks), 1)``."""
    awaits, function, source = unit.parents.get(wait), wait.func, unit.source.source
    if not isinstance(unit.parents.get(awaits or wait), ast.Expr):
        raise CannotFixError  # what is done is asked for
    if not isinstance(function, ast.Attribute):
        raise CannotFixError
    module, tasks, limit = map(source, (function.value, wait.args[0], wait.keywords[0].value))
    text = f"{module}.wait_for({module}.gather(*{tasks}), {limit})"
    fixing.of(unit).replace(wait, text)


def _named_alone(unit: Unit, call: ast.Call) -> ast.Name | None:
    """``task`` as a whole statement, of the variable that is given what `call` makes."""
    uses = assigned_loads(unit, call)
    return next((each for each in uses if isinstance(unit.parents.get(each), ast.Expr)), None)


def _not_ended(evidence: Evidence) -> Finding | None:
    """A task that was cancelled, where the loop ran no longer; `asyncio.run` lets it end."""
    call, unit = evidence.seen_node, evidence.unit
    ends = not evidence.units.called().isdisjoint(_ENDING_RUNNERS)
    if not isinstance(call, ast.Call) or not call.args or ends:
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
        [node for each in call.args for node in jobs_in(evidence.unit, each)],
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


def _shielded(evidence: Evidence) -> Finding | None:
    """What outlives who awaited it behind a shield, and is cut off at the end of the program."""
    call, unit = evidence.seen_node, evidence.unit
    if not isinstance(call, ast.Call) or not call.args or not isinstance(call.args[0], ast.Call):
        return None
    homes = [*evidence.units.functions(callee_name(call.args[0]))]
    if not homes or any(_is_endless(evidence, *home) for home in homes):
        return None
    why = (
        f"{short(unit, call)} kept its job from being cancelled with who awaits it, and nobody "
        "waits for that job any more: it was still at work when the program ended, and was cut "
        "off. Keep its task, and await it before the end."
    )
    return Finding(why)


def _destroyed(evidence: Evidence) -> Finding | None:
    """A task that was dropped while it waited for what nobody else holds."""
    seen = evidence.seen
    unit = evidence.units.get(seen.made[0]) if seen is not None and seen.made else None
    if seen is None or seen.made is None or unit is None or seen.info.code is None:
        return None
    name = seen.info.code.co_name
    calls = [each for each in unit.nodes(ast.Call) if each.lineno == seen.made[1]]
    made = [each for each in calls if callee_name(each) == name]
    if not made:
        return None
    why = (
        f"The task of {short(unit, made[0])} was gone while it waited: nobody keeps it, nor what "
        "it waits for, and the loop alone does not. Keep the task, in a set say, until it is done."
    )
    return Finding(why)


def _in_turn(evidence: Evidence) -> Finding | None:
    """A loop that makes a task and awaits it, and then the next one."""
    node, unit = evidence.seen_node, evidence.unit
    loop = unit.enclosing(node, ast.For, ast.ListComp)
    inside = list(ast.walk(loop)) if loop is not None else []
    asked = [each for _, each in evidence.units.nodes(ast.Call) if _asks_time(each)]
    if node is None or not asked or any(each in inside for each in asked):
        return None  # it may be meant so, or each is measured
    why = (
        f"{short(unit, node)} is awaited in the round that makes it: its task is over before "
        "the next one is made, and they run one after the other. Make all of them first, or "
        "`gather` them."
    )
    return Finding(why)


def _asks_time(call: ast.Call) -> bool:
    return canonical_name(call.func).startswith("time.") and callee_name(call) != "sleep"


def _is_looked_at(unit: Unit, name: ast.Name) -> bool:
    """Whether it is only printed, or counted, or stands there alone."""
    parent = unit.parents.get(name)
    printed = isinstance(parent, ast.Call) and callee_name(parent) in ("print", "len")
    return printed or isinstance(parent, ast.Expr | ast.FormattedValue)


def jobs_in(unit: Unit, node: ast.expr, depth: int = 3) -> Iterator[ast.AST]:
    """The nodes in `node`, an argument, and in what its variables were given, also by ``append``.

    Through so many assignments as `depth` says.
    """
    for each in ast.walk(node):
        yield each
        for bound in bindings(unit, each)[1] if isinstance(each, ast.Name) and depth else ():
            given = getattr(unit.parents.get(bound), "value", None)
            put = [*put_into(unit, each)] if isinstance(each, ast.Name) else []
            for one in (given, *put):
                if isinstance(one, ast.expr):
                    yield from jobs_in(unit, one, depth - 1)


def _is_used(unit: Unit, call: ast.Call) -> bool:
    """Whether the name, or the list, that the task is put in is used for anything else."""
    return any(_is_asked(unit, each) for each in _uses(unit, call))


def _uses(unit: Unit, call: ast.Call) -> list[ast.expr]:
    """Where the name, or the list, that the task is put in stands; all but where it is put in."""
    parent = unit.parents.get(call)
    owner: ast.AST | None = None
    if isinstance(parent, ast.ListComp):
        parent = unit.parents.get(parent)
    if isinstance(parent, ast.Assign):
        owner = parent.targets[0]
    elif isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute):
        owner = parent.func.value
    nodes: list[ast.expr] = [*unit.nodes(ast.Name, ast.Attribute)] if owner is not None else []
    return [e for e in nodes if written_name(e) == written_name(owner) and e is not owner]


def _is_asked(unit: Unit, node: ast.AST) -> bool:
    """Whether a name, or an attribute, is read, and not only shown, or for its ``append``."""
    parent = unit.parents.get(node)
    if isinstance(node, ast.Name) and _is_looked_at(unit, node):
        return False
    appends = isinstance(parent, ast.Attribute) and parent.attr == "append"
    return isinstance(getattr(node, "ctx", None), ast.Load) and not appends


def _is_endless(evidence: Evidence, unit: Unit, function: Function) -> bool:
    """Whether the job may be meant to go on until the program ends."""
    reached = [each for _, each in reached_functions(evidence, unit, function)]
    return any(_goes_on(node, each.name) for each in reached for node in own_nodes(each))


def _goes_on(node: ast.AST, name: str) -> bool:
    """Whether it is what may go on without an end in the function `name`: it may call itself."""
    if isinstance(node, ast.For):
        return canonical_name(getattr(node.iter, "func", None)) in _ENDLESS
    return isinstance(node, ast.While) or callee_name(node) == name


_ENDLESS = {"itertools.count", "itertools.cycle", "itertools.repeat", "iter"}


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


@correction
def awaited_last(fixing: Fixing, unit: Unit, call: ast.Call, kind: str = "") -> None:
    """The task that `call` in `unit` makes, awaited at the end of the function that made it.

    An error of the `kind` is told there, unless the program is ready for it: in a ``try`` at its
    top.
    """
    statement, function = unit.parents.get(call), scope(unit, call)
    many = isinstance(statement, ast.ListComp)
    statement = unit.parents.get(statement or call) if many else statement
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
    asked = [e for e in uses if isinstance(e.ctx, ast.Del) or _is_asked(unit, e)]
    if asked or isinstance(last, ast.Return | ast.Raise):
        raise CannotFixError
    text, body = f"await {name}", unit.tree.body if unit.tree else []
    if many:
        text = f"await asyncio.gather(*{name})"
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


RULES = (
    Rule(*_FORGOTTEN, _unkept, sees="unkept"),
    Rule(
        "fire-and-forget-in-loop",
        "a wait that raises no TimeoutError",
        5,
        "`asyncio.wait` returns two sets when its time is up, and leaves the tasks alone. "
        "`asyncio.wait_for` and `asyncio.timeout` cancel what they wait for, and raise.",
        _gave_up,
        sees="cut off",
    ),
    Rule(*_FORGOTTEN, _cut_off, sees="cut off"),
    Rule(
        "fire-and-forget-in-loop",
        "a task that is gone while it waits",
        5,
        "The loop keeps weak references to tasks. One that nobody else keeps lives as long as "
        "what it waits for, and Python may take both away at any time.",
        _destroyed,
        sees="destroyed",
    ),
    Rule(
        "async-for-is-concurrent",
        "tasks that run one after the other",
        5,
        "A task runs beside others as long as nobody waits for it. Who awaits each as soon as it "
        "is made has one at a time: `await asyncio.gather(*map(work, items))`.",
        _in_turn,
        sees="in turn",
    ),
    Rule(
        "fire-and-forget-in-loop",
        "a shielded job that nobody waits for",
        5,
        "`asyncio.shield` keeps the cancellation of who awaits it from the task inside; the end "
        "of `asyncio.run` cancels all tasks. Keep a reference to the task, and wait for it.",
        _shielded,
        sees="shielded",
    ),
    Rule(
        "fire-and-forget-in-loop",
        "a cancelled task that nobody waits for",
        5,
        "`task.cancel()` has a CancelledError raised in the task when that runs next, and its "
        "`finally` may await. Only `await task`, or `asyncio.wait([task])`, sees it to its end.",
        _not_ended,
        sees="cancelling",
    ),
)
