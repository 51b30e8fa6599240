"""asyncio's functions given what they do not take, or called where they cannot run.

These are refused inside asyncio, so the user's frame stands at the call; which
function refused is told by its code object, never by its words.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
from types import CodeType, CoroutineType, FunctionType, NoneType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import behind_partials, code_of, function_of, is_real_instance
from asyncrepl.explain.demands import demand_of, met
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, replaced, short
from asyncrepl.explain.held_operands import ASYNCIO
from asyncrepl.explain.hoisted_code import made_in_function
from asyncrepl.explain.kinds import Kind, is_awaitable, kind_of
from asyncrepl.explain.mismatch import mismatch
from asyncrepl.explain.operand_uses import Use
from asyncrepl.explain.repairs.plain_operands import async_twin, awaited_in_thread, with_twin
from asyncrepl.explain.repairs.repair_case import task_maker
from asyncrepl.explain.scopes import CannotFixError, scope, with_await
from asyncrepl.syntax.names import callee_name, canonical_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

#: What refuses to run a loop inside another.
_CHECKING = vars(asyncio.BaseEventLoop)["_check_running"].__code__
#: Why no loop can be run here.
RUNNING = "A loop is running already, here as in any `async def`: `await` the coroutine instead."


def _refused_by_asyncio(evidence: Evidence) -> ast.Call | None:
    """The user's call that asyncio refused."""
    by = [each.co_filename for each in evidence.inner[:2]]  # what watches may stand before it
    if not any(each.startswith(ASYNCIO) for each in by) and not evidence.direct:
        return None
    calls = [node for node in evidence.nodes if isinstance(node, ast.Call)]
    awaits = [node.value for node in evidence.nodes if isinstance(node, ast.Await)]
    made = [each for each in [*calls, *awaits] if isinstance(each, ast.Call)]
    value = evidence.resolver.value
    refused = [each for each in made if code_of(value(each.func)) in evidence.inner]
    return next((each for each in [*refused[::-1], *made]), None)


def _behind_expression(evidence: Evidence) -> ast.Call | None:
    """The awaited call, where the generator expression given to it was run as a task (3.11)."""
    for site in evidence.sites:
        node = site.node(ast.Await)
        if node is not None and isinstance(node.value, ast.Call) and site.unit is evidence.unit:
            return node.value
    return None


def _no_star(evidence: Evidence) -> Finding | None:
    call = _refused_by_asyncio(evidence) or _behind_expression(evidence)
    if call is None or callee_name(call) != "gather" or len(call.args) != 1:
        return None
    argument, found = call.args[0], mismatch(evidence)
    seen = found.info if found is not None and found.demand.node is argument else None
    info = seen or evidence.resolver.info(argument)
    if info is None or is_awaitable(info) or isinstance(argument, ast.Starred):
        return None
    if info.item is None or not is_awaitable(info.item):
        return None
    fixing, unit = Fixing(evidence), evidence.unit
    start = unit.source.span(argument).start
    if info.kind is dict:
        fixing.of(unit).after(argument, ".values()")
    if (
        isinstance(argument, ast.GeneratorExp)
        and unit.source.span(call).end == unit.source.span(argument).end
    ):
        fixing.of(unit).insert(start + 1, "*[")
        fixing.of(unit).insert(unit.source.span(call).end - 1, "]")
    else:
        fixing.of(unit).insert(start, "*")
    text = f"{short(unit, argument)} is one {info.kind.__name__} of them"
    why = f"`gather` takes awaitables one by one; {text}."
    return Finding(why, fixing.fix())


def _wait(evidence: Evidence) -> Finding | None:
    if not evidence.inner or evidence.inner[-1] is not asyncio.wait.__code__:
        return None
    unit, calls = evidence.unit, _waits_on_coroutines(evidence)
    if not calls:
        return None
    why = f"`asyncio.wait` takes tasks, and {short(unit, calls[0].args[0])} holds coroutines."
    return Finding(why, _of_tasks(evidence, calls))


def _waits_on_coroutines(evidence: Evidence) -> list[ast.Call]:
    """The calls of ``asyncio.wait`` with coroutines, that which failed first.

    That may be in what is given to ``run_until_complete``, or have been given a name before.
    """
    unit, info, value = evidence.unit, evidence.resolver.info, evidence.resolver.value
    found = [
        call
        for call in unit.nodes(ast.Call)
        if behind_partials(value(call.func)) is asyncio.wait and call.args
        if (given := info(call.args[0])) and given.item and given.item.kind is CoroutineType
    ]
    inside = [each for node in evidence.nodes[-1:] for each in ast.walk(node)]
    return sorted(found, key=lambda call: call not in evidence.nodes and call not in inside)


@correction
def _of_tasks(fixing: Fixing, calls: list[ast.Call]) -> None:
    """Tasks of the coroutines that each of `calls` is given, made where a loop runs."""
    unit = fixing.evidence.unit
    for call in calls:
        around = unit.parents.get(call)
        awaited = isinstance(around, ast.Await)  # at the top, of what is typed
        runs = awaited or isinstance(scope(unit, call), ast.AsyncFunctionDef)
        function = around.func if isinstance(around, ast.Call) else None
        if runs:
            _as_tasks(fixing, unit, call.args[0], "asyncio.create_task")
        elif callee_name(around) == "run_until_complete":
            _as_tasks(fixing, unit, call.args[0], task_maker(unit, call))
        elif function and canonical_name(function) == "asyncio.run" and not call.keywords:
            jobs = unit.source.source(call.args[0])
            made = f"asyncio.wait([asyncio.create_task(job) for job in {jobs}])"
            made_in_function(fixing, unit, call, made)
        else:
            raise CannotFixError


def _as_tasks(fixing: Fixing, unit: Unit, argument: ast.expr, by: str) -> None:
    if isinstance(argument, ast.List | ast.Tuple | ast.Set):
        for element in argument.elts:
            if isinstance(element, ast.Starred):
                _as_tasks(fixing, unit, element.value, by)
            else:
                fixing.given_to(unit, element, by)
    elif isinstance(argument, ast.GeneratorExp | ast.ListComp | ast.SetComp):
        if isinstance(argument, ast.GeneratorExp):
            fixing.collected(unit, argument)
        fixing.given_to(unit, argument.elt, by)
    else:
        fixing.of(unit).before(argument, f"[{by}(job) for job in ")
        fixing.of(unit).after(argument, "]")


def _nested_loop(evidence: Evidence, names: tuple[str, ...]) -> ast.Call | None:
    call = _refused_by_asyncio(evidence)
    if call is None or evidence.direct or callee_name(call) not in names:
        return None
    return call


#: Functions and methods that take a coroutine, and no arguments of its function.
_ONE_COROUTINE = (
    "create_task", "ensure_future", "run", "run_until_complete", "Task", "shield", "wait_for",
)  # fmt: skip


def _with_arguments(evidence: Evidence) -> Finding | None:
    """``create_task(work, 1)``, as other libraries take it."""
    call = evidence.node(ast.Call)
    if call is None or not _takes_more(evidence, call):
        return None
    function = evidence.resolver.info(call.args[0]) if call.args else None
    if function is None or kind_of(function) is not Kind.COROUTINE_FUNCTION:
        return None
    unit, source = evidence.unit, evidence.unit.source.source
    named = [each for each in call.keywords if _is_parameter(function.value, each.arg)]
    if len(call.args) + len(named) < 2:
        return None
    moved, span = [*call.args[1:], *named], unit.source.span
    text = f"{source(call.args[0])}({', '.join(map(source, moved))})"
    own = [source(each) for each in call.keywords if each not in named]
    whole = Span(span(call.args[0]).start, span([*call.args, *call.keywords][-1]).end)
    why = (
        f"`{callee_name(call)}` takes a coroutine alone, and {short(unit, call.args[0])} is a "
        "function: call it with its arguments."
    )
    return Finding(why, replaced(evidence, unit, (whole, ", ".join([text, *own]))))


def _takes_more(evidence: Evidence, call: ast.Call) -> bool:
    """Whether `call` has arguments that no such function of asyncio's takes."""
    starred = any(isinstance(each, ast.Starred) for each in call.args)
    return callee_name(call) in _ONE_COROUTINE and evidence.direct and not starred


def _is_parameter(function: object, name: str | None) -> bool:
    """Whether a function has a parameter of that name, which is none of asyncio's own."""
    made = function_of(behind_partials(function))
    code = made.__code__ if made is not None else None
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
    return name in names and name not in _OWN_KEYWORDS


#: What the functions of asyncio that take a coroutine are given by name.
_OWN_KEYWORDS = ("name", "context", "debug", "loop", "loop_factory", "timeout", "eager_start")


def _swapped(evidence: Evidence) -> Finding | None:
    """``wait_for(1, work())``, ``call_later(work, 1)``: each what the other should be."""
    call = _refused_by_asyncio(evidence)
    if call is None or len(call.args) < 2 or isinstance(call.args[1], ast.Starred):
        return None
    first, second = call.args[:2]
    if not _does(evidence, call, first, second) or not _does(evidence, call, second, first):
        return None
    if _does(evidence, call, first, first):
        return None
    unit, source = evidence.unit, evidence.unit.source.source
    one, other = short(unit, first), short(unit, second)
    why = f"`{callee_name(call)}` takes its arguments in another order: {other} before {one}."
    fix = replaced(evidence, unit, (first, source(second)), (second, source(first)))
    return Finding(why, fix)


def _does(evidence: Evidence, call: ast.Call, place: ast.expr, given: ast.expr) -> bool:
    """Whether `given` is what is demanded at `place`; of values, a time or a loop."""
    demand, info = (
        demand_of(Use("argument", place, call, None), None),
        evidence.resolver.info(given),
    )
    if demand is None or info is None:
        return False
    if demand.what == "value":
        return issubclass(info.kind, (int, float, NoneType, asyncio.AbstractEventLoop))
    return demand.what in _ORDERED and met(demand, info)


_ORDERED = ("await", "coroutine", "function", "tasks", "awaitables")


def _many(evidence: Evidence) -> Finding | None:
    """``as_completed(*jobs)``, ``wait(first, second)``, which take one collection."""
    call = evidence.node(ast.Call)
    if call is None or callee_name(call) not in ("as_completed", "wait") or not evidence.direct:
        return None
    function = function_of(evidence.resolver.value(call.func))
    given = [each.value if isinstance(each, ast.Starred) else each for each in call.args]
    infos = [evidence.resolver.info(each) for each in given]
    held = [info.item if info is not None and info.item else info for info in infos]
    if function not in (asyncio.wait, asyncio.as_completed) or not held:
        return None
    if len(held) == 1 and not isinstance(call.args[0], ast.Starred):
        return None
    if any(info is None or not is_awaitable(info) for info in held):
        return None
    why = f"`{callee_name(call)}` takes one collection of all that is waited for."
    return Finding(why, _collected(evidence, call))


@correction
def _collected(fixing: Fixing, call: ast.Call) -> None:
    unit, source = fixing.evidence.unit, fixing.evidence.unit.source
    if len(call.args) == 1 and isinstance(call.args[0], ast.Starred):
        fixing.of(unit).replace(call.args[0], source.source(call.args[0].value))
        return
    span = Span(source.span(call.args[0]).start, source.span(call.args[-1]).end)
    fixing.of(unit).replace(span, f"[{unit.text[span.start : span.end]}]")


def _run_inside(evidence: Evidence) -> Finding | None:
    call = _nested_loop(evidence, ("run",))
    if call is None or not _in_runner(evidence) or evidence.leak:
        return None
    return Finding(RUNNING, run_by_await(evidence, evidence.unit, call))


def _in_runner(evidence: Evidence) -> bool:
    runners = (asyncio.run.__code__, asyncio.Runner.run.__code__)
    return evidence.inner[-1] in runners if evidence.inner else False  # it refused, by itself


def _run_by_library(evidence: Evidence) -> Finding | None:
    """A plain function of a library that runs a loop of its own for what it does."""
    calls = [node for node in evidence.nodes if isinstance(node, ast.Call)]
    if not calls or evidence.leak or not evidence.inner:
        return None
    call, unit, refusing = calls[0], evidence.unit, evidence.inner[-1]
    if refusing is _code_of_anyio(evidence, call):
        return Finding(RUNNING, _awaited_call(evidence, call))
    if not _in_runner(evidence) and refusing is not _CHECKING:
        return None
    given = [evidence.resolver.info(each) for each in call.args]
    if len(given) == 1 and given[0] is not None and given[0].kind is CoroutineType:
        return Finding(RUNNING, run_by_await(evidence, evidence.unit, call))
    why = f"{short(unit, call.func)} runs a loop of its own, and one is running here already: "
    twin = async_twin(evidence, call, inspect.CO_COROUTINE)
    if twin is not None:
        return Finding(f"{why}`await` its async form, `{twin}`.", _by_twin(evidence, call, twin))
    fix = corrected(evidence, awaited_in_thread, unit, call)
    return Finding(f"{why}call it in a thread, which has none.", fix)


def _code_of_anyio(evidence: Evidence, call: ast.Call) -> CodeType | None:
    """The code of ``anyio.run``, if that is called."""
    function = evidence.resolver.value(call.func)
    if is_real_instance(function, FunctionType) and function.__qualname__ == "run":
        return function.__code__ if function.__module__.split(".")[0] == "anyio" else None
    return None


@correction
def _awaited_call(fixing: Fixing, call: ast.Call) -> None:
    """``anyio.run(main, x)`` → ``await main(x)``."""
    if not call.args or call.keywords:
        return
    unit = fixing.evidence.unit
    function, *rest = [unit.source.source(each) for each in call.args]
    fixing.of(unit).replace(call, f"await {function}({', '.join(rest)})")
    fixing.suspending(unit, call)


@correction
def _by_twin(fixing: Fixing, call: ast.Call, twin: str) -> None:
    """``chain.invoke(x)`` → ``await chain.ainvoke(x)``."""
    with_twin(fixing, fixing.evidence.unit, call, twin)
    fixing.awaiting(fixing.evidence.unit, call)


def _run_until_complete(evidence: Evidence) -> Finding | None:
    call = _nested_loop(evidence, ("run_until_complete", "run_forever"))
    if call is None or _CHECKING not in evidence.inner:
        return None
    why = "The running loop cannot be run again: `await` the coroutine, or make a task of it."
    return Finding(why, run_by_await(evidence, evidence.unit, call))


@correction
def run_by_await(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``asyncio.run(main())``, `call` → ``await main()``; wherever a coroutine says the same."""
    for each in [call, *_said_again(unit, call)]:
        if len(each.args) == 1 and not isinstance(each.args[0], ast.Constant):
            given = each.args[0]
            text = unit.source.source(given.body if isinstance(given, ast.Lambda) else given)
            text = text if with_await(unit, each) is not each else f"await {text}"
            fixing.awaiting_instead(unit, each, text)


def _said_again(unit: Unit, call: ast.Call) -> Iterator[ast.Call]:
    """The other calls of the same function, where a loop runs as surely as around `call`."""
    around, name = scope(unit, call), ast.dump(call.func)
    for each in unit.nodes(ast.Call):
        here = scope(unit, each)
        runs = isinstance(here, ast.AsyncFunctionDef) or (here is around and around is not None)
        if each is not call and ast.dump(each.func) == name and runs:
            yield each


RULES = (
    Rule(
        "await-a-plain-call",
        "an async function and its arguments given to asyncio",
        5,
        "asyncio runs coroutines, and an `async def` gives one when it is called with its "
        "arguments: `create_task(work(1))`, not `create_task(work, 1)` as of threads and of trio.",
        _with_arguments,
    ),
    Rule(
        "await-a-plain-call",
        "the arguments in the wrong order",
        5,
        "asyncio takes what is waited for before the time, `wait_for(work(), 1)`, and the delay "
        "before the function, `call_later(1, work)`.",
        _swapped,
        errors=(TypeError, AttributeError),
    ),
    Rule(
        "gather-without-star",
        "several awaitables where asyncio takes a list",
        3,
        "`gather` takes awaitables one by one; `wait` and `as_completed` take a collection of "
        "them: `asyncio.as_completed(jobs)`.",
        _many,
    ),
    Rule(
        "gather-without-star",
        "`gather` of a list",
        3,
        "`gather` takes the awaitables as separate arguments: `await asyncio.gather(*jobs)`.",
        _no_star,
        errors=(TypeError, RuntimeError),
    ),
    Rule(
        "asyncio-wait-wants-tasks",
        "`asyncio.wait` of coroutines",
        3,
        "Since Python 3.11 `asyncio.wait` refuses coroutines: make tasks first, or use `gather` "
        "or `as_completed`.",
        _wait,
    ),
    Rule(
        "asyncio-run-inside-the-loop",
        "`asyncio.run` inside the running loop",
        3,
        "At the async prompt (and inside any `async def`) a loop is already running: write "
        "`await main()` instead of `asyncio.run(main())`.",
        _run_inside,
        errors=(RuntimeError,),
    ),
    Rule(
        "run-until-complete-inside-the-loop",
        "`run_until_complete` inside the running loop",
        3,
        "The running loop cannot be run again. `await` the coroutine, or "
        "`asyncio.create_task` it.",
        _run_until_complete,
        errors=(RuntimeError,),
    ),
    Rule(
        "asyncio-run-inside-the-loop",
        "a library's own loop inside the running one",
        3,
        "A plain function that runs a loop for what it does cannot do so inside an `async def`: "
        "await its asynchronous form there, or run it in a thread with `asyncio.to_thread`.",
        _run_by_library,
        errors=(RuntimeError,),
    ),
)
