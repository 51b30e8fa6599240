"""Imports point one way: a later package may use an earlier one, never the reverse."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import asyncrepl

ROOT = Path(asyncrepl.__file__).parent
#: In walking order. Each may import those before it.
ORDER = (
    "runtime", "events", "syntax", "instrument", "engine", "explain", "views", "session", "commands", "transcript", "export", "terminal",
    "cli", "__main__",
)  # fmt: skip
#: What may not import all that stands before it.
LESS = {
    "runtime": set(),
    "events": set(),
    "syntax": {"events", "runtime"},
    "instrument": {"events", "syntax"},
    "explain": {"events", "syntax", "instrument", "runtime"},
}
FILES = sorted(ROOT.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The rooms that the file imports, also inside its functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            if node.module == "asyncrepl":
                names = [f"asyncrepl.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("asyncrepl.")}
    return found & set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    """No file imports a package that stands after its own."""
    here = room(path)
    if here == "__init__":
        return
    allowed = LESS.get(here, set(ORDER[: ORDER.index(here)])) | {here}
    assert imported(path) <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_terminal_knows_prompt_toolkit(path: Path) -> None:
    """prompt_toolkit is imported by the terminal package alone."""
    if room(path) != "terminal":
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(from|import) prompt_toolkit", text, re.MULTILINE)
