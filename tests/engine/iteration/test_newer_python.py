"""What Python 3.14 and 3.15 have added to the language runs and is traced like the rest."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import pytest
from support.traced_iteration import Traced, traced

from asyncrepl.events.iteration_events import IterationBegan, IterationEnded

PAIRS = "async def pairs():\n    for n in range(2):\n        yield [n, -n]\n"
#: Statement, expression, its value; how many loops are told.
SINCE_3_14 = {
    "an iteration in a t-string": (
        "part = t'{[n async for n in naps(2)]!r:>9}'.interpolations[0]",
        "part.value, part.expression, part.conversion, part.format_spec",
        ([0, 1], "[n async for n in naps(2)]", "r", ">9"),
        1,
    ),
    "two exceptions without parentheses": (
        "async for n in naps(1):\n    try: 1 / 0\n    except KeyError, ZeroDivisionError: n = 'caught'\n",
        "n",
        "caught",
        1,
    ),
    "annotations of what is not there": (
        "async for n in naps(1):\n    class C:\n        x: nothing = n\n    y: nothing = C.x\n",
        "y",
        0,
        1,
    ),
}
SINCE_3_15 = {
    "unpacking in a list": ("a = [*p async for p in pairs()]", "a", [0, 0, 1, -1], 1),
    "unpacking in a set": ("a = {*p async for p in pairs()}", "a", {0, 1, -1}, 1),
    "unpacking in a dict": ("a = {**{p[0]: p} async for p in pairs()}", "a", {0: [0, 0], 1: [1, -1]}, 1),
    "unpacking in a generator": (
        "a = [n async for n in (*p async for p in pairs())]",
        "a",
        [0, 0, 1, -1],
        2,
    ),
    "an iteration inside of what is unpacked": (
        "a = [*[m async for m in naps(2)] async for p in pairs()]",
        "a",
        [0, 1, 0, 1],
        3,
    ),
    "a lazy import in a loop": (
        "async for n in naps(1):\n    lazy import nosuchmodule\n",
        "type(globals()['nosuchmodule']).__name__",
        "lazy_import",
        1,
    ),
    "a frozendict": ("async for n in naps(2): d = frozendict(n=n)\n", "d | {}", {"n": 1}, 1),
}  # fmt: skip
NEWER = {**(SINCE_3_14 if sys.version_info >= (3, 14) else {})}
NEWER |= SINCE_3_15 if sys.version_info >= (3, 15) else {}


def run(text: str, *, only: bool = False) -> Traced:
    """Run it; traced, unless nothing but the assignment after it is to be."""
    return traced(PAIRS, text, *(["done = 1"] if only else []), only=only)


def value(result: Traced, expression: str) -> Any:
    assert result.outcome is not None
    assert result.outcome.error is None
    assert result.session is not None
    return eval(expression, result.session.namespace)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="new in Python 3.14 and 3.15")
@pytest.mark.parametrize("name", NEWER)
def test_it_is_the_same_traced_and_untraced(name: str) -> None:
    """The value is right either way, each iteration is told and comes to its end."""
    text, expression, expected, iterations = NEWER[name]
    assert value(run(text, only=True), expression) == expected
    result = run(text)
    assert value(result, expression) == expected
    assert len(result.of(IterationBegan)) == iterations
    assert {event.how for event in result.of(IterationEnded)} == {"exhausted"}
    assert result.held == 0


@pytest.mark.skipif(sys.version_info < (3, 14), reason="Python 3.14 warns of it")
@pytest.mark.parametrize("leave", ["return", "break", "continue"])
def test_leaving_a_finally_is_warned_of_once(leave: str) -> None:
    """However often the loop around it stands in what is compiled."""
    text = (
        f"async def f():\n    async for n in naps(1):\n        try: n\n        finally: {leave}\n"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(text)
    assert [str(each.message) for each in caught] == [f"'{leave}' in a 'finally' block"]
    assert (caught[0].filename, caught[0].lineno) == ("<input 3>", 4)
