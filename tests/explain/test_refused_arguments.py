"""A call that takes no such arguments: its error says what is wrong, and nothing was forgotten."""

from __future__ import annotations

import pytest
from explain.silent import observed

DEFINED = [
    "async def fetch(): return 5\n",
    "async def ticks():\n    yield 1\n",
    "def pair(first, second): return None\n",
    "class Box:\n    def put(self): pass\n",
]


@pytest.mark.parametrize(
    "call",
    [
        "pair(fetch())",
        "pair(ticks())",
        "pair(first=fetch(), third=1)",
        "print(fetch(), end_=1)",
        "print(ticks(), end_=1)",
        "asyncio.wait_for(fetch())",
        "asyncio.create_task(fetch(), nmae='x')",
        "asyncio.timeout(1, more=fetch())",
        "await asyncio.wait([fetch()], time=3)",
        "Box().put(fetch(), 1)",
    ],
)
def test_the_error_is_not_explained_by_what_was_lost_with_it(call: str) -> None:
    """No `await` would mend it."""
    found, shown = observed([*DEFINED, call])
    assert "TypeError: " in shown
    assert found is None


@pytest.mark.parametrize("call", ["pair(fetch(), 1)", "print(fetch())", "print(ticks())"])
def test_what_is_handed_to_a_call_that_takes_it_is(call: str) -> None:
    """What is lost there is told as ever."""
    found, _ = observed([*DEFINED, call])
    assert found is not None
