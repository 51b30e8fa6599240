"""Collections that another task changes while the loop over them is suspended."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import lookup
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import replaced, short
from asyncrepl.explain.rules.forgotten_tasks import reached_functions
from asyncrepl.syntax.names import callee_name, written_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence


def _changed_meanwhile(evidence: Evidence) -> Finding | None:
    """A collection that another task changed while the loop over it was suspended."""
    use = evidence.use("for")
    if use is None or not evidence.direct or evidence.op != "FOR_ITER":
        return None
    loop = use.owner
    if not isinstance(loop, ast.For) or use.info is None:
        return None
    suspends = any(
        isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith | ast.Yield)
        for statement in loop.body
        for node in ast.walk(statement)
    )
    unit = evidence.unit
    if not suspends or _changes(evidence, loop, use.node):
        return None
    if lookup(use.info.kind, "__len__") is None:
        return None
    why = (
        f"The body suspends, and another task changed {short(unit, use.node)} meanwhile: walk "
        "a copy of it."
    )
    copied = f"list({unit.source.source(use.node)})"
    return Finding(why, replaced(evidence, unit, (use.node, copied)))


#: What is asked of a collection, or of an item, and changes nothing.
_ASKED = ("items", "keys", "values", "copy", "get", "index", "count")


def _changes(evidence: Evidence, loop: ast.For, source: ast.expr) -> bool:
    """Whether the body itself may change what it walks, or a function of the user's it calls.

    The collection is known by its last name, for in a function it may have another owner.
    """
    walked = source.func.value if _is_view(source) else source  # type: ignore[attr-defined]
    called = {callee_name(each) for part in loop.body for each in ast.walk(part)}
    reached = [
        each
        for name in called
        for home in evidence.units.functions(name)
        for _, each in reached_functions(evidence, *home)
    ]
    nodes = [n for part in (*loop.body, *reached) for n in ast.walk(part)]
    name = written_name(walked)
    if any(isinstance(n, ast.Call) and name in map(written_name, n.args) for n in nodes):
        return True  # who is given it may call it otherwise
    return any(
        isinstance(node, ast.Attribute | ast.Subscript)
        and written_name(node.value) == name
        and not (isinstance(node, ast.Attribute) and node.attr in _ASKED)
        and (isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load))
        for node in nodes
    )


def _is_view(source: ast.expr) -> bool:
    """``d.items()`` and its like."""
    return isinstance(source, ast.Call) and callee_name(source) in ("items", "keys", "values")


RULES = (
    Rule(
        "shared-state-changes-while-suspended",
        "data that changes while the loop over it is suspended",
        3,
        "Every suspension lets other tasks run. Walk a snapshot (`list(d)`), or guard the data "
        "with an `asyncio.Lock`.",
        _changed_meanwhile,
        errors=(RuntimeError,),
    ),
)
