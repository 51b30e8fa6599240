"""The shape of the code: a name says where things are, a file holds one whole idea."""

from __future__ import annotations

from collections import Counter
from statistics import median

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


def test_a_file_can_be_read_in_one_go() -> None:
    """At most 450 lines; no function of more than 50, not counting what is said of it."""
    assert [str(path) for path in FILES if lines(path) > 450] == []
    long = {
        path: {node.name for node in functions(path) if body_length(node) > 50} for path in FILES
    }
    long = {path: names - LONG.get(path.name, set()) for path, names in long.items()}
    assert {path: names for path, names in long.items() if names} == {}


def test_names_are_the_fields_terms() -> None:
    """Nothing has a name of a private picture: no definition, parameter or variable."""
    found = {path: private_names(path) for path in FILES}
    assert {path: names for path, names in found.items() if names} == {}


#: The command is called so; Python's functions are.
WALKS = {" walk", "walk packages", "walk tb"}


def test_an_iteration_is_called_so() -> None:
    """And no walk: only the explanations say that, in plain words to who does not know the term."""
    others = [path for path in FILES if "explain" not in path.relative_to(ROOT).parts]
    names = {
        name: path for path in others for name in spaced_names(path) if "walk" in name.lower()
    }
    assert {name: names[name] for name in names.keys() - WALKS} == {}


def test_whole_ideas() -> None:
    """Files are cut where an idea ends: most are neither scraps nor heaps."""
    assert 130 <= median(map(lines, FILES)) <= 270  # 250 once there is less in all
