"""The mistakes of the catalogue are recognised in other shapes than those of the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from explain.figures import snippets
from explain.harness import result_of, run
from explain.judging import judged, kind_of
from explain.variants import variants

if TYPE_CHECKING:
    from explain.variants import Variant

#: How many variants lie between one that is tried and the next; `proof/variants_of_misuse.py`
#: tries them all.
_APART = 83


def sample() -> list[tuple[dict[str, Any], dict[str, Any], Variant]]:
    """Some variants of each snippet that raises, others of the next."""
    found, number = [], 0
    for entry, snippet in snippets():
        if result_of(snippet) != "error":
            continue
        for variant in variants(snippet["inputs"]):
            number += 1
            if number % _APART == 0:
                found.append((entry, snippet, variant))
    return found


def names(given: object) -> str:
    return getattr(given, "name", None) or str(given["id"])  # type: ignore[index]  # a dict


@pytest.mark.parametrize(("entry", "snippet", "variant"), sample(), ids=names)
def test_a_mistake_in_another_shape(
    entry: dict[str, Any], snippet: dict[str, Any], variant: Variant
) -> None:
    """Renamed, wrapped, moved, subclassed or loaded, it has the same cause and a fix that runs."""
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
