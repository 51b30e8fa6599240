"""Where a thing was made or left, from the source alone."""

from __future__ import annotations

import ast

import pytest

from asyncrepl.engine.leaks.leak_origins import is_discarded_call, only_break, only_call
from asyncrepl.events.object_info import Place
from asyncrepl.syntax.sources import Source


def sources(*texts: str) -> list[Source]:
    return [
        Source(f"<input {number}>", text, ast.parse(text)) for number, text in enumerate(texts, 1)
    ]


MADE = [
    ["x = fetch()"],
    ["async def fetch(): pass", "x = 1; y = fetch()"],
    ["async def main():\n    await fetch()\n", "x = fetch()"],
    ["t = asyncio.create_task(fetch())"],
    ["class C:\n    async def fetch(self): pass\n", "x = C().fetch()"],
    ["async for x in fetch(): pass", "[x async for x in fetch()]", "g = fetch()"],
    ["from module import fetch", "x = fetch()"],
]


@pytest.mark.parametrize("texts", MADE)
def test_the_only_call_that_is_not_awaited_is_the_place(texts: list[str]) -> None:
    """Awaited calls, iterated calls, the definition and imports don't count."""
    assert only_call("fetch", sources(*texts)) == (f"<input {len(texts)}>", 1)


UNSURE = [
    [],
    ["await fetch()"],
    ["x = fetch()", "y = fetch()"],
    ["x = [fetch(), fetch()]"],
    ["x = fetch()", "again = fetch"],
    ["x = fetch()", "list(map(fetch, urls))"],
    ["x = fetch()", "from module import fetch as get"],
    ["@retry\nasync def fetch(): pass\n", "x = fetch()"],
    ["x = fetch()", "other.fetch()"],
    ["again = fetch"],
]


@pytest.mark.parametrize("texts", UNSURE)
def test_where_another_place_is_possible_none_is_named(texts: list[str]) -> None:
    """Two calls, another name, a decorator: it could have been made anywhere."""
    assert only_call("fetch", sources(*texts)) is None


@pytest.mark.parametrize(
    ("text", "thrown"),
    [
        ("fetch()", True),
        ("def f():\n    fetch(1,\n    2)", True),
        ("x = fetch()", False),
        ("fetch(); x = fetch()", False),
        ("fetch().close()", False),
        ("await fetch()", False),
    ],
)
def test_a_value_thrown_away_dies_where_it_was_made(text: str, thrown: bool) -> None:
    """Only for a call that is a statement of its own, and alone on its line."""
    line = text.count("\n", 0, text.index("fetch")) + 1
    assert is_discarded_call("fetch", ast.parse(text), line) is thrown


LOOPS = [
    ("async for x in g: break", 1),
    ("async for x in g:\n    if x: break\n", 2),
    ("async for x in g:\n    for y in x:\n        break\n    else:\n        break\n", 5),
    ("if g:\n  async for x in g:\n    break\n", 3),
    ("async for x in g:\n    break\n    def f():\n        while 1: break\n", 2),
]


@pytest.mark.parametrize(("text", "line"), LOOPS)
def test_the_only_break_of_a_loop_is_found(text: str, line: int) -> None:
    """Those of loops and functions within are not its own."""
    assert only_break(ast.parse(text), place(text)) == line


NO_BREAK = [
    "async for x in g: pass",
    "async for x in g:\n    if x: break\n    break\n",
    "async def f():\n    async for x in g: break\n",
    "try:\n    async for x in g: break\nexcept E: pass\n",
    "with suppress(E):\n    async for x in g: break\n",
]


@pytest.mark.parametrize("text", NO_BREAK)
def test_where_something_else_may_have_left_it_no_break_is_named(text: str) -> None:
    """Several breaks, a caller or a handler that may have caught an exception."""
    assert only_break(ast.parse(text), place(text)) is None


def place(text: str) -> Place:
    """Where the ``async for`` stands in `text`."""
    at = text.index("async for")
    line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1)
    return Place(line, line, column, column + 1)
