"""Names that do not fit, told apart."""

from __future__ import annotations

import pytest

from asyncrepl.views.styled_lines import cell_width, shortened


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["tick", "worker"], ["tick", "worker"]),
        (["the-worker-17", "the-worker-18"], ["…worker-17", "…worker-18"]),
        (["the-worker-17"], ["…worker-17"]),
        (["download-of-pages"], ["download-…"]),
        (["the-worker-left", "the-worker-right"], ["…rker-left", "…ker-right"]),
        (["left-is-working", "right-is-working"], ["left-is-w…", "right-is-…"]),
        (["日本語の仕事の名前", "tick"], ["日本語の…", "tick"]),
    ],
)
def test_a_long_name_keeps_what_tells_it_apart(names: list[str], shown: list[str]) -> None:
    """The beginning, unless others begin alike; and a number at the end in any case."""
    assert shortened(names, [10] * len(names)) == shown
    assert all(cell_width(name) <= 10 for name in shown)
