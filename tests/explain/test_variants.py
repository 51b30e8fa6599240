"""The mistakes of the catalogue are recognised in other shapes than those of the catalogue."""

from __future__ import annotations

from typing import Any

import pytest
from explain.figures import snippets
from explain.harness import result_of, run
from explain.judging import judged, kind_of
from explain.variants import variants

#: How many variants lie between that of one snippet and that of the next, one of each being tried;
#: `proof/variants_of_misuse.py` tries them all.
_APART = 83


def raising() -> list[Any]:
    """The snippets that raise, each with its entry and its number."""
    found = [each for each in snippets() if result_of(each[1]) == "error"]
    return [
        pytest.param(entry, snippet, number, id=snippet["id"])
        for number, (entry, snippet) in enumerate(found)
    ]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("entry", "snippet", "number"), raising())
def test_a_mistake_in_another_shape(
    entry: dict[str, Any], snippet: dict[str, Any], number: int
) -> None:
    """Renamed, wrapped, moved, subclassed or loaded, it has the same cause and a fix that runs."""
    every = list(variants(snippet["inputs"]))
    variant = every[number * _APART % len(every)]
    original = run(snippet["inputs"])
    found = judged(entry["id"], variant, kind_of(original), entry["step"])
    assert found is None or not found.wrong, found


def test_the_errors_of_a_group_are_explained() -> None:
    """Of several errors the first that is about async iteration."""
    report = run(
        [
            "async def readings():\n    yield 1\n",
            "async def wrong():\n    for x in readings(): pass\n",
            "async def other():\n    await asyncio.sleep(0)\n    len(5)\n",
            "async with asyncio.TaskGroup() as g:\n    [g.create_task(f()) for f in (other, wrong)]\n",
        ]
    )
    assert isinstance(report.error, ExceptionGroup)
    assert report.explanation is not None
    assert report.explanation.id == "for-over-async-generator"
