"""What an operand lacks that is only there when it is awaited, walked, entered or called."""

from __future__ import annotations

import asyncio

from asyncrepl.events.object_info import MISSING, lookup
from asyncrepl.explain.kinds import Kind
from asyncrepl.explain.repairs.repair_case import COLLECTORS, yields_once
from asyncrepl.explain.rules.operand_rules import (
    ANY,
    CALLED,
    GENERATOR,
    MEANT,
    RESULTS,
    STREAMS,
    Told,
    missing,
    row,
)

__all__ = ["RULES"]


_OF_LIBRARIES = frozenset(
    {"anext", "get_next", "next_item", "aiter", "iter", "__iter__", "map", "aenumerate"}
)


_STEP_METHODS = ("send", "throw", "close", "next", "__next__")


def _is_resource(told: Told) -> bool:
    """Whether it yields one thing, which has what was asked for."""
    code = told.info.code if told.info is not None else None
    found = told.evidence.units.definition(code)
    if told.demand.what != "attribute" or found is None or not yields_once(*found):
        return False
    name, options = told.demand.needs[0], told.evidence.resolver.yielded(code)
    return not options or any(lookup(each.kind, name) is not MISSING for each in options)


def _resource(told: Told) -> str:
    name = told.info.code.co_name if told.info is not None and told.info.code is not None else ""
    return (
        f"{told.text} is the async generator that `{name}` makes, not what it yields: `async with "
        f"asynccontextmanager({name})() as …` gives it."
    )


def _task_method(told: Told) -> bool:
    return told.demand.what == "attribute" and lookup(asyncio.Task, told.owner.attr) is not MISSING


def _used(told: Told) -> str:
    by = told.demand.by[:1].upper() + told.demand.by[1:]
    return f"{by} cannot use {told.text}: it is {told.words}, and {MEANT[told.kind]}."


def _result(told: Told) -> str:
    what = "is a coroutine; its result" if told.kind is Kind.COROUTINE else (
        f"is {told.words}; its result"
    )  # fmt: skip
    return f"{told.text} {what} only exists after `await`."


RULES = (
    row(
        "generator-methods-without-a",
        "`send`, `throw` or `close` on an async generator",
        2,
        "On async generators they are `asend`, `athrow` and `aclose`, and each must be awaited: "
        "`await gen.asend(value)`.",
        "attribute",
        GENERATOR,
        lambda told: (
            f"{told.text} is an async generator: its methods are `asend`, `athrow` and `aclose`, "
            "awaited."
        ),
        lambda told: told.owner.attr in _STEP_METHODS,
    ),
    row(
        "anext-on-iterable",
        "`__anext__` of what is no iterator",
        2,
        "`anext` needs an async iterator. For an async iterable call `aiter(x)` first; for a "
        "list use `next(iter(xs))`.",
        "attribute",
        frozenset({Kind.ASYNC_ITERABLE}),
        lambda told: (
            f"{told.text} has `__aiter__` but no {told.demand.by}: `aiter` gives the iterator to "
            "step."
        ),
        lambda told: told.owner.attr in ("__anext__", "anext", "__next__"),
    ),
    row(
        "async-generator-taken-for-its-item",
        "an async generator taken for what it yields",
        3,
        "An async generator only hands out what it yields. One that opens something, yields it "
        "once and closes it is meant as a context manager: `@asynccontextmanager`, `async with`.",
        "attribute",
        GENERATOR,
        _resource,
        _is_resource,
    ),
    row(
        "async-generator-taken-for-its-item",
        "an async generator taken for what it yields",
        3,
        "Calling an async generator function gives the generator. What it yields comes out of its "
        "steps: `async for`, `await anext(gen)`, or, of one that yields once, `async with "
        "asynccontextmanager(function)() as value`.",
        "attribute",
        GENERATOR,
        missing,
        lambda told: told.owner.attr not in COLLECTORS | _OF_LIBRARIES,
    ),
    row(
        "asyncio-objects-without-loop-methods",
        "an async iterable has no such attribute",
        2,
        "asyncio names the async variants differently: `StreamReader` is walked directly, "
        "`gen.aclose()` and `asend()` have an a, `anext(gen)` is a function (there is no "
        "`gen.anext()`). What a generator yields comes with `async for`.",
        "attribute",
        STREAMS,
        missing,
    ),
    row(
        "coroutine-used-as-its-result",
        "a coroutine used as its result",
        5,
        "The call gives a coroutine object; `await` gives the result: `(await fetch()).name`.",
        "attribute",
        frozenset({Kind.COROUTINE}),
        lambda told: (
            f"{told.text} is a coroutine, which has no {told.demand.by.replace('.', '')}: a task "
            "of it would have."
        ),
        _task_method,
    ),
    row(
        "async-generator-object-called",
        "calling an async generator object",
        1,
        "`gen = ticks()` already is the async generator; walk `gen` itself, or keep the "
        "function and call that.",
        "call",
        STREAMS,
        lambda told: f"{told.text} already is {told.a}: walk it as it is, without calling it.",
    ),
    row(
        "coroutine-used-as-its-result",
        "a coroutine used as its result",
        5,
        "The call gives a coroutine object; `await` gives the result: `(await fetch()).name`.",
        "value | attribute | call | walk | step | close | iterator | async step | function",
        RESULTS,
        _result,
    ),
    row(
        "async-for-over-context-manager",
        "an async context manager that was not entered",
        1,
        "An async context manager gives its value through `async with … as x`; only then use "
        "`x`. `@asynccontextmanager` turns the generator into a context manager; it is no "
        "longer an iterator.",
        "*",
        frozenset({Kind.ASYNC_MANAGER}),
        lambda told: (
            missing(told)
            if told.demand.what == "attribute"
            else f"{told.text} is an async context manager: `async with` gives its value, and "
            "that is what can be used."
        ),
    ),
    row(
        "index-or-len-of-async-generator",
        "an async iterable used as a value",
        2,
        "An async generator knows neither its length nor its items before they are produced. "
        "Take the next with `await anext(gen)`, or collect into a list.",
        "*",
        STREAMS,
        _used,
    ),
    row(
        "await-a-plain-call",
        "an async function that was not called",
        5,
        "An `async def` only does something when it is called and its coroutine awaited; with "
        "`yield` in it, when it is called and walked.",
        "*",
        CALLED,
        lambda told: missing(told) if told.demand.what == "attribute" else _used(told),
    ),
    row(
        "list-of-async-generator",
        "`aclosing` of what has no `aclose`",
        1,
        "`aclosing` calls `aclose`, which async generators have. What has none needs nobody to "
        "close it; `closing` calls `close`.",
        "close",
        ANY,
        lambda told: f"{told.text} is {told.words}: it has no `aclose` for `aclosing` to call.",
    ),
)
