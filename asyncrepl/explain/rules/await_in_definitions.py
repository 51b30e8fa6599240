"""``await`` in a definition's own line: annotations, defaults, decorators."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import CannotFixError, Fixing, short
from asyncrepl.explain.hoisted_code import default_inside
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.rules.sync_scopes import misplaced
from asyncrepl.explain.scopes import annotated, scope, scopes

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence

__all__ = ["RULES"]


def _default(evidence: Evidence) -> Finding | None:
    node = misplaced(evidence)
    unit = evidence.unit
    function = unit.enclosing(node, ast.AsyncFunctionDef) if node else None
    if node is None or function is None or function in scopes(unit, node):
        return None
    if annotated(unit, node) is not None or isinstance(scope(unit, node), ast.Lambda):
        return None
    fixing = Fixing(evidence)
    why = (
        f"Defaults and decorators of `{function.name}` are evaluated outside of it, "
        "where the `def` stands, and there nothing can suspend."
    )
    try:
        default_inside(fixing, unit, function, node)
    except CannotFixError:
        return Finding(why)
    return Finding(why, fixing.fix())


def _annotation(evidence: Evidence) -> Finding | None:
    unit = evidence.unit
    for node in unit.nodes(ast.Await):
        holder = annotated(unit, node)
        if holder is not None:
            return Finding(_why_annotation(evidence, node), _without_annotation(evidence, holder))
        alias = unit.statement(node)
        if type(alias).__name__ == "TypeAlias":
            return Finding(_why_annotation(evidence, node), _plain_alias(evidence, alias))
    return None


def _why_annotation(evidence: Evidence, node: ast.Await) -> str:
    return (
        f"{short(evidence.unit, node)} stands in an annotation, which cannot suspend: "
        "compute the type first."
    )


def _plain_alias(evidence: Evidence, alias: ast.stmt) -> Fix | None:
    fixing, unit = Fixing(evidence), evidence.unit
    start = unit.source.span(alias).start
    name: ast.expr = alias.name  # type: ignore[attr-defined]  # ast.TypeAlias, 3.12 on
    span = unit.source.span(alias)._replace(end=unit.source.span(name).start)
    assert span.start == start
    fixing.of(unit).replace(span, "")
    return fixing.fix()


def _without_annotation(evidence: Evidence, holder: ast.AST) -> Fix | None:
    fixing, unit = Fixing(evidence), evidence.unit
    note = getattr(holder, "annotation", None)
    if isinstance(holder, ast.arg) and note is not None:
        start = unit.source.span(holder).start + len(holder.arg)
        end = unit.source.span(note).end
    elif isinstance(holder, ast.FunctionDef | ast.AsyncFunctionDef) and holder.returns:
        end = unit.source.span(holder.returns).end
        start = unit.text.rindex("->", 0, unit.source.span(holder.returns).start)
        start = len(unit.text[:start].rstrip())
    elif isinstance(holder, ast.AnnAssign) and holder.value is not None:
        start, end = unit.source.span(holder.target).end, unit.source.span(holder.annotation).end
    else:
        return None
    fixing.of(unit).replace(unit.source.span(holder)._replace(start=start, end=end), "")
    return fixing.fix()


RULES = (
    Rule(
        "await-in-annotation",
        "`await` in an annotation",
        0,
        "Annotations are evaluated lazily or in a scope of their own and cannot suspend; since "
        "Python 3.14 `await` there is always an error. Compute the type first.",
        _annotation,
        "compile",
    ),
    Rule(
        "await-in-default-of-async-def",
        "`await` in a default or decorator",
        0,
        "Default values and decorators are evaluated once, by the scope that holds the `def`, "
        "not inside the function. There `await` is only allowed if that scope is async itself.",
        _default,
        "compile",
    ),
)
