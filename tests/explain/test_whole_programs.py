"""Programs as they are run: of each it is told what is wrong with it, or nothing where it is right.

``programs.txt`` has them, each below the id of what is to be told, or a word for several ids.
"""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING, Any

import pytest
from explain.harness import DATA
from explain.test_programs import diagnosed

if TYPE_CHECKING:
    from collections.abc import Iterator

SEVERAL = {
    "silent": {None},
    "coroutine": {
        "coroutine-never-awaited-in-body", "coroutine-truth-value", "yields-coroutines",
        "coroutine-function-as-callback", "async-callback-for-sync-function",
    },
    "generator": {"async-generator-never-iterated", "async-generator-truth-value"},
}  # fmt: skip


@pytest.fixture(autouse=True)
def time_limit() -> Iterator[None]:
    """End what waits for ever."""

    def too_long(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def programs() -> list[Any]:
    text = (DATA / "programs.txt").read_text("utf-8")
    parts = [part.partition("\n") for part in re.split(r"^== ", text, flags=re.MULTILINE)[1:]]
    return [
        pytest.param(wanted, program, id=f"{number}-{wanted}")
        for number, (wanted, _, program) in enumerate(parts)
    ]


@pytest.mark.parametrize(("wanted", "program"), programs())
def test_a_program_is_told_what_is_wrong_with_it(wanted: str, program: str) -> None:
    """And a right one nothing."""
    found = diagnosed(program).explanation
    assert (found.id if found is not None else None) in SEVERAL.get(wanted, {wanted}), found


PICKS = """\
import asyncio

async def rows():
    yield 1

def pick(item):
    if item is None:
{again}
    return item

async def main():
    print(sum(pick(rows())))

asyncio.run(main())
"""


def test_expressions_are_followed_once() -> None:
    """In a large program a common name comes of itself on millions of ways."""
    text = PICKS.format(again="        item = pick(item)\n" * 20)
    found = diagnosed(text).explanation
    assert found is not None
    assert "`pick(rows())` is an async generator" in found.why
