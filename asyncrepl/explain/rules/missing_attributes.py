"""Attributes that only what is awaited, walked or entered has."""

from __future__ import annotations

import asyncio

from asyncrepl.events.object_info import MISSING, lookup
from asyncrepl.explain.kinds import Kind
from asyncrepl.explain.repairs.repair_case import COLLECTORS, yields_once
from asyncrepl.explain.rules.operand_rules import GENERATOR, STREAMS, Told, missing, row

__all__ = ["ATTRIBUTES"]

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


ATTRIBUTES = (
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
)
