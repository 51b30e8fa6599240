"""``await`` in front of what cannot be awaited."""

from __future__ import annotations

import ast
import time
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    NoneType,
)
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fixing import CannotFixError, Fixing, short
from asyncrepl.explain.resolving import is_async_iterable, is_awaitable, takes_nothing
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.steps import called, stepped_source
from asyncrepl.explain.walking import a, defined
from asyncrepl.syntax.names import callee_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.events.object_info import ObjectInfo
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.uses import Use

__all__ = ["RULES"]

_FUNCTIONS = (FunctionType, MethodType)
_PLAIN_FUNCTIONS = (FunctionType, MethodType, BuiltinFunctionType, MethodDescriptorType, type)


def _refused(evidence: Evidence) -> Use | None:
    """The operand of ``await`` that the interpreter refused, whatever is known of it."""
    use = evidence.use("await")
    if use is None or not evidence.direct or evidence.op != "GET_AWAITABLE":
        return None
    return None if use.info is not None and is_awaitable(use.info) else use


def _walkable(evidence: Evidence) -> Use | None:
    use = _refused(evidence)
    return use if use and use.info and is_async_iterable(use.info) else None


def _without_await(evidence: Evidence, use: Use) -> Fixing:
    fixing, unit = Fixing(evidence), evidence.unit
    start = unit.source.span(use.owner).start
    fixing.of(unit).replace(Span(start, unit.source.span(use.node).start), "")
    return fixing


def _head(evidence: Evidence, use: Use) -> ast.AST | None:
    """The loop or comprehension clause in whose head ``await`` stands."""
    owner = evidence.unit.parents.get(use.owner)
    loops = isinstance(owner, ast.AsyncFor | ast.For | ast.comprehension)
    return owner if loops and getattr(owner, "iter", None) is use.owner else None


def _in_front_of_loop(evidence: Evidence) -> Finding | None:
    use = _walkable(evidence)
    loop = _head(evidence, use) if use else None
    if use is None or loop is None:
        return None
    fixing = _without_await(evidence, use)
    try:
        if not isinstance(loop, ast.AsyncFor) and not getattr(loop, "is_async", False):
            fixing.loop_async(evidence.unit, loop)
    except CannotFixError:
        return None
    why = (
        f"{short(evidence.unit, use.node)} is {a(use)} already: there is nothing to await, "
        "`async for` awaits each item by itself."
    )
    return Finding(why, fixing.fix())


def _aiter(evidence: Evidence) -> Finding | None:
    use = _refused(evidence)
    if use is None or callee_name(use.node) not in ("aiter", "__aiter__"):
        return None
    text = short(evidence.unit, use.node)
    why = f"{text} gives the async iterator at once; only `anext` is awaited."
    return Finding(why, _without_await(evidence, use).fix())


def _expression(evidence: Evidence) -> Finding | None:
    use = _refused(evidence)
    if use is None or use.kind is not AsyncGeneratorType:
        return None
    if not isinstance(use.node, ast.GeneratorExp):
        return None
    unit, fixing = evidence.unit, _without_await(evidence, use)
    start, end = unit.source.span(use.node)
    fixing.of(unit).replace(Span(start, start + 1), "[")
    fixing.of(unit).replace(Span(end - 1, end), "]")
    why = (
        f"{short(unit, use.node)} is an async generator: it is walked, not awaited. In "
        "brackets it is a list, made right here."
    )
    return Finding(why, fixing.fix())


def _generator(evidence: Evidence) -> Finding | None:
    use = _walkable(evidence)
    if use is None or defined(use.info, "__call__"):  # then a call may have been meant
        return None
    fixing = _without_await(evidence, use)
    try:
        fixing.collected(evidence.unit, use.node)
    except CannotFixError:
        return None
    why = (
        f"{short(evidence.unit, use.node)} is {a(use)}: it is walked with `async for`, "
        "it is not awaited."
    )
    return Finding(why, fixing.fix())


def _collection(evidence: Evidence) -> Finding | None:
    use = _refused(evidence)
    item = use.info.item if use and use.info else None
    if use is None or item is None or not is_awaitable(item):
        return None
    unit, node, fixing = evidence.unit, use.node, Fixing(evidence)
    source = unit.source.source(node)
    listed = isinstance(node, ast.List | ast.Tuple) and source[:1] in "[("
    arguments = source[1:-1].rstrip(", \n") if listed else f"*{source}"
    fixing.of(unit).replace(node, f"asyncio.gather({arguments})")
    fixing.needs_import(unit, "asyncio")
    why = f"{short(unit, node)} is {a(use)}: `await` takes one awaitable, `gather` takes many."
    return Finding(why, fixing.fix())


def _plain_call(evidence: Evidence) -> Finding | None:
    use = _refused(evidence)
    if use is None or not isinstance(use.node, ast.Call):
        return _plain_value(evidence, use) if use else None
    function = evidence.resolver.value(use.node.func)
    if use.info is None and not isinstance(function, _PLAIN_FUNCTIONS):
        return None
    name = short(evidence.unit, use.node.func)
    why = f"{name} is a plain function: it has already run, and its result cannot be awaited."
    if isinstance(function, type):
        why = f"{name} is a class: its object is made at once, and cannot be awaited."
    return Finding(why, _plain_call_fix(evidence, use, function))


def _plain_value(evidence: Evidence, use: Use) -> Finding | None:
    """A variable, attribute or item; a literal says itself what it is."""
    if use.info is None or not isinstance(use.node, ast.Name | ast.Attribute | ast.Subscript):
        return None
    made = called(evidence, evidence.unit, use.node)
    if defined(use.info, "__next__") or (made and stepped_source(made[1])):
        return None  # it comes from what should have made an awaitable
    text = short(evidence.unit, use.node)
    if isinstance(use.info.value, _FUNCTIONS):
        why = f"{text} is a function: only a call of it could give something to await."
        return Finding(why, _called(evidence, use, use.info.value))
    return _of_data(evidence, use, use.info, text)


def _of_data(evidence: Evidence, use: Use, info: ObjectInfo, text: str) -> Finding | None:
    if info.kind is NoneType:
        return Finding(f"{text} is None: there is nothing to wait for.")
    callable_ = defined(info, "__call__")
    if defined(info, "__aenter__") and not callable_:
        why = f"{text} is {a(use)}: it is entered with `async with`, it cannot be awaited."
        return Finding(why)
    if info.kind.__module__ != "builtins" or callable_:
        return None  # a call or a method of it may have been meant
    why = f"{text} is {a(use)}: the value is there already, there is nothing to await."
    return Finding(why, _without_await(evidence, use).fix())


def _called(evidence: Evidence, use: Use, function: object) -> Fix | None:
    made = evidence.resolver.result(function)
    if made is None or not is_awaitable(made) or not takes_nothing(function):
        return None
    fixing = Fixing(evidence)
    fixing.of(evidence.unit).after(use.node, "()")
    return fixing.fix()


def _plain_call_fix(evidence: Evidence, use: Use, function: object) -> Fix | None:
    assert isinstance(use.node, ast.Call)
    if function is not time.sleep:
        return _without_await(evidence, use).fix()
    fixing = Fixing(evidence)
    fixing.of(evidence.unit).replace(use.node.func, "asyncio.sleep")
    fixing.needs_import(evidence.unit, "asyncio")
    return fixing.fix()


RULES = (
    Rule(
        "await-in-front-of-async-generator-in-loop",
        "`await` in the head of the loop",
        1,
        "Calling an async generator function returns the async iterator at once; there is "
        "nothing to await. `async for` does the awaiting, once per item.",
        _in_front_of_loop,
    ),
    Rule(
        "await-aiter",
        "`await` in front of `aiter()`",
        1,
        "`aiter(x)` returns the async iterator at once. Only `anext(it)` is awaited.",
        _aiter,
    ),
    Rule(
        "await-async-genexp",
        "`await` in front of an async generator expression",
        3,
        "A generator expression with `async for` is an async generator: it is walked, not "
        "awaited. With brackets it is a comprehension that runs right here: "
        "`[x async for x in gen()]` (no await).",
        _expression,
    ),
    Rule(
        "await-async-generator",
        "`await` in front of an async generator",
        3,
        "A function with `yield` returns an async generator, which is not awaitable. Walk it "
        "with `async for`, or take one item with `await anext(gen)`.",
        _generator,
    ),
    Rule(
        "await-a-list-of-coroutines",
        "`await` in front of a collection of awaitables",
        3,
        "`await` takes one awaitable. For many: `await asyncio.gather(*coros)`.",
        _collection,
    ),
    Rule(
        "await-a-plain-call",
        "`await` in front of a call of a plain function",
        5,
        "`await` needs an awaitable. A plain function has already run when `await` sees its "
        "result; drop the `await`, or run blocking functions with `await asyncio.to_thread(f)`.",
        _plain_call,
    ),
)
