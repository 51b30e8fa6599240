"""A few modules of CPython's own tests; `cpython_tests.py`, run by hand, takes more."""

from __future__ import annotations

import importlib.util

import pytest
from proof.cpython_tests import compare

if importlib.util.find_spec("test.test_asyncio") is None:
    pytest.skip("this Python has no package `test`", allow_module_level=True)


@pytest.mark.parametrize(
    "module", ["test.test_asyncgen", "test.test_coroutines", "test.test_asyncio.test_timeouts"]
)
def test_cpythons_tests_come_out_the_same(module: str) -> None:
    """Recorded, traced and compiled by us, each test ends as it does without."""
    comparison = compare(module)
    assert comparison.changed == []
    assert "passed" in comparison.plain.values()
    assert comparison.slices + comparison.walks > 50
