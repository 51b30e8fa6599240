"""Fixtures for everything that is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.shells import Typed, typed_shell

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def type_in() -> Iterator[Typed]:
    with typed_shell() as typed:
        yield typed
