"""Whatever is offered has been compiled and judged again: it does not fail in its turn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from explain.harness import corrected, run
from support.shells import typed_shell

from asyncrepl.events.object_info import RefusedOperands
from asyncrepl.explain.evidence import gather
from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.verified_fixes import verified
from asyncrepl.syntax.sources import Source

if TYPE_CHECKING:
    from pathlib import Path

    from asyncrepl.explain.evidence import Evidence

DEFINED = [
    "async def ticks():\n    yield 1\n    yield 2\n",
    "async def fetch():\n    return [1, 2]\n",
    "xs = [1, 2]",
]


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        (
            "async for x in (i async for i in range(3)): x",
            "for x in (i for i in range(3)): x",
        ),
        (
            "print([x async for x in (i async for i in xs)])",
            "print([x for x in (i for i in xs)])",
        ),
        (
            "def f():\n    async for x in [1]: print(x)\nf()",
            "async def f():\n    for x in [1]: print(x)\nawait f()",
        ),
        ("print(next((i for i in ticks())))", "print(await anext((i async for i in ticks())))"),
        ("print(*(i for i in ticks()))", "print(*[i async for i in ticks()])"),
        (
            "for x in ticks(): print(x)\nfor y in ticks(): print(y)",
            "async for x in ticks(): print(x)\nasync for y in ticks(): print(y)",
        ),
        (
            "for x in fetch(): print(x)\nasync for y in fetch(): print(y)",
            "for x in await fetch(): print(x)\nfor y in await fetch(): print(y)",
        ),
        ("print(await [x for x in ticks()])", "print([x async for x in ticks()])"),
    ],
)
def test_a_second_mistake_is_put_right_as_well(text: str, fixed: str) -> None:
    """The first correction alone would fail by it: in the same place, or further down."""
    found = run([*DEFINED, text]).explanation
    assert found is not None
    assert corrected([*DEFINED, text], found)[-1] == fixed
    assert run([*DEFINED, fixed]).error is None


@pytest.mark.parametrize(
    "text",
    [
        "async with [i async for i in fetch()]: pass",
        "print(len(enumerate(ticks())))",
    ],
)
def test_what_would_fail_again_is_not_offered(text: str) -> None:
    """The mistake is explained, but no rule knows what was meant by all of it."""
    found = run([*DEFINED, text]).explanation
    assert found is not None
    assert found.fix is None


@pytest.mark.parametrize(
    "second",
    [
        "def g(x):\n    for y in x: print(y)\n",  # a parameter may be anything
        "x = ticks()\nx = [1]\nfor y in x: print(y)",  # bound twice
        "try:\n    for y in ticks(): print(y)\nexcept TypeError: print('as expected')",
        "import contextlib\nwith contextlib.suppress(OSError, TypeError):\n    list(ticks())",
        "import pytest\nwith pytest.raises((TypeError, OSError)):\n    for y in ticks(): print(y)",
        "def give(ok):\n    if not ok: return None\n    return [1]\nfor y in give(True): print(y)",
        "for x in xs: pass\nfor y in [x]: print(y)",
    ],
)
def test_what_is_not_certain_is_left_alone(second: str) -> None:
    """A correction changes nothing that may be right."""
    text = f"for x in fetch(): print(x)\n{second}"
    found = run([*DEFINED, text]).explanation
    assert found is not None
    assert corrected([*DEFINED, text], found)[-1] == text.replace("fetch()", "await fetch()", 1)


def asked(text: str) -> Evidence:
    """The evidence of a SyntaxError in `text`."""
    try:
        compile(text, "<input 1>", "exec")
    except SyntaxError as error:
        found = gather(error, {"<input 1>": Source("<input 1>", text)}, RefusedOperands(), {})
        assert found is not None
        return found
    raise AssertionError


def test_a_correction_that_flips_back_is_none() -> None:
    """Two rules that undo each other would go on for ever."""
    evidence = asked("x = (")
    flips = {"x = [": "x = (", "x = (": "x = ["}

    def ask(again: Evidence) -> Finding:
        return Finding("", Fix("<input 1>", flips[again.unit.text]))

    assert verified(Fix("<input 1>", "x = ["), evidence, ask) is None


def test_a_correction_that_changes_nothing_is_none() -> None:
    """It was said that it is wrong."""
    evidence = replace(asked("x = ("), stage="run")
    assert verified(Fix("<input 1>", "x = ("), evidence, lambda _: None) is None


def test_the_rounds_are_limited() -> None:
    """Somebody must give up in the end."""
    asks: list[str] = []

    def ask(again: Evidence) -> Finding:
        asks.append(again.unit.text)
        return Finding("", Fix("<input 1>", again.unit.text + "("))

    assert verified(Fix("<input 1>", "f("), asked("x = ("), ask) is None
    assert 5 < len(asks) < 30  # a program may have the same mistake in many places


def test_a_module_that_is_imported_gets_no_await_at_its_top(tmp_path: Path) -> None:
    """There ``await`` is refused: what would need it is not offered."""
    path = tmp_path / "shop.py"
    path.write_text("async def fetch():\n    return [1]\n\nfor x in fetch(): print(x)\n")
    with typed_shell() as type_in:
        type_in(f"import sys; sys.path.insert(0, {str(tmp_path)!r})")
        type_in("import shop")
        found = type_in.shell.explanation
    assert found is not None
    assert found.fix is None


def test_a_name_that_a_correction_makes_is_nobodys() -> None:
    """One that the user has would be lost."""
    with typed_shell() as type_in:
        type_in("as_async = 'mine'")
        type_in("async for x in aiter([1]): print(x)")
        found = type_in.shell.explanation
    assert found is not None
    assert found.fix is not None
    assert "def as_async_(" in found.fix.text


@pytest.mark.parametrize(
    "head",
    ["", "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n", '"""What it does."""\n\n'],
)
def test_an_import_is_put_where_it_may_stand(head: str) -> None:
    """Behind the first comments, the docstring and what is imported from ``__future__``."""
    body = "import time\nasync def f():\n    time.sleep(0.2)\nawait f()\n"
    future = "from __future__ import annotations\n"
    with typed_shell() as type_in:
        shell = type_in.shell
        shell.submit(head + future + body, lambda _: shell.loop.stop(), filename="f.py")
        shell.loop.run_forever()
        found = shell.explanation
    assert found is not None
    assert found.fix is not None
    assert found.fix.text.startswith(head + future + "import asyncio\nimport time\n")
