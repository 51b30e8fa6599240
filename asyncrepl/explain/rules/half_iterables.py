"""Classes that take part in only half of the protocol: nothing to call ``__aiter__`` on."""

from __future__ import annotations

import ast
from types import FunctionType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import lookup
from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import Fixing, short
from asyncrepl.explain.loop_edits import defined, over, replaced
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.source_units import FUNCTIONS, Function, Unit
from asyncrepl.syntax.names import canonical_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.operand_uses import Use

__all__ = ["RULES", "method"]


def method(owner: ast.ClassDef, name: str) -> Function | None:
    """The method `name` in the body of a class."""
    found = [node for node in owner.body if isinstance(node, FUNCTIONS) and node.name == name]
    return found[-1] if found else None


def _without_aiter(evidence: Evidence) -> Finding | None:
    use = over(evidence)
    if use is None or not defined(use.info, "__anext__") or use.info is None:
        return None
    name = use.info.kind.__name__
    why = f"`{name}` has `__anext__` but no `__aiter__`, and `async for` calls `__aiter__` first."
    found = evidence.units.class_of(use.info.kind)
    if found is None:
        return Finding(why)
    unit, owner = found
    step = method(owner, "__anext__")
    if step is None:
        return Finding(why)
    fixing = Fixing(evidence)
    fixing.of(unit).lines_before(step, "def __aiter__(self):\n    return self")
    return Finding(why, fixing.fix())


def _on_instance(evidence: Evidence) -> Finding | None:
    use = over(evidence)
    if use is None or use.info is None or not _has_member(evidence, use, "__aiter__"):
        return None
    unit = evidence.unit
    why = (
        f"{short(unit, use.node)} has `__aiter__` on the instance, but special methods are "
        f"looked up on the class, here `{use.info.kind.__name__}`."
    )
    text = unit.source.operand(use.node)
    return Finding(why, replaced(evidence, use, f"{text}.__aiter__()"))


def _has_member(evidence: Evidence, use: Use, name: str) -> bool:
    if use.info is not None and name in use.info.members:
        return True
    found = evidence.resolver.info(use.node)
    return found is not None and name in found.members


def _proxy(evidence: Evidence) -> Finding | None:
    use = over(evidence)
    if use is None or use.info is None:
        return None
    forward = lookup(use.info.kind, "__getattr__")
    if not isinstance(forward, FunctionType):
        return None
    name = use.info.kind.__name__
    why = (
        f"`{name}` passes attributes on with `__getattr__`, which is never asked for special "
        "methods: they are looked up on the class."
    )
    found = evidence.units.definition(forward.__code__)
    return Finding(why, _forwarding(evidence, *found) if found else None)


def _forwarding(evidence: Evidence, unit: Unit, forward: Function) -> Fix | None:
    """Add an ``__aiter__`` that asks what ``__getattr__`` asks."""
    target = next(
        (
            call.args[0]
            for call in own_nodes(forward)
            if isinstance(call, ast.Call) and canonical_name(call.func) == "getattr" and call.args
        ),
        None,
    )
    if target is None:
        return None
    own = forward.args.args[0].arg
    fixing = Fixing(evidence)
    lines = f"def __aiter__({own}):\n    return aiter({unit.source.source(target)})\n"
    fixing.of(unit).lines_before(forward, lines)
    return fixing.fix()


RULES = (
    Rule(
        "anext-without-aiter",
        "a class with `__anext__` and no `__aiter__`",
        1,
        "`async for` first calls `__aiter__`, even on an iterator. Add "
        "`def __aiter__(self): return self`.",
        _without_aiter,
    ),
    Rule(
        "aiter-on-the-instance",
        "`__aiter__` on the instance",
        1,
        "Special methods are looked up on the class, never on the instance, so "
        "`obj.__aiter__ = …` is not seen. Define `__aiter__` in the class.",
        _on_instance,
    ),
    Rule(
        "getattr-proxy-forwards-dunders",
        "a wrapper with `__getattr__`",
        1,
        "`__getattr__` is never consulted for special methods, which are looked up on the "
        "class. Define `__aiter__` (and `__anext__`) on the wrapper.",
        _proxy,
    ),
)
