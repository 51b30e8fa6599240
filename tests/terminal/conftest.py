from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.pty import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def start() -> Iterator[Callable[..., Terminal]]:
    """Starts terminals; those still running at the end of the test are ended."""
    terminals: list[Terminal] = []

    def start(*args: Any, **kwargs: Any) -> Terminal:
        terminals.append(Terminal(*args, **kwargs))
        terminals[-1].wait_for_prompt()
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def terminal(start: Callable[..., Terminal]) -> Terminal:
    """A session at its first prompt, 80 columns and 24 rows."""
    return start()
