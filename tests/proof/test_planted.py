"""Planted mistakes in short: that the truth is known, and that a small sample is put right."""

from __future__ import annotations

import pytest
from proof.planted import judged, planted, sample

pytestmark = pytest.mark.filterwarnings("ignore")

#: What is told, and put right, of the sample below, in percent: of a dozen one more or less tells nothing.
TOLD, FIXED = 80, 70
_PROGRAM = (
    "import asyncio\nasync def work():\n    return 1\n"
    "async def main():\n    print(await work())\nasyncio.run(main())\n"
)


def test_one_word_is_changed() -> None:
    """What is planted, and where, is known before anything is asked."""
    found = {(each.kind, each.wrong) for each in planted(_PROGRAM)}
    assert ("no await", _PROGRAM.replace("await work", "work")) in found
    assert ("no async def", _PROGRAM.replace("async def work", "def work")) in found
    assert ("not called", _PROGRAM.replace("main())\n", "main)\n")) in found
    assert all(each.right == _PROGRAM for each in planted(_PROGRAM))


@pytest.mark.slow
def test_a_sample_is_put_right_as_well_as_ever() -> None:
    """Programs that nobody has written for the mistake that is planted in them."""
    counted = [each for each in map(judged, sample("short", 12)) if each.told is not None]
    told, fixed = sum(bool(each.told) for each in counted), sum(each.fixed for each in counted)
    print(f"told {told}, put right {fixed} of {len(counted)}")  # shown if it is less
    assert 100 * told >= TOLD * len(counted)
    assert 100 * fixed >= FIXED * len(counted)
