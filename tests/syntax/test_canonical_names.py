"""Canonical names: what a name stands for, however it came into the text."""

from __future__ import annotations

import ast
import asyncio
import functools
import time

import pytest

from asyncrepl.instrument.compilation import expects_loop, needs_loop, starts_loop
from asyncrepl.syntax.names import bind_names, callee_name, canonical_name, method_owner


def last_call(text: str, namespace: dict[str, object] | None = None) -> ast.Call:
    """The call that begins last in `text`, whose names are bound."""
    tree = ast.parse(text)
    bind_names(tree, namespace)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return max(calls, key=lambda call: (call.lineno, call.end_col_offset))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import asyncio\nasyncio.run(x)", "asyncio.run"),
        ("import asyncio as aio\naio.run(x)", "asyncio.run"),
        ("from asyncio import gather as together\ntogether(x)", "asyncio.gather"),
        ("import asyncio\ntogether = asyncio.gather\ntogether(x)", "asyncio.gather"),
        ("import os.path\nos.path.join(x)", "os.path.join"),
        ("import os.path as paths\npaths.join(x)", "os.path.join"),
        ("from . import shop as s\ns.open(x)", "shop.open"),
        (
            "import asyncio\nloop = asyncio.get_event_loop()\nloop.time()",
            "asyncio.get_event_loop().time",
        ),
        ("import asyncio\nwith asyncio.Runner() as r:\n    r.run(x)", "asyncio.Runner().run"),
        ("def f():\n    from asyncio import wait as w\n    w(x)", "asyncio.wait"),
        ("my_next = next\nmy_next(x)", "next"),
        ("import functools as f, asyncio\ng = f.partial(asyncio.gather)\ng(x)", "asyncio.gather"),
        ("from functools import partial\npartial(next)(x)", "next"),
        ("from functools import partial\ng = partial(next, x)\ng()", "functools.partial()"),
        ("send = worker.send\nsend(x)", ".send"),
        ("list(x)", "list"),
        ("spawn(x)", "spawn"),
        ("f(1)[0].x()", ""),
    ],
)
def test_a_name_is_followed_to_where_it_comes_from(text: str, name: str) -> None:
    """Through imports, aliases, ``with`` and calls; what nobody knows keeps its own name."""
    assert canonical_name(last_call(text).func) == name


@pytest.mark.parametrize(
    "text",
    [
        "from asyncio import gather as g\ndef f(g):\n    g(1)",
        "from asyncio import gather as g\ng = print\ng(1)",
        "from asyncio import gather as g\nfor g in ():\n    g(1)",
        "from asyncio import gather as g\ndef g(): ...\ng(1)",
    ],
)
def test_a_name_with_two_meanings_has_none(text: str) -> None:
    """Scopes are not told apart: what may be something else is not taken for asyncio's."""
    assert canonical_name(last_call(text).func) == "g"


def test_what_an_earlier_input_has_imported_is_known() -> None:
    """By the object, which has its name in the package that makes it public."""
    namespace: dict[str, object] = {"together": asyncio.gather, "t": time, "f": last_call}
    assert canonical_name(last_call("together(x)", namespace).func) == "asyncio.gather"
    assert canonical_name(last_call("t.time()", namespace).func) == "time.time"
    assert callee_name(last_call("together(x)", {"together": lambda: 0})) == "together"


def test_the_name_of_an_object() -> None:
    """Of one in the namespace: a builtin, a partial without arguments, a method."""
    made = {"first": next, "part": functools.partial(asyncio.sleep), "add": [].append}
    for name, found in zip(made, ("next", "asyncio.sleep", ".append"), strict=True):
        assert canonical_name(last_call(f"{name}(x)", made).func) == found
    assert callee_name(last_call("add(x)", made)) == "append"
    fixed = {"part": functools.partial(asyncio.sleep, 1)}
    assert callee_name(last_call("part()", fixed)) == "part"


def test_whose_method_is_called() -> None:
    """In the call itself, or where the variable got it."""
    for text in ("gen.asend(1)", "send = gen.asend\nsend(1)", "import functools\nsend = functools.partial(gen.asend)\nsend(1)"):  # fmt: skip
        owner = method_owner(last_call(text))
        assert owner is not None
        assert ast.unparse(owner) == "gen"
    assert method_owner(last_call("send(1)")) is None


def test_names_may_be_bound_again() -> None:
    """A text is compiled more than once."""
    tree = ast.parse("import asyncio as aio\nrun = aio.run\nrun(x)")
    for _ in range(2):
        bind_names(tree)
    assert [
        canonical_name(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)
    ] == ["asyncio.run"]


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("await f()", True),
        ("[x async for x in y]", True),
        ("async with a: pass", True),
        ("if a:\n    async for x in y: pass", True),
        ("(x async for x in y)", False),
        ("import asyncio\nasyncio.create_task(f())", True),
        ("import asyncio as aio\nif 1:\n    t = [aio.create_task(f())]", True),
        ("from asyncio import create_task as go\ngo(f())", True),
        ("from asyncio import create_task\nimport asyncio\nasyncio.run(main())", False),
        ("import asyncio\ndef f(): asyncio.create_task(g())", False),
        ("import asyncio\nt = asyncio.create_task(f())\nasyncio.run(g(t))", False),
        (
            "import asyncio\nl = asyncio.new_event_loop()\nasyncio.create_task(f())\nl.run_forever()",
            False,
        ),
        ("import asyncio\ndef go(): asyncio.run(g())\nasyncio.create_task(f())\ngo()", False),
        ("import asyncio\ntry: asyncio.create_task(g())\nexcept RuntimeError: pass", False),
        ("import asyncio\nloop = asyncio.new_event_loop()\nloop.create_task(g())", False),
        ("x.create_task(g())", False),
        ("print('create_task')", False),
        ("def f(", False),
    ],
)
def test_which_programs_need_a_running_loop(text: str, needed: bool) -> None:
    """Those that ``python FILE`` cannot run, by what they do and not by their words."""
    assert needs_loop(text) is needed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import asyncio\nawait f()", True),
        ("import asyncio\ndef go(): return asyncio.create_task(g())\nt = go()", True),
        ("import asyncio as aio\ndef a(): aio.create_task(g())\ndef b(): a()\nif 1: b()", True),
        ("from asyncio import get_running_loop\nloop = get_running_loop()", True),
        ("asyncio.get_running_loop()", True),
        ("import asyncio\ndef go(): asyncio.create_task(g())", False),
        ("import asyncio\ndef go(): asyncio.create_task(g())\nasync def f(): go()\nrun(f)", False),
        ("import asyncio\ndef go(): asyncio.create_task(g())\nrun(lambda: go())", False),
        ("import asyncio\ndef go(): go()\ngo()", False),
        ("import asyncio\ntry: asyncio.get_running_loop()\nexcept RuntimeError: pass", False),
        ("import asyncio\ndef go(): asyncio.create_task(g())\ngo()\nasyncio.run(f())", False),
        ("import uvicorn\ndef main(): uvicorn.run(app)\nif __name__ == '__main__': main()", False),
        ("def f(", False),
    ],
)
def test_which_files_expect_the_loop_of_a_session(text: str, expected: bool) -> None:
    """Those that begin something there, also by functions of their own."""
    assert expects_loop(text) is expected


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("import asyncio\nawait f()\nasyncio.run(main())", True),
        ("from asyncio import run as go\nif __name__ == '__main__':\n    go(main())", True),
        ("import asyncio\ndef start(): asyncio.run(main())\nawait f()", False),
        ("run(main())", False),
    ],
)
def test_which_programs_start_a_loop_at_their_top(text: str, starts: bool) -> None:
    """What else they await there, ``python FILE`` refuses: so it is told, too."""
    assert starts_loop(text) is starts
