"""What no test leaves behind for the next one."""

from __future__ import annotations

import linecache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_typed_lines() -> Iterator[None]:
    """The lines of typed inputs, which are numbered from 1 in each session."""
    yield
    for name in [name for name in linecache.cache if name.startswith("<")]:
        del linecache.cache[name]
