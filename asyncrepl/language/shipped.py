"""What asyncrepl ships in `demos/`: transcripts to replay, iterables to load.

Nothing here is imported or run: a title is read from the file's text. A
transcript's title is its `#: title` line, an iterable's the first line of its
docstring. A transcript's file may begin with a number and a hyphen, its place
in the list (`04-six-steps.pycon`); its name is without them, and both names
find it, as does its number in the list.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from asyncrepl.language.likeness import most_like

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Demo",
    "Iterable",
    "ShippedError",
    "demos",
    "demos_folder",
    "find_iterable",
    "find_transcript",
    "iterables",
    "next_demo",
]

_PLACE = re.compile(r"\d+-")
_TITLE = re.compile(r"^#: +title +(.*?)\s*$", re.MULTILINE)


class ShippedError(LookupError):
    """No such demo; the message is one line with the name and the nearest ones."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A shipped transcript."""

    name: str
    path: Path
    title: str


@dataclass(frozen=True, slots=True)
class Iterable:
    """A shipped module with an async iterable to load; `tries` is a line to type then."""

    name: str
    path: Path
    title: str
    tries: str


@cache
def demos_folder() -> Path:
    """Where the demos are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "demos"
    return installed if installed.is_dir() else package.parent / "demos"


def demos(folder: Path | None = None) -> list[Demo]:
    """The shipped transcripts, in the order in which to learn from them."""
    paths = sorted((folder or demos_folder()).glob("*.pycon"))
    return [Demo(_name(path), path, _transcript_title(path)) for path in paths]


def iterables(folder: Path | None = None) -> list[Iterable]:
    """The shipped modules to load, by name."""
    paths = sorted((folder or demos_folder()).glob("*.py"))
    return [_iterable(path) for path in paths if not path.name.startswith("_")]


def find_transcript(name_or_path: str, folder: Path | None = None) -> Path:
    """The path of the shipped transcript of this name, or of the file at this path.

    A shipped name goes before a file of that name in the current directory
    (write `./name` for that one). Raises ShippedError if there is neither.
    """
    shipped = demos(folder)
    for number, demo in enumerate(shipped, 1):
        if name_or_path in {demo.name, demo.path.stem, demo.path.name, str(number)}:
            return demo.path
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        raise ShippedError(f"{name_or_path} is a directory, not a transcript")
    if path.suffix or len(path.parts) > 1:
        raise ShippedError(f"no file {name_or_path}")
    raise ShippedError(_unknown("demo or file", name_or_path, [demo.name for demo in shipped]))


def next_demo(path: Path, folder: Path | None = None) -> Demo | None:
    """The demo after the shipped one at `path`; None after the last, and for any other file."""
    shipped = demos(folder)
    places = [demo.path.resolve() for demo in shipped]
    here = path.resolve()
    return dict(zip(places, shipped[1:], strict=False)).get(here)


def find_iterable(name: str, folder: Path | None = None) -> Iterable:
    """The shipped module called `name`, or of this number; raises ShippedError without one."""
    shipped = iterables(folder)
    for number, iterable in enumerate(shipped, 1):
        if name in {iterable.name, str(number)}:
            return iterable
    raise ShippedError(_unknown("demo iterable", name, [iterable.name for iterable in shipped]))


def _unknown(kind: str, name: str, known: Sequence[str]) -> str:
    if name.isdecimal():
        return f"no {kind} {name}: they go from 1 to {len(known)}"
    near = most_like(name, known)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(known) or 'none'}"
    return f"no {kind} {name!r}: {hint}"


def _name(path: Path) -> str:
    return _PLACE.sub("", path.stem, count=1) if _PLACE.match(path.stem) else path.stem


def _transcript_title(path: Path) -> str:
    match = _TITLE.search(path.read_text("utf-8-sig"))
    return match[1] if match else ""


def _iterable(path: Path) -> Iterable:
    tree = ast.parse(path.read_text("utf-8-sig"))
    title = (ast.get_docstring(tree) or "").partition("\n")[0].removesuffix(".")
    return Iterable(path.stem, path, title, _constant(tree, "TRY"))


def _constant(tree: ast.Module, name: str) -> str:
    """The string that the module assigns to `name`, or an empty one."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=ast.Constant(value=str(value))):
                if found == name:
                    return value
    return ""
