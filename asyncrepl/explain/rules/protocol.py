"""Classes whose ``__aiter__`` or ``__anext__`` gives the wrong thing.

The probe saw an instance of the class; what its methods return is read from
their flags and their source.
"""

from __future__ import annotations

import ast
import inspect
from types import FunctionType, NoneType

from asyncrepl.explain.evidence import Evidence
from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fixing import Fixing, fresh
from asyncrepl.explain.resolving import is_async_iterable
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.rules.over_classes import method
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.units import Function, Unit
from asyncrepl.language.rewriting import Span
from asyncrepl.language.suspects import MISSING, lookup

__all__ = ["RULES"]

Found = tuple[Unit, Function]


def _walked(evidence: Evidence) -> type | None:
    """The class of the operand whose ``__aiter__`` ran and gave the wrong thing."""
    use = evidence.use("async for", "argument")
    if use is None or use.facts is None or not evidence.direct or use.lacks:
        return None
    at_loop = evidence.op == "GET_AITER"
    if not at_loop and not (use.role == "argument" and not use.certain):
        return None
    return use.facts.kind if lookup(use.facts.kind, "__aiter__") is not MISSING else None


def _method(kind: type | None, name: str) -> FunctionType | None:
    found = lookup(kind, name) if kind else None
    return found if isinstance(found, FunctionType) else None


def _source(evidence: Evidence, function: FunctionType) -> Found | None:
    return evidence.units.definition(function.__code__)


def _returns(function: Function) -> list[ast.expr]:
    return [
        node.value
        for node in own_nodes(function)
        if isinstance(node, ast.Return) and node.value is not None
    ]


def _returns_self(function: Function) -> bool:
    own = function.args.args[0].arg if function.args.args else ""
    values = _returns(function)
    return bool(values) and all(isinstance(each, ast.Name) and each.id == own for each in values)


def _is_kind(function: FunctionType, flag: int) -> bool:
    return bool(function.__code__.co_flags & flag)


def _async_aiter(evidence: Evidence) -> Finding | None:
    kind = _walked(evidence)
    function = _method(kind, "__aiter__")
    if kind is None or function is None or not _is_kind(function, inspect.CO_COROUTINE):
        return None
    why = (
        f"`{kind.__name__}.__aiter__` is `async def`, so it gives a coroutine; `async for` calls "
        "it without awaiting and needs the iterator at once."
    )
    found = _source(evidence, function)
    return Finding(why, _plain_aiter(evidence, *found) if found else None)


def _plain_aiter(evidence: Evidence, unit: Unit, function: Function) -> Fix | None:
    fixing = Fixing(evidence)
    edits = fixing.of(unit)
    if not any(isinstance(node, ast.Await) for node in own_nodes(function)):
        start = unit.source.span(function).start
        edits.replace(Span(start, unit.text.index("def", start)), "")
        return fixing.fix()
    if _returns_self(function):
        return None
    for node in own_nodes(function):
        if isinstance(node, ast.Return) and node.value is not None:
            by, name = unit.source.indent(node), fresh(unit, "item")
            source = unit.source.source(node.value)
            edits.replace(node, f"async for {name} in {source}:\n{by}    yield {name}")
    return fixing.fix()


def _sync_aiter(evidence: Evidence) -> Finding | None:
    kind = _walked(evidence)
    function = _method(kind, "__aiter__")
    if kind is None or function is None:
        return None
    found = _source(evidence, function)
    name = kind.__name__
    if _is_kind(function, inspect.CO_GENERATOR):
        why = f"`{name}.__aiter__` is a plain generator, which has `__next__` and no `__anext__`."
        return Finding(why, _made_async(evidence, found))
    result = evidence.resolver.returned(function.__code__)
    if found is None or _returns_self(found[1]) or not _returns(found[1]):
        return None
    if result is not None and is_async_iterable(result):
        return None
    why = f"What `{name}.__aiter__` returns has no `__anext__`: it must return an async iterator."
    return Finding(why, _yielding(evidence, *found))


def _made_async(evidence: Evidence, found: Found | None) -> Fix | None:
    if found is None:
        return None
    fixing = Fixing(evidence)
    fixing.of(found[0]).before(found[1], "async ")
    return fixing.fix()


def _yielding(evidence: Evidence, unit: Unit, function: Function) -> Fix | None:
    """``return iter(xs)`` → an async generator that yields them."""
    fixing = Fixing(evidence)
    edits = fixing.of(unit)
    edits.before(function, "async ")
    for node in own_nodes(function):
        if isinstance(node, ast.Return) and node.value is not None:
            value = node.value
            if isinstance(value, ast.Call) and len(value.args) == 1:
                if isinstance(value.func, ast.Name) and value.func.id == "iter":
                    value = value.args[0]
            by, name = unit.source.indent(node), fresh(unit, "item")
            text = f"for {name} in {unit.source.source(value)}:\n{by}    yield {name}"
            edits.replace(node, text)
    return fixing.fix()


def _no_aiter_result(evidence: Evidence) -> Finding | None:
    kind = _walked(evidence)
    function = _method(kind, "__aiter__")
    if kind is None or function is None:
        return None
    result = evidence.resolver.returned(function.__code__)
    if result is None or result.kind is not NoneType or _is_kind(function, inspect.CO_GENERATOR):
        return None
    why = f"`{kind.__name__}.__aiter__` returns None: it has to return the async iterator."
    found = _source(evidence, function)
    if found is None or lookup(kind, "__anext__") is MISSING or _returns(found[1]):
        return Finding(why)
    fixing, (unit, node) = Fixing(evidence), found
    last = node.body[-1]
    line = f"return {node.args.args[0].arg}"
    if isinstance(last, ast.Pass):
        fixing.of(unit).replace(last, line)
    else:
        fixing.of(unit).lines_after(last, line)
    return Finding(why, fixing.fix())


def _next_method(evidence: Evidence) -> Finding | None:
    kind = _walked(evidence)
    step = _method(kind, "__next__")
    if kind is None or step is None or lookup(kind, "__anext__") is not MISSING:
        return None
    why = (
        f"`{kind.__name__}` has `__next__` where `async for` calls `__anext__`, and awaits "
        "what it returns."
    )
    found = _source(evidence, step)
    if found is None:
        return Finding(why)
    fixing, (unit, function) = Fixing(evidence), found
    edits = fixing.of(unit)
    start = unit.source.span(function).start
    name = unit.text.index("__next__", start)
    edits.replace(Span(start, name + len("__next__")), "async def __anext__")
    for node in own_nodes(function):
        if isinstance(node, ast.Name) and node.id == "StopIteration":
            edits.replace(node, "StopAsyncIteration")
    return Finding(why, fixing.fix())


def _instance_anext(evidence: Evidence) -> Finding | None:
    kind = _walked(evidence)
    found = evidence.units.class_of(kind) if kind else None
    if kind is None or found is None or lookup(kind, "__anext__") is not MISSING:
        return None
    unit, owner = found
    for node in ast.walk(owner):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Attribute) and target.attr == "__anext__":
            why = (
                f"`__anext__` is set on the instance, but it is looked up on the class "
                f"`{kind.__name__}`."
            )
            return Finding(why, _method_for(evidence, unit, owner, target))
    return None


def _method_for(
    evidence: Evidence, unit: Unit, owner: ast.ClassDef, target: ast.Attribute
) -> Fix | None:
    fixing = Fixing(evidence)
    fixing.of(unit).replace(target, f"{unit.source.source(target.value)}._step")
    before = method(owner, "__aiter__")
    if before is None:
        return None
    fixing.of(unit).lines_before(before, "def __anext__(self):\n    return self._step()")
    return fixing.fix()


def _stepped(evidence: Evidence) -> tuple[type, FunctionType] | None:
    """The iterator's class and its ``__anext__`` that gave nothing one can await."""
    use = evidence.use("async for")
    if use is None or use.facts is None or not evidence.direct:
        return None
    if evidence.op != "GET_ANEXT":
        return None
    kind = _iterator_kind(evidence, use.facts.kind)
    step = _method(kind, "__anext__")
    return (kind, step) if kind and step else None


def _iterator_kind(evidence: Evidence, kind: type) -> type | None:
    """The class of what ``__aiter__`` returns: mostly the class itself."""
    function = _method(kind, "__aiter__")
    found = _source(evidence, function) if function else None
    if found is None or _returns_self(found[1]):
        return kind
    result = evidence.resolver.returned(function.__code__) if function else None
    return result.kind if result else None


def _plain_anext(evidence: Evidence) -> Finding | None:
    found = _stepped(evidence)
    if found is None or found[1].__code__.co_flags & inspect.CO_ASYNC_GENERATOR:
        return None
    kind, step = found
    if _is_kind(step, inspect.CO_COROUTINE) or _broken(evidence, step) is not None:
        return None
    why = (
        f"`{kind.__name__}.__anext__` is a plain `def` and returns the value itself; "
        "`async for` awaits what it returns."
    )
    return Finding(why, _made_async(evidence, _source(evidence, step)))


def _yielding_anext(evidence: Evidence) -> Finding | None:
    found = _stepped(evidence)
    if found is None or not _is_kind(found[1], inspect.CO_ASYNC_GENERATOR):
        return None
    kind, step = found
    why = (
        f"`{kind.__name__}.__anext__` yields, which makes it an async generator: it must "
        "return one item a call."
    )
    return Finding(why, _moved_to_aiter(evidence, _source(evidence, step)))


def _moved_to_aiter(evidence: Evidence, found: Found | None) -> Fix | None:
    if found is None:
        return None
    unit, function = found
    owner = unit.enclosing(function, ast.ClassDef)
    old = method(owner, "__aiter__") if owner else None
    fixing = Fixing(evidence)
    edits, start = fixing.of(unit), unit.source.span(function).start
    name = unit.text.index("__anext__", start)
    edits.replace(Span(name, name + len("__anext__")), "__aiter__")
    if old is not None:
        edits.remove(old)
    return fixing.fix()


def _broken(evidence: Evidence, step: FunctionType) -> type | None:
    """The class with an ``__await__`` of which ``__anext__`` returns an instance."""
    result = evidence.resolver.returned(step.__code__)
    if result is None or lookup(result.kind, "__await__") is MISSING:
        return None
    return result.kind


def _broken_awaitable(evidence: Evidence) -> Finding | None:
    found = _stepped(evidence)
    kind = _broken(evidence, found[1]) if found else None
    function = _method(kind, "__await__")
    if kind is None or function is None:
        return None
    why = (
        f"`{kind.__name__}.__await__` must return an iterator: `async for` awaits what "
        "`__anext__` returns."
    )
    found_iterator = _source(evidence, found[1]) if found else None
    if found_iterator is None or not _ends(found_iterator[1]):
        return Finding(why)  # a loop over it would never end
    return Finding(why, _iterating(evidence, _source(evidence, function)))


def _ends(function: Function) -> bool:
    """Whether ``__anext__`` can end the loop."""
    return any(
        isinstance(node, ast.Name) and node.id == "StopAsyncIteration"
        for node in own_nodes(function)
    )


def _iterating(evidence: Evidence, found: Found | None) -> Fix | None:
    """``return [1]`` in ``__await__`` → a generator that returns the value."""
    if found is None:
        return None
    unit, function = found
    fixing = Fixing(evidence)
    if isinstance(function, ast.AsyncFunctionDef):
        start = unit.source.span(function).start
        fixing.of(unit).replace(Span(start, unit.text.index("def", start)), "")
    fixing.of(unit).lines_after(function.body[-1], "yield")
    return fixing.fix()


RULES = (
    Rule(
        "async-def-aiter",
        "`__aiter__` as `async def`",
        1,
        "`__aiter__` is a plain method that returns the async iterator immediately; only "
        "`__anext__` is awaited. Drop the `async` (or put a `yield` in it, which makes it an "
        "async generator).",
        _async_aiter,
    ),
    Rule(
        "aiter-returns-none",
        "`__aiter__` that returns nothing",
        1,
        "`__aiter__` has to return the iterator: end it with `return self`.",
        _no_aiter_result,
    ),
    Rule(
        "anext-on-the-instance",
        "`__anext__` on the instance",
        2,
        "`__anext__` is looked up on the class of the iterator. Define it as a method, or let "
        "`__aiter__` be an async generator.",
        _instance_anext,
    ),
    Rule(
        "next-instead-of-anext",
        "`__next__` in an async iterator",
        2,
        "Async iterators implement `async def __anext__` and end with StopAsyncIteration; "
        "`__next__` is for plain `for`.",
        _next_method,
    ),
    Rule(
        "aiter-returns-sync-iterator",
        "`__aiter__` that returns an ordinary iterator",
        1,
        "`__aiter__` must return an object with `__anext__`. For data that is already there "
        "write `__aiter__` as an async generator: "
        "`async def __aiter__(self): for x in self.items: yield x`.",
        _sync_aiter,
    ),
    Rule(
        "yield-inside-anext",
        "`yield` in `__anext__`",
        3,
        "`__anext__` returns one item per call; with `yield` it becomes an async generator "
        "function. Use `return`, or put the `yield`s in `__aiter__` instead.",
        _yielding_anext,
    ),
    Rule(
        "anext-returns-broken-awaitable",
        "`__anext__` that returns a broken awaitable",
        3,
        "`__await__` must return an iterator (usually `return self.work().__await__()` or a "
        "generator). `async for` reports the failure as an invalid object from `__anext__`.",
        _broken_awaitable,
    ),
    Rule(
        "plain-def-anext",
        "`__anext__` as a plain method",
        3,
        "`__anext__` must return an awaitable; `async for` awaits it. Make it "
        "`async def __anext__`.",
        _plain_anext,
    ),
)
