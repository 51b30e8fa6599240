"""``async for`` over things that have to do with async, but are not what it walks."""

from __future__ import annotations

import ast
import asyncio
import functools
import inspect
from types import CoroutineType, FunctionType, MethodType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, ObjectInfo, lookup
from asyncrepl.explain.explanation import Finding, Fix, Other
from asyncrepl.explain.fixing import Fixing, short
from asyncrepl.explain.resolving import is_async_iterable, is_awaitable, takes_nothing
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.steps import called, is_step, stepped_source
from asyncrepl.explain.walking import a, defined, iterated_plainly, over, replaced
from asyncrepl.explain.yielding import with_yield
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.uses import Use

__all__ = ["RULES"]

_FUNCTIONS = (FunctionType, MethodType, functools.partial)


def _one_step(evidence: Evidence) -> Finding | None:
    use = over(evidence)
    if use is None or use.info is None:
        return None
    found = called(evidence, evidence.unit, use.node)
    source = stepped_source(found[1]) if found else None
    text = found[0].source.source(source) if found and source else ""
    if not is_step(use.info) and not (text and is_awaitable(use.info)):
        return None
    whose = f"one step of `{text}`" if text else "a single step"
    why = f"{short(evidence.unit, use.node)} is {whose}; the loop makes the steps itself."
    if found is None or not text:
        return Finding(why)
    fixing = Fixing(evidence)
    fixing.of(found[0]).replace(found[1], text)
    return Finding(why, fixing.fix())


def _coroutine(evidence: Evidence) -> Finding | None:
    use = over(evidence)
    if use is None or use.info is None or use.info.kind is not CoroutineType:
        return None
    result = evidence.resolver.returned(use.info.code)
    unit, text = evidence.unit, evidence.unit.source.operand(use.node)
    why = f"{short(unit, use.node)} is a coroutine: what it returns only exists after `await`."
    if result is not None and is_async_iterable(result):
        return Finding(why, replaced(evidence, use, f"await {text}"))
    if callee_name(use.node) == "get" and _is_queue_get(use.info):
        return Finding(why, _one_item(evidence, use))
    found = evidence.units.definition(use.info.code)
    clause = f"`{found[1].name}` was to `yield` what it returns" if found else ""
    also = Other("async-def-without-yield", clause) if found else None
    return Finding(why, iterated_plainly(evidence, use, f"await {text}"), also)


def _is_queue_get(info: ObjectInfo) -> bool:
    return info.code is asyncio.Queue.get.__code__


def _one_item(evidence: Evidence, use: Use) -> Fix | None:
    """``async for x in q.get(): body`` → ``x = await q.get()`` and the body."""
    unit, loop = evidence.unit, use.owner
    text = unit.source.source(use.node)
    jumps = any(isinstance(each, ast.Break | ast.Continue) for each in ast.walk(loop))
    if not isinstance(loop, ast.AsyncFor) or jumps or loop.orelse:
        return iterated_plainly(evidence, use, f"[await {text}]")
    by, body = unit.source.indent(loop), loop.body[0]
    inner = unit.source.indent(body)
    lines = unit.text[unit.source.span(body).start : unit.source.span(loop).end].split("\n")
    rest = "\n".join([lines[0], *(by + line.removeprefix(inner) for line in lines[1:])])
    fixing = Fixing(evidence)
    target = unit.source.source(loop.target)
    fixing.of(unit).replace(loop, f"{target} = await {text}\n{by}{rest}")
    return fixing.fix()


def _no_yield(evidence: Evidence) -> Finding | None:
    use = over(evidence)
    if use is None or use.info is None or use.info.kind is not CoroutineType:
        return None
    found = evidence.units.definition(use.info.code)
    if found is None or any(
        isinstance(node, ast.Return) and node.value is not None for node in own_nodes(found[1])
    ):
        return None
    unit, function = found
    why = (
        f"`{function.name}` is an `async def` without `yield`: calling it gives a coroutine, "
        "not an async generator."
    )
    also = Other("async-for-over-coroutine", "it was to `return` the items, and to be awaited")
    return Finding(why, with_yield(Fixing(evidence), unit, function), also)


def _function(evidence: Evidence) -> Finding | None:
    use = over(evidence) or _anext_argument(evidence)
    if use is None or use.info is None or not issubclass(use.info.kind, _FUNCTIONS):
        return None
    unit, result = evidence.unit, evidence.resolver.result(use.info.value)
    why = f"{short(unit, use.node)} is a function: only calling it gives something to walk."
    if result is None or not takes_nothing(use.info.value):
        return Finding(why)
    text = f"{unit.source.operand(use.node)}()"
    if is_async_iterable(result):
        return Finding(why, replaced(evidence, use, text))
    if result.kind is CoroutineType:
        result = evidence.resolver.returned(result.code) or ObjectInfo(list)
        text = f"await {text}"
    if is_async_iterable(result):
        return Finding(why, replaced(evidence, use, text))
    return Finding(why, iterated_plainly(evidence, use, text))


def _anext_argument(evidence: Evidence) -> Use | None:
    use = evidence.use("argument")
    return use if use and callee_name(use.owner) == "anext" and evidence.direct else None


def _class(evidence: Evidence) -> Finding | None:
    use = over(evidence) or _anext_argument(evidence)
    if use is None or use.info is None or not issubclass(use.info.kind, type):
        return None
    made = use.info.value
    if not isinstance(made, type) or lookup(made, "__aiter__") is MISSING:
        return None
    unit = evidence.unit
    why = f"`{made.__name__}` is the class itself: `async for` needs an instance of it."
    if not takes_nothing(made):
        return Finding(why)
    return Finding(why, replaced(evidence, use, f"{unit.source.operand(use.node)}()"))


def _future(evidence: Evidence) -> Finding | None:
    use = over(evidence)
    if use is None or use.info is None or not issubclass(use.info.kind, asyncio.Future):
        return None
    text = evidence.unit.source.source(use.node)
    why = (
        f"{short(evidence.unit, use.node)} is {a(use)}: it stands for one result, which "
        "`await` gives."
    )
    return Finding(why, iterated_plainly(evidence, use, f"await {text}"))


def _streaming_method(evidence: Evidence) -> Finding | None:
    use = over(evidence)
    if use is None or use.info is None:
        return None
    kind = use.info.kind
    methods = [
        name
        for base in kind.__mro__
        for name, value in vars(base).items()
        if inspect.isasyncgenfunction(value) and not name.startswith("_")
    ]
    unit = evidence.unit
    why = (
        f"{short(unit, use.node)} is {a(use)}, which has neither `__aiter__` nor `__iter__`: "
        "`async for` finds nothing to walk."
    )
    if len(methods) != 1:
        return Finding(why)
    return Finding(why, replaced(evidence, use, f"{unit.source.operand(use.node)}.{methods[0]}()"))


def _called_object(evidence: Evidence) -> Finding | None:
    use = evidence.use("called")
    if use is None or use.info is None or not evidence.direct:
        return None
    if not is_async_iterable(use.info) or defined(use.info, "__call__"):
        return None
    unit, fixing = evidence.unit, Fixing(evidence)
    fixing.of(unit).replace(use.owner, unit.source.source(use.node))
    why = f"{short(unit, use.node)} already is {a(use)}: walk it as it is, without calling it."
    return Finding(why, fixing.fix())


RULES = (
    Rule(
        "async-generator-object-called",
        "calling an async generator object",
        1,
        "`gen = ticks()` already is the async generator; walk `gen` itself, or keep the "
        "function and call that.",
        _called_object,
    ),
    Rule(
        "async-for-over-one-anext",
        "`async for` over one step",
        1,
        "`anext(it)` is one step: `await anext(it)`. To loop, give `async for` the iterator "
        "itself.",
        _one_step,
    ),
    Rule(
        "async-def-without-yield",
        "`async for` over an `async def` without `yield`",
        1,
        "Only an `async def` that contains `yield` is an async generator function; without "
        "`yield` (or with the yield forgotten, or only `raise NotImplementedError`) calling it "
        "gives a coroutine. Put a `yield` in it.",
        _no_yield,
    ),
    Rule(
        "async-for-over-coroutine",
        "`async for` over a coroutine",
        1,
        "A call of an `async def` without `yield` gives a coroutine; the iterable only exists "
        "after awaiting it. Write `async for x in await load()` if it returns an async "
        "iterable, `for x in await load()` if it returns a list.",
        _coroutine,
    ),
    Rule(
        "async-for-over-function",
        "`async for` over a function that was not called",
        1,
        "The async generator only exists after calling its function: `async for x in ticks()`.",
        _function,
    ),
    Rule(
        "async-for-over-class",
        "`async for` over a class instead of an instance",
        1,
        "`async for` needs an instance: `async for x in Countdown(3)`.",
        _class,
    ),
    Rule(
        "async-for-over-task-or-future",
        "`async for` over a task or future",
        1,
        "A Task or Future stands for one result: `await` it. For many results await "
        "`gather(…)` and loop over the list, or loop over `asyncio.as_completed(…)`.",
        _future,
    ),
)

#: Asked after everything else about `async for`.
LAST_RULE = Rule(
    "async-for-over-plain-object",
    "`async for` over an object that cannot be walked",
    1,
    "The object offers no iteration at all under this name. Look for the method that returns "
    "an async iterator (often `aiter_…`, `.stream()`, `.content`), or for a number use `range`.",
    _streaming_method,
)
