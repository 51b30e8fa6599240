"""A few modules of CPython's own tests; `cpython_tests.py`, which CI runs, takes more."""

from __future__ import annotations

import pytest
from proof.cpython_tests import NO_TESTS, Comparison, compare, exists

if not exists("test.test_asyncio"):
    pytest.skip(NO_TESTS, allow_module_level=True)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "module",
    [
        "test.test_asyncgen",
        "test.test_coroutines",
        "test.test_asyncio.test_futures2",
        "test.test_asyncio.test_staggered",
        "test.test_asyncio.test_waitfor",
    ],
)
def test_cpythons_tests_come_out_the_same(module: str) -> None:
    """Recorded, traced and compiled by us, each test ends as it does without."""
    if not exists(module):
        pytest.skip(f"this Python has no {module}")
    assert compare(module).complaints() == []


def test_what_was_not_observed_proves_nothing() -> None:
    """Equal outcomes alone do not do: something must have been seen."""
    outcomes = {f"test_{number}": "passed" for number in range(10)}
    assert Comparison("seen", outcomes, outcomes, slices=9, iterations=1).complaints() == []
    assert Comparison("blind", outcomes, outcomes, slices=1, iterations=0).complaints() == [
        "blind: nothing was observed"
    ]
