"""The shape of the code in figures: ``PYTHONPATH=tests python tests/support/structure.py``.

Prints a table with what is aimed at. `tests/test_structure.py`, `test_architecture.py`,
`test_imports.py` and `test_registration.py` hold what must not get worse.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections import Counter
from functools import cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import asyncrepl

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "FILES",
    "PRIVATE",
    "ROOT",
    "any_for_ours",
    "body_length",
    "functions",
    "lines",
    "private_names",
    "spaced_names",
    "stem",
    "undescribed",
]

ROOT = Path(asyncrepl.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if path.name != "__init__.py")
#: The words that were private to this code, and what is said instead: see docs/glossary.md.
PRIVATE = re.compile(
    r"(?<![a-z])(hogs?|culprits?|sightings?|suspects?|lives|typist|hush|aloud|crossing|"
    r"lender|lending|remarking|noticing|thinning|audience_of)(?![a-z])",
    re.IGNORECASE,
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def lines(path: Path) -> int:
    """How many lines a file has."""
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(path: Path) -> Iterator[Function]:
    """All functions in a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_length(function: Function) -> int:
    """Lines of the body, without the docstring."""
    first = function.body[ast.get_docstring(function) is not None :]
    return (function.body[-1].end_lineno or 0) - first[0].lineno + 1 if first else 0


def stem(name: str) -> str:
    """What is left of a file's name without its ending: `clock`, `clocks`, `clocking`."""
    return re.sub(r"(ing|er|ed|s)$", "", name)


def _repeated(names: Iterator[str]) -> int:
    return sum(times > 1 for times in Counter(names).values())


@cache
def spaced_names(path: Path) -> set[str]:
    """The names of definitions, parameters, variables and the file itself, as words."""
    names = {path.stem}
    for node in ast.walk(tree(path)):
        names |= {str(getattr(node, field, "")) for field in ("name", "arg", "id")}
    return {re.sub(r"([a-z])([A-Z])", r"\1_\2", name).replace("_", " ") for name in names}


def private_names(path: Path) -> set[str]:
    """Definitions, parameters and variables of a file with a name of a private picture."""
    return {name for name in spaced_names(path) if PRIVATE.search(name)}


def _public(path: Path) -> Iterator[Function]:
    """The functions that other files may call."""
    for node in tree(path).body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        if not getattr(node, "name", "_").startswith("_"):
            for each in members:
                if isinstance(each, Function) and not each.name.startswith("_"):
                    yield each


def undescribed(path: Path) -> tuple[list[str], list[str]]:
    """Public functions of a file with two or more parameters, and those that name none of them.

    What a base class has described already is not said again; nor what each repair gets, which
    is said of their type, `repair_choice.Repair`.
    """
    wide = [each for each in _public(path) if len(_parameters(each)) > 1]
    wide = [each for each in wide if _parameters(each)[:2] != ["fixing", "case"]]
    silent = [
        each.name
        for each in wide
        if (text := ast.get_docstring(each))
        and not any(f"`{name}`" in text for name in _parameters(each))
    ]
    return [each.name for each in wide], silent


def _undescribed() -> tuple[int, int]:
    found = [undescribed(path) for path in FILES]
    return sum(len(wide) for wide, _ in found), sum(len(silent) for _, silent in found)


def _parameters(function: Function) -> list[str]:
    every = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return [each.arg for each in every if each.arg not in ("self", "cls") and each.arg[0] != "_"]


def _docstrings() -> tuple[int, int]:
    """All docstrings, and those of more than one line."""
    every = [
        text
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Module | ast.ClassDef | Function)
        and (text := ast.get_docstring(node))
    ]
    return len(every), sum("\n" in text for text in every)


def _comments() -> int:
    found = 0
    for path in FILES:
        with path.open("rb") as file:
            found += sum(
                each.type == tokenize.COMMENT for each in tokenize.tokenize(file.readline)
            )
    return found


def _importers() -> Counter[str]:
    """By how many other files each is imported."""
    names = {".".join(path.relative_to(ROOT.parent).with_suffix("").parts): path for path in FILES}
    count: Counter[str] = Counter()
    for path in FILES:
        found = set()
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom):
                found |= {str(node.module), *(f"{node.module}.{a.name}" for a in node.names)}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
        count.update(found & set(names))
    return count


def _holders_of_shell() -> int:
    """Classes of `session/` that keep a whole `Shell`: a parameter of that type in their making."""
    return sum(
        isinstance(node, ast.arg)
        and ast.unparse(node.annotation or ast.Constant(0)) == "Shell"
        and path.name != "shell.py"
        for path in (ROOT / "session").glob("*.py")
        for function in functions(path)
        if function.name == "__init__"
        for node in ast.walk(function.args)
    )


def any_for_ours(path: Path) -> list[str]:
    """Names of types of a file that stand for `Any`."""
    return [
        ast.unparse(node.targets[0])
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == "Any"
    ]


def figures() -> Iterator[tuple[str, str, object, str]]:
    """Rows of the table: the aim's number, what is measured, today's figure, and the aim."""
    lengths = sorted(map(lines, FILES))
    bodies = [body_length(each) for path in FILES for each in functions(path)]
    importers, (wide, silent), (said, long) = _importers(), _undescribed(), _docstrings()
    yield "1", "file names that occur twice", _repeated(path.name for path in FILES), "0"
    yield "1", "that differ by an ending", _repeated(stem(path.stem) for path in FILES), "0"
    yield "1", "names of a private picture", sum(len(private_names(path)) for path in FILES), "0"
    yield "2", "files", len(FILES), "150 to 180"
    yield "2", "lines of the median file", median(lengths), "130 to 250"
    yield "2", "lines of the longest file", lengths[-1], "450"
    yield "2", "imported by exactly one other", list(importers.values()).count(1), "few"
    yield "2", "of these, under 90 lines", _small_and_lonely(importers), "0"
    yield "2", "lines of all", sum(lengths), "28 000"
    yield "2", "lines of the median function", median(bodies), "6 to 8"
    yield (
        "2",
        "functions over 50 lines",
        sum(length > 50 for length in bodies),
        "0 (1 with reason)",
    )
    yield "3", "circles of imports", "tests/test_imports.py", "0"
    yield "4", "files for a command, rule, format", "tests/test_registration.py", "1 each"
    yield "5", "findings and events kept in", "the timeline", "the timeline"
    yield "6", "classes of session/ with a Shell", _holders_of_shell(), "0"
    yield "6", "types that stand for Any", sum(len(any_for_ours(path)) for path in FILES), "0"
    yield (
        "7",
        "decisions",
        len(list((Path(__file__).parents[2] / "docs" / "decisions").glob("[0-9]*.md"))),
        "all",
    )
    yield "–", f"of {wide} wide functions, silent", silent, "few"
    yield "–", "docstrings of several lines", f"{100 * long // said} %", "46 to 83 %"
    yield "–", "comments in 100 lines", f"{100 * _comments() / sum(lengths):.1f}", "4 to 16"


def _small_and_lonely(importers: Counter[str]) -> int:
    return sum(
        count == 1 and lines(ROOT.parent / Path(*name.split(".")).with_suffix(".py")) < 90
        for name, count in importers.items()
    )


if __name__ == "__main__":
    print("aim | what | today | aimed at\n----|------|-------|---------")
    for row in figures():
        print(" | ".join(map(str, row)))
