"""What the tests of the explanations share."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the warnings that mistakes provoke out of the summary of the run."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session", autouse=True)
def small_heap() -> Iterator[None]:
    """Keep what is loaded out of the collector's sight: the tests collect after each snippet."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
