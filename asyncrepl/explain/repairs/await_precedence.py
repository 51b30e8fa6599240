"""``await fetch()["data"]``: the ``await`` that was written stands before too much."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, ObjectInfo, describe, lookup
from asyncrepl.explain.kinds import has
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.explain.fix_editor import Fixing
    from asyncrepl.explain.repairs.repair_case import Case

__all__ = ["called_then", "take_await_before"]


def called_then(fixing: Fixing, case: Case) -> bool:
    """``fetch().then(show)``, as in JavaScript → ``show(await fetch())``; whether it is that."""
    call = case.unit.parents.get(case.owner)
    if getattr(case.owner, "attr", "") != "then" or not isinstance(call, ast.Call):
        return False
    if len(call.args) != 1 or call.keywords or isinstance(call.args[0], ast.Starred):
        return False
    if any(lookup(each.kind, "then") is not MISSING for each in case.awaited):
        return False
    function = case.unit.source.source(call.args[0])
    if not isinstance(call.args[0], ast.Name | ast.Attribute):
        function = f"({function})"
    around = case.unit.parents.get(call)
    whole = around if isinstance(around, ast.Await) else call
    fixing.of(case.unit).replace(whole, f"{function}(await {case.source})")
    fixing.suspending(case.unit, call)
    return True


def take_await_before(fixing: Fixing, case: Case) -> None:
    """Of ``await fetch()["data"].name`` the ``await``, which stands before too much.

    Where a method of the result is called that nobody knows, it may be meant.
    """
    method = case.unit.parents.get(case.owner)
    node, after = case.owner, _next_values(case, case.owner, case.awaited)
    while True:
        around = case.unit.parents.get(node)
        if isinstance(around, ast.Await):
            break
        if not isinstance(around, ast.Attribute | ast.Subscript | ast.Call) or (
            (around.func if isinstance(around, ast.Call) else around.value) is not node
        ):
            return
        node, after = around, _next_values(case, around, after)
    if not isinstance(node, ast.Attribute | ast.Subscript | ast.Call) or node is case.node:
        return
    unknown = not after and isinstance(node, ast.Call) and node in (method, case.owner)
    plain = not unknown and not any(has(each, "__await__") for each in after)
    if isinstance(case.node, ast.Call) and plain:
        start, end = case.unit.source.span(around).start, case.unit.source.span(node).start
        fixing.of(case.unit).replace(Span(start, end), "")


def _next_values(case: Case, node: ast.AST, before: list[ObjectInfo]) -> list[ObjectInfo]:
    """What an attribute, an item or a call of these values may be, as far as it is known."""
    resolver, found = case.evidence.resolver, []
    for each in before:
        if isinstance(node, ast.Call):
            found += resolver.results(each.value) if each.value is not MISSING else []
            continue
        name = node.attr if isinstance(node, ast.Attribute) else "__getitem__"
        value = lookup(each.kind, name)
        if isinstance(value, property):
            found += resolver.results(value.fget)
        elif value is not MISSING:
            made = describe(value, keep=True)
            found += [made] if isinstance(node, ast.Attribute) else resolver.results(value)
    return found
