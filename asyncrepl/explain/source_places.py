"""Places in a source text that corrections need: of keywords, of imports, of lines to indent."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.explain.source_units import Unit
    from asyncrepl.syntax.source_rewriter import SourceRewriter

__all__ = ["CannotFixError", "deepen", "first_after_head", "is_async_genexp", "keyword_span"]

_FOR = re.compile(r"\b(?:async\s+)?for\b")


class CannotFixError(Exception):
    """There is no correction that keeps what the user meant."""


def keyword_span(unit: Unit, owner: ast.AST) -> Span:
    """Where ``for`` (or ``async for``) of a loop or comprehension clause stands."""
    if not isinstance(owner, ast.comprehension):
        start = unit.source.span(owner).start
        match = _FOR.match(unit.text, start)
        return Span(start, match.end() if match else start)
    whole = unit.parents[owner]
    stop = unit.source.span(owner.target).start
    start = unit.source.span(_before_clause(whole, owner)).end
    found = list(_FOR.finditer(unit.text, start, stop))
    if not found:
        raise CannotFixError
    return Span(*found[-1].span())


def _before_clause(whole: ast.AST, clause: ast.comprehension) -> ast.expr:
    """The expression right in front of a clause of the comprehension `whole`."""
    generators: list[ast.comprehension] = whole.generators  # type: ignore[attr-defined]
    number = generators.index(clause)
    if number:
        before = generators[number - 1]
        return before.ifs[-1] if before.ifs else before.iter
    if isinstance(whole, ast.DictComp):
        return whole.value or whole.key  # `{**key for …}` has no value
    element: ast.expr = whole.elt  # type: ignore[attr-defined]
    return element


def first_after_head(unit: Unit) -> int:
    """Where the first import may stand: behind comments, docstring and ``__future__``."""
    for number, statement in enumerate(unit.tree.body if unit.tree else []):
        docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        if not future and not (docstring and number == 0):
            return unit.source.block(statement).start
    return 0


def deepen(edits: SourceRewriter, unit: Unit, start: int, end: int, by: str) -> None:
    """Indent the lines from `start` to `end`, but for those inside a string."""
    strings = [
        unit.source.span(node)
        for node in unit.nodes(ast.Constant, ast.JoinedStr)
        if getattr(node, "end_lineno", 0) != getattr(node, "lineno", 0)
    ]
    at = start
    while at < end:
        line = unit.text[at : unit.text.find("\n", at) + 1 or len(unit.text)]
        inside = any(span.start < at < span.end for span in strings)
        if line.strip() and not inside and line.startswith(by):
            edits.insert(at + len(by), "    ")
        at += len(line) or 1


def is_async_genexp(node: ast.GeneratorExp) -> bool:
    """Whether it is an asynchronous generator."""
    return any(each.is_async for each in node.generators) or any(
        isinstance(each, ast.Await)
        for each in ast.walk(node)
        if each is not node.generators[0].iter
    )
