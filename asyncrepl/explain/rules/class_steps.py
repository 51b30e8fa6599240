"""Classes whose ``__anext__`` gives what cannot be awaited, or is not there at all."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, lookup
from asyncrepl.explain.class_methods import (
    Found,
    has_flag,
    made_async,
    python_method,
    returns_self,
    source_of,
    takes,
)
from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import Fixing
from asyncrepl.explain.generator_steps import called, stepped_source
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.rules.half_iterables import method
from asyncrepl.explain.rules.iteration_end import STEPS
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.syntax.names import callee_name, canonical_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from types import FunctionType

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.operand_uses import Use
    from asyncrepl.explain.source_units import Function, Unit

__all__ = ["RULES"]

_LOOPS = ast.For | ast.AsyncFor | ast.While


def _stepped(evidence: Evidence) -> tuple[type, FunctionType] | None:
    """The iterator's class and its ``__anext__`` that gave nothing one can await."""
    use = evidence.use("async for", "await")
    if use is None or not evidence.direct:
        return None
    if use.role == "await":
        kind = _asked_kind(evidence, use)
    else:
        walks = evidence.op == "GET_ANEXT" and use.info is not None
        kind = _iterator_kind(evidence, use.info.kind) if walks and use.info else None
    step = python_method(kind, "__anext__")
    return (kind, step) if kind and step and takes(step, 0) else None


def _asked_kind(evidence: Evidence, use: Use) -> type | None:
    """The class of what was asked for a step, by ``anext``, that is awaited."""
    made = called(evidence, evidence.unit, use.node)
    source = stepped_source(made[1]) if made and callee_name(made[1]) in STEPS else None
    info = evidence.resolver.info(source) if source is not None else None
    return info.kind if info is not None else None


def _who(evidence: Evidence) -> str:
    return "`await`" if evidence.use("await") else "`async for`"


def _iterator_kind(evidence: Evidence, kind: type) -> type | None:
    """The class of what ``__aiter__`` returns: mostly the class itself."""
    function = python_method(kind, "__aiter__")
    found = source_of(evidence, function) if function else None
    if found is None or returns_self(found[1]):
        return kind
    result = evidence.resolver.returned(function.__code__) if function else None
    return result.kind if result else None


def _plain_anext(evidence: Evidence) -> Finding | None:
    found = _stepped(evidence)
    if found is None or found[1].__code__.co_flags & inspect.CO_ASYNC_GENERATOR:
        return None
    kind, step = found
    if has_flag(step, inspect.CO_COROUTINE) or _broken(evidence, kind, step) is not None:
        return None
    why = (
        f"`{kind.__name__}.__anext__` is a plain `def` and returns the value itself; "
        f"{_who(evidence)} needs something to await."
    )
    return Finding(why, made_async(evidence, source_of(evidence, step)))


def _yielding_anext(evidence: Evidence) -> Finding | None:
    found = _stepped(evidence)
    if found is None or not has_flag(found[1], inspect.CO_ASYNC_GENERATOR):
        return None
    kind, step = found
    why = (
        f"`{kind.__name__}.__anext__` yields, which makes it an async generator: it must "
        "return one item a call."
    )
    found_step = source_of(evidence, step)
    if found_step is not None and _gives_one_a_call(*found_step):
        return Finding(why, _returning(evidence, *found_step))
    return Finding(why, _moved_to_aiter(evidence, found_step))


def _gives_one_a_call(unit: Unit, function: Function) -> bool:
    """Whether it ends the iteration itself, and each ``yield`` is its last statement but for that.

    Moved to ``__aiter__``, it would give one item and end, where the user's loop is the caller's.
    """
    yields = [node for node in own_nodes(function) if isinstance(node, ast.Yield)]
    looped = any(isinstance(each, _LOOPS) for node in yields for each in unit.ancestors(node))
    alone = all(isinstance(unit.parents.get(node), ast.Expr) for node in yields)
    raised = any(canonical_name(node) == "StopAsyncIteration" for node in own_nodes(function))
    return raised and alone and not looped


def _returning(evidence: Evidence, unit: Unit, function: Function) -> Fix | None:
    """``yield item`` → ``return item``."""
    fixing = Fixing(evidence)
    for node in own_nodes(function):
        if isinstance(node, ast.Yield):
            start = unit.source.span(node).start
            fixing.of(unit).replace(Span(start, start + len("yield")), "return")
    return fixing.fix()


def _moved_to_aiter(evidence: Evidence, found: Found | None) -> Fix | None:
    if found is None:
        return None
    unit, function = found
    owner = unit.enclosing(function, ast.ClassDef)
    old = method(owner, "__aiter__") if owner else None
    fixing, use = Fixing(evidence), evidence.use("await")
    made = called(evidence, evidence.unit, use.node) if use is not None else None
    source = stepped_source(made[1]) if made is not None else None
    if made is not None and source is not None:
        fixing.of(made[0]).replace(made[1], f"anext(aiter({made[0].source.source(source)}))")
    edits, start = fixing.of(unit), unit.source.span(function).start
    name = unit.text.index("__anext__", start)
    edits.replace(Span(name, name + len("__anext__")), "__aiter__")
    if old is not None:
        edits.remove(old)
    for node in own_nodes(function):  # which a generator may not raise
        if isinstance(node, ast.Raise) and node.exc and _is_end(node.exc):
            edits.replace(node, "return")
    return fixing.fix()


def _is_end(raised: ast.expr) -> bool:
    kind = raised.func if isinstance(raised, ast.Call) else raised
    return canonical_name(kind) == "StopAsyncIteration"


def _broken(evidence: Evidence, kind: type, step: FunctionType) -> type | None:
    """The class with an ``__await__`` of which ``__anext__`` returns an instance."""
    found = source_of(evidence, step)
    if found is not None and returns_self(found[1]):
        return kind if lookup(kind, "__await__") is not MISSING else None
    result = evidence.resolver.returned(step.__code__)
    if result is None or lookup(result.kind, "__await__") is MISSING:
        return None
    return result.kind


def _broken_awaitable(evidence: Evidence) -> Finding | None:
    found = _stepped(evidence)
    kind = _broken(evidence, *found) if found else None
    function = python_method(kind, "__await__")
    cause = evidence.error.__cause__ if evidence.error else None
    if kind is None or function is None or not isinstance(cause, TypeError | None):
        return None  # with another cause `__await__` itself raised
    why = (
        f"`{kind.__name__}.__await__` must return an iterator: {_who(evidence)} awaits what "
        "`__anext__` returns."
    )
    found_iterator = source_of(evidence, found[1]) if found else None
    if found_iterator is None or not _ends(found_iterator[1]):
        return Finding(why)  # a loop over it would never end
    return Finding(why, _iterating(evidence, source_of(evidence, function)))


def _ends(function: Function) -> bool:
    """Whether ``__anext__`` can end the loop."""
    return any(canonical_name(node) == "StopAsyncIteration" for node in own_nodes(function))


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
