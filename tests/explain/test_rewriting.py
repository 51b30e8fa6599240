"""Edits of source text by positions of the syntax tree."""

from __future__ import annotations

import ast

import pytest

from asyncrepl.explain.scopes import place_of_import
from asyncrepl.explain.source_units import Unit, parsed
from asyncrepl.syntax.source_rewriter import SourceRewriter, SourceText, compiles, parses


def first_call(text: str) -> ast.Call:
    return next(node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))


@pytest.mark.parametrize(
    "text", ["é = 'ü'; x = f(1)", "x = '😀' + f(1)", "if a:\r\n    é = f(\r\n  1)\r\n", "\tf()"]
)
def test_a_node_has_the_text_it_has_in_the_source(text: str) -> None:
    """Columns count bytes, indexes count characters: both meet at the same text."""
    text = text.lstrip("\t")
    assert SourceText(text).source(first_call(text)) == ast.get_source_segment(
        text, first_call(text)
    )


def test_edits_are_applied_together_in_the_order_of_the_text() -> None:
    """Positions mean the original text, whatever was edited before."""
    text = "f(a)  # ünchanged\ng(b)\n"
    rewriting = SourceRewriter(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name):
            rewriting.replace(node, node.id * 3)
    assert rewriting.apply() == "fff(aaa)  # ünchanged\nggg(bbb)\n"


def test_edits_that_overlap_are_refused() -> None:
    """Two corrections of one place are no correction."""
    rewriting = SourceRewriter("f(a)")
    call = first_call("f(a)")
    rewriting.replace(call, "g()")
    rewriting.replace(call.args[0], "b")
    with pytest.raises(ValueError, match="overlap"):
        rewriting.apply()


def test_lines_are_added_with_the_indentation_of_the_statement() -> None:
    """New lines above and below stand as deep as the statement, above its decorators."""
    text = "class A:\n    @d\n    def f(self):\n        pass"
    tree = ast.parse(text)
    method = tree.body[0].body[0]  # type: ignore[attr-defined]
    rewriting = SourceRewriter(text)
    rewriting.lines_before(method, "x = 1")
    rewriting.lines_after(method, "y = 2\nif y:\n    pass")
    expected = (
        "class A:\n    x = 1\n    @d\n    def f(self):\n        pass\n"
        "    y = 2\n    if y:\n        pass\n"
    )
    assert rewriting.apply() == expected


def test_a_fix_has_to_parse_and_compile() -> None:
    """Top-level await counts as right, `await` in a plain function does not."""
    assert compiles("await f()")
    assert parses("def f():\n    await g()")
    assert not compiles("def f():\n    await g()")
    assert not parses("for await x in y: pass")
    assert not compiles("x = '\0'")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(): return xs\n", "def f():\n    for x in xs:\n        yield x\n"),
        (
            "class A:\n    def f(): return xs  # all\n",
            "class A:\n    def f():\n        for x in xs:\n            yield x  # all\n",
        ),
        ("def f():\n    return xs\n", "def f():\n    for x in xs:\n        yield x\n"),
    ],
)
def test_lines_in_the_place_of_a_one_line_body_are_lines_of_their_own(
    text: str, expected: str
) -> None:
    """A body of one line has no lines of its own, until it needs them."""
    rewriting = SourceRewriter(text)
    node = next(each for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Return))
    by = rewriting.source.indent(node)
    rewriting.replace(node, f"for x in xs:\n{by}    yield x")
    assert rewriting.apply() == expected


def test_lines_beside_a_one_line_body_are_lines_of_their_own() -> None:
    """Above it and below it."""
    text = "def f(): return 1\n"
    body = ast.parse(text).body[0].body[0]  # type: ignore[attr-defined]  # a function
    before, after = SourceRewriter(text), SourceRewriter(text)
    before.lines_before(body, "x = 2\ny = 3")
    after.lines_after(body, "x = 2")
    assert ast.unparse(ast.parse(before.apply())) == "def f():\n    x = 2\n    y = 3\n    return 1"
    assert ast.unparse(ast.parse(after.apply())) == "def f():\n    return 1\n    x = 2"


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("x = 1\n", "x = 1"),
        ('"""Doc."""\nfrom __future__ import annotations\nx = 1\n', "x = 1"),
        ("import abc\nimport time\nfrom os import path\nx = 1\n", "import time"),
        ("import abc\nx = 1\n", "x = 1"),
        ("from abc import ABC\nx = 1\n", "from abc"),
        ("import abc\n\nimport own\nx = 1\n", "\nimport own"),
        ("import abc; import zlib\nx = 1\n", "x = 1"),
    ],
)
def test_an_import_stands_in_its_order_among_the_first(text: str, before: str) -> None:
    """Behind comments, docstring and ``__future__``; in a text of imports, in their first group."""
    unit = Unit("file.py", text, parsed(text))
    assert text[place_of_import(unit, "import asyncio\n") :].startswith(before)
