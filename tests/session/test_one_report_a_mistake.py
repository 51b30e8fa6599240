"""One mistake is told once, by whoever tells it best: also if its traces come out later."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

import pytest
from support import forked_starts

if TYPE_CHECKING:
    from pathlib import Path

    from support.shells import Typed

FETCH = "async def fetch(n=0):\n    return [n]\n"
TICKS = "async def ticks():\n    yield 1\n    yield 2\n"
PAGES = "class Pages:\n    async def fetch(self, n):\n        return [n]\n"


@pytest.fixture
def type_in(type_in: Typed) -> Typed:
    """A shell in which a coroutine that dies is one of this test."""
    gc.collect()
    return type_in


def told(shown: str) -> tuple[int, int, int]:
    """How often a cause, a correction and a warning were told."""
    lines = shown.splitlines()
    heads = [line[:5] for line in lines]
    return heads.count("why  "), heads.count("try  "), shown.count("Warning: ")


@pytest.mark.parametrize(
    "mistake",
    [
        "for x in fetch(): print(x)",
        "async for x in fetch(): print(x)",
        "print([x for x in fetch()])",
        "print(list(fetch()))",
        "a, b = fetch()",
        "fetch()[0]",
        "fetch() + [1]",
        "1 in fetch()",
        "print(*fetch())",
        "await [fetch(), fetch()]",
        "next(fetch())",
        "asyncio.run(fetch())",
        "fetch().append(1)",
        "await asyncio.wait([fetch(1), fetch(2)])",
        "async for x in anext(ticks()): print(x)",
    ],
)
def test_an_error_tells_it_and_nothing_else_does(type_in: Typed, mistake: str) -> None:
    """Neither a warning beside it nor a remark, then or when the traceback is gone."""
    type_in(FETCH)
    type_in(TICKS)
    assert told(type_in(mistake)) == (1, 1, 0)
    assert told(type_in("1/0") + type_in("2/0") + type_in("import gc; _ = gc.collect()")) == (
        0,
        0,
        0,
    )
    if "fetch" in mistake:
        assert "never awaited" in type_in(":leaks")


def test_two_attempts_at_one_thing_are_told_once_each(type_in: Typed) -> None:
    """The first attempt's coroutine dies in the middle of the second."""
    type_in(PAGES)
    type_in("p = Pages()")
    first, second = type_in("async for x in p.fetch(0): x"), type_in("for x in p.fetch(0): x")
    assert first.splitlines()[-1] == second.splitlines()[-1] == "try  for x in await p.fetch(0): x"
    assert told(first) == told(second) == (1, 1, 0)


@pytest.mark.parametrize(
    "body",
    [
        "    for x in fetch(): pass\n",
        "    try:\n        for x in fetch(): pass\n    finally:\n        await asyncio.sleep(0.1)\n",
        "    async with asyncio.TaskGroup() as group:\n        group.create_task(inner())\n",
        "    await asyncio.gather(inner())\n",
    ],
    ids=["at once", "its cleanup waits", "a group", "a task"],
)
def test_an_error_that_takes_its_time_tells_it(type_in: Typed, body: str) -> None:
    """Out of a function, through a ``finally`` that awaits, or out of another task."""
    type_in(FETCH)
    type_in("async def inner():\n    for x in fetch(): pass\n")
    type_in(f"async def main():\n{body}")
    assert told(type_in("await main()")) == (1, 1, 0)
    assert told(type_in("1/0") + type_in("import gc; _ = gc.collect()")) == (0, 0, 0)


def test_a_refused_coroutine_whose_error_is_caught_is_told(type_in: Typed) -> None:
    """Nobody else tells it: Python's warning, and why."""
    type_in(FETCH)
    shown = type_in("try:\n    for x in fetch(): pass\nexcept TypeError: pass\n")
    assert told(shown) == (1, 1, 1)


def test_a_remark_tells_what_no_rule_knows_of_the_error(type_in: Typed) -> None:
    """Python's warning, its error, and one cause."""
    type_in(FETCH)
    assert told(type_in("raise fetch()")) == (1, 1, 1)


def test_an_error_without_an_explanation_hides_no_warning(type_in: Typed) -> None:
    """What is told then is Python's: first the warning, as it comes."""
    type_in(FETCH)
    shown = type_in("def f():\n    x = fetch()\n    del x\n    1/0\n\nf()")
    assert shown.index("never awaited") < shown.index("ZeroDivisionError")


@pytest.mark.parametrize("value", ["fetch()", "anext(ticks())", "ticks().asend(None)"])
def test_a_value_that_was_explained_dies_in_silence(type_in: Typed, value: str) -> None:
    """``_`` keeps it until the next value is shown."""
    type_in(FETCH)
    type_in(TICKS)
    assert told(type_in(value))[2] == 0
    assert type_in("1") == "1\n"


def test_a_result_kept_under_a_name_is_told_at_its_use(type_in: Typed) -> None:
    """Not again when the name gets another value; but the next one is."""
    type_in(FETCH)
    type_in("data = fetch()")
    assert told(type_in("data[0]")) == (1, 1, 0)
    assert type_in("data = 1") == ""
    type_in("data = fetch()")
    assert "never awaited" in type_in("data = 1")


def test_what_one_correction_puts_right_is_one_mistake(type_in: Typed) -> None:
    """A loop left in the middle, and the error that comes of it later, in another task."""
    type_in("import contextvars; user = contextvars.ContextVar('user')")
    type_in(
        "async def session():\n    token = user.set('ann')\n    try:\n        yield 1\n        yield 2\n"
        "    finally:\n        user.reset(token)\n"
    )
    type_in("async def main():\n    async for x in session():\n        break\n")
    shown = type_in("await main()") + type_in("await asyncio.sleep(0)")
    assert "ValueError" in shown
    assert told(shown)[:2] == (1, 1)


RUNS = {
    "at its top": "for x in fetch(): pass\n",
    "on its loop": "async def main():\n    for x in fetch(): pass\nasyncio.run(main())\n",
    "in a task": "async def work():\n    for x in fetch(): pass\n"
    "async def main():\n    await asyncio.gather(work())\nasyncio.run(main())\n",
    "awaiting at its top": "await asyncio.sleep(0)\nfor x in fetch(): pass\n",
    "a test": "if fetch(): raise SystemExit\n",
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", RUNS.values(), ids=list(RUNS))
@pytest.mark.parametrize("how", ["file", "-c", "pipe", "explain"])
def test_it_is_told_once_however_it_is_run(tmp_path: Path, how: str, text: str) -> None:
    """A file, a string, a pipe; and by the command that explains it."""
    text = f"import asyncio\n{FETCH}\n{text}"
    path = tmp_path / "program.py"
    path.write_text(text)
    arguments = {"file": [str(path)], "-c": ["-c", text], "explain": ["explain", str(path)]}
    command = [sys.executable, "-m", "asyncrepl", *arguments.get(how, [])]
    finished = forked_starts.run(command, input=text if how == "pipe" else None, text=True)
    shown = finished.stdout + finished.stderr
    assert told(shown)[:2] == (1, 1), shown
    assert told(shown)[2] <= ("SystemExit" in text), shown


@pytest.mark.parametrize(
    "statement",
    [
        "[fetch()] + 3",
        "print(fetch(), 1 / 0)",
        "{'a': fetch()}['b']",
        "await asyncio.gather(*[fetch(), fetch()], 1 / 0)",
        "fetch() + asyncio.nothing",
    ],
)
def test_what_an_error_beside_it_leaves_unused_is_not_explained(
    type_in: Typed, statement: str
) -> None:
    """The error is of something else, and nobody forgot the coroutine: it waited for its turn."""
    type_in(FETCH)
    assert told(type_in(statement))[:2] == (0, 0)
