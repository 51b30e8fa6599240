"""The shape of the code: a name says where things are, a file holds one whole idea."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

import pytest
from support.structure import (
    FILES,
    ROOT,
    body_length,
    functions,
    lines,
    private_names,
    spaced_names,
    stem,
)

if TYPE_CHECKING:
    from pathlib import Path

#: A call in it would cost more than the note that it makes: see the file.
LONG = {"observed_iteration.py": {"_run_ready"}}


def test_no_file_name_occurs_twice() -> None:
    """So that a name says one place."""
    count = Counter(path.name for path in FILES)
    assert [name for name, times in count.items() if times > 1] == []


def test_no_two_names_differ_only_by_an_ending() -> None:
    """`clock` and `clocks` would be told apart by nobody."""
    count = Counter(stem(path.stem) for path in FILES)
    assert [name for name, times in count.items() if times > 1] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_can_be_read_in_one_go(path: Path) -> None:
    """At most 450 lines; no function of more than 50, not counting what is said of it."""
    assert lines(path) <= 450
    long = {node.name for node in functions(path) if body_length(node) > 50}
    assert long <= LONG.get(path.name, set())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_are_the_fields_terms(path: Path) -> None:
    """Nothing has a name of a private picture: no definition, parameter or variable."""
    assert private_names(path) == set()


#: The command is called so; Python's functions are.
WALKS = {" walk", "walk packages", "walk tb"}


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if "explain" not in path.relative_to(ROOT).parts],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_an_iteration_is_called_so(path: Path) -> None:
    """And no walk, as it once was; the explanations have that word still."""
    assert {name for name in spaced_names(path) if "walk" in name.lower()} - WALKS == set()


def test_whole_ideas() -> None:
    """Files are cut where an idea ends: most are neither scraps nor heaps."""
    assert 130 <= median(map(lines, FILES)) <= 270  # 250 once there is less in all
