"""A loop that takes its steps by hand ends where the items end, once it is corrected."""

from __future__ import annotations

import pytest
from explain.harness import corrected, run

TICKS = "async def ticks():\n    yield 1\n    yield 2\n"
COUNTER = """\
class Counter:
    n = 0
    def __aiter__(self): return self
    async def __anext__(self):
        self.n += 1
        if self.n > 2: raise StopAsyncIteration
        return self.n
"""


@pytest.mark.parametrize(
    ("body", "fixed"),
    [
        (
            "while True:\n    x = await it.__anext__()\n    print(x)",
            "async for x in it:\n    print(x)",
        ),
        (
            "while 1:\n    a = await anext(it)\n\n    print(a)  # here\n    print('ok')",
            "async for a in it:\n\n    print(a)  # here\n    print('ok')",
        ),
        # It is asked again, or does more: no `async for` can be written for it.
        ("while True:\n    x = await anext(it); print(x)", None),
        ("while True:\n    x = await anext(it)\n    print(x, it is None)", None),
        ("while True:\n    print(await anext(it))", None),
        ("for i in range(9):\n    x = await anext(it)\n    print(i, x)", None),
        ("import asyncio\nwhile True:\n    print(await asyncio.wait_for(anext(it), 1))", None),
        ("while True:\n    step = anext(it)\n    print(await step)", None),
        (
            "async def take():\n    return await anext(it)\nwhile True:\n    print(await take())",
            None,
        ),
        ("it = Counter()\nwhile True:\n    x = await it.__anext__()\n    print(x)", None),
    ],
)
def test_it_ends_with_the_items(body: str, fixed: str | None) -> None:
    """No default goes round for ever; ``async for`` is offered where it says the same."""
    inputs = [TICKS, COUNTER, "it = ticks()", body]
    found = run(inputs)
    assert found.explanation is not None
    assert found.explanation.id == "exhausted-anext-raises"
    texts = corrected(inputs, found.explanation)
    if fixed is not None:
        assert texts[-1].rstrip() == fixed
    again = run(texts)
    assert again.error is None
    assert again.printed == found.printed


def test_outside_of_a_loop_there_is_a_default() -> None:
    """One step too many, once."""
    found = run([TICKS, "it = ticks()", *["print(await anext(it))"] * 3]).explanation
    assert found is not None
    assert found.fix is not None
    assert "anext(it, None)" in next(iter(found.fix.texts.values()))
