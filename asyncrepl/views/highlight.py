"""Python source as styled lines."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from asyncrepl.views.styled import Line, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["code_lines"]


def code_lines(source: str) -> list[Line]:
    """The lines of Python `source`, highlighted by name of style."""
    lines: list[Line] = [[]]
    for token, text in _tokens()(source):
        style = _style(token)
        first, *rest = printable(text).split("\n")
        lines[-1].append((style, first))
        lines += [[(style, piece)] for piece in rest]
    return lines[:-1] if lines[-1] == [("", "")] else lines


@cache
def _tokens() -> Callable[[str], Iterable[tuple[Any, str]]]:
    from pygments.lexers.python import PythonLexer

    return PythonLexer(stripnl=False, ensurenl=False).get_tokens


def _style(token: Any) -> str:
    from pygments.token import Comment, Keyword, Number, Operator, String

    if token in Keyword or token is Operator.Word:
        return "keyword"
    pairs = ((String, "string"), (Number, "number"), (Comment, "comment"))
    return next((style for kind, style in pairs if token in kind), "")
