"""One correction of several equal mistakes, of which each was told with one of its own.

What raises nothing goes on: a program may do the same wrong thing in five places, and each of
them is seen. Whoever asks for the correction wants it of all.
"""

from __future__ import annotations

import ast
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from asyncrepl.syntax.source_rewriter import parses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncrepl.explain.explanation import Explanation

__all__ = ["with_equals"]

#: A range of lines, and what takes their place.
Change = tuple[int, int, list[str]]


def with_equals(found: Explanation, more: Iterable[Explanation], text: str) -> Explanation:
    """`found`, whose correction of `text` also puts right the same mistakes among `more`.

    Those whose correction changes the same lines in another way, or another file, are left out.
    """
    if found.fix is None or found.fix.more:
        return found
    lines, name = text.splitlines(keepends=True), found.fix.filename
    changes = _changes(lines, found.fix.text)
    for each in more:
        fix = each.fix if each.id == found.id else None
        if fix is not None and fix.filename == name and not fix.more:
            new = [one for one in _changes(lines, fix.text) if one not in changes]
            if not any(_overlap(one, other) for one in new for other in changes):
                changes += new
    merged = _applied(lines, changes)
    if merged == found.fix.text or not parses(merged) or not _same_definitions(merged, text):
        return found
    return found._replace(fix=found.fix._replace(text=merged))


def _changes(lines: list[str], text: str) -> list[Change]:
    new = text.splitlines(keepends=True)
    codes = SequenceMatcher(None, lines, new, autojunk=False).get_opcodes()
    return [(a, b, new[c:d]) for tag, a, b, c, d in codes if tag != "equal"]


def _overlap(one: Change, other: Change) -> bool:
    return one[0] <= other[1] and other[0] <= one[1] and not _adjoin(one, other)


def _adjoin(one: Change, other: Change) -> bool:
    """Whether one ends where the other begins, and both take the place of lines."""
    filled = one[0] < one[1] and other[0] < other[1]
    return filled and (one[1] == other[0] or other[1] == one[0])


def _applied(lines: list[str], changes: list[Change]) -> str:
    lines = list(lines)
    for start, end, new in sorted(changes, key=lambda change: change[:2], reverse=True):
        lines[start:end] = new
    return "".join(lines)


def _same_definitions(merged: str, text: str) -> bool:
    """Whether no helper came twice under one name."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

    def top(source: str) -> list[str]:
        return [each.name for each in ast.parse(source).body if isinstance(each, kinds)]

    names, before = top(merged), top(text)
    return all(names.count(each) <= max(1, before.count(each)) for each in names)
