"""Imports point one way: a later package may use an earlier one, never the reverse."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import asyncrepl

ROOT = Path(asyncrepl.__file__).parent
#: In the order in which data travels. Each may import those before it.
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


def module_of(path: Path) -> str:
    """The dotted name of the module in `path`."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in FILES}


def room(path: Path) -> str:
    """The package, or the module beside the packages, that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_modules(text: str) -> set[str]:
    """The modules of ours that `text` imports: also in functions, and where only types need them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "our imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in MODULES else str(node.module) for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(MODULES)


@cache
def imports() -> dict[str, set[str]]:
    """What each module imports of ours."""
    return {
        name: imported_modules(path.read_text(encoding="utf-8")) - {name}
        for name, path in MODULES.items()
    }


def circle_in(imports: dict[str, set[str]]) -> list[str]:
    """A way along imports that ends where it begins; empty if there is none."""
    left = {name: set(others) & set(imports) for name, others in imports.items()}
    while free := [name for name, others in left.items() if not others]:
        left = {name: others - set(free) for name, others in left.items() if name not in free}
    if not left:
        return []
    way = [min(left)]  # each that is left imports another one that is left
    while way[-1] not in way[:-1]:
        way.append(min(left[way[-1]]))
    return way[way.index(way[-1]) :]


def test_no_files_import_each_other() -> None:
    """There is no circle, within a package or across, not even of types or in functions."""
    assert circle_in(imports()) == []


def test_a_circle_is_found() -> None:
    """Also a long one, that other files lead into and out of."""
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    found = circle_in({"a": {"b"}, "b": {"c", "e"}, "c": {"d"}, "d": {"b"}, "e": set()})
    assert found == ["b", "c", "d", "b"]
    text = "if TYPE_CHECKING:\n from asyncrepl.session import shell\ndef f():\n import asyncrepl.cli.main"
    assert imported_modules(text) == {"asyncrepl.session.shell", "asyncrepl.cli.main"}


@pytest.mark.parametrize("here", ORDER)
def test_imports_point_one_way(here: str) -> None:
    """No file imports a package that stands after its own."""
    allowed = LESS.get(here, set(ORDER[: ORDER.index(here)])) | {here, "__init__"}
    mine = [name for name, path in MODULES.items() if room(path) == here]
    wrong = [(name, other) for name in mine for other in imports()[name]
             if room(MODULES[other]) not in allowed]  # fmt: skip
    assert wrong == []


#: Who reports, narrates, guides and runs commands: each knows a protocol of its own.
LISTENERS = (
    "live_reporters", "leak_reporter", "mistake_reporter", "outcome_reporter",
    "debug_commands", "guide", "command_runner", "input_run",
)  # fmt: skip


@pytest.mark.parametrize("name", LISTENERS)
def test_a_listener_does_not_know_the_shell(name: str) -> None:
    """It imports the shell neither itself nor by way of another."""
    reached, new = set(), {f"asyncrepl.session.{name}"}
    while new:
        reached |= new
        new = {other for each in new for other in imports()[each]} - reached
    assert "asyncrepl.session.shell" not in reached


def test_only_the_terminal_knows_prompt_toolkit() -> None:
    """prompt_toolkit is imported by the terminal package alone."""
    others = {path: path.read_text(encoding="utf-8") for path in FILES if room(path) != "terminal"}
    imported = re.compile(r"^\s*(from|import) prompt_toolkit", re.MULTILINE)
    assert [str(path) for path, text in others.items() if imported.search(text)] == []
