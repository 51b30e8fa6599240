"""The explanations read objects, trees and flags, not what an exception says.

Messages change between versions (one in seven of the known mistakes), and the user's own
code can raise an error with the interpreter's words.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import asyncrepl.explain

ROOT = Path(asyncrepl.explain.__file__).parent
#: What reads a message all the same: the file and the expression, and the reason why.
ALLOWED: dict[tuple[str, str], str] = {}

_ERRORS = {
    "error", "exception", "exc", "cause", "context", "warning",
    "__cause__", "__context__", "last_value",
}  # fmt: skip
_TEXTS = {"msg", "message", "strerror", "print_file_and_line", "add_note", "__notes__"}
_READERS = {
    "str", "repr", "ascii", "format", "format_exception", "format_exception_only", "print_exc",
}  # fmt: skip


def messages(tree: ast.AST) -> list[str]:
    """The expressions of `tree` that read what an exception or a warning says."""
    return [ast.unparse(node) for node in ast.walk(tree) if _reads_message(node)]


def _reads_message(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=name) if name in _TEXTS:
            return True
        case ast.Attribute(value=value, attr="args" | "__str__" | "__repr__"):
            return _is_error(value)
        case ast.Subscript(slice=ast.Constant(value="message")):
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]):
            return name in _READERS and _is_error(first)
        case ast.FormattedValue(value=value):
            return _is_error(value)
    return False


def _is_error(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in _ERRORS
    return False


def found() -> dict[tuple[str, str], int]:
    return {
        (str(path.relative_to(ROOT)), text): 1
        for path in sorted(ROOT.rglob("*.py"))
        for text in messages(ast.parse(path.read_text(encoding="utf-8")))
    }


def test_no_rule_reads_a_message() -> None:
    """What does is listed here with its reason, and what is listed does."""
    assert found().keys() == ALLOWED.keys()
    assert all(ALLOWED.values())


@pytest.mark.parametrize(
    "text",
    ["str(error)", "evidence.error.args[0]", "error.msg", "f'{error}'", "repr(e.__cause__)",
     "context['message']", "'iterable' in str(evidence.error)", "warning.message"],
)  # fmt: skip
def test_reading_a_message_is_noticed(text: str) -> None:
    """The walk above sees the ways in which one would do it."""
    assert messages(ast.parse(text))


@pytest.mark.parametrize("text", ["call.args[0]", "str(number)", "f'{name}'", "error.name"])
def test_other_attributes_and_texts_are_free(text: str) -> None:
    """Arguments of calls in the tree, and what an AttributeError holds, are no message."""
    assert not messages(ast.parse(text))
