"""Async functions registered with what calls them later, as plain ones, and awaits nothing.

An exit stack, the interpreter at its end, a finalizer: what they get is a coroutine, and it dies.
So do tests and fixtures of pytest, which says so itself from version 8.4 on and runs none of it.
"""

from __future__ import annotations

import ast
import sys
from types import CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.explain.bindings import decorators
from asyncrepl.explain.dropped_coroutines import (
    calls_that_made,
    dropped_name,
    is_kept,
)
from asyncrepl.explain.explanation import THE_END, Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, short
from asyncrepl.explain.hoisted_code import called_here, put_head
from asyncrepl.explain.other_callers import mentions
from asyncrepl.explain.rules.async_callbacks import THREADS, makers
from asyncrepl.explain.scopes import (
    ASYNC_FIXTURES,
    behind_call,
    is_fixture,
    is_generator,
    plain_test_case,
)
from asyncrepl.syntax.names import callee_name, canonical_name, written_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

#: What an exit stack has for an async function in the place of a plain one.
_OF_STACKS = {"callback": "push_async_callback", "push": "push_async_exit"}
#: What registers one with the interpreter.
_KNOWN = {"weakref.finalize", "signal.signal", "atexit.register"}


def _registered(evidence: Evidence) -> Finding | None:
    name = dropped_name(evidence)
    if any(not is_kept(*place) for place in calls_that_made(evidence)):
        return None
    found = [
        (unit, call)
        for unit, call in mentions(evidence, name)
        if canonical_name(call.func) in _KNOWN or _is_of_stack(evidence, unit, call)
    ]
    if len(found) != 1 or len(mentions(evidence, name)) != 1:
        return None
    unit, call = found[0]
    named = (each for each in call.args if canonical_name(each).endswith(name))
    if (function := next(named, None)) is None:
        return None  # its decorator has registered it
    why = (
        f"`{callee_name(call)}` calls {short(unit, function)} later and awaits nothing: the "
        "coroutine that it gets never runs."
    )
    return Finding(why, _registered_otherwise(evidence, unit, call, function))


def _at_exit(evidence: Evidence) -> Finding | None:
    """An async function that `atexit` is to call, when there is no loop any more."""
    place, unit = evidence.seen_node, evidence.unit
    if place is None:
        return None
    call = unit.parents.get(place)
    if isinstance(call, ast.AsyncFunctionDef) and canonical_name(place) == "atexit.register":
        name, fix = f"`{call.name}`", None
    elif isinstance(call, ast.Call) and canonical_name(call.func) == "atexit.register":
        name, fix = short(unit, place), None
        if not isinstance(place, ast.Lambda):
            fix = _registered_otherwise(evidence, unit, call, place)
        elif all(each.kind is not CoroutineType for each in evidence.resolver.options(place.body)):
            return None
    else:
        return None
    why = (
        f"`atexit` calls {name} when the program ends and awaits nothing: it gets a coroutine, "
        "which never runs, for there is no loop any more. What is to be closed in the loop is "
        "closed at the end of what `asyncio.run` runs."
    )
    return Finding(why, fix)


def _step_called(evidence: Evidence) -> Finding | None:
    """``to_thread(stream.aclose)``: what a step method gives is to be awaited."""
    use, unit = evidence.use("seen"), evidence.unit
    call = unit.enclosing(use.node, ast.Call) if use is not None else None
    if use is None or use.info is None or call is None or use.kind is not str:
        return None
    name = str(use.info.value)
    text, written = short(unit, use.node), written_name(use.node) == name
    of = text if written else f"{text} is the `{name}` of an async generator, and"
    why = (
        f"{of} only makes something to be awaited: `{callee_name(call)}` calls it, and nobody "
        "awaits what it gives, so nothing of it runs."
    )
    fix = None
    if not written:  # who knows what else it is given
        return Finding(why)
    if callee_name(call) in THREADS:
        parts = call.args[call.args.index(use.node) :]
        fix = corrected(evidence, called_here, unit, call, parts)
    elif _is_of_stack(evidence, unit, call):
        fix = _registered_otherwise(evidence, unit, call, use.node)
    return Finding(why, fix)


def _is_of_stack(evidence: Evidence, unit: Unit, call: ast.Call) -> bool:
    """Whether it is a method of an ``AsyncExitStack``."""
    if callee_name(call) not in _OF_STACKS or not isinstance(call.func, ast.Attribute):
        return False
    return any(callee_name(made) == "AsyncExitStack" for made in makers(evidence, unit, call.func))


def _of_plain_case(evidence: Evidence) -> Finding | None:
    """A test of a plain ``TestCase``, or a ``setUp``: what calls it awaits nothing."""
    found = evidence.units.definition(evidence.finding.info.code)
    owner = found[0].parents.get(found[1]) if found is not None else None
    if found is None or not isinstance(owner, ast.ClassDef):
        return None
    unit, function = found
    plain = plain_test_case(unit, function)
    if is_fixture(unit, function):
        name = ASYNC_FIXTURES[function.name]
        why = f"A test case calls `{function.name}` and awaits nothing of it: `{name}` is awaited."
        return Finding(why, corrected(evidence, put_head, unit, function, f"async def {name}"))
    if plain is None:
        return None
    why = (
        f"`{owner.name}` is a plain `TestCase`, which calls `{function.name}` and awaits nothing: "
        "`IsolatedAsyncioTestCase` awaits its tests."
    )
    return Finding(why, corrected(evidence, Fixing.isolate, unit, function))


#: The plugins that run tests in an event loop, and the marks they look for.
_PLUGINS = {"pytest_asyncio": "asyncio", "anyio.pytest_plugin": "anyio"}


def _unmarked_test(evidence: Evidence) -> Finding | None:
    """An ``async def test_it()`` that no plugin of pytest's takes for its own."""
    found = evidence.units.definition(evidence.finding.code)
    if found is None or evidence.finding.number:
        return None
    unit, function = found
    why = f"pytest awaits nothing of `{function.name}`, so it does not run it:"
    marks = [*map(canonical_name, decorators(function))]
    loaded = [mark for plugin, mark in _PLUGINS.items() if plugin in sys.modules]
    if "pytest.mark.asyncio" in marks and "asyncio" not in loaded:
        return Finding(f"{why} pytest-asyncio, which looks for the mark `asyncio`, is not there.")
    if not loaded:
        return Finding(f"{why} a plugin does, as pytest-asyncio, where `@pytest.mark.asyncio` is.")
    why = f"{why} a plugin does, in an event loop, where `@pytest.mark.{loaded[0]}` marks it."
    return Finding(why, _marked(evidence, unit, loaded[0]))


@correction
def _marked(fixing: Fixing, unit: Unit, mark: str) -> None:
    """The mark on each ``async def`` of `unit` that is a test, and that nobody else takes."""
    taken = {f"pytest.mark.{each}" for each in ("trio", *_PLUGINS.values())}
    for each in unit.nodes(ast.AsyncFunctionDef):
        beside, own = unit.parents[each], each.decorator_list
        if isinstance(beside, ast.ClassDef) and not beside.bases:  # else it may be a test case
            own = [*own, *beside.decorator_list]
        elif not isinstance(beside, ast.Module):
            continue
        marks = {canonical_name(behind_call(by)) for by in own}
        if each.name.startswith("test") and not marks & taken:
            fixing.of(unit).lines_before(each, f"@pytest.mark.{mark}")


def _plain_fixture(evidence: Evidence) -> Finding | None:
    """An ``async def`` under ``@pytest.fixture``, which calls it and awaits nothing."""
    found = evidence.units.definition(evidence.finding.code)
    if found is None or not evidence.finding.number:
        return None
    unit, function = found
    made, meant = "a coroutine", "its result"
    if is_generator(function):
        made, meant = "an async generator", "what it yields"
    why = f"`@pytest.fixture` awaits nothing: `{function.name}` gives {made}, and not {meant}."
    if "pytest_asyncio" not in sys.modules:
        return Finding(f"{why} `@pytest_asyncio.fixture`, of pytest-asyncio, runs it.")
    return Finding(f"{why} `@pytest_asyncio.fixture` runs it.", _run_fixtures(evidence, unit))


@correction
def _run_fixtures(fixing: Fixing, unit: Unit) -> None:
    """``@pytest_asyncio.fixture`` in the place of ``@pytest.fixture`` on what is async."""
    for each in unit.nodes(ast.AsyncFunctionDef):
        for by in decorators(each):
            if canonical_name(by) == "pytest.fixture":
                fixing.of(unit).replace(by, "pytest_asyncio.fixture")


@correction
def _registered_otherwise(fixing: Fixing, unit: Unit, call: ast.Call, function: ast.expr) -> None:
    name = canonical_name(call.func)
    if isinstance(call.func, ast.Attribute) and name not in _KNOWN:
        owner = unit.source.source(call.func.value)
        fixing.of(unit).replace(call.func, f"{owner}.{_OF_STACKS[call.func.attr]}")
    elif name in ("weakref.finalize", "atexit.register"):
        given = [*call.args[call.args.index(function) + 1 :], *call.keywords]
        arguments = ", ".join(unit.source.source(each) for each in given)
        text = f"lambda: asyncio.run({unit.source.source(function)}({arguments}))"
        end = unit.source.span(given[-1] if given else function).end
        fixing.of(unit).replace(Span(unit.source.span(function).start, end), text)


RULES = (
    Rule(
        "coroutine-function-as-callback",
        "an async function registered with what awaits nothing",
        5,
        "What is registered here is called as a plain function. An `AsyncExitStack` has "
        "`push_async_callback`; elsewhere write a plain function, or run the coroutine in it.",
        _registered,
        sees="dropped",
    ),
    Rule(
        "coroutine-function-as-callback",
        "an async function that is to be called at exit",
        5,
        "When `atexit` calls its functions the loop is over, and it calls plain ones only. Await "
        "what closes things in a `finally` of `main()`, or in an `async with`.",
        _at_exit,
        sees="called back",
    ),
    Rule(
        "generator-call-not-awaited",
        "`aclose` given to what awaits nothing",
        3,
        "`aclose`, `asend` and `athrow` of an async generator only make an awaitable. A thread or "
        "a callback calls them in vain: `await gen.aclose()`, or a stack's `push_async_callback`.",
        _step_called,
        sees="called back",
    ),
    Rule(
        "coroutine-never-awaited-in-body",
        "an async test that nobody awaits",
        5,
        "A plain `unittest.TestCase` calls its tests and awaits nothing. Tests that are `async "
        "def` stand in an `IsolatedAsyncioTestCase`, which prepares them in `asyncSetUp`.",
        _of_plain_case,
        sees="dropped",
    ),
    Rule(
        "coroutine-never-awaited-in-body",
        "an async test that no plugin of pytest's runs",
        5,
        "pytest calls a test as a plain function. A plugin, as pytest-asyncio or anyio's, runs "
        "those in an event loop that are marked for it, or all with `asyncio_mode = auto`.",
        _unmarked_test,
        sees="refused",
        before=THE_END,
    ),
    Rule(
        "coroutine-never-awaited-in-body",
        "an async fixture that pytest calls as a plain one",
        5,
        "pytest calls a fixture and hands on what it gives. One that is `async def` is run by a "
        "plugin: `@pytest_asyncio.fixture`, or all of them with `asyncio_mode = auto`.",
        _plain_fixture,
        sees="refused",
        before=THE_END,
    ),
)
