"""Asynchronous loops stand twice in what is compiled; nobody can tell, except a trace."""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
import warnings
from typing import Any

from asyncrepl.instrument.compilation import compile_source
from asyncrepl.instrument.doubled_loops import TRACE_SWITCH, doubled
from asyncrepl.syntax.sources import Source

LOOP = "async for x in xs:\n    print(x)\n"


def compiled(text: str) -> Any:
    return compile_source(Source("<test>", text, ast.parse(text)), "exec")


def run(text: str) -> dict[str, Any]:
    """The namespace after running `text`, which may await."""
    space: dict[str, Any] = {"asyncio": asyncio}

    async def everything() -> None:
        result = eval(compiled(text), space)
        if inspect.iscoroutine(result):
            await result

    asyncio.run(everything())
    return space


def test_a_tree_without_asynchronous_loops_is_left_alone() -> None:
    """Nothing is copied where nothing can be traced."""
    text = "async def f():\n    for x in y: await x\n"
    tree = ast.parse(text)
    assert doubled(tree, "<test>", text) is tree


def test_the_tree_given_stays_as_it_is() -> None:
    """Explanations read the original tree later."""
    tree = ast.parse(LOOP)
    before = ast.dump(tree, include_attributes=True)
    assert doubled(tree, "<test>", LOOP) is not tree
    assert ast.dump(tree, include_attributes=True) == before


def test_untraced_code_is_the_code_that_was_written() -> None:
    """The second copy of a loop is the loop itself, behind one look at the switch."""
    tree = doubled(ast.parse(LOOP), "<test>", LOOP)
    (choice,) = tree.body
    assert isinstance(choice, ast.If)
    assert isinstance(choice.test, ast.Name)
    assert choice.test.id == TRACE_SWITCH
    assert ast.dump(choice.orelse[0]) == ast.dump(ast.parse(LOOP).body[0])


def test_nested_loops_stand_once_more_a_level() -> None:
    """The marked copy of an outer loop holds the inner one only once."""
    text = ""
    for depth in range(6):
        text += "    " * depth + f"async for x{depth} in xs:\n"
    text += "    " * 6 + "leaf()\n"
    tree = doubled(ast.parse(text), "<test>", text)
    assert ast.unparse(tree).count("leaf()") == 7


EAGER = "async def eager(n):\n    for i in range(n): yield i\n"


def test_a_global_in_a_loop_compiles() -> None:
    """A ``global`` in the body holds for the whole function: the second copy does without."""
    space = run(
        EAGER + "async def f():\n"
        "    async for x in eager(3):\n"
        "        global total\n"
        "        total = x\n"
        "        async for y in eager(2):\n"
        "            if y:\n"
        "                global other\n"
        "                other = y\n"
        "await f()\n"
    )
    assert (space["total"], space["other"]) == (2, 1)


def test_a_nonlocal_in_a_loop_compiles() -> None:
    """So with ``nonlocal``; and one in a function inside the loop is none of the loop's."""
    space = run(
        EAGER + "async def f():\n"
        "    own = 0\n"
        "    async def g():\n"
        "        async for x in eager(3):\n"
        "            nonlocal own\n"
        "            own = x\n"
        "            def h():\n"
        "                nonlocal own\n"
        "                own += 10\n"
        "            h()\n"
        "    await g()\n"
        "    return own\n"
        "own = await f()\n"
    )
    assert space["own"] == 12


def test_a_break_leaves_the_loop_it_stands_in() -> None:
    """In nested loops of both kinds, with ``else``, each ``break`` keeps its loop."""
    text = (
        EAGER + "seen = []\n"
        "async for a in eager(3):\n"
        "    for b in range(3):\n"
        "        if b == 1: break\n"
        "        seen.append((a, b))\n"
        "    else:\n"
        "        seen.append('never')\n"
        "    while True:\n"
        "        async for c in eager(3):\n"
        "            if c: break\n"
        "        else:\n"
        "            seen.append('never')\n"
        "        break\n"
        "    if a == 1: break\n"
        "else:\n"
        "    seen.append('never')\n"
    )
    assert run(text)["seen"] == [(0, 0), (1, 0)]


def test_a_warning_of_the_compiler_is_given_once() -> None:
    """The body is compiled twice, but warned of once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compiled("async def f():\n    async for x in y:\n        x is 1\n")
    assert [warning.category for warning in caught] == [SyntaxWarning]


def test_what_is_nested_too_deeply_for_a_mark_still_compiles() -> None:
    """Each mark takes a block of the compiler's twenty; without room the loop goes unmarked."""
    text = "async def f():\n" + "".join(
        " " * depth + "async for x in y:\n" for depth in range(1, 18)
    )
    code = compiled(text + " " * 18 + "pass\n")
    assert TRACE_SWITCH not in _names(code)


def test_positions_stay() -> None:
    """Each instruction of a loop stands where it was written, in both copies."""
    text = "async def f():\n    async for x in y:\n        z(x)\n    return [a async for a in b]\n"
    wanted = set(_positions(compile(text, "<test>", "exec")))
    assert wanted <= set(_positions(compiled(text)))


def test_the_switch_is_off_unless_somebody_traces() -> None:
    """Compiling alone traces nothing."""
    compiled(LOOP)
    assert getattr(builtins, TRACE_SWITCH) is False


def _codes(code: Any) -> list[Any]:
    inner = [const for const in code.co_consts if inspect.iscode(const)]
    return [code, *(each for one in inner for each in _codes(one))]


def _names(code: Any) -> set[str]:
    return {name for each in _codes(code) for name in each.co_names}


def _positions(code: Any) -> list[Any]:
    return [place for each in _codes(code) for place in each.co_positions()]
