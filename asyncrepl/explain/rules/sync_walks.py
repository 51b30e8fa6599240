"""Steps and walks of the wrong world: ``next``, ``for``, unpacking, builtins that walk."""

from __future__ import annotations

import ast

from asyncrepl.explain.fix_editor import short
from asyncrepl.explain.kinds import ASYNCHRONOUS, Kind, has
from asyncrepl.explain.rules.operand_rules import ANY, GENERATOR, STREAMS, Told, row
from asyncrepl.instrument.probe_placement import ITERTOOLS_CALLS
from asyncrepl.syntax.names import callee_name

_NUMBERING = ITERTOOLS_CALLS | {"enumerate", "zip", "map", "filter"}

_NO_ITERATOR = (
    "anext-on-iterable",
    "`anext` on something that is no async iterator",
    2,
    (
        "`anext` needs an async iterator. For an async iterable call `aiter(x)` first; for a list "
        "use `next(iter(xs))`."
    ),
)


def _is_argument(told: Told) -> bool:
    return isinstance(told.owner, ast.Call)


def _expression(told: Told, *, by_await: bool) -> bool:
    """Whether it is a generator expression that ``await`` or ``async for`` makes asynchronous."""
    if not isinstance(told.node, ast.GeneratorExp) or told.is_loop:
        return False
    return any(clause.is_async for clause in told.node.generators) is not by_await


def _of_expression(told: Told, word: str) -> str:
    where = f"to `{callee_name(told.owner)}`" if _is_argument(told) else "into a call"
    return (
        f"{word} makes {short(told.unit, told.node, 30)} an async generator; given {where} it is "
        "walked synchronously. Brackets make a list."
    )


RULES = (
    row(
        *_NO_ITERATOR,
        "async step",
        frozenset({Kind.ASYNC_ITERABLE}),
        "{told.text} has `__aiter__` but no `__anext__`: `aiter` gives the iterator to step.",
    ),
    row(
        *_NO_ITERATOR,
        "async step",
        ANY - ASYNCHRONOUS,
        lambda told: (
            f"{told.text} is {told.a}, not an async iterator: `next` takes its items, and nothing "
            "waits."
            if has(told.info, "__iter__", "__next__")
            else f"{told.text} is {told.words}, not an async iterator: it gives no items."
        ),
    ),
    row(
        "aiter-on-sync-iterable",
        "`aiter` on ordinary data",
        1,
        "`aiter` does not convert. To use ordinary data where an async iterable is needed write "
        "a small async generator: `async def as_async(xs): for x in xs: yield x`.",
        "iterator",
        ANY - ASYNCHRONOUS,
        "`aiter` does not convert: {told.text} is {told.words} and has no `__aiter__`.",
    ),
    row(
        "next-on-async-generator",
        "`next` on an async generator",
        2,
        "Use `await anext(gen)` (with a default: `await anext(gen, None)`).",
        "step",
        STREAMS,
        "{told.text} is {told.a}: it has no `__next__`, its next item comes from `await "
        "anext(…)`.",
    ),
    row(
        "coroutine-driven-like-a-generator",
        "a coroutine driven by hand",
        3,
        "Coroutines are driven by the event loop: `await coro` (or make a task). `next(coro)` "
        "does not exist, and `send` by hand only works for what needs no event loop.",
        "step",
        frozenset({Kind.COROUTINE}),
        "{told.text} is a coroutine: the event loop drives it when it is awaited.",
    ),
    row(
        "iter-on-async-generator",
        "`iter` on an async iterable",
        1,
        "The async counterpart is `aiter(x)`; `async for` calls it for you.",
        "walk",
        STREAMS,
        "{told.text} is {told.a} and has no `__iter__`: the counterpart of `iter` is `aiter`.",
        lambda told: callee_name(told.owner) == "iter",
    ),
    row(
        "async-for-over-function",
        "a function that was not called, where items are wanted",
        1,
        "The async generator only exists after calling its function: `async for x in ticks()`.",
        "walk",
        frozenset({Kind.ASYNC_GENERATOR_FUNCTION, Kind.COROUTINE_FUNCTION}),
        lambda told: (
            f"{told.text} is {told.words}: it has to be called, and only what it gives is "
            f"{'awaited' if told.kind is Kind.COROUTINE_FUNCTION else 'walked with `async for`'}."
        ),
    ),
    row(
        "await-in-genexp-makes-it-async",
        "`await` in a generator expression",
        1,
        "An `await` in the element or condition turns the generator expression into an async "
        "generator, which builtins cannot consume. Use a list: `any([await f(x) for x in xs])`.",
        "walk | value",
        GENERATOR,
        lambda told: _of_expression(told, "`await`"),
        lambda told: _expression(told, by_await=True),
    ),
    row(
        "async-genexp-into-sync-consumer",
        "an async generator expression given to a synchronous builtin",
        1,
        "`(… async for …)` is an async generator object, not a list; a synchronous builtin "
        "cannot consume it. Use brackets: `sum([x async for x in gen()])`.",
        "walk | value",
        GENERATOR,
        lambda told: _of_expression(told, "`async for`"),
        lambda told: _expression(told, by_await=False),
    ),
    row(
        "for-over-async-generator",
        "a plain `for` over an async generator",
        1,
        "`for` calls `__iter__`; an async iterable only has `__aiter__`. Write `async for` "
        "(inside `async def` or at the async prompt).",
        "walk",
        GENERATOR,
        "{told.text} is an async generator: it has `__anext__` but no `__next__`, and a plain "
        "`for` cannot wait for a value.",
        lambda told: told.is_loop,
    ),
    row(
        "yield-from-async-generator-in-sync-generator",
        "`yield from` an async generator",
        1,
        "`yield from` iterates synchronously. Make the outer function `async def` and re-yield: "
        "`async for x in inner(): yield x`.",
        "walk",
        STREAMS,
        "`yield from` walks synchronously, and {told.text} is {told.a}.",
        lambda told: isinstance(told.owner, ast.YieldFrom),
    ),
    row(
        "enumerate-zip-map-over-async",
        "`enumerate`, `zip`, `map` or itertools over an async iterable",
        1,
        "These helpers call `__iter__`. Number or filter by hand inside an `async for` or an "
        "async comprehension, or use an async library (aiostream, aioitertools, asyncstdlib).",
        "walk",
        STREAMS,
        "`{told.caller}` walks synchronously, and {told.text} is {told.a}.",
        lambda told: callee_name(told.owner) in _NUMBERING,
    ),
    row(
        "index-or-len-of-async-generator",
        "an async generator used as a sequence",
        2,
        "An async generator knows neither its length nor its items before they are produced. "
        "Take the next with `await anext(gen)`, or collect into a list.",
        "walk | value",
        STREAMS,
        "{told.text} is {told.a}: it knows neither its length nor its items before they are made.",
        lambda told: (
            (isinstance(told.owner, ast.Subscript) and told.owner.value is told.node)
            or callee_name(told.owner) in ("len", "reversed")
        ),
    ),
    row(
        "unpack-async-generator",
        "unpacking an async generator",
        1,
        "Unpacking iterates synchronously. Make a list first: `a, b = [x async for x in gen()]`, "
        "`f(*[x async for x in gen()])`.",
        "walk",
        STREAMS,
        "Unpacking walks synchronously, and {told.text} is {told.a}: collect its values first.",
        lambda told: isinstance(told.owner, ast.Starred | ast.Assign),
    ),
    row(
        "list-of-async-generator",
        "an async generator given to a builtin that walks it",
        1,
        "The builtins consume synchronously. Collect first with an async comprehension: "
        "`[x async for x in gen()]`, then hand over the list.",
        "walk",
        GENERATOR,
        "`{told.caller}` walks synchronously and cannot wait; {told.text} is an async "
        "generator. Collect its values first.",
        _is_argument,
    ),
    row(
        "for-over-async-iterable-class",
        "a plain `for` over a class with `__aiter__`",
        1,
        "`for` looks for `__iter__`; the class only implements the async protocol. Write "
        "`async for`.",
        "walk",
        frozenset({Kind.ASYNC_ITERATOR, Kind.ASYNC_ITERABLE}),
        "`{told.name}` has `__aiter__` and no `__iter__`: only `async for` can walk it.",
    ),
    row(
        "for-over-coroutine",
        "a plain `for` over a coroutine",
        1,
        "Await first: `for x in await load():`. If the function should produce items one by "
        "one, give it a `yield` and use `async for`.",
        "walk",
        frozenset({Kind.COROUTINE}),
        "{told.text} is a coroutine: what it returns only exists after `await`.",
    ),
    row(
        "in-test-on-async-generator",
        "`in` on an async generator",
        1,
        "`in` iterates synchronously. Write `any([x == wanted async for x in gen()])` or an "
        "`async for` with `break`.",
        "value",
        STREAMS,
        "`in` walks synchronously, and {told.text} is {told.a}.",
        lambda told: told.demand.by == "`in`",
    ),
)
