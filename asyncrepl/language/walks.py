"""Expressions that are to be walked: ``a(), b()`` becomes an ``async for`` over each.

A real ``async for``, compiled from a text of its own that the session knows like
any other. So the source is walked by the interpreter's own rules, and what goes
wrong there is explained by the same rules as what is typed. The loop binds a name
with a dot, so that it hides none of the user's.
"""

from __future__ import annotations

import ast
from copy import deepcopy
from typing import TYPE_CHECKING

from asyncrepl.language.compiling import compile_source
from asyncrepl.language.reading import parse
from asyncrepl.language.sources import Source

if TYPE_CHECKING:
    from types import CodeType

__all__ = ["TAKE", "compile_walk", "expressions", "walk_text"]

#: The name under which the compiled loop finds what takes its values; a true answer ends it.
TAKE = ".take"


def expressions(text: str) -> list[str]:
    """The texts of the expressions in `text`, which commas part; raises SyntaxError."""
    tree = ast.parse(text.strip(), mode="eval").body
    parts = tree.elts if isinstance(tree, ast.Tuple) else [tree]
    return [ast.get_source_segment(text.strip(), part) or "" for part in parts]


def walk_text(expression: str) -> str:
    """The statement that walks `expression`, as a user would write it."""
    text = f"async for value in {expression}: value"
    try:
        ast.parse(text)
    except SyntaxError:
        return f"async for value in ({expression}): value"
    return text


def compile_walk(filename: str, text: str) -> tuple[Source, CodeType]:
    """What `walk_text` gave, as a source and as code that hands each value to `TAKE`.

    The code is to be evaluated with a mapping of local names that has `TAKE`; that
    gives a coroutine. Raises SyntaxError.
    """
    source = Source(filename, text, parse(text, filename))
    assert source.tree is not None
    tree = deepcopy(source.tree)
    loop = tree.body[0]
    assert isinstance(loop, ast.AsyncFor)
    assert isinstance(loop.target, ast.Name)
    loop.target.id = ".value"
    (shown,) = loop.body
    call = ast.Call(ast.Name(TAKE, ast.Load()), [ast.Name(".value", ast.Load())], [])
    loop.body = [ast.copy_location(ast.If(call, [ast.Break()], []), shown)]
    ast.fix_missing_locations(loop)
    return source, compile_source(Source(filename, text, tree), "exec")
