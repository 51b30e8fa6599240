"""Coroutines that nobody awaits.

The interpreter warns that one "was never awaited", where it dies. Where it was made is
known for certain if the code that runs just then calls its function, or if the sources
hold only one call or mention of it.
"""

from __future__ import annotations

import ast
from types import CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.explain.dropped_coroutines import (
    calls_that_made,
    dropped_name,
    is_discarded,
    is_kept,
    is_of_variable,
    made_at,
)
from asyncrepl.explain.explanation import THE_END, Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, awaited, corrected, correction, short
from asyncrepl.explain.hoisted_code import task_later
from asyncrepl.explain.other_callers import handed_by, mentions
from asyncrepl.explain.repairs.awaited_origins import either_awaited
from asyncrepl.explain.repairs.moved_walks import read_by_loop, read_in
from asyncrepl.explain.scopes import (
    CannotFixError,
    scope,
)
from asyncrepl.explain.value_arrivals import is_test
from asyncrepl.explain.value_origins import STEPS, is_handed_on, loads
from asyncrepl.syntax.names import callee_name, is_partial, last_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.dropped_coroutines import Place
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit


def _shown_at_prompt(evidence: Evidence) -> Finding | None:
    use = evidence.use("value")
    if use is None or use.kind is not CoroutineType or not isinstance(use.node, ast.Call):
        return None
    if callee_name(use.node) in STEPS:
        return None  # that is told as a step
    made = short(evidence.unit, use.node)
    why = f"{made} only makes a coroutine: nothing of it runs before it is awaited."
    return Finding(why, awaited(evidence, evidence.unit, use.node))


STARTING_CALLS = ("ensure_future", "create_task")
_PROPERTIES = {"property", "cached_property"}


def only_call(evidence: Evidence) -> Place | None:
    """The call that made the coroutine, if that is certain."""
    name = dropped_name(evidence)
    if (known := made_at(evidence, name)) is not None:
        return known
    here = [
        each
        for node in evidence.nodes[-1:]
        for each in ast.walk(node)
        if isinstance(each, ast.Call) and callee_name(each) == name
        if handed_by(evidence, evidence.unit, each) is None
    ]
    if len(here) == 1 and not is_kept(evidence.unit, here[0]):
        return evidence.unit, here[0]
    for node in evidence.nodes[-1:]:  # it died where it was made, by a statement
        alone = isinstance(evidence.unit.parents.get(node), ast.Expr)
        if (
            isinstance(node, ast.Call)
            and alone
            and not here
            and is_of_variable(evidence, evidence.unit, node)
        ):
            return evidence.unit, node
    found = [place for place in calls_that_made(evidence) if not is_kept(*place)]
    return found[0] if len(found) == 1 and not mentions(evidence, name) else None


def _made(evidence: Evidence, fits: Callable[[Unit, ast.Call], bool], why: str) -> Finding | None:
    found = only_call(evidence)
    if found is None or not fits(*found) or _is_refused(evidence, *found):
        return None
    text, name = short(*found), dropped_name(evidence)
    if callee_name(found[1]) != name:
        text += f", a call of `{name}`,"
    return Finding(why.format(text), _all_awaited(evidence, *found))


def _is_refused(evidence: Evidence, unit: Unit, call: ast.Call) -> bool:
    """Whether a loop was to run it, and would not: who calls that is told by its error."""
    runner = unit.parents.get(call)
    name = callee_name(runner)
    given = isinstance(runner, ast.Call) and call in runner.args
    return given and name in _RUNNERS and not any(evidence.units.functions(name))


#: What runs a coroutine that it is given.
_RUNNERS = ("run", "run_until_complete")


@correction
def _all_awaited(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``await`` in front of the call, and of others like it that nobody awaits either."""
    called, around = ast.dump(call.func), scope(unit, call)
    listed = unit.parents.get(call)
    kept = unit.parents.get(listed) if isinstance(listed, ast.List | ast.Tuple) else None
    if isinstance(kept, ast.keyword) and kept.arg == "args":
        raise CannotFixError  # a function gets it later, and may be to run it
    loop = unit.parents.get(unit.parents.get(around or call, call))
    walked = isinstance(around, ast.Lambda)  # ``for item in iter(lambda: queue.get(), None)``
    if walked and isinstance(loop, ast.For) and read_in(fixing, unit, loop):
        return
    taker = unit.enclosing(around, ast.Call) if isinstance(around, ast.Lambda) else None
    if callee_name(taker) in _THREADS and around is not None and around.body is call:
        fixing.given_to(unit, call, "asyncio.run")
        return
    # What is mapped becomes the element of a comprehension, once the lambda is found to wait.
    passed = isinstance(around, ast.Lambda) and around.body is call and _dies_in_call(fixing, call)
    if passed or task_later(fixing, unit, call) or either_awaited(fixing, unit, call):
        return
    fixing.in_lambda = callee_name(unit.parents.get(around or call)) in ("map", "filter")
    like = [
        each
        for each in unit.nodes(ast.Call)
        if ast.dump(each.func) == called
        if is_discarded(unit, each) or is_test(unit, each)
        if isinstance(scope(unit, each), ast.AsyncFunctionDef)
    ]
    for each in dict.fromkeys([call, *like, *_compared_beside(fixing.evidence, unit, call)]):
        fixing.awaiting(unit, each)


#: What calls a function in a thread of its own, where no loop runs.
_THREADS = ("Thread", "Timer", "submit")


def _dies_in_call(fixing: Fixing, made: ast.Call) -> bool:
    """``job()``, where a lambda only passes a coroutine on: ``await`` there, if it is that."""
    unit, died = fixing.evidence.unit, next(iter(fixing.evidence.nodes[-1:]), made)
    asked: ast.AST = died.test if isinstance(died, ast.If | ast.While) else died
    calls = [each for each in ast.walk(asked) if isinstance(each, ast.Call)]
    here = [each for each in calls if is_discarded(unit, each) or is_test(unit, each)]
    if len(here) != 1 or not isinstance(scope(unit, here[0]), ast.AsyncFunctionDef):
        return False
    fixing.awaiting(unit, here[0])
    return True


def _compared_beside(evidence: Evidence, unit: Unit, call: ast.Call) -> list[ast.expr]:
    """The other coroutines in a comparison, or in the tuple that a ``match`` looks at."""
    around, found = unit.parents.get(call), []
    if isinstance(around, ast.Compare):
        found = [around.left, *around.comparators]
    elif isinstance(around, ast.BoolOp):
        found = around.values
    elif isinstance(around, ast.Tuple) and isinstance(unit.parents.get(around), ast.Match):
        found = around.elts
    kinds = {each: [one.kind for one in evidence.resolver.options(each)] for each in found}
    same = callee_name(call) if isinstance(around, ast.BoolOp) else None
    return [
        each
        for each in found
        if isinstance(each, ast.Call)
        and (CoroutineType in kinds[each] or callee_name(each) == same)
    ]


def _yielded(evidence: Evidence) -> Finding | None:
    why = "{} is yielded before anything awaits it: the loop gets a coroutine, not its result."
    return _made(evidence, _is_yielded, why)


def _is_yielded(unit: Unit, call: ast.Call) -> bool:
    parent = unit.parents.get(call)
    if isinstance(parent, ast.Return):
        function = scope(unit, parent)
        return isinstance(function, ast.AsyncFunctionDef) and function.name == "__anext__"
    return isinstance(parent, ast.Yield)


def _property(evidence: Evidence) -> Finding | None:
    """The value of a property that is an ``async def``."""
    found = evidence.units.definition(evidence.finding.info.code)
    if found is None or not _PROPERTIES & {*map(last_name, found[1].decorator_list)}:
        return None
    read = [
        (unit, node)
        for unit, node in evidence.units.nodes(ast.Attribute)
        if node.attr == found[1].name and isinstance(node.ctx, ast.Load)
        if not is_handed_on(unit, node)
    ]
    if not read:
        return None
    why = f"{short(*read[0])} is a coroutine, for the property is `async def`: it needs `await`."
    return Finding(why, _reads_awaited(evidence, read))


@correction
def _reads_awaited(fixing: Fixing, read: list[tuple[Unit, ast.Attribute]]) -> None:
    for unit, node in read:
        if len(read) > 1 and isinstance(unit.parents.get(node), ast.Assign | ast.Return):
            raise CannotFixError  # it may be awaited there
        fixing.awaiting(unit, node)


def _tested(evidence: Evidence) -> Finding | None:
    why = "{} is a coroutine, and every object is true: `await` gives the answer."
    return _made(evidence, is_test, why)


def _at_prompt(evidence: Evidence) -> Finding | None:
    why = "{} only makes a coroutine: nothing of it runs before it is awaited."
    return _made(evidence, _is_statement, why)


def _is_statement(unit: Unit, call: ast.Call) -> bool:
    statement = unit.parents.get(call)
    return isinstance(statement, ast.Expr) and isinstance(unit.parents.get(statement), ast.Module)


def _forgotten(evidence: Evidence) -> Finding | None:
    why = "{} only makes a coroutine: without `await` nothing of it runs."
    return _made(evidence, lambda unit, call: not _is_given_to_run(unit, call), why)


def _is_given_to_run(unit: Unit, call: ast.Call) -> bool:
    """Whether it is an argument of what makes a task of it, which has refused: that is no slip."""
    return callee_name(unit.parents.get(call)) in STARTING_CALLS


def _made_too_early(evidence: Evidence) -> Finding | None:
    """A coroutine for a function that was to start it, and never ran: ``lambda: start(made)``."""
    found = only_call(evidence)
    if found is not None and (starter := _starter_beside(*found)) is not None:
        why = (
            f"{short(*found)} makes a coroutine at once, which {short(found[0], starter)} was to "
            "start later, and did not: make it there."
        )
        return Finding(why, _started_there(evidence, *found, starter))
    assigned = found[0].parents.get(found[1]) if found is not None else None
    if found is None or not isinstance(assigned, ast.Assign) or len(assigned.targets) != 1:
        return None
    (unit, call), target = found, assigned.targets[0]
    uses = loads(unit, target) if isinstance(target, ast.Name) else []
    around, inner = scope(unit, call), {scope(unit, each) for each in uses}
    if not uses or around is None or around in inner:
        return None
    started = [unit.parents.get(each) for each in uses]
    if not all(callee_name(each) in (*STARTING_CALLS, "run") for each in started):
        return None
    why = (
        f"{short(unit, call)} makes a coroutine for a function that was to start it later, and "
        "did not run: it is to be made there."
    )
    return Finding(why, _made_where_started(evidence, unit, assigned, uses))


def _starter_beside(unit: Unit, call: ast.Call) -> ast.expr | None:
    """In ``call_later(5, loop.create_task, call)``, what is to start it when it is called."""
    taker = unit.parents.get(call)
    given = taker.args if isinstance(taker, ast.Call) and call in taker.args else [call]
    before = given[: given.index(call)]
    return next((each for each in before[-1:] if last_name(each) in STARTING_CALLS), None)


@correction
def _started_there(fixing: Fixing, unit: Unit, call: ast.Call, starter: ast.expr) -> None:
    """``call_later(5, create_task, work())`` → ``call_later(5, lambda: create_task(work()))``."""
    taker, source = unit.parents[call], unit.source
    assert isinstance(taker, ast.Call)
    given = ", ".join(map(source.source, taker.args[taker.args.index(call) :]))
    rest = Span(source.span(starter).start, source.span(taker.args[-1]).end)
    span = source.span(taker) if is_partial(taker) else rest
    fixing.of(unit).replace(span, f"lambda: {source.source(starter)}({given})")


@correction
def _made_where_started(
    fixing: Fixing, unit: Unit, assigned: ast.Assign, uses: list[ast.Name]
) -> None:
    if len(uses) == 1:
        fixing.of(unit).replace(uses[0], unit.source.source(assigned.value))
        fixing.of(unit).remove(assigned)


def _called_by_others(evidence: Evidence) -> Finding | None:
    """What was given the function calls it somewhere, and drops what that gives."""
    name = dropped_name(evidence)
    made, places = list(calls_that_made(evidence)), mentions(evidence, name)
    if evidence.units.definition(evidence.finding.info.code) is None:
        return None
    if any(not is_kept(*each) for each in made) or (made and len(places) != 1):
        return None
    if (known := made_at(evidence, name)) is not None and _is_given_to_run(*known):
        return None
    by = f" by {short(*places[0])}" if len(places) == 1 else ""
    who = (_caller(evidence) if not by else "") or f"what it is given to{by}"
    why = (
        f"`{name}` is an `async def`, and {who} calls it as a plain function: its coroutine is "
        "made, and nobody awaits it."
    )
    return Finding(why)


def _caller(evidence: Evidence) -> str:
    """The one call in the line in which the coroutine was made, which has no name of its own."""
    unit, line = evidence.made or (evidence.unit, 0)
    calls = [call for call in unit.nodes(ast.Call) if call.lineno == line]
    inner = {part for call in calls for part in ast.walk(call) if part is not call}
    outer = [call for call in calls if call not in inner]
    return short(unit, outer[0]) if len(outer) == 1 else ""


def _cancelled_before(evidence: Evidence) -> Finding | None:
    """``create_task(wait_for(work(), 1))``, whose task was cancelled before it took a step."""
    found = only_call(evidence)
    handed = found[0].parents.get(found[1]) if found is not None else None
    around = found[0].parents.get(handed) if found is not None and handed is not None else None
    if (
        found is None
        or callee_name(handed) != "wait_for"
        or callee_name(around) not in STARTING_CALLS
    ):
        return None
    why = (
        f"{short(*found)} was handed to `wait_for`, and the task that `{callee_name(around)}` "
        "made of that was cancelled before it began. Make and await both inside the task."
    )
    return Finding(why)


def _shown(evidence: Evidence) -> Finding | None:
    """It was printed, and never ran: it is still there."""
    use, unit = evidence.use("seen"), evidence.unit
    if use is None or use.kind is not CoroutineType:
        return None
    why = f"{short(unit, use.node)} is a coroutine: what is shown is that, and not its result."
    return Finding(why, _awaited_or_read(evidence, unit, use.node))


@correction
def _awaited_or_read(fixing: Fixing, unit: Unit, node: ast.expr) -> None:
    if not read_by_loop(fixing, unit, node):
        fixing.awaiting(unit, node)


def _read(evidence: Evidence) -> Finding | None:
    """``for item in iter(queue.get, None)``: what it calls gives coroutines."""
    found = [
        (unit, call)
        for unit, call in evidence.units.calls("iter")
        if len(call.args) == 2
        if last_name(call.args[0]) == dropped_name(evidence)
    ]
    if len(found) != 1:
        return None
    unit, call = found[0]
    loop = unit.parents.get(call)
    why = (
        f"{short(unit, call)} calls {short(unit, call.args[0])} for each item and awaits nothing: "
        "each is a coroutine, and none is the end."
    )
    fix = corrected(evidence, read_in, unit, loop) if isinstance(loop, ast.For) else None
    return Finding(why, fix)


_AT_PROMPT = (
    "prompt-call-without-await",
    "a call of an async function without `await`",
    5,
    "At an async prompt type `await main()`; `main()` only shows a coroutine object.",
)
NEVER_RUNS = (
    "coroutine-never-awaited-in-body",
    "a coroutine that nobody awaits",
    5,
    (
        "Calling an `async def` makes a coroutine and runs nothing. `await` runs it here; "
        "`asyncio.create_task()` runs it beside."
    ),
)

RULES = (
    Rule(*_AT_PROMPT, _shown_at_prompt, "value"),
    Rule(
        "yields-coroutines",
        "a coroutine yielded instead of its result",
        4,
        "`yield fetch()` hands out the coroutine itself. Await it first: `yield await fetch()`.",
        _yielded,
        sees="dropped",
    ),
    Rule(
        "coroutine-truth-value",
        "a coroutine in a test",
        5,
        "A coroutine object is always true, whatever it would return: `if await is_ready():`.",
        _tested,
        sees="dropped",
    ),
    Rule(*NEVER_RUNS, _cancelled_before, sees="dropped"),
    Rule(*NEVER_RUNS, _made_too_early, sees="dropped"),
    Rule(*_AT_PROMPT, _at_prompt, sees="dropped"),
    Rule(
        "coroutine-never-awaited-in-body",
        "an async property that nobody awaits",
        5,
        "Reading a property that is an `async def` makes a coroutine and runs nothing: "
        "`await user.name`.",
        _property,
        sees="dropped",
    ),
    Rule(*NEVER_RUNS, _read, sees="dropped"),
    Rule(*NEVER_RUNS, _forgotten, sees="dropped"),
    Rule(*NEVER_RUNS, _called_by_others, sees="dropped", before=THE_END),
    Rule(*NEVER_RUNS, _shown, sees="shown"),
)
