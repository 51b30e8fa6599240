"""What the prompt shows of every known mistake: short, whole, and within the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from explain.figures import snippets
from explain.harness import explained, result_of, run

from asyncrepl.views.explanation_lines import MAX_LINES, explanation_lines
from asyncrepl.views.styled_lines import plain

if TYPE_CHECKING:
    from explain.harness import Report


def failing() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [pair for pair in snippets() if result_of(pair[1]) in ("error", "none")]


def shown(report: Report, width: int) -> list[str]:
    if report.explanation is None:
        return []
    return [plain(line) for line in explanation_lines(report.explanation, report.sources, width)]


@pytest.mark.parametrize("pair", failing(), ids=lambda pair: str(pair[1]["id"]))
def test_at_most_four_lines_at_80_columns(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Why and what to write take four lines at most, and none is broken by the screen."""
    report = run(pair[1]["inputs"])
    lines = shown(report, 80)
    assert len(lines) <= MAX_LINES
    assert all(len(line) <= 80 for line in lines)
    assert all(len(line) <= 40 for line in shown(report, 40))


READINGS = "async def readings():\n    yield 1\n"
TIMEOUT = "try:\n    await asyncio.wait_for(asyncio.sleep(9), 0)\nexcept TimeoutError: pass\n"


@pytest.mark.parametrize(
    ("inputs", "wanted", "also"),
    [
        (
            ["async def load():\n    return [1]\n", "async for x in load(): pass\n"],
            "Or `load` was to `yield` what it returns.",
            "async-def-without-yield",
        ),
        (
            ["async def load():\n    print(1)\n", "async for x in load(): pass\n"],
            "Or it was to `return` the items, and to be awaited.",
            "async-for-over-coroutine",
        ),
        (
            [READINGS, "g = readings()\n", TIMEOUT, "await anext(g), await anext(g)\n"],
            "Or a timeout has cancelled an earlier step of it.",
            "timeout-ends-the-generator",
        ),
        (
            [
                "async def slow():\n    await asyncio.sleep(9)\n    yield 1\n",
                "g = slow()\n",
                TIMEOUT.replace("asyncio.sleep(9)", "anext(g)"),
                "await anext(g)\n",
            ],
            "Or it had run out of items before.",
            "exhausted-anext-raises",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_evidence_cannot_tell_apart_is_named_too(
    inputs: list[str], wanted: str, also: str
) -> None:
    """The likeliest cause comes first, the other one in a clause after it."""
    explanation = explained(*inputs)
    assert explanation is not None
    assert explanation.why.endswith(wanted)
    assert explanation.also is not None
    assert explanation.also.id == also


@pytest.mark.parametrize(
    "inputs",
    [
        ["async for x in asyncio.sleep(0): pass\n"],
        [READINGS, "g = readings()\n", "await anext(g), await anext(g)\n"],
        [READINGS, TIMEOUT, "await anext(aiter(readings())), await anext(readings().aclose())\n"],
    ],
)
def test_what_the_evidence_rules_out_is_not_named(inputs: list[str]) -> None:
    """No second cause where there was no timeout, or the function is not the user's."""
    explanation = explained(*inputs)
    assert explanation is None or explanation.also is None
