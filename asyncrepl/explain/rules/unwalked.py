"""An async generator that is made, shown, and never walked."""

from __future__ import annotations

import ast
from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding
from asyncrepl.explain.fixing import Fixing, fresh, short
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.uses import callee_name
from asyncrepl.language.probes import begun

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence

__all__ = ["RULES"]


def _shown(evidence: Evidence) -> Finding | None:
    use, unit = evidence.use("value"), evidence.unit
    if use is None or use.facts is None or use.kind is not AsyncGeneratorType:
        return None
    if not isinstance(use.node, ast.Call) or callee_name(use.node) in ("aiter", "__aiter__"):
        return None
    if begun(use.facts.value):
        return None
    why = (
        f"{short(unit, use.node)} only makes an async generator: nothing of it runs before it "
        "is walked."
    )
    fixing, name = Fixing(evidence), fresh(unit, "item")
    source = unit.source.source(use.node)
    fixing.of(unit).replace(use.node, f"async for {name} in {source}: print({name})")
    return Finding(why, fixing.fix())


RULES = (
    Rule(
        "async-generator-never-iterated",
        "an async generator that nobody walks",
        1,
        "Calling an async generator function runs none of its body, not even a check of its "
        "arguments. Each step of an `async for` runs it to the next `yield`.",
        _shown,
        "value",
    ),
)
