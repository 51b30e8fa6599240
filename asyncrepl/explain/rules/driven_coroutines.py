"""Coroutines that are driven by hand, as generators of the old kind were."""

from __future__ import annotations

import ast
import asyncio
from types import CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import is_real_instance
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import short
from asyncrepl.explain.held_operands import ASYNCIO, innermost_frame
from asyncrepl.syntax.names import callee_name, method_owner

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Unit


def _why_driven(unit: Unit, node: ast.expr) -> str:
    return f"{short(unit, node)} is a coroutine: the event loop drives it when it is awaited."


def _sent(evidence: Evidence) -> Finding | None:
    """``coro.send(None)`` by hand, which fails itself or as soon as the loop is needed."""
    for site in evidence.sites:
        call = site.node(ast.Call)
        sent = method_owner(call) if call is not None and callee_name(call) == "send" else None
        if sent is None:
            continue
        if evidence.leak or not (_fails_itself(evidence, site) or _lacks_loop(evidence)):
            continue
        resolver = type(evidence.resolver).of_frame(evidence.units, site.frame)
        info = resolver.info(sent)
        if info is not None and info.kind is CoroutineType:
            return Finding(_why_driven(site.unit, sent))
    return None


def _fails_itself(evidence: Evidence, site: Site) -> bool:
    return evidence.direct and site is evidence.sites[-1]


def _lacks_loop(evidence: Evidence) -> bool:
    """Whether asyncio found no loop, or a future, still pending, was not resumed by its own."""
    inner = evidence.inner[-1].co_filename if evidence.inner else ""
    if inner.startswith(ASYNCIO) and asyncio._get_running_loop() is None:  # noqa: SLF001  its public sister raises
        return True
    frame = innermost_frame(evidence)
    values = frame.f_locals.values() if frame is not None else ()
    return any(is_real_instance(each, asyncio.Future) and not each.done() for each in values)


RULES = (
    Rule(
        "coroutine-driven-like-a-generator",
        "a coroutine driven by hand",
        3,
        "Coroutines are driven by the event loop: `await coro` (or make a task). `next(coro)` "
        "does not exist, and `send` by hand only works for what needs no event loop.",
        _sent,
        errors=(TypeError, RuntimeError),
    ),
)
