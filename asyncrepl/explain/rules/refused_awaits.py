"""``await`` in front of what cannot be awaited, and functions of asyncio that cannot await it."""

from __future__ import annotations

import ast
import concurrent.futures
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import function_of, is_real_instance
from asyncrepl.explain.bindings import makes_coroutine
from asyncrepl.explain.dropped_coroutines import dropping
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, replaced, short
from asyncrepl.explain.held_operands import expects, innermost_trace
from asyncrepl.explain.kinds import (
    ASYNCHRONOUS,
    Kind,
    replaced_since,
    waiting_method,
)
from asyncrepl.explain.library_results import library_nodes, library_source
from asyncrepl.explain.repairs.repair_case import is_lock, is_mocked, made_async
from asyncrepl.explain.rules.operand_rules import (
    ANY,
    CALLED,
    FUNCTIONS,
    GENERATOR,
    LOOPS,
    STREAMS,
    Told,
    row,
)
from asyncrepl.explain.static_values import Resolver
from asyncrepl.syntax.names import callee_name, canonical_name, written_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from types import CodeType

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.explanation import Fix
    from asyncrepl.explain.source_units import Unit


def _in_head(told: Told) -> bool:
    """Whether ``await`` stands in the head of a loop."""
    parent = told.unit.parents.get(told.owner)
    return isinstance(parent, LOOPS) and parent.iter is told.owner


def _is_await(told: Told) -> bool:
    return isinstance(told.owner, ast.Await)


def _is_lock(told: Told) -> bool:
    """Whether it is a lock of asyncio's: entering one gives nothing."""
    return told.name != "" and is_lock(told.info)


def _no_awaitable(told: Told) -> str:
    """Of what cannot be awaited and is not known to be anything else."""
    node = told.node
    if told.info is not None and issubclass(told.info.kind, concurrent.futures.Future):
        return (
            f"{told.text} is a future of `concurrent.futures`, for threads: "
            "`asyncio.wrap_future` makes one that can be awaited."
        )
    if isinstance(node, ast.Call) and is_mocked(told):
        called = short(told.unit, node.func)
        return f"{called} is a plain mock: only what an `AsyncMock` gives can be awaited."
    if isinstance(node, ast.Call):
        return _of_call(told, node)
    return _of_value(told)


def _of_call(told: Told, node: ast.Call) -> str:
    name, called = short(told.unit, node.func), told.evidence.resolver.value(node.func)
    if replaced_since(called):
        return (
            f"{name} is an async function now, and what was called gave no coroutine: "
            "something else stood in its place, as a mock may. An `AsyncMock` can be awaited."
        )
    alone = isinstance(told.unit.parents.get(told.owner), ast.Expr)
    if is_real_instance(called, type) and alone and (method := waiting_method(told.info)):
        return f"{name} is a class: its object cannot be awaited, what its `{method}()` gives can."
    if is_real_instance(called, type):
        return f"{name} is a class: its object is made at once, and cannot be awaited."
    if told.info is not None and makes_coroutine(told.info.kind):
        return f"{name} gives {told.a}, which has to be called: that call can be awaited."
    gives = "None" if told.kind is Kind.NONE else "its result"
    if told.kind is Kind.NONE and (inner := dropping(told.evidence, node)) is not None:
        return (
            f"{name} is a plain function, and None cannot be awaited: in it nobody awaits the "
            f"coroutine of {short(inner[0], inner[2][0])}, so that did not run."
        )
    return f"{name} is a plain function: it has already run, and {gives} cannot be awaited."


def _of_value(told: Told) -> str:
    if told.info is None:
        return f"What {told.text} gives cannot be awaited: it has no `__await__`."
    said = _SAID.get(told.kind, "is {}: the value is there already, there is nothing to await.")
    if _is_lock(told):
        said = "is {}: `async with` takes it, it cannot be awaited."
    if method := waiting_method(told.info):
        said = f"is {{}}: it cannot be awaited, what its `{method}()` gives can."
    if makes_coroutine(told.info.kind):
        said = "is {}: only a call of it gives something to await."
    return f"{told.text} {said.format(told.words)}"


_SAID = {
    Kind.NONE: "is None: there is nothing to wait for.",
    Kind.FUNCTION: "is a function: only a call of it could give something to await.",
    Kind.MANAGER: "is {}: it is entered with `with`, it cannot be awaited.",
}


def _dropped_await(told: Told) -> Fix | None:
    return replaced(told.evidence, told.unit, (told.owner, told.source))


def _takes(told: Told, takes: str) -> str:
    method = waiting_method(told.info)
    more = f", whose `{method}()` gives that" if method else ""
    return f"`{callee_name(told.owner)}` takes {takes}, and {told.text} is {told.words}{more}"


def _awaited_by_library(evidence: Evidence) -> Finding | None:
    """A plain function of the user's that a library called, to await what it gives."""
    trace = innermost_trace(evidence)
    if evidence.direct or trace is None:
        return None
    code, resolver = trace.tb_frame.f_code, Resolver.of_frame(evidence.units, trace.tb_frame)
    checked = _checked_calls(resolver, code, library_nodes(code, trace.tb_lasti))
    by = evidence.inner[0 if checked else -1]  # which checks by a function of its own
    for call in checked or _awaited_calls(code, trace.tb_lineno):
        function = function_of(resolver.value(call.func))
        found = evidence.units.definition(function.__code__) if function is not None else None
        if found is not None and isinstance(found[1], ast.FunctionDef):
            why = (
                f"`{by.co_name}` awaits what `{found[1].name}` gives, and that is "
                "a plain function: here an `async def` is wanted."
            )
            return Finding(why, made_async(evidence, found))
    return None


def _awaited_calls(code: CodeType, line: int) -> list[ast.Call]:
    """The calls that a function of a library awaits in a line."""
    source = library_source(code)
    return [
        node.value
        for node in (ast.walk(source) if source is not None else ())
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call)
        if node.lineno == line - code.co_firstlineno + 1
    ]


def _checked_calls(resolver: Resolver, code: CodeType, nodes: list[ast.AST]) -> list[ast.Call]:
    """``coro = func()``, where ``if not isinstance(coro, Coroutine)`` has refused what it gave."""
    source = library_source(code)
    asked = {
        argument.id
        for test in (each.test for each in nodes if isinstance(each, ast.If))
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        if isinstance(test.operand, ast.Call) and expects(resolver, test.operand)
        for argument in test.operand.args[:1]
        if isinstance(argument, ast.Name)
    }
    return [
        node.value
        for node in (ast.walk(source) if source is not None and asked else ())
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if {written_name(each) for each in node.targets} <= asked
    ]


_WANTED: dict[str, str] = {
    "await": "what can be awaited",
    "coroutine": "a coroutine",
    "task": "tasks",
    "tasks": "a collection of tasks",
    "awaitables": "a collection of awaitables",
}


def _also_given(evidence: Evidence) -> Finding | None:
    """``asyncio.timeout(1, fetch())``, as `asyncio.wait_for` is called."""
    call = evidence.node(ast.Call)
    if call is None or not evidence.direct or len(call.args) != 2 or call.keywords:
        return None
    if canonical_name(call.func) not in ("asyncio.timeout", "asyncio.timeout_at"):
        return None
    unit, given = evidence.unit, call.args[1]
    head = unit.source.source(call.func)
    why = (
        f"`{head}` takes the time alone: it limits what is awaited in the block of `async with "
        f"{head}(…)`. {short(unit, given)} belongs in there, with `await`."
    )
    return Finding(why, _awaited_inside(evidence, unit, call))


@correction
def _awaited_inside(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``async with timeout(1, f()) as x:`` → ``async with timeout(1):`` and ``x = await f()``."""
    source, edits, block = unit.source.source, fixing.of(unit), unit.enclosing(call, ast.AsyncWith)
    limit, given = map(source, call.args)
    short_call = f"{source(call.func)}({limit})"
    if isinstance(waited := unit.parents.get(call), ast.Await):
        if canonical_name(call.func) == "asyncio.timeout":
            edits.replace(waited, f"await asyncio.wait_for({given}, {limit})")
            fixing.needs_import(unit, "asyncio")
    elif block is not None and block.items[0].context_expr is call and len(block.items) == 1:
        target = block.items[0].optional_vars
        name = f"{source(target)} = " if target is not None else ""
        last = unit.source.span(target if target is not None else call).end
        edits.replace(Span(unit.source.span(call).start, last), short_call)
        edits.lines_before(block.body[0], f"{name}await {given}")


RULES = (
    Rule(
        "coroutine-never-awaited-in-body",
        "a coroutine given to a timeout",
        5,
        "`asyncio.timeout(seconds)` is a context manager and limits its block. `await "
        "asyncio.wait_for(coroutine, seconds)` limits one call.",
        _also_given,
    ),
    Rule(
        "await-a-plain-call",
        "a plain function given to what awaits it",
        5,
        "What is called like this is awaited, and only an `async def` gives something to await: "
        "write `async def`, or register it where plain functions are called.",
        _awaited_by_library,
    ),
    row(
        "await-in-front-of-async-generator-in-loop",
        "`await` in the head of the loop",
        1,
        "Calling an async generator function returns the async iterator at once; there is "
        "nothing to await. `async for` does the awaiting, once per item.",
        "await",
        STREAMS,
        "{told.text} is {told.a} already: there is nothing to await, `async for` awaits each "
        "item by itself.",
        lambda told: _is_await(told) and _in_head(told),
    ),
    row(
        "await-aiter",
        "`await` in front of `aiter()`",
        1,
        "`aiter(x)` returns the async iterator at once. Only `anext(it)` is awaited.",
        "await",
        ANY,
        "{told.text} gives the async iterator at once; only `anext` is awaited.",
        lambda told: _is_await(told) and callee_name(told.node) in ("aiter", "__aiter__"),
        _dropped_await,
    ),
    row(
        "await-async-genexp",
        "`await` in front of an async generator expression",
        3,
        "A generator expression with `async for` is an async generator: it is walked, not "
        "awaited. With brackets it is a comprehension that runs right here: "
        "`[x async for x in gen()]` (no await).",
        "await",
        GENERATOR,
        "{told.text} is an async generator: it is walked, not awaited. In brackets it is a "
        "list, made right here.",
        lambda told: _is_await(told) and isinstance(told.node, ast.GeneratorExp),
    ),
    row(
        "await-async-generator",
        "`await` in front of an async generator",
        3,
        "A function with `yield` returns an async generator, which is not awaitable. Walk it "
        "with `async for`, or take one item with `await anext(gen)`.",
        "await",
        STREAMS,
        "{told.text} is {told.a}: it is walked with `async for`, it is not awaited.",
        _is_await,
    ),
    row(
        "async-for-over-context-manager",
        "`await` in front of an async context manager",
        1,
        "An async context manager gives its value through `async with … as x`; it is not awaited.",
        "await",
        frozenset({Kind.ASYNC_MANAGER}),
        "{told.text} is an async context manager: it cannot be awaited, `async with` gives its "
        "value.",
        lambda told: _is_await(told) and not _is_lock(told),
    ),
    row(
        "await-a-list-of-coroutines",
        "`await` in front of a collection of awaitables",
        3,
        "`await` takes one awaitable. For many: `await asyncio.gather(*coros)`.",
        "await",
        ANY - ASYNCHRONOUS,
        "{told.text} is {told.a}: `await` takes one awaitable, `gather` takes many.",
        lambda told: _is_await(told) and told.item,
    ),
    row(
        "await-a-plain-call",
        "`await` in front of a plain generator",
        5,
        "A `def` with `yield` makes a generator, which `for` walks. Coroutines were written so "
        "before Python 3.5, with `yield from`: now with `async def` and `await`.",
        "await",
        frozenset({Kind.GENERATOR}),
        "{told.text} is a plain generator: `await` takes the coroutine of an `async def`.",
        _is_await,
    ),
    row(
        "await-a-plain-call",
        "`await` in front of an async function that was not called",
        5,
        "Only a call of an `async def` gives a coroutine to await: `await fetch()`.",
        "await",
        CALLED,
        "{told.text} is a function: only a call of it could give something to await.",
        _is_await,
    ),
    row(
        "await-a-plain-call",
        "`await` in front of what cannot be awaited",
        5,
        "`await` needs an awaitable. A plain function has already run when `await` sees its "
        "result; drop the `await`, or run blocking functions with `await asyncio.to_thread(f)`.",
        "await",
        ANY - STREAMS,
        _no_awaitable,
        _is_await,
    ),
    row(
        "create-task-of-async-generator",
        "a task of an async generator",
        3,
        "A task runs a coroutine. Put the `async for` in an `async def` and make a task of that.",
        "coroutine",
        STREAMS,
        "A task runs a coroutine, and {told.text} is an async generator: put the loop over it "
        "into an `async def`.",
        lambda told: callee_name(told.owner) != "run",
    ),
    row(
        "async-generator-as-awaitable",
        "an async generator where asyncio takes awaitables",
        3,
        "These functions take awaitables. Wrap the walk in a coroutine: "
        "`async def drain(gen): return [x async for x in gen]` and pass `drain(gen())`, or pass "
        "one step: `anext(gen)`.",
        "await | coroutine | task | tasks | awaitables | function",
        STREAMS,
        "`{told.caller}` takes awaitables, and {told.text} is an async generator: a coroutine "
        "has to walk it.",
    ),
    row(
        "await-a-plain-call",
        "an async function given to asyncio, and not called",
        5,
        "asyncio runs coroutines, and an `async def` gives one when it is called: "
        "`asyncio.run(main())`.",
        "await | coroutine | task | tasks | awaitables",
        FUNCTIONS,
        lambda told: f"{_takes(told, 'what can be awaited')}: it has to be called.",
    ),
    row(
        "await-a-plain-call",
        "a function called where it is to be handed over",
        5,
        "What runs a function elsewhere takes the function itself, and its arguments beside it: "
        "`await asyncio.to_thread(work, 1)`. `work(1)` has run before that, right here.",
        "function | callback",
        ANY,
        "`{told.caller}` calls what it is given, and {told.text} has been called already: it is "
        "{told.words}.",
        lambda told: told.demand.what == "callback" or told.kind not in ASYNCHRONOUS,
    ),
    row(
        "await-a-plain-call",
        "nothing to await for asyncio",
        5,
        "asyncio's functions take coroutines, tasks and futures. A plain function has already run "
        "when they see its result; run what blocks with `asyncio.to_thread(f)`.",
        "await | coroutine | task | tasks | awaitables",
        ANY,
        lambda told: f"{_takes(told, _WANTED[told.demand.what])}.",
    ),
)
