"""What Python 3.15 unpacks in comprehensions is explained as elsewhere."""

from __future__ import annotations

import sys

import pytest
from explain.harness import run

pytestmark = pytest.mark.skipif(sys.version_info < (3, 15), reason="it came with Python 3.15")

DEFINED = [
    "async def get(): return [1]",
    "async def rows():\n    yield 1",
]


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("[*x for x in [get(), get()]]", "[*await x for x in [get(), get()]]"),
        ("[*x for x in [rows()]]", "[*[x_ async for x_ in x] for x in [rows()]]"),
        ("{**x for x in [get()]}", "{**x for x in [await get()]}"),
        ("list(*x for x in [rows()])", "list([*[x_ async for x_ in x] for x in [rows()]])"),
    ],
)
def test_an_unpacked_operand_is_put_right(text: str, fixed: str) -> None:
    """In a list, a dict, a generator expression."""
    explanation = run([*DEFINED, text]).explanation
    assert explanation is not None
    assert explanation.fix is not None
    assert explanation.fix.text == fixed
