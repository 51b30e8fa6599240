"""`:timeline`, `:marbles` and its Python twin, on the virtual clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import asyncrepl
from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from support.shells import Typed

MISTAKES = {
    ":timeline abc": ":timeline takes seconds, not 'abc': try :timeline 2.5",
    ":timeline -1": ":timeline takes more than 0 seconds, not -1",
    ":timeline 0": ":timeline takes more than 0 seconds, not 0",
    ":timeline nan": ":timeline takes more than 0 seconds, not nan",
    ":timeline inf": ":timeline takes more than 0 seconds, not inf",
    ":marbles": ":marbles takes expressions: try :marbles ticks(3)",
    ":marbles ()": ":marbles takes expressions: try :marbles ticks(3)",
    ":marbles x = 3": ":marbles: SyntaxError: invalid syntax",
    ":marbles *x": ":marbles: SyntaxError: ",
    ":marbles (yield)": ":marbles: SyntaxError: 'yield' outside function",
    ":marbles x for y": ":marbles takes seconds, not 'y'",
    ":marbles x for -1": ":marbles takes more than 0 seconds, not -1",
}
READINGS = """\
async def readings(n, seconds=1):
    for number in range(n):
        await asyncio.sleep(seconds)
        yield number * 10
"""


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_one_clear_line(type_in: Typed, text: str) -> None:
    """A wrong command says in one line what is wrong, and the session goes on."""
    type_in.shell.observing.want("test")
    shown = type_in(text)
    assert MISTAKES[text] in shown
    assert shown.count("\n") == 1
    assert type_in("1") == "1\n"


def test_marbles_of_one_source(type_in: Typed) -> None:
    """The values stand at their seconds; what stands above needs no label."""
    type_in(READINGS)
    assert type_in(":marbles readings(3)") == "----0---10--20|\n0   1   2   3 s\n"
    assert type_in("asyncio.get_running_loop().time()") == "3.0\n"


def test_marbles_of_several_sources(type_in: Typed) -> None:
    """All are iterated over at once; each row is labelled by its expression."""
    type_in(READINGS)
    assert type_in(":marbles readings(2), readings(2,  0.5), [1]").splitlines()[:4] == [
        "readings(2)       ------0-----10|",
        "readings(2, 0.5)  ---0--10|",
        "[1]               X",
        "                  0     1     2 s",
    ]


def test_an_error_is_told_and_explained(type_in: Typed) -> None:
    """Python's own words first, then why; `:fix` has the corrected code."""
    lines = type_in(":marbles [1, 2]").splitlines()
    assert lines[:2] == ["X", "0 s"]
    assert lines[2].startswith("TypeError: 'async for' requires an object with __aiter__ method")
    assert lines[3].startswith("why  ")
    assert lines[4] == "try  for value in [1, 2]: value"
    assert type_in(":fix") == "for value in [1, 2]: value\n"


def test_each_failed_row_tells_its_own_error(type_in: Typed) -> None:
    """Below the picture, each row that failed has a line with its label."""
    type_in(
        "async def bad(n):\n    yield n\n    await asyncio.sleep(n)\n    raise ValueError(n)\n"
    )
    assert type_in(":marbles bad(2), bad(1)") == (
        "bad(2)  2---------X\n"
        "bad(1)  1----X\n"
        "        0    1    2 s\n"
        "bad(2): ValueError: 2\n"
        "bad(1): ValueError: 1\n"
    )


def test_a_limit_ends_the_picture(type_in: Typed) -> None:
    """`for SECONDS` shows what came until then, that instant included, with an open end."""
    type_in(READINGS)
    assert type_in(":marbles readings(9) for 2") == "----0---10…\n0   1   2 s\n"
    assert type_in("asyncio.get_running_loop().time()") == "2.0\n"
    assert "no task" in type_in(":tasks")


def test_ctrl_c_shows_what_was_seen(type_in: Typed) -> None:
    """Ctrl-C ends the iteration, the source cleans up, and the picture has an open end."""
    type_in(
        "async def endless():\n    try:\n        while True:\n            await asyncio.sleep(1)\n"
        "            yield 7\n    finally:\n        await asyncio.sleep(0)\n        print('closed')\n"
    )
    shown = type_in(":marbles endless()", interrupt_after=2.5)
    assert shown == "closed\n----7---7-…\n0   1   2 s\n"
    assert "no task" in type_in(":tasks")


def test_a_second_ctrl_c_does_not_wait_for_the_cleanup(type_in: Typed) -> None:
    """Where a source's cleanup hangs, Ctrl-C again shows the picture at once."""
    type_in(
        "async def stubborn():\n    try:\n        await asyncio.sleep(9)\n        yield 1\n"
        "    finally:\n        loop.call_later(1, press)\n        await asyncio.sleep(60)\n"
    )
    type_in("loop = asyncio.get_running_loop()")
    type_in.shell.session.namespace["press"] = type_in.shell.interrupt
    assert type_in(":marbles stubborn()", interrupt_after=1) == "---------…\n0        1 s\n"
    assert type_in("loop.time()") == "2.0\n"


def test_a_source_that_never_ends_nor_suspends_is_stopped(type_in: Typed) -> None:
    """After 1,000 values it is enough, and it is said."""
    type_in("async def eager():\n    n = 0\n    while True:\n        yield n\n        n += 1\n")
    assert type_in(":marbles eager()") == "(0…999)…\n0 s\nstopped after 1,000 values\n"


def test_a_repr_that_raises_is_told_by_its_type(type_in: Typed) -> None:
    """What cannot be shown does not end the iteration."""
    type_in("class Bad:\n    def __repr__(self): 1/0\n")
    type_in("async def bads():\n    yield Bad()\n    yield 2\n")
    assert type_in(":marbles bads()") == "(<Bad> 2)|\n0 s\n"


@pytest.mark.parametrize(
    "text",
    [
        "(x async for x in ticks())",
        "value",
        "take, ticks()",
        "await made()",
        "\n(ticks\n())",
        "ticks() if 'for 3' else ticks()",
    ],
)
def test_expressions(type_in: Typed, text: str) -> None:
    """Any expression of the session's will do, over several lines, with await; nothing is hidden."""
    type_in("async def ticks():\n    yield 1\n")
    type_in("async def made(): return ticks()\n")
    type_in("value, take = ticks(), ticks()")
    before = set(type_in.shell.session.namespace)
    assert "1|" in type_in(":marbles " + text)
    assert set(type_in.shell.session.namespace) == before


def test_the_lanes_show_the_iterations(type_in: Typed) -> None:
    """Each source has a task of its expression's name, with its values and its end."""
    type_in.shell.observing.want("test")
    type_in(READINGS)
    type_in(":marbles readings(9), readings(1) for 2")
    assert type_in(":timeline 2") == (
        "readings(9)  ┴─────────────────────────────●─────────────────────────────○\n"
        "readings(1)  ┴─────────────────────────────┤\n"
        "             0     0.2   0.4   0.6   0.8   1     1.2   1.4   1.6   1.8   2 s\n"
        "─ waits   ┴ runs briefly   ● value   ┤ ends   ○ cancelled\n"
    )


def test_the_timeline_of_a_statement(type_in: Typed) -> None:
    """Without seconds: since what was typed last began."""
    type_in.shell.observing.want("test")
    type_in(READINGS)
    type_in(":ticker tick 0.2")
    type_in(":wait 5")
    type_in("async for value in readings(2, 0.5): value")
    assert type_in(":timeline") == (
        "tick     ┴─────────┴─────────┴─────────┴─────────┴─────────┴\n"
        "input 2  ┴────────────────────────●────────────────────────┤\n"
        "         0    0.1  0.2  0.3  0.4  0.5  0.6  0.7  0.8  0.9  1 s\n"
        "─ waits   ┴ runs briefly   ● value   ┤ ends\n"
    )


def test_without_a_record_it_begins_one(type_in: Typed) -> None:
    """Where nothing was recorded, `:timeline` says so, and from then on it is."""
    assert "from now on" in type_in(":timeline")
    assert type_in(":timeline") == "no task has run\n"
    type_in("await asyncio.sleep(1)")
    assert type_in(":timeline").startswith("input 1  ")


def run(coroutine: Coroutine[Any, Any, str]) -> str:
    with asyncio.Runner(loop_factory=lambda: LiveLoop(Clock.virtual())) as runner:
        return runner.run(coroutine)


async def ticks(count: int, seconds: float = 1.0) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(seconds)
        yield number


def test_the_twin_gives_the_diagram_as_text() -> None:
    """`asyncrepl.marbles` draws any async iterables; of several each is named."""
    assert run(asyncrepl.marbles(ticks(3))) == "---0--1--2|\n0  1  2  3 s"
    assert run(asyncrepl.marbles(ticks(9), [], seconds=2)) == (
        "ticks  ----0---1…\n"
        "list   X\n"
        "       0   1   2 s\n"
        "list: TypeError: 'async for' requires an object with __aiter__ method, got list"
    )


def test_the_twin_can_be_cancelled() -> None:
    """A timeout around it is the caller's: it ends the sources and is raised."""
    closed: list[bool] = []

    async def source() -> AsyncIterator[int]:
        try:
            while True:
                await asyncio.sleep(1)
                yield 1
        finally:
            closed.append(True)

    async def limited() -> str:
        async with asyncio.timeout(2.5):
            return await asyncrepl.marbles(source())

    with pytest.raises(TimeoutError):
        run(limited())
    assert closed == [True]


@pytest.mark.parametrize(
    ("text", "options", "glyph"),
    [
        ("await asyncio.sleep(1); 1/0", {}, "✗"),
        ("await asyncio.sleep(9)", {"interrupt_after": 1.0}, "○"),
        ("await asyncio.sleep(1)", {}, "┤"),
    ],
)
def test_the_row_of_a_statement_tells_how_it_ended(
    type_in: Typed, text: str, options: dict[str, float], glyph: str
) -> None:
    """A statement that failed or was interrupted looks different from one that returned."""
    type_in.shell.observing.want("test")
    type_in(text, **options)
    row = type_in(":timeline").splitlines()[0]
    assert row.startswith("input 1")
    assert row.endswith(glyph)


def test_a_source_is_corrected_as_it_was_typed(type_in: Typed) -> None:
    """As a command, with the other sources; what a plain loop iterates over is none for it."""
    type_in("async def ticks(n=1):\n    yield n")
    assert "try  :marbles ticks()\n" in type_in(":marbles ticks")
    assert type_in(":fix") == ":marbles ticks()\n"
    type_in("async def make():\n    return ticks(2)")
    type_in(":marbles ticks(3), make()")
    assert type_in(":fix") == ":marbles ticks(3), await make()\n"
    assert "try  for value in [1, 2]: value\n" in type_in(":marbles [1, 2]")
