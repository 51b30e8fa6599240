"""What the rules about loops share: the operand of ``async for``, and ways to put it right."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import ObjectInfo, lookup
from asyncrepl.explain.fix_editor import Fixing, correction

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.operand_uses import Use

__all__ = ["a", "defined", "gathered", "iterated_plainly", "over", "own", "replaced"]


def over(evidence: Evidence) -> Use | None:
    """The operand of ``async for`` that has no ``__aiter__``."""
    use = evidence.use("async for")
    return use if use is not None and use.lacks and evidence.direct else None


def a(use: Use) -> str:
    """The type of the operand with its article: ``a list``."""
    name = use.info.kind.__name__ if use.info else "object"
    name = name.replace("async_generator", "async generator")
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def defined(info: ObjectInfo | None, name: str) -> bool:
    """Whether the type has the special method `name`."""
    return info is not None and callable(lookup(info.kind, name))


def own(evidence: Evidence, info: ObjectInfo) -> bool:
    """Whether the class of the object is the user's own."""
    return evidence.units.class_of(info.kind) is not None


@correction
def iterated_plainly(fixing: Fixing, use: Use, operand: str | None = None) -> None:
    """The loop as a plain ``for``, over another `operand` if given."""
    fixing.loop_plain(fixing.evidence.unit, use.owner)
    if operand is not None:
        fixing.of(fixing.evidence.unit).replace(use.node, operand)


@correction
def replaced(fixing: Fixing, use: Use, operand: str) -> None:
    """The loop over another `operand`."""
    fixing.of(fixing.evidence.unit).replace(use.node, operand)


@correction
def gathered(fixing: Fixing, use: Use) -> None:
    """The loop over the results of the awaitables in the operand."""
    unit, node = fixing.evidence.unit, use.node
    if isinstance(node, ast.GeneratorExp):
        fixing.of(unit).before(node.elt, "await ")
        return
    source = unit.source.source(node)
    listed = isinstance(node, ast.List | ast.Tuple) and source[:1] in "[("
    arguments = source[1:-1].rstrip(", \n") if listed else f"*{source}"
    fixing.loop_plain(unit, use.owner)
    fixing.of(unit).replace(node, f"await asyncio.gather({arguments})")
    fixing.needs_import(unit, "asyncio")
