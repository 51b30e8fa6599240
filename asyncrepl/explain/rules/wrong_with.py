"""``with`` and ``async with`` on the wrong kind of thing."""

from __future__ import annotations

import ast
import contextlib
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE
from types import AsyncGeneratorType, FunctionType, NoneType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import is_real_instance
from asyncrepl.explain.bindings import python_method, returned_values, takes
from asyncrepl.explain.demands import Demand
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.held_operands import innermost_frame
from asyncrepl.explain.kinds import (
    ASYNCHRONOUS,
    RESULTS,
    STREAMS,
    Kind,
    has,
    is_manager_function,
    kind_of,
)
from asyncrepl.explain.library_results import code_of_manager
from asyncrepl.explain.repairs.repair_case import Case, is_lock, made_async
from asyncrepl.explain.repairs.repair_choice import repaired
from asyncrepl.explain.rules.aiter_methods import method, returning_self
from asyncrepl.explain.rules.operand_rules import ANY, gives_manager, row
from asyncrepl.explain.scopes import deepen
from asyncrepl.explain.value_origins import called
from asyncrepl.syntax.names import callee_name, last_name, written_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit

_ASYNC_MANAGER = "_AsyncGeneratorContextManager"
_ARGUMENTS = {"__aenter__": 0, "__aexit__": 3}


def _generator_manager(evidence: Evidence) -> Finding | None:
    """``@contextmanager`` on an async generator function: refused inside `contextlib`."""
    for site in evidence.sites[::-1]:
        for item in _items_at(site.unit, site.nodes):
            made = called(evidence, site.unit, item.context_expr)
            value = evidence.resolver.value(made[1].func) if made is not None else None
            if type(value) is not FunctionType or is_manager_function(value):
                continue
            function = value.__dict__.get("__wrapped__")
            if type(function) is FunctionType and function.__code__.co_flags & CO_ASYNC_GENERATOR:
                return _told_of_decorator(evidence, site.unit, item, function)
    return None


def _plain_generator(evidence: Evidence) -> Finding | None:
    """``@asynccontextmanager`` on a plain generator function: refused inside `contextlib`."""
    frame = innermost_frame(evidence)
    manager = frame.f_locals.get("self") if frame is not None and evidence.inner else None
    code = code_of_manager(manager) if type(manager).__name__ == _ASYNC_MANAGER else None
    found = evidence.units.definition(code)
    if found is None or not isinstance(found[1], ast.FunctionDef):
        return None
    why = (
        f"`{found[1].name}` is a plain generator function, and `@asynccontextmanager` takes an "
        "async one: `async def`. `@contextmanager` takes plain ones, for a plain `with`."
    )
    return Finding(why, made_async(evidence, found))


def _acquired(evidence: Evidence) -> Finding | None:
    """``with await lock.acquire()``, which gives True."""
    use, unit = evidence.use("with", "async with"), evidence.unit
    call = use.node.value if use is not None and isinstance(use.node, ast.Await) else None
    function = call.func if isinstance(call, ast.Call) else None
    if use is None or not isinstance(function, ast.Attribute) or function.attr != "acquire":
        return None
    if not is_lock(evidence.resolver.info(function.value)):
        return None
    source, fixing = unit.source.source(function.value), Fixing(evidence)
    why = (
        f"`await {source}.acquire()` gives True, which is no context manager: the lock is one "
        f"itself, for `async with {source}`."
    )
    owner = use.owner
    fixing.of(unit).replace(use.node, source)
    if isinstance(owner, ast.With):
        fixing.of(unit).before(owner, "async ")
    alone = isinstance(owner, ast.With | ast.AsyncWith) and len(owner.items) == 1
    return Finding(why, fixing.fix() if alone else None)


def _items_at(unit: Unit, nodes: tuple[ast.AST, ...]) -> list[ast.withitem]:
    """What a block enters, at the place of `nodes`."""
    withs = [each for node in nodes for each in (node, *unit.ancestors(node))]
    return [item for each in withs if isinstance(each, _WITHS) for item in each.items]


_WITHS = ast.With | ast.AsyncWith


def _told_of_decorator(
    evidence: Evidence, unit: Unit, item: ast.withitem, function: FunctionType
) -> Finding:
    name = function.__name__
    why = (
        f"`{name}` is an async generator function, and `@contextmanager` takes a plain one: "
        "`@asynccontextmanager` makes an async context manager of it, for `async with`."
    )
    found, statement = evidence.units.source_of(function), unit.parents[item]
    if found is None or not isinstance(statement, _WITHS) or len(statement.items) != 1:
        return Finding(why)
    return Finding(why, _decorated_async(evidence, *found))


@correction
def _decorated_async(fixing: Fixing, unit: Unit, function: Function) -> None:
    """``@asynccontextmanager``, and ``async with`` wherever it is entered."""
    for decorator in function.decorator_list:
        if last_name(decorator) == "contextmanager":
            end = unit.source.span(decorator).end
            fixing.of(unit).insert(end - len("contextmanager"), "async")
            if isinstance(decorator, ast.Name):
                fixing.needs_name(unit, "contextlib", "asynccontextmanager")
    for home, each in fixing.evidence.units.nodes(ast.With):
        if [callee_name(one.context_expr) for one in each.items] == [function.name]:
            fixing.of(home).before(each, "async ")
            fixing.suspending(home, each)


def _closing(evidence: Evidence) -> Finding | None:
    """``with closing(stream())``, which calls ``close`` at its end: there is ``aclose`` only."""
    if not evidence.inner or evidence.inner[-1] is not contextlib.closing.__exit__.__code__:
        return None
    if not is_real_instance(getattr(evidence.error, "obj", None), AsyncGeneratorType):
        return None
    for site in evidence.sites[::-1]:
        for item in _items_at(site.unit, site.nodes):
            call, statement = item.context_expr, site.unit.parents[item]
            if isinstance(call, ast.Call) and callee_name(call) == "closing" and call.args:
                text = short(site.unit, call.args[0])
                why = (
                    f"{text} is an async generator: it has `aclose`, to be awaited, and no "
                    "`close`. `async with aclosing(…)` closes it."
                )
                alone = isinstance(statement, ast.With) and len(statement.items) == 1
                return Finding(
                    why, _aclosing(evidence, site.unit, statement, call) if alone else None
                )
    return None


@correction
def _aclosing(fixing: Fixing, unit: Unit, statement: ast.AST, call: ast.Call) -> None:
    end = unit.source.span(call.func).end
    fixing.of(unit).insert(end - len("closing"), "a")
    if isinstance(call.func, ast.Name):
        fixing.needs_name(unit, "contextlib", "aclosing")
    fixing.of(unit).before(statement, "async ")
    fixing.suspending(unit, statement)


def _pushed(evidence: Evidence) -> Finding | None:
    """``stack.push(manager())``: kept as a plain function, and called when the stack is left."""
    exits = contextlib.ExitStack.__exit__, contextlib.AsyncExitStack.__aexit__
    left, unit = any(each.__code__ in evidence.inner for each in exits), evidence.unit
    around = [each for node in evidence.nodes[-1:] for each in (node, *unit.ancestors(node))]
    for block in around if left else ():
        for call in ast.walk(block) if isinstance(block, ast.With | ast.AsyncWith) else ():
            if not isinstance(call, ast.Call) or callee_name(call) != "push" or not call.args:
                continue
            info = evidence.resolver.info(call.args[0])
            if info is None or not has(info, "__aexit__") or has(info, "__exit__"):
                continue
            demand = Demand("enter", call.args[0], call, "`push`", ("__enter__",))
            why = (
                f"{short(unit, call)} keeps an async context manager as a plain function, to be "
                "called at the end: `await stack.enter_async_context(…)` enters it."
            )
            return Finding(why, repaired(Case(evidence, unit, demand, info)))
    return None


def _around_the_call(evidence: Evidence) -> Finding | None:
    """A plain context manager as the decorator of an ``async def``: left before that runs."""
    use, unit = evidence.use("seen"), evidence.unit
    function = use.owner if use is not None else None
    if use is None or not isinstance(function, ast.AsyncFunctionDef):
        return None
    why = (
        f"{short(unit, use.node)} is entered and left while a call of `{function.name}` only "
        "makes its coroutine (or generator): nothing of that runs inside of it."
    )
    return Finding(why, _around_the_body(evidence, unit, function, use.node))


@correction
def _around_the_body(
    fixing: Fixing, unit: Unit, function: ast.AsyncFunctionDef, decorator: ast.expr
) -> None:
    """The body in a ``with``, in the place of the decorator."""
    edits, source, body = fixing.of(unit), unit.source, function.body
    first_line, head_line = (source.span(each).start for each in (decorator, function))
    edits.replace(Span(source.line_start(first_line), source.line_start(head_line)), "")
    first = body[1] if ast.get_docstring(function) is not None and body[1:] else body[0]
    head = f"with {source.source(decorator)}:\n"
    if source.begins_line(first):
        start, end = source.block(first).start, source.block(body[-1]).end
        edits.insert(start, source.indent(first) + head)
        deepen(edits, unit, start, end, source.indent(first))
    else:
        start, end = source.span(first).start, source.span(body[-1]).end
        by = source.indent(function) + "    "
        text = f"\n{by}{head}{by}    {unit.text[start:end]}"
        edits.replace(Span(len(unit.text[:start].rstrip()), end), text)


def _plain_enter(evidence: Evidence) -> Finding | None:
    use = evidence.use("async with")
    entering = evidence.op in ("GET_AWAITABLE", "BEFORE_ASYNC_WITH", "LOAD_SPECIAL")
    if use is None or use.info is None or not (evidence.direct and entering):
        return None
    there = [name for name in _ARGUMENTS if has(use.info, name)]
    if len(there) == 1 and kind_of(use.info) is Kind.MOCK:
        missed = next(name for name in _ARGUMENTS if name not in there)
        return Finding(
            f"{short(evidence.unit, use.node)} is a mock that has `{there[0]}` and no `{missed}`: "
            "`async with` needs both, and a `MagicMock` has them."
        )
    if len(there) < len(_ARGUMENTS):
        return None
    for name, count in _ARGUMENTS.items():
        method = python_method(use.info.kind, name)
        if method is None or not takes(method, count):
            return None
        if not method.__code__.co_flags & CO_COROUTINE:
            why = (
                f"`{use.info.kind.__name__}.{name}` is a plain `def`: `async with` awaits what "
                "it returns."
            )
            return Finding(why, made_async(evidence, evidence.units.source_of(method)))
    return None


def _enters_nothing(evidence: Evidence) -> Finding | None:
    """``async with X() as x``, where ``__aenter__`` forgets to return what is to be used."""
    name, unit = _none(evidence), evidence.unit
    for block in unit.nodes(ast.AsyncWith) if isinstance(name, ast.Name) else ():
        for item in block.items:
            if written_name(item.optional_vars) != written_name(name):
                continue
            info = evidence.resolver.info(item.context_expr)
            bases = info.kind.__mro__ if info is not None else ()
            owner = next((each for each in bases if "__aenter__" in vars(each)), None)
            found = evidence.units.class_of(owner) if owner is not None else None
            enters = method(found[1], "__aenter__") if found is not None else None
            if found is not None and enters is not None and not returned_values(enters):
                why = (
                    f"`{written_name(name)}` is None: `{found[1].name}.__aenter__` ends without "
                    "`return self`, and what it returns is what `as` gets."
                )
                return Finding(why, returning_self(evidence, found[0], enters))
    return None


def _none(evidence: Evidence) -> ast.expr | None:
    """What is None where something else is wanted: walked, called, or asked for an attribute."""
    error = evidence.error
    if isinstance(error, AttributeError) and error.obj is None and evidence.direct:
        asked = (each for each in evidence.nodes if isinstance(each, ast.Attribute))
        return next((each.value for each in asked if each.attr == error.name), None)
    use = evidence.use("async for", "for", "called", "index", "await", "with", "async with")
    return use.node if use is not None and use.kind is NoneType and evidence.direct else None


RULES = (
    Rule(
        "plain-def-aenter",
        "an `__aenter__` that returns nothing",
        3,
        "`async with x as y` gives `y` what `__aenter__` returns: mostly `return self`.",
        _enters_nothing,
        errors=(TypeError, AttributeError),
    ),
    Rule(
        "sync-with-on-async-context-manager",
        "`@contextmanager` on an async generator",
        1,
        "`@contextmanager` makes a context manager of a plain generator. Of an `async def` with "
        "`yield` make one with `@asynccontextmanager`, and enter it with `async with`.",
        _generator_manager,
    ),
    Rule(
        "async-with-on-sync-context-manager",
        "`@asynccontextmanager` on a plain generator",
        1,
        "`@asynccontextmanager` makes an async context manager of an async generator: an `async "
        "def` with one `yield`.",
        _plain_generator,
        errors=(TypeError, AttributeError),
    ),
    Rule(
        "async-with-on-coroutine",
        "a `with` on what `acquire` gives",
        1,
        "`await lock.acquire()` takes the lock and gives True. `async with lock:` takes it, and "
        "gives it back at the end.",
        _acquired,
    ),
    Rule(
        "generator-methods-without-a",
        "`closing` around an async generator",
        2,
        "`contextlib.closing` calls `close` at the end. An async generator has `aclose`, which "
        "`async with contextlib.aclosing(…)` awaits.",
        _closing,
        errors=(AttributeError,),
    ),
    Rule(
        "sync-with-on-async-context-manager",
        "an async context manager pushed as a function",
        1,
        "`ExitStack.push` takes what has `__exit__`, or a plain function. What has `__aexit__` is "
        "entered by `await stack.enter_async_context(…)` of an `AsyncExitStack`.",
        _pushed,
    ),
    Rule(
        "async-with-on-sync-context-manager",
        "a plain context manager that decorates an `async def`",
        1,
        "As a decorator a context manager is around the call, and a call of an `async def` only "
        "makes a coroutine. Enter it in the body, or make it with `@asynccontextmanager`.",
        _around_the_call,
        sees="decorating",
    ),
    Rule(
        "plain-def-aenter",
        "`__aenter__` or `__aexit__` that is missing, or a plain method",
        3,
        "`async with` awaits the result of `__aenter__` and `__aexit__`: both as `async def`.",
        _plain_enter,
    ),
    row(
        "async-with-over-async-generator",
        "`async with` on an async generator",
        1,
        "An async generator is an iterator. To close it reliably use "
        "`async with contextlib.aclosing(gen()) as g`; to make a context manager of it decorate "
        "it with `@asynccontextmanager`.",
        "async enter | enter",
        STREAMS,
        "{told.text} is {told.a}: an iterator, which has no `__aenter__`.",
    ),
    row(
        "async-with-on-coroutine",
        "`async with` on a coroutine",
        1,
        "If the function is `async def` and returns a context manager, await it first: "
        "`async with await connect() as c`.",
        "async enter | enter",
        RESULTS,
        gives_manager,
    ),
    row(
        "sync-with-on-async-context-manager",
        "a plain `with` on an async context manager",
        1,
        "Objects with `__aenter__` need `async with`.",
        "enter",
        ASYNCHRONOUS,
        "{told.text} is {told.a}: it has `__aenter__`, which only `async with` calls.",
        lambda told: has(told.info, "__aenter__"),
    ),
    row(
        "async-with-on-sync-context-manager",
        "`async with` on a plain context manager",
        1,
        "`async with` needs `__aenter__` and `__aexit__`. Files, threading locks and the like "
        "take a plain `with` (also inside async code).",
        "async enter",
        ANY,
        "{told.text} is {told.a}: it has `__enter__` and no `__aenter__`.",
        lambda told: has(told.info, "__enter__"),
    ),
    row(
        "async-with-on-sync-context-manager",
        "`async with` on what is no context manager",
        1,
        "`async with` needs `__aenter__` and `__aexit__`, which functions made with "
        "`@asynccontextmanager` give, and classes that define them.",
        "async enter",
        ANY - ASYNCHRONOUS,
        lambda told: (
            f"{told.text} is {told.words}: it has no `__aenter__`, which `async with` calls."
            if told.info is not None
            else f"What {told.text} gives has no `__aenter__`, which `async with` calls."
        ),
    ),
)
