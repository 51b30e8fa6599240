"""The ways that docs/architecture.md describes are those that the code takes, file by file."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.shells import typed_shell
from support.structure import FILES, any_for_ours, undescribed

import asyncrepl
from asyncrepl.transcript.transcript_check import check_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

ROOT = Path(asyncrepl.__file__).parent
PAGE = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
#: What is seen with a terminal only; what has done its work when it was imported, or code compiled.
ELSEWHERE = (
    "terminal/",
    "events/iteration_events.py",
    "instrument/doubled_loops.py",
)
WAYS = {"a typed line", "an event", "an error", "a `:command`", "a transcript line"}


def described(way: str) -> list[str]:
    """The files that stand in the numbered steps of `way`, in their order."""
    section = PAGE.partition(f"## The way of {way}\n")[2].partition("\n## ")[0]
    steps = re.findall(r"(?m)^\d+\. .*(?:\n   .*)*", section)
    return [file for step in steps for file in re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", step)]


def entered(work: Callable[[], object]) -> list[str]:
    """The files whose functions are called by `work`, in the order in which they are entered."""
    files: dict[str, None] = {}

    def note(frame: FrameType, event: str, _argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT):
            files.setdefault(str(path.relative_to(ROOT)))

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return list(files)


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_way_is_short_and_its_files_are_there(way: str) -> None:
    """Whoever follows it opens twelve files at the most."""
    files = described(way)
    assert 0 < len(set(files)) <= 12
    assert [file for file in files if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize(
    ("way", "typed"),
    [
        ("a typed line", "sum([1, 2])"),
        ("an event", ":trace async for x in ticks(): pass"),
        ("an error", "for x in ticks(): pass"),
        ("a `:command`", ":tasks"),
    ],
)
def test_the_files_of_a_way_are_entered(way: str, typed: str) -> None:
    """Each file of the page has a part in it."""
    with typed_shell() as type_in:
        type_in("async def ticks():\n    yield 1\n")
        files = entered(lambda: type_in(typed))
    wanted = [file for file in described(way) if not file.startswith(ELSEWHERE)]
    assert [file for file in wanted if file not in files] == []


def test_the_files_of_a_transcript_are_entered(tmp_path: Path) -> None:
    """Also those of the shell that its lines are typed into."""
    path = tmp_path / "sum.pycon"
    path.write_text(">>> 1 + 1\n2\n", encoding="utf-8")
    files = entered(lambda: check_file(path))
    assert [file for file in described("a transcript line") if file not in files] == []


#: So many files there were at the last look; there may only be less.
MOST_FILES = 253


def test_what_a_parameter_is_stands_with_the_function() -> None:
    """A public function with two or more of them names one at least."""
    silent = {str(path.relative_to(ROOT)): undescribed(path)[1] for path in FILES}
    assert {name: names for name, names in silent.items() if names} == {}


def test_no_name_stands_for_any() -> None:
    """What is needed of a type whose module imports this one is said by a protocol."""
    assert [str(path) for path in FILES if any_for_ours(path)] == []


def test_there_are_not_more_files() -> None:
    """Each that is added is an idea of its own, or takes the place of another."""
    assert len(FILES) <= MOST_FILES
