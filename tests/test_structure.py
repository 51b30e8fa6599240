"""The shape of the code: a name says where things are, a file holds one whole idea."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from statistics import median

import pytest

import asyncrepl

ROOT = Path(asyncrepl.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if path.name != "__init__.py")
#: A call in it would cost more than the note that it makes: see the file.
LONG = {"observed_iteration.py": {"_run_ready"}}
#: The words that were private to this code, and what is said instead: see docs/glossary.md.
PRIVATE = re.compile(
    r"(?<![a-z])(hogs?|culprits?|sightings?|suspects?|lives|typist|hush|aloud|crossing|"
    r"lender|lending|remarking|noticing|thinning|audience_of)(?![a-z])",
    re.IGNORECASE,
)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body, without the docstring."""
    first = function.body[ast.get_docstring(function) is not None :]
    return function.body[-1].end_lineno - first[0].lineno + 1 if first else 0


def stem(name: str) -> str:
    """What is left of a file's name without its ending: `clock`, `clocks`, `clocking`."""
    return re.sub(r"(ing|er|ed|s)$", "", name)


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
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 450
    functions = [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = {node.name for node in functions if length(node) > 50}
    assert long <= LONG.get(path.name, set())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_are_the_fields_terms(path: Path) -> None:
    """Nothing that is defined has a name of a private picture."""
    names = {path.stem}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(re.sub(r"([a-z])([A-Z])", r"\1_\2", node.name).replace("_", " "))
    assert [name for name in sorted(names) if PRIVATE.search(name)] == []


def test_whole_ideas() -> None:
    """Files are cut where an idea ends: most are neither scraps nor heaps."""
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in FILES]
    assert 130 <= median(lengths) <= 250
