"""``with`` and ``async with`` on the wrong kind of thing."""

from __future__ import annotations

import ast
import contextlib
from types import AsyncGeneratorType, CoroutineType, FunctionType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import lookup
from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fixing import CannotFixError, Fixing, short
from asyncrepl.explain.methods import takes
from asyncrepl.explain.resolving import is_async_iterable
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.steps import called
from asyncrepl.explain.walking import a, defined
from asyncrepl.syntax.names import callee_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.units import Unit
    from asyncrepl.explain.uses import Use

__all__ = ["RULES"]

_COROUTINE = 0x80
_ARGUMENTS = {"__aenter__": 0, "__aexit__": 3}
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def _manager(evidence: Evidence, role: str) -> Use | None:
    for use in evidence.uses:
        if use.role == role and evidence.direct and use.info is not None and use.lacks:
            return use
    return None


def _generator(evidence: Evidence) -> Finding | None:
    use = _manager(evidence, "async with")
    if use is None or use.info is None or not is_async_iterable(use.info):
        return None
    why = f"{short(evidence.unit, use.node)} is {a(use)}: an iterator, which has no `__aenter__`."
    walked = _is_walked(use) or not _yields_once(evidence, use)
    return Finding(why, _closing(evidence, use) if walked else _decorated(evidence, use))


def _yields_once(evidence: Evidence, use: Use) -> bool:
    """Whether its function is one a context manager can be made of."""
    found = evidence.units.definition(use.info.code) if use.info else None
    if found is None:
        return False
    unit, function = found
    yields = [node for node in own_nodes(function) if isinstance(node, ast.Yield)]
    looped = any(isinstance(each, _LOOPS) for node in yields for each in unit.ancestors(node))
    return len(yields) == 1 and not looped


def _is_walked(use: Use) -> bool:
    """Whether the body walks what ``as`` names."""
    names = {
        item.optional_vars.id
        for item in getattr(use.owner, "items", [])
        if isinstance(item.optional_vars, ast.Name)
    }
    return not names or any(
        isinstance(each, ast.AsyncFor | ast.comprehension)
        and isinstance(each.iter, ast.Name)
        and each.iter.id in names
        for each in ast.walk(use.owner)
    )


def _import(fixing: Fixing, evidence: Evidence, name: str) -> None:
    if not _is_known(evidence, evidence.unit, name):
        fixing.of(evidence.unit).insert(0, f"from contextlib import {name}\n\n")


def _is_known(evidence: Evidence, unit: Unit, name: str) -> bool:
    return name in evidence.namespace or any(
        alias.name == name for node in unit.nodes(ast.ImportFrom) for alias in node.names
    )


def _closing(evidence: Evidence, use: Use) -> Fix | None:
    fixing, unit = Fixing(evidence), evidence.unit
    _import(fixing, evidence, "aclosing")
    fixing.of(unit).before(use.node, "aclosing(")
    fixing.of(unit).after(use.node, ")")
    return fixing.fix()


def _decorated(evidence: Evidence, use: Use) -> Fix | None:
    """Make a context manager of the generator function: it yields once."""
    found = evidence.units.definition(use.info.code) if use.info else None
    if found is None:
        return _closing(evidence, use)
    fixing, (unit, function) = Fixing(evidence), found
    start = unit.source.span(function).start
    by = unit.source.indent(function)
    name = "asynccontextmanager"
    head = "" if _is_known(evidence, unit, name) else f"{by}from contextlib import {name}\n\n"
    line = unit.source.line_start(start)
    fixing.of(unit).insert(line, f"{head}{by}@asynccontextmanager\n")
    return fixing.fix()


def _coroutine(evidence: Evidence) -> Finding | None:
    use = _manager(evidence, "async with")
    if use is None or use.info is None or use.info.kind is not CoroutineType:
        return None
    fixing = Fixing(evidence)
    fixing.of(evidence.unit).before(use.node, "await ")
    why = (
        f"{short(evidence.unit, use.node)} is a coroutine: the context manager only exists "
        "after awaiting it."
    )
    return Finding(why, fixing.fix())


def _needs_async(evidence: Evidence) -> Finding | None:
    use = _manager(evidence, "with")
    if use is None or not defined(use.info, "__aenter__"):
        return None
    fixing = Fixing(evidence)
    unit = evidence.unit
    why = (
        f"{short(unit, use.node)} is {a(use)}: it has `__aenter__`, which only `async with` calls."
    )
    fixing.of(unit).before(use.owner, "async ")
    try:
        fixing.suspending(unit, use.owner)
    except CannotFixError:
        return Finding(why)
    return Finding(why, fixing.fix())


def _needs_plain(evidence: Evidence) -> Finding | None:
    use = _manager(evidence, "async with")
    if use is None or not defined(use.info, "__enter__"):
        return None
    fixing, unit = Fixing(evidence), evidence.unit
    why = f"{short(unit, use.node)} is {a(use)}: it has `__enter__` and no `__aenter__`."
    made = called(evidence, unit, use.node)
    if use.kind is contextlib.closing and _closes_generator(evidence, use, made):
        if made is None or callee_name(made[1]) != "closing":
            return Finding(why)
        _import(fixing, evidence, "aclosing")
        fixing.of(made[0]).replace(made[1].func, "aclosing")
        return Finding(why, fixing.fix())
    start = unit.source.span(use.owner).start
    fixing.of(unit).replace(Span(start, unit.text.index("with", start)), "")
    return Finding(why, fixing.fix())


def _closes_generator(evidence: Evidence, use: Use, made: tuple[Unit, ast.Call] | None) -> bool:
    """Whether it is ``closing`` of an async generator, which has no ``close``."""
    if use.info is not None and use.info.members.get("thing") is AsyncGeneratorType:
        return True
    inner = evidence.resolver.info(made[1].args[0]) if made and made[1].args else None
    return inner is not None and inner.kind is AsyncGeneratorType


def _plain_enter(evidence: Evidence) -> Finding | None:
    use = evidence.use("async with")
    if use is None or use.info is None or not evidence.direct:
        return None
    if evidence.op not in ("GET_AWAITABLE", "BEFORE_ASYNC_WITH"):
        return None
    if not all(defined(use.info, name) for name in _ARGUMENTS):
        return None
    for name, count in _ARGUMENTS.items():
        method = lookup(use.info.kind, name)
        if not isinstance(method, FunctionType) or not takes(method, count):
            return None
        if not method.__code__.co_flags & _COROUTINE:
            why = (
                f"`{use.info.kind.__name__}.{name}` is a plain `def`: `async with` awaits what "
                "it returns."
            )
            return Finding(why, _async_method(evidence, method))
    return None


def _async_method(evidence: Evidence, method: FunctionType) -> Fix | None:
    found = evidence.units.definition(method.__code__)
    if found is None:
        return None
    fixing = Fixing(evidence)
    fixing.of(found[0]).before(found[1], "async ")
    return fixing.fix()


RULES = (
    Rule(
        "async-with-over-async-generator",
        "`async with` on an async generator",
        1,
        "An async generator is an iterator. To close it reliably use "
        "`async with contextlib.aclosing(gen()) as g`; to make a context manager of it decorate "
        "it with `@asynccontextmanager`.",
        _generator,
    ),
    Rule(
        "async-with-on-coroutine",
        "`async with` on a coroutine",
        1,
        "If the function is `async def` and returns a context manager, await it first: "
        "`async with await connect() as c`.",
        _coroutine,
    ),
    Rule(
        "sync-with-on-async-context-manager",
        "a plain `with` on an async context manager",
        1,
        "Objects with `__aenter__` need `async with`.",
        _needs_async,
    ),
    Rule(
        "async-with-on-sync-context-manager",
        "`async with` on a plain context manager",
        1,
        "`async with` needs `__aenter__` and `__aexit__`. Files, threading locks and the like "
        "take a plain `with` (also inside async code).",
        _needs_plain,
    ),
    Rule(
        "plain-def-aenter",
        "`__aenter__` or `__aexit__` as a plain method",
        3,
        "`async with` awaits the result of `__aenter__` and `__aexit__`: make them `async def`.",
        _plain_enter,
    ),
)
