"""``with`` and ``async with`` on the wrong kind of thing."""

from __future__ import annotations

import contextlib
from types import AsyncGeneratorType, FunctionType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import lookup
from asyncrepl.explain.class_methods import takes
from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import Fixing, short
from asyncrepl.explain.generator_steps import called
from asyncrepl.explain.loop_edits import a, defined
from asyncrepl.explain.rule import Rule
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    import ast

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.operand_uses import Use
    from asyncrepl.explain.source_units import Unit

__all__ = ["RULES"]

_COROUTINE = 0x80
_ARGUMENTS = {"__aenter__": 0, "__aexit__": 3}


def _manager(evidence: Evidence, role: str) -> Use | None:
    for use in evidence.uses:
        if use.role == role and evidence.direct and use.info is not None and use.lacks:
            return use
    return None


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
        fixing.needs_name(unit, "contextlib", "aclosing")
        fixing.of(made[0]).replace(made[1].func, "aclosing")
        return Finding(why, fixing.fix())
    return None


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
