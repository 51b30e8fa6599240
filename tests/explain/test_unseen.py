"""The same mistakes in code that is not in the catalogue."""

from __future__ import annotations

import pytest
from explain.harness import DATA, corrected, explained, run

READINGS = "async def readings(n=3):\n    for i in range(n):\n        yield i\n"


def mistakes(name: str = "unseen") -> list[tuple[str, list[str]]]:
    """The entries of a file: ``== id``, then inputs parted by lines of ``--``."""
    text = (DATA / f"{name}.txt").read_text("utf-8")
    entries = [entry.partition("\n") for entry in ("\n" + text).split("\n== ")[1:]]
    return [(head, f"{body}\n".split("--\n")) for head, _, body in entries]


@pytest.mark.parametrize(("wanted", "inputs"), mistakes())
def test_other_names_and_shapes_are_recognised_and_put_right(
    wanted: str, inputs: list[str]
) -> None:
    """The evidence is the objects and the tree, not the snippet."""
    inputs = [READINGS, *inputs]
    explanation = explained(*inputs)
    assert explanation is not None
    assert explanation.id == wanted
    assert explanation.fix is not None
    assert run(corrected(inputs, explanation)).error is None


def test_two_mistakes_of_one_text_are_both_put_right() -> None:
    """A correction that leaves another SyntaxError behind is no correction."""
    text = "def f():\n    await asyncio.sleep(0)\n\ndef g(xs):\n    return [x async for x in xs]\n"
    explanation = explained(text)
    assert explanation is not None
    assert explanation.fix is not None
    assert explanation.fix.text.count("async def") == 2


def test_the_explanation_speaks_of_the_users_own_code() -> None:
    """The reason quotes what was written; the story has the six steps and the broken one."""
    explanation = explained(READINGS, "for r in readings(3): print(r)\n")
    assert explanation is not None
    assert explanation.why.startswith("`readings(3)` is an async generator")
    assert explanation.step == 1
    assert "→ 1. type(iterable).__aiter__(iterable)" in explanation.story


def test_where_nothing_is_iterated_over_the_story_has_no_steps() -> None:
    """What `async for` does says nothing about a coroutine that was added to a number."""
    explanation = explained("async def fetch(): return 1\n", "fetch() + 1\n")
    assert explanation is not None
    assert "await" in explanation.story
    assert "__aiter__" not in explanation.story
