"""What is made for another event loop than the one that runs, and loops that run on with nothing.

Futures, tasks and all that waits belong to a loop, and each `asyncio.run` makes one and closes it:
what it leaves behind is cancelled or closed then, generators that are half way through as well.
"""

from __future__ import annotations

import ast
import asyncio
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from asyncrepl.events.finding_log import was_shut
from asyncrepl.events.object_info import code_of, instance_dict, is_real_instance
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.held_operands import innermost_frame
from asyncrepl.explain.hoisted_code import made_in_function
from asyncrepl.explain.rules.iteration_end import awaited_step, stopped_at
from asyncrepl.explain.scopes import CannotFixError, block_of, scope
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import origins, stepped_source
from asyncrepl.instrument.probe_placement import LATER_CALLS
from asyncrepl.syntax.names import (
    FUNCTIONS,
    callee_name,
    canonical_name,
    method_owner,
    written_name,
)
from asyncrepl.syntax.source_rewriter import Span, indent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

#: What refuses an object that has waited in another loop, and a loop that is closed.
GET_LOOP = vars(asyncio.mixins._LoopBoundMixin).get("_get_loop")  # noqa: SLF001
_CHECK_CLOSED = vars(asyncio.BaseEventLoop).get("_check_closed")
#: What makes a loop.
_RUNS = {"asyncio.run", "asyncio.Runner"}
_LOOP_MAKERS = {*_RUNS, "asyncio.new_event_loop"}
_RUN = code_of(vars(asyncio.BaseEventLoop).get("run_until_complete"))
_OWN_LOOP = "Each `asyncio.run` has a loop of its own"


class _Awaited(NamedTuple):
    """What was awaited, the future that it is or has, and where."""

    unit: Unit
    node: ast.expr
    future: asyncio.Future[object]


def refused_by(evidence: Evidence, *functions: object) -> ast.AST | None:
    """What called, at the user's place, one of asyncio's own functions that has refused it."""
    codes = [code_of(each) for each in functions]
    if not any(code is not None and code in codes for code in evidence.inner):
        return None
    waited = evidence.node(ast.Await)
    return waited.value if waited is not None else evidence.node(ast.expr, ast.AsyncWith)


def _bound(evidence: Evidence) -> Finding | None:
    """A lock or the like that has waited in one loop, used in another; or a loop kept too long."""
    made = evidence.units.called()
    if not made & _LOOP_MAKERS:
        return None
    if refused_by(evidence, GET_LOOP) is not None:
        what = "what has waited in one loop belongs to it"
    elif (call := refused_by(evidence, _CHECK_CLOSED)) is None:
        return None
    elif made.isdisjoint(_RUNS) or _is_made_by_hand(evidence, call):
        text = short(evidence.unit, call, 24)
        return Finding(
            f"{text} asks a loop that is closed: close it when all has run, or make one.",
            _closed_last(evidence, call),
        )
    else:
        what = f"{short(evidence.unit, call, 24)} asks one that is closed"
    return Finding(f"{_OWN_LOOP}, and {what}. Make it where it is used.", _one_run(evidence))


def _is_made_by_hand(evidence: Evidence, call: ast.AST) -> bool:
    """Whether the loop whose method is called is the program's own, beside `asyncio.run`."""
    owner = method_owner(call) if isinstance(call, ast.Call) else None
    made = origins(evidence.units, evidence.unit, owner) if owner is not None else []
    calls = [getattr(each, "func", None) for _, each in made]
    return bool(calls) and {canonical_name(each) for each in calls} == {"asyncio.new_event_loop"}


def _awaited(evidence: Evidence) -> Finding | None:
    """A future or task of another loop than that in which it is awaited.

    Since Python 3.14 `gather` refuses it with a ValueError.
    """
    found = _foreign(evidence, at_hand=True)
    if found is None:
        return _kept_loop(evidence)
    if found.future.done():
        return None
    kind = "task" if is_real_instance(found.future, asyncio.Task) else "future"
    does = "is" if isinstance(found.node, ast.Name | ast.Attribute) else "waits for"
    why = (
        f"{short(found.unit, found.node)} {does} a {kind} of another event loop than the one that "
        "runs here. Each `asyncio.run` has its own: make it in the `async def` that awaits it."
    )
    return Finding(why, _in_one_loop(evidence, found) or _one_run(evidence))


def _cancelled(evidence: Evidence) -> Finding | None:
    """A task that was cancelled when the loop it belongs to has ended."""
    found = _foreign(evidence, at_hand=False)
    if found is None or not found.future.cancelled():
        return None
    why = (
        f"{short(found.unit, found.node)} belongs to an earlier `asyncio.run`, which cancelled it "
        f"at its end. {_OWN_LOOP}: what is made there has to be awaited there."
    )
    return Finding(why, _one_run(evidence))


def _shut(evidence: Evidence) -> Finding | None:
    """A step of an async generator that the end of an earlier run has closed."""
    site = stopped_at(evidence)
    step = awaited_step(evidence, site) if site is not None else None
    source = stepped_source(step[1]) if step is not None else None
    if site is None or step is None or source is None:
        return None
    stream = Resolver.of_frame(evidence.units, site.frame).value(source)
    if not is_real_instance(stream, AsyncGeneratorType) or not was_shut(stream):
        return None
    return _told_shut(evidence, site.unit, source)


def _walked_shut(evidence: Evidence) -> Finding | None:
    """The same in an ``async for``, which gets no items then."""
    node = evidence.seen_node
    return None if node is None else _told_shut(evidence, evidence.unit, node)


def _told_shut(evidence: Evidence, unit: Unit, source: ast.expr) -> Finding:
    why = (
        f"{short(unit, source)} was closed, before its end, when an earlier `asyncio.run` ended: "
        "that closes all async generators of its loop. Iterate over it in one run."
    )
    return Finding(why, _one_run(evidence))


def _foreign(evidence: Evidence, *, at_hand: bool) -> _Awaited | None:
    """The innermost future of another loop that a place on the error's way awaits.

    It may be one that a library has `at_hand`.
    """
    loop = _loop_of(evidence.error)
    if loop is None:
        return None
    for site in reversed(evidence.sites):
        waits = site.node(ast.Await)
        node = waits.value if waits is not None else site.node(ast.Call)
        if node is None:
            continue
        values = _values_in(Resolver.of_frame(evidence.units, site.frame), node)
        if at_hand and site is evidence.sites[-1]:
            values += _values_at_hand(evidence)
        for each in values:
            if (
                is_real_instance(each, asyncio.Future)
                and asyncio.Future.get_loop(each) is not loop
            ):
                return _Awaited(site.unit, node, each)
    return None


def _loop_of(error: BaseException | None) -> asyncio.AbstractEventLoop | None:
    """The loop in which `error` arose: that of the innermost run, or the one that runs."""
    loop: asyncio.AbstractEventLoop | None = asyncio._get_running_loop()  # noqa: SLF001  its public sister raises
    trace = error.__traceback__ if error is not None else None
    while trace is not None:
        if trace.tb_frame.f_code is _RUN:
            loop = trace.tb_frame.f_locals.get("self", loop)
        trace = trace.tb_next
    return loop


def _values_in(resolver: Resolver, awaited: ast.expr) -> list[Any]:
    """What the names in an expression stand for, and what is in those that are collections."""
    values = [resolver.value(node) for node in ast.walk(awaited) if isinstance(node, ast.expr)]
    several = [value for value in values if type(value) in (list, tuple, set)]
    return [*values, *(each for value in several for each in cast("Iterable[Any]", value))]


def _values_at_hand(evidence: Evidence) -> list[Any]:
    """What the library has at hand in which the error arose; nothing, if it arose in no one."""
    frame = innermost_frame(evidence) if evidence.inner else None
    if frame is None:
        return []
    return [*frame.f_locals.values(), *instance_dict(frame.f_locals.get("self")).values()]


def _kept_loop(evidence: Evidence) -> Finding | None:
    """The same, where the future is gone: what gave it keeps the loop it made that for."""
    loop, waits = _loop_of(evidence.error), evidence.node(ast.Await)
    call = waits.value if waits is not None else None
    if loop is None or not evidence.direct or not isinstance(call, ast.Call):
        return None
    resolver = evidence.resolver
    if any(not issubclass(each.kind, asyncio.Future) for each in resolver.options(call)):
        return None  # that is refused for another reason
    if not isinstance(call.func, ast.Attribute):
        return None
    kept = instance_dict(resolver.value(call.func.value)).values()
    loops = [each for each in kept if is_real_instance(each, asyncio.AbstractEventLoop)]
    if not loops or any(each is loop or each.is_running() for each in loops):
        return None
    unit = evidence.unit
    why = (
        f"{short(unit, call.func.value)} keeps another event loop than the one that runs here, "
        f"and {short(unit, call)} is a future of that. Make it in the `async def` that uses it."
    )
    return Finding(why)


# -- corrections -----------------------------------------------------------------------


@correction
def _in_one_loop(fixing: Fixing, found: _Awaited) -> None:
    """The future is made by the loop that runs, or that loop by the one the future has."""
    unit, function = found.unit, scope(found.unit, found.node)
    made = [call for call in unit.nodes(ast.Call) if _makes_future(call)]
    within = [call for call in made if scope(unit, call) is function]
    runs = [each for each in unit.nodes(ast.Call) if canonical_name(each.func) == "asyncio.run"]
    runner = found.node if callee_name(found.node) == "run_until_complete" else None
    if isinstance(runner, ast.Call) and isinstance(runner.args[0], ast.Call):
        made_in_function(fixing, unit, runner.args[0])  # a `gather`: for the current loop
    elif within and isinstance(function, ast.AsyncFunctionDef):
        owner = within[0].func.value  # type: ignore[attr-defined]  # see _makes_future
        text = unit.source.source(owner)
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute) and unit.source.source(node.value) == text:
                fixing.of(unit).replace(node.value, "asyncio.get_running_loop()")
    elif len(runs) == 1 and (by := [c for c in made if scope(unit, c) is scope(unit, runs[0])]):
        owner = by[0].func.value  # type: ignore[attr-defined]
        fixing.of(unit).replace(runs[0].func, f"{unit.source.source(owner)}.run_until_complete")
    else:
        raise CannotFixError


def _makes_future(call: ast.Call) -> bool:
    """``loop.create_future()`` or ``loop.create_task(…)``, of whatever loop."""
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr in ("create_future", "create_task")
        and canonical_name(function) not in ("asyncio.create_task", "asyncio.get_running_loop()")
    )


@correction
def _closed_last(fixing: Fixing, call: ast.AST) -> None:
    """``loop.close()`` behind the last statement of its block that speaks of the loop."""
    unit, loop = fixing.evidence.unit, getattr(getattr(call, "func", None), "value", call)
    text, statement = ast.unparse(loop), unit.statement(call)
    body = block_of(unit, statement)
    parts = [(each, part) for each in body for part in ast.walk(each) if type(part) is type(loop)]
    last = [each for each, part in parts if ast.unparse(part) == text][-1]
    for each in body[: body.index(statement)]:
        if ast.unparse(each) == f"{text}.close()":
            fixing.of(unit).remove(each)
            fixing.of(unit).lines_after(last, unit.source.source(each))


@correction
def _one_run(fixing: Fixing) -> None:
    """All that the program runs by `asyncio.run`, one after the other, in one ``async def``."""
    evidence = fixing.evidence
    unit = evidence.sites[0].unit if evidence.sites else evidence.unit
    runs = [each for each in unit.nodes(ast.Call) if canonical_name(each.func) == "asyncio.run"]
    statements = [unit.statement(each) for each in runs]
    body = _common_body(unit, statements)
    if not body or any(len(run.args) != 1 or run.keywords or scope(unit, run) for run in runs):
        raise CannotFixError
    numbers = [n for n, each in enumerate(body) if any(s in ast.walk(each) for s in statements)]
    moved = body[numbers[0] : numbers[-1] + 1]
    if _cannot_move(unit, moved) or (len(runs) == 1 and moved[0] is statements[0]):
        raise CannotFixError
    start, end = unit.source.block(moved[0])[0], unit.source.block(moved[-1])[1]
    text = unit.text[start:end].rstrip("\n")
    for run in sorted(runs, key=lambda each: unit.source.span(each).start, reverse=True):
        at, after = unit.source.span(run)
        operand = f"await {unit.source.source(run.args[0])}"
        tight = isinstance(unit.parents.get(run), ast.Attribute | ast.Subscript | ast.BinOp)
        operand = f"({operand})" if tight else operand
        text = text[: at - start] + operand + text[after - start :]
    by, name = unit.source.indent(moved[0]), fixing.fresh(unit, "main")
    runner = unit.source.source(runs[0].func)
    function = f"{by}async def {name}():\n{indent(text, '    ')}\n\n{by}{runner}({name}())\n"
    fixing.of(unit).replace(Span(start, end), function)


def _common_body(unit: Unit, statements: list[ast.stmt]) -> list[ast.stmt]:
    """The innermost list of statements that has all of `statements` in it."""
    around = [{*unit.ancestors(each), each} for each in statements]
    if not around or unit.tree is None:
        return []
    owners = [each for each in unit.ancestors(statements[0]) if hasattr(each, "body")]
    for owner in owners:
        body = getattr(owner, "body", None)
        holds_all = isinstance(body, list) and all(not each.isdisjoint(body) for each in around)
        if holds_all and not isinstance(owner, ast.For | ast.While):  # those are moved as a whole
            return cast("list[ast.stmt]", body)
    return []


def _cannot_move(unit: Unit, moved: list[ast.stmt]) -> bool:
    """Whether `moved` binds names that are used elsewhere, or cannot stand in a function."""
    nodes = [node for each in moved for node in ast.walk(each)]
    kinds = (
        *(*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Global, ast.Lambda),
        ast.GeneratorExp,  # with an `await` in it, it would be an asynchronous one
    )
    texts = (ast.Constant, ast.JoinedStr)  # over several lines: they would get the indentation
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    inside = {id(node) for node in nodes}
    used = (n for n in unit.nodes(ast.Name) if id(n) not in inside)
    return (
        any(isinstance(node, kinds) for node in nodes)
        or any(name.id in bound for name in used)
        or any(isinstance(n, texts) and n.end_lineno != n.lineno for n in nodes)
    )


_MODEL = (
    "Locks, queues, futures and connections of asyncio belong to the loop in which they were "
    "first used. A second `asyncio.run` is a second loop: they do not work there."
)
_OF_ANOTHER = ("asyncio-object-of-another-loop", "an object of another event loop", 3, _MODEL)
_CLOSED = (
    "asyncio-object-of-another-loop",
    "an async generator that the end of a run has closed",
    3,
    (
        "`asyncio.run` closes the async generators of its loop when it ends, also those that are "
        "half way through: after that they have no more items. Iterate in one run."
    ),
)


def _runs_idle(evidence: Evidence) -> Finding | None:
    """``run_forever`` where all is done, and nothing asks for its end by a signal."""
    unit, call = evidence.unit, evidence.node(ast.Call)
    if call is None or callee_name(call) != "run_forever":
        return None
    made = [each for _, each in evidence.units.nodes(ast.Call)]
    signals = any(canonical_name(each.func).startswith("signal.") for each in made)
    guards = [each for each in unit.ancestors(call) if isinstance(each, ast.Try)]
    expected = any(_takes_interrupt(each) for guard in guards for each in guard.handlers)
    if signals or expected:
        return None
    why = (
        f"{short(unit, call)} runs until `stop()` is called, and nothing calls it: all that the "
        "loop had to do is done, and nothing more can come. `run_until_complete` ends when what "
        "it was given has ended."
    )
    return Finding(why, _run_to_the_end(evidence, unit, call))


def _waits_idle(evidence: Evidence) -> Finding | None:
    """``run_until_complete(future)``, where nothing that could set the future is left."""
    unit, call = evidence.unit, evidence.node(ast.Call)
    if call is None or callee_name(call) != "run_until_complete" or len(call.args) != 1:
        return None
    future = short(unit, call.args[0])
    why = (
        f"{short(unit, call)} runs until {future} is done, and nothing is left that could set it: "
        f"who does its work has to call {future[:-1]}.set_result(…)`."
    )
    return Finding(why)


def _takes_interrupt(handler: ast.ExceptHandler) -> bool:
    kinds = ast.walk(handler.type) if handler.type is not None else ()
    names = {canonical_name(each) for each in kinds if isinstance(each, ast.expr)}
    return handler.type is None or bool(names & {"KeyboardInterrupt", "BaseException"})


@correction
def _run_to_the_end(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``loop.create_task(main())`` and ``loop.run_forever()`` → ``run_until_complete``."""
    function, statement = call.func, unit.parents.get(call)
    if sum(_is_unwaited(*each) for each in fixing.evidence.units.nodes(ast.Call)) > 1:
        return  # these are to end, too
    block = getattr(unit.parents.get(statement or call), "body", [])
    place = block.index(statement) if statement in block else 0
    match block[place - 1 : place]:
        case [ast.Expr(ast.Call(ast.Attribute(owner, "create_task"), [job])) as made]:
            if isinstance(function, ast.Attribute) and written_name(owner) == written_name(
                function.value
            ):
                source = unit.source.source
                fixing.of(unit).replace(unit.source.block(made), "")
                text = f"{source(owner)}.run_until_complete({source(job)})"
                fixing.of(unit).replace(call, text)


def _is_unwaited(unit: Unit, call: ast.Call) -> bool:
    """Whether it makes a task, or something for later, that nobody keeps."""
    later = callee_name(call) in ("create_task", "ensure_future", *LATER_CALLS)
    kept = not isinstance(unit.parents.get(call), ast.Expr)
    return later and not (kept and isinstance(scope(unit, call), ast.AsyncFunctionDef))


RULES = (
    Rule(*_OF_ANOTHER, _bound, errors=(RuntimeError,)),
    Rule(*_OF_ANOTHER, _awaited, errors=(RuntimeError, ValueError)),
    Rule(*_OF_ANOTHER, _cancelled, errors=(asyncio.CancelledError,)),
    Rule(*_CLOSED, _shut, errors=(StopAsyncIteration,)),
    Rule(*_CLOSED, _walked_shut, sees="shut"),
    Rule(
        "endless-generator-hangs",
        "a loop that runs on with nothing to do",
        3,
        "`loop.run_forever()` runs until somebody calls `loop.stop()`, also when all tasks have "
        "ended. `loop.run_until_complete(main())`, and `asyncio.run(main())`, end with `main`.",
        _runs_idle,
        sees="idle",
    ),
    Rule(
        "endless-generator-hangs",
        "a loop that waits for a future that nobody sets",
        3,
        "A future is done when somebody calls its `set_result` or `set_exception`. A task is done "
        "when its coroutine has ended, by itself.",
        _waits_idle,
        sees="idle",
    ),
)
