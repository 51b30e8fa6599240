"""What of asyncio's is waited for when nothing ends a wait, and who does something to it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.syntax.names import callee_name, written_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit


def awaited_object(evidence: Evidence, kind: type, method: str) -> ast.expr | None:
    """The object that is waited for by its own `method`, where that is what never returns."""
    info = evidence.seen.info if evidence.seen is not None else None
    await_ = evidence.node(ast.Await)
    call = await_.value if await_ is not None else None
    if info is None or info.kind is not kind or info.name != method:
        return None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    return call.func.value if call.func.attr == method else None


def calls_on(evidence: Evidence, name: str, *methods: str) -> list[tuple[Unit, ast.Call]]:
    """The calls of one of the `methods` of what is called `name`, and where they are only named.

    They are handed on so: ``call_soon(event.set)``.
    """
    return [
        (unit, unit.parents[node] if callee_name(unit.parents[node]) else node)  # type: ignore[misc]
        for unit, node in evidence.units.nodes(ast.Attribute)
        if node.attr in methods and written_name(node.value) == name
    ]
