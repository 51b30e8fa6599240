"""What needs the running loop, where none runs; and what needs none, where one does."""

from __future__ import annotations

import ast
import asyncio
import inspect
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import code_of, is_real_instance
from asyncrepl.explain.dropped_coroutines import dropped_name, made_at
from asyncrepl.explain.evidence import frames_in_thread, runs_in_thread
from asyncrepl.explain.explanation import Finding, Fix, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, replaced, short
from asyncrepl.explain.given_away import asked_in_library
from asyncrepl.explain.held_operands import ASYNCIO, innermost_frame
from asyncrepl.explain.hoisted_code import made_in_function
from asyncrepl.explain.plain_runners import loop_at
from asyncrepl.explain.rules.never_run import NEVER_RUNS, STARTING_CALLS, only_call
from asyncrepl.explain.rules.scheduling_calls import RUNNING, run_by_await
from asyncrepl.explain.scopes import CannotFixError, own_nodes, scope
from asyncrepl.explain.value_origins import bindings, bound_by, loads, origins
from asyncrepl.explain.verified_fixes import in_main, own_runs
from asyncrepl.instrument.probe_placement import LATER_CALLS
from asyncrepl.syntax.names import callee_name, canonical_name, last_name
from asyncrepl.syntax.source_rewriter import parses

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Unit

_RUNNERS = ("run_until_complete", "run_forever")


def _no_loop(evidence: Evidence) -> Finding | None:
    call = evidence.node(ast.Call)
    by = evidence.inner[-1] if evidence.inner else None
    if call is None or by is None or callee_name(call) != "get_event_loop":
        return None
    if by.co_name != "get_event_loop" or not by.co_filename.startswith(ASYNCIO):
        return None
    unit, uses = evidence.unit, _loop_uses(evidence.unit, call)
    if not any(isinstance(use, ast.Attribute) and use.attr in _RUNNERS for use in uses):
        return None
    here = "in this thread" if runs_in_thread(evidence.error) else "here"
    why = (
        f"{short(unit, call)} gives the running loop, and none runs {here}: `asyncio.run` starts "
        "one and runs a coroutine on it."
    )
    maker = f"{unit.source.source(call.func).removesuffix('get_event_loop')}new_event_loop"
    fix = _run(evidence, call, uses) or replaced(evidence, unit, (call.func, maker))
    return Finding(why, fix if isinstance(call.func, ast.Attribute) else None)


def _loop_uses(unit: Unit, call: ast.Call) -> list[ast.AST]:
    """What is done with the loop: the nodes around it, or around the name it is given."""
    statement, name = unit.parents.get(call), _loop_name(unit, call)
    kept = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if isinstance(kept, ast.Attribute):
        read = (each for each in unit.nodes(ast.Attribute) if isinstance(each.ctx, ast.Load))
        return [unit.parents[each] for each in read if each.attr == kept.attr]
    if name is None:
        return [unit.parents[call]]
    loads = (n for n in unit.nodes(ast.Name) if n.id == name and isinstance(n.ctx, ast.Load))
    return [unit.parents[node] for node in loads]


def _loop_name(unit: Unit, call: ast.Call) -> str | None:
    statement = unit.parents.get(call)
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        return target.id if isinstance(target, ast.Name) else None
    return None


@correction
def _run(fixing: Fixing, call: ast.Call, uses: list[ast.AST]) -> None:
    """``asyncio.run(main())``, where that is all that is done with the loop."""
    unit = fixing.evidence.unit
    runs = [unit.parents[use] for use in uses]
    function = call.func
    if len(runs) != 1 or not isinstance(function, ast.Attribute):
        return
    (run,) = runs
    if not isinstance(run, ast.Call) or callee_name(run) != _RUNNERS[0] or len(run.args) != 1:
        return
    if not isinstance(run.args[0], ast.Call):
        return  # perhaps a future, which `run` does not take
    module, coroutine = unit.source.source(function.value), unit.source.source(run.args[0])
    fixing.of(unit).replace(run, f"{module}.run({coroutine})")
    if _loop_name(unit, call) is not None:
        fixing.of(unit).remove(unit.statement(call))


def _made_too_early(evidence: Evidence) -> Finding | None:
    """A task or future made where nothing runs: at the top of a program, or called from there."""
    asked = evidence.node(ast.Call)
    functions = [by for by in evidence.inner if by.co_qualname == by.co_name]  # and no methods
    library = {by.co_name for by in functions if by.co_filename.startswith(ASYNCIO)}
    in_library = not library and asked_in_library(evidence) is asyncio.get_running_loop
    asks = in_library or callee_name(asked) == "get_running_loop"
    future = asked is not None and canonical_name(asked.func) == "asyncio.Future"  # on 3.14
    refused = library <= {"get_event_loop"} and (asks or future)
    within = not library.isdisjoint(_MAKERS)
    if not (refused or within) or _ran_in_a_loop(evidence):
        return None
    first = _own_sites(evidence)[0]
    call = first.node(ast.Call) or asked
    if call is None:
        return None
    does = "asks for" if asks else f"makes {_MAKERS.get(callee_name(asked), 'a future')} for"
    subject = f"{short(first.unit, call)} {does} the loop that runs, and none runs"
    if runs_in_thread(evidence.error):
        why = f"{subject} in this thread. What is for the loop of another one, is given to it by "
        return Finding(why + "`asyncio.run_coroutine_threadsafe(coroutine, loop)`.")
    why = f"{subject} here: it has to be made, and awaited, in an `async def`."
    fix = _made_by_loop(evidence) or _made_and_run(evidence, call)
    return Finding(why, fix or _begun(evidence) or _begun_above(evidence))


@correction
def _made_by_loop(fixing: Fixing) -> None:
    """``asyncio.create_task(x)`` → ``loop.create_task(x)``, where the program has that loop."""
    for site in fixing.evidence.sites:
        made = site.node(ast.Call)
        if made is None or canonical_name(made.func) != "asyncio.create_task":
            continue
        if loop := loop_at(site.unit, made):
            fixing.of(site.unit).replace(made.func, f"{loop}.create_task")


def _at_the_top(evidence: Evidence) -> Finding | None:
    """A task made at the top of a program that starts no loop; here one ran nevertheless."""
    unit = evidence.unit
    suspending = unit.nodes(ast.Await, ast.AsyncFor, ast.AsyncWith, ast.comprehension)
    if any(scope(unit, each) is None for each in suspending):
        return None  # such a text is none for ``python FILE``
    made = [c for c in unit.nodes(ast.Call) if canonical_name(c.func) == "asyncio.create_task"]
    call = next((each for each in made if scope(unit, each) is None), None)
    if call is None:
        return None
    why = (
        f"{short(unit, call)} makes a task for the loop that runs, and `python FILE` has none at "
        "its top: a RuntimeError. `asyncio.run` starts one, and ends when the coroutine has."
    )
    return Finding(why, _run_instead(evidence, unit, call))


def _ran_in_a_loop(evidence: Evidence) -> bool:
    """Whether a loop runs, or the error came out of a coroutine, which one has run."""
    ran = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    inside = any(site.frame.f_code.co_flags & ran for site in _own_sites(evidence))
    runs = asyncio._get_running_loop() is not None  # noqa: SLF001  its public sister raises
    return inside or (runs and not runs_in_thread(evidence.error))


def _refused_run(evidence: Evidence) -> Finding | None:
    """A coroutine that a loop was to run in another: a finalizer or ``except`` has the error."""
    found = made_at(evidence, dropped_name(evidence))
    around = found[0].parents.get(found[1]) if found is not None else None
    if found is None or not isinstance(around, ast.Call) or found[1] not in around.args:
        return None
    runs = callee_name(around) == _RUNNERS[0] or canonical_name(around.func) == "asyncio.run"
    inside = isinstance(scope(*found), ast.AsyncFunctionDef)
    if not runs or (evidence.finding.number and not inside):
        return None  # without a loop it died there
    fix = run_by_await(evidence, found[0], around) if inside else None
    return Finding(f"{short(found[0], around)} was refused. {RUNNING}", fix)


def _own_sites(evidence: Evidence) -> list[Site]:
    """The places that the error passed in the thread in which it arose."""
    frames, sites = frames_in_thread(evidence.error), evidence.sites
    return [each for each in sites if each.frame in frames] or [*sites]


@correction
def _made_and_run(fixing: Fixing, call: ast.Call) -> None:
    unit = fixing.evidence.sites[0].unit
    run = unit.parents.get(call)
    if isinstance(run, ast.Call) and canonical_name(run.func) == "asyncio.run":
        made_in_function(fixing, unit, call)
    else:
        _made_where_used(fixing, unit, call)


def _made_where_used(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``api = Client()`` at the top → in the one coroutine function that uses it, and is run."""
    statement = unit.parents.get(call)
    if not isinstance(statement, ast.Assign) or unit.parents.get(statement) is not unit.tree:
        return
    target = statement.targets[0]
    if not isinstance(target, ast.Name):
        return
    uses = loads(unit, target)
    users = {scope(unit, each) for each in uses}
    user = users.pop() if len(users) == 1 else None
    if not isinstance(user, ast.AsyncFunctionDef) or len(bindings(unit, target)[1]) != 1:
        return
    names = [each for each in unit.nodes(ast.Name) if each.id == user.name]
    called = unit.parents.get(names[0]) if len(names) == 1 else None
    run = unit.parents.get(called) if isinstance(called, ast.Call) else None
    if isinstance(run, ast.Call) and canonical_name(run.func) == "asyncio.run":
        first = user.body[ast.get_docstring(user) is not None]
        fixing.of(unit).lines_before(first, unit.source.source(statement))
        fixing.of(unit).remove(statement)


@correction
def _begun(fixing: Fixing) -> None:
    """``def main(): app = App(); asyncio.run(app.go())`` → ``async def main():``, which awaits."""
    for site in fixing.evidence.sites[1:]:
        unit, function = site.unit, site.unit.definition(site.frame.f_code)
        runs = [each for each in own_nodes(function) if _runs(each)] if function else []
        if runs and isinstance(function, ast.FunctionDef):
            fixing.make_async(unit, function)
            for call in runs:
                assert isinstance(call, ast.Call)
                fixing.of(unit).replace(call, f"await {unit.source.source(call.args[0])}")
            return


def _runs(node: ast.AST) -> bool:
    """Whether it is ``asyncio.run(main())``, and nothing else."""
    alone = isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords
    return alone and canonical_name(getattr(node, "func", None)) == "asyncio.run"


def _begun_above(evidence: Evidence) -> Fix | None:
    """The same of ``app = App()`` at the top, and of what follows there."""
    site, unit = evidence.sites[0], evidence.sites[0].unit
    body, node = unit.tree.body if unit.tree is not None else [], site.node(ast.expr)
    first = [n for n, each in enumerate(body) if node is not None and node in ast.walk(each)]
    runs = [each for each in own_runs(unit) if node is not None and each.lineno > node.lineno]
    text = in_main(unit, first[0]) if first and runs and not evidence.callers else ""
    return Fix(unit.filename, text) if text and parses(text) else None


_MAKERS = {
    "create_task": "a task", "ensure_future": "a task", "gather": "a future",
    "shield": "a future", "wrap_future": "a future",
}  # fmt: skip


_NO_LOOP = (
    "run-until-complete-inside-the-loop",
    "a task where no loop runs",
    3,
    (
        "Tasks and futures belong to the running loop. A program starts one with "
        "`asyncio.run(main())`, and makes and awaits its tasks in `main`."
    ),
)


def _scheduled(evidence: Evidence) -> Finding | None:
    """A task made in a program that runs no loop, or at its top: no loop takes a step of it."""
    found = only_call(evidence) if evidence.finding.number else None
    around = found[0].parents.get(found[1]) if found is not None else None
    if found is None or not isinstance(around, ast.Call):
        return None
    unit = found[0]
    if callee_name(around) not in STARTING_CALLS or not (scope(*found) is None or _idle(evidence)):
        return None
    why = (
        f"{short(unit, around)} only makes a task, and no loop runs it: `asyncio.run` starts one, "
        "and ends when the coroutine has."
    )
    return Finding(why, _run_instead(evidence, unit, around))


def _idle(evidence: Evidence) -> bool:
    """Whether nothing in the user's texts runs a loop, or waits for what runs in one."""
    runs = ("asyncio.run", "asyncio.Runner")
    return not any(
        (isinstance(each, ast.Await) and not isinstance(scope(unit, each), ast.AsyncFunctionDef))
        or canonical_name(getattr(each, "func", each)) in runs
        or callee_name(each) in _RUNNERS
        for unit, each in evidence.units.nodes(ast.expr)
    )


@correction
def _run_instead(fixing: Fixing, unit: Unit, makes: ast.Call) -> None:
    """``asyncio.ensure_future(main())`` → ``asyncio.run(main())``."""
    alone = isinstance(unit.parents.get(makes), ast.Expr | ast.Lambda)
    if not alone or len(makes.args) != 1:
        raise CannotFixError
    fixing.of(unit).replace(makes, f"asyncio.run({unit.source.source(makes.args[0])})")


def _for_idle_loop(evidence: Evidence) -> Finding | None:
    """A task, or a coroutine, that was given to a loop which nobody runs."""
    unit, around = evidence.unit, evidence.node(ast.Call)
    if evidence.finding.what == "dropped":
        found = only_call(evidence)
        unit, given = found or (unit, None)
        parent = unit.parents.get(given) if given is not None else None
        around = parent if isinstance(parent, ast.Call) else None
    if around is None:
        return None
    function = around.func
    owner = function.value if isinstance(function, ast.Attribute) else None
    if canonical_name(function) == "asyncio.run_coroutine_threadsafe":
        owner = around.args[-1]
    elif callee_name(around) != "create_task":
        return None
    made = _idle_loop(unit, owner)
    if made is None:
        return _for_kept_loop(evidence, unit, around, owner)
    why = (
        f"{short(unit, around)} is for a loop that nobody runs: {short(unit, made)} only makes "
        "one. What a running loop is given, runs."
    )
    return Finding(why, replaced(evidence, unit, (made, "asyncio.get_running_loop()")))


#: What gives a loop that need not be the one that runs.
_MAKERS_OF_LOOPS = {"asyncio.new_event_loop", "asyncio.get_event_loop"}


def _for_kept_loop(
    evidence: Evidence, unit: Unit, around: ast.Call, loop: ast.expr | None
) -> Finding | None:
    """The same, of a loop that an object keeps: that of its import, beside `asyncio.run`."""
    if evidence.finding.what != "dropped" or not isinstance(loop, ast.Attribute):
        return None
    made = [each for _, each in origins(evidence.units, unit, loop)]
    calls = [each for each in made if isinstance(each, ast.Call)]
    kept = all(isinstance(each, ast.Call) or last_name(each) == loop.attr for each in made)
    known = {canonical_name(each.func) for each in calls} <= _MAKERS_OF_LOOPS
    if not calls or not kept or not known:
        return None
    why = (
        f"{short(unit, around)} is for the loop that {short(unit, calls[0])} has given "
        f"{short(unit, loop.value)}, and another one runs here, such as each `asyncio.run` makes: "
        "nobody takes a step of the task."
    )
    waits = isinstance(scope(unit, around), ast.AsyncFunctionDef)
    text = "asyncio.get_running_loop()"
    return Finding(why, replaced(evidence, unit, (loop, text)) if waits else None)


def _idle_loop(unit: Unit, loop: ast.expr | None) -> ast.Call | None:
    """The call that made `loop`, if nothing is done with it that might run it."""
    made: ast.AST | None = loop
    if isinstance(loop, ast.Name):
        bound = bound_by(unit, loop)
        made = bound.value if isinstance(bound, ast.Assign) else None
        uses = [unit.parents.get(each) for each in loads(unit, loop)]
        if not all(isinstance(use, ast.Attribute | ast.Call) for use in uses):
            return None
        if any(not _only_gives(use) for use in uses):
            return None
    is_new = isinstance(made, ast.Call) and canonical_name(made.func) == "asyncio.new_event_loop"
    return made if isinstance(made, ast.Call) and is_new else None


def _only_gives(use: ast.AST | None) -> bool:
    """Whether the loop is only given something to run there."""
    if isinstance(use, ast.Call):
        return canonical_name(use.func) == "asyncio.run_coroutine_threadsafe"
    return isinstance(use, ast.Attribute) and use.attr in ("create_task", "call_soon", "time")


def _stopped(evidence: Evidence) -> Finding | None:
    """A loop that somebody has stopped, while it ran what was to end first."""
    frame = innermost_frame(evidence)
    run = code_of(vars(asyncio.BaseEventLoop).get("run_until_complete"))
    future = frame.f_locals.get("future") if frame is not None else None
    if frame is None or frame.f_code is not run or not is_real_instance(future, asyncio.Future):
        return None
    call = evidence.outermost(ast.Call)
    stops = [
        (unit, unit.parents.get(each, each))
        for unit, each in evidence.units.nodes(ast.Attribute)
        if each.attr == "stop" and _may_be_called(unit, each)
    ]
    raised = future.done() and not future.cancelled() and future.exception() is evidence.error
    if raised or call is None or len(stops) != 1:
        return None
    why = (
        f"{short(*stops[0])} stops the loop at once, and {short(evidence.unit, call)} runs it "
        "until a coroutine has ended, which then never does. Let the coroutine end: set an event "
        "that it waits for, or cancel its task."
    )
    return Finding(why)


def _may_be_called(unit: Unit, method: ast.Attribute) -> bool:
    """Whether it is called without arguments, or given to the loop: ``part.stop`` is a number."""
    around = unit.parents.get(method)
    calls = isinstance(around, ast.Call) and around.func is method and not around.args
    return calls or callee_name(around) in (*LATER_CALLS, "signal")


RULES = (
    Rule(*_NO_LOOP, _made_too_early, errors=(RuntimeError,)),
    Rule(*_NO_LOOP, _at_the_top, sees="started"),
    Rule(
        "run-until-complete-inside-the-loop",
        "a loop that is to run inside another",
        3,
        "One loop runs at a time in a thread. In a finalizer nobody can wait: close what is async "
        "with `await x.close()`, or as an async context manager.",
        _refused_run,
        sees="dropped",
    ),
    Rule(
        "run-until-complete-inside-the-loop",
        "`get_event_loop` where no loop runs",
        3,
        "`asyncio.get_event_loop()` gives the running loop, and since Python 3.14 it makes none "
        "where none runs. A program starts a loop with `asyncio.run(main())`.",
        _no_loop,
        errors=(RuntimeError,),
    ),
    Rule(
        "run-until-complete-inside-the-loop",
        "a loop that is stopped while it runs a coroutine to its end",
        3,
        "`asyncio.run` and `run_until_complete` end when their coroutine has, and `loop.stop()` "
        "is for `run_forever`. To end early, let the coroutine wait for an `asyncio.Event`.",
        _stopped,
        errors=(RuntimeError,),
    ),
    Rule(*NEVER_RUNS, _scheduled, sees="dropped", before="never_run"),
    Rule(*NEVER_RUNS, _for_idle_loop, sees="dropped | cut off", before="never_run"),
)
