"""All rules for operands that do not meet a demand, and what is said of all the rest."""

from __future__ import annotations

from asyncrepl.explain.kinds import Kind, has
from asyncrepl.explain.rules.async_loops import ASYNC_LOOPS, nothing_to_walk
from asyncrepl.explain.rules.asyncio_calls import ASYNCIO, WITHS
from asyncrepl.explain.rules.missing_attributes import ATTRIBUTES
from asyncrepl.explain.rules.operand_rules import (
    ANY,
    CALLED,
    MEANT,
    RESULTS,
    STREAMS,
    Told,
    missing,
    row,
)
from asyncrepl.explain.rules.refused_awaits import AWAITS
from asyncrepl.explain.rules.sync_walks import STEPS, WALKS

__all__ = ["RULES"]


def _used(told: Told) -> str:
    by = told.demand.by[:1].upper() + told.demand.by[1:]
    return f"{by} cannot use {told.text}: it is {told.words}, and {MEANT[told.kind]}."


def _result(told: Told) -> str:
    what = "is a coroutine; its result" if told.kind is Kind.COROUTINE else (
        f"is {told.words}; its result"
    )  # fmt: skip
    return f"{told.text} {what} only exists after `await`."


_GENERAL = (
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
        "async-for-over-plain-object",
        "`async for` over an object that cannot be walked",
        1,
        "The object offers no iteration at all under this name. Look for the method that returns "
        "an async iterator (often `aiter_…`, `.stream()`, `.content`), or for a number use "
        "`range`.",
        "async walk",
        frozenset({Kind.VALUE, Kind.MODULE, Kind.MANAGER, Kind.MOCK}),
        nothing_to_walk,
        lambda told: not has(told.info, "__iter__", "__getitem__"),
    ),
    row(
        "async-for-over-none",
        "`async for` over None",
        1,
        "A function without `return` gives None. Return the async iterable.",
        "async walk",
        frozenset({Kind.NONE}),
        lambda told: f"{told.text} is None: there is nothing to walk.",
    ),
    row(
        "async-for-over-sync-iterable-class",
        "`async for` over a class with `__iter__`",
        1,
        "`async for` does not fall back on `__iter__`: it needs `__aiter__` on the class. Use a "
        "plain `for`, or give the class an `__aiter__` that returns an async iterator.",
        "async walk",
        ANY,
        lambda told: (
            f"`{told.name}` has `__iter__` and no `__aiter__`, and `async for` does not fall back "
            "on `__iter__`."
        ),
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


RULES = (
    *ATTRIBUTES, *AWAITS, *ASYNC_LOOPS, *STEPS, *WALKS, *WITHS, *ASYNCIO, *_GENERAL
)  # fmt: skip
