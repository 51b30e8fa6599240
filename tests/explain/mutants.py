"""Right programs in which one expression was put in the place of another, and fails."""

from __future__ import annotations

import ast
import asyncio
import random
import warnings
from typing import TYPE_CHECKING

from explain.harness import DATA, load

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["mutants", "right_programs"]

#: What is put in; most raise errors of types that rules look at.
_FAULTS = (
    "len(5)", "5()", "('a' + 1)", "[].nothing", "None[0]", "print(end=5)", "int([])",
    "asyncio.Lock().release()", "(1 / 0)", "no_such_name",
)  # fmt: skip
_NOT_VALUES = (ast.Starred, ast.Slice, ast.FormattedValue, ast.JoinedStr)


def right_programs() -> Iterator[list[str]]:
    """The corrected snippets of the catalogue, and the inputs of the demos."""
    for entry in load("misuse"):
        for snippet in entry["snippets"]:
            yield snippet["fix"]["inputs"]
    for path in sorted((DATA.parents[1] / "demos").glob("*.pycon")):
        yield _inputs(path.read_text("utf-8"))


def _inputs(text: str) -> list[str]:
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith(">>> ") and not line.startswith(">>> :"):
            found.append(line[4:] + "\n")
        elif line.startswith("... ") and found:
            found[-1] += line[4:] + "\n"
    return found


def mutants(program: list[str], count: int) -> Iterator[tuple[list[str], str]]:
    """`count` programs made of one, always the same, and the message of the error in each."""
    places = [(n, at) for n, text in enumerate(program) for at in range(_size(text))]
    chance = random.Random(len("".join(program)))
    for number, at in chance.sample(places, min(count, len(places))):
        fault = chance.choice(_FAULTS)
        text = _with(program[number], at, fault)
        yield [*program[:number], text, *program[number + 1 :]], _message(fault)


def _message(fault: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            eval(fault, {"asyncio": asyncio})
    except Exception as error:
        return str(error)
    raise AssertionError(fault)


def _size(text: str) -> int:
    return len(_values(ast.parse(text)))


def _values(tree: ast.AST) -> list[tuple[ast.AST, str, int | None]]:
    """The places of expressions that are evaluated: node, field, index."""
    found: list[tuple[ast.AST, str, int | None]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr | ast.pattern):
            continue
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "func"):
                continue
            for index, each in enumerate(value if isinstance(value, list) else [value]):
                loaded = isinstance(getattr(each, "ctx", ast.Load()), ast.Load)
                if isinstance(each, ast.expr) and loaded and not isinstance(each, _NOT_VALUES):
                    found.append((node, name, index if isinstance(value, list) else None))
    return found


def _with(text: str, at: int, fault: str) -> str:
    tree = ast.parse(text)
    node, name, index = _values(tree)[at]
    new = ast.parse(fault, mode="eval").body
    if index is None:
        setattr(node, name, new)
    else:
        getattr(node, name)[index] = new
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"
