"""Nothing at random takes the prompt away, tears a line, or ends what runs behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.prompt_fuzzer import Fuzzer, FuzzError, fuzz

if TYPE_CHECKING:
    from support.pty import Terminal


@pytest.mark.parametrize("count", [20, pytest.param(60, marks=pytest.mark.slow)])
def test_random_statements_with_ctrl_c_keys_and_sizes(count: int) -> None:
    """After each the prompt is back, each row whole, and the tickers count; then all is restored."""
    done = fuzz(seed=11, statements=count)
    assert done["statements"] == count
    assert done["Ctrl-C"] > count // 4
    assert done["resizes"] > count // 12


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ('print("¦1:0 ===")', "a torn row"),
        ("flood(1, 2); turns[1] = 1; flood(1, 1)", "row 1 of statement 1 where 2 is due"),
    ],
)
def test_the_fuzzer_sees_what_is_wrong(terminal: Terminal, printed: str, told: str) -> None:
    """A torn row, and one that stands twice: it says which seed it was."""
    fuzzer = Fuzzer(terminal, seed=1)
    fuzzer.begin()
    terminal.enter(printed)
    with pytest.raises(FuzzError, match=f"(?s){told}.*seed 1"):
        fuzzer.run(0)
