"""The demos that asyncrepl ships: transcripts to replay, iterables to load; the closest match.

Nothing here is imported or run: a title is read from the file's text. A transcript's title is its
`#: title` line, an iterable's the first line of its docstring. A transcript's file may begin with
a number and a hyphen, its place in the list (`04-six-steps.pycon`); its name is without them, and
both names find it, as does its number in the list.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.runtime.configuration import closest_match

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBER_PREFIX = re.compile(r"^\d+-")
_TITLE = re.compile(r"^#: +title +(.*?)\s*$", re.MULTILINE)


class DemoNotFoundError(LookupError):
    """No such demo; the message is one line with the name and the nearest ones."""


class Demo(NamedTuple):
    """A shipped transcript, or a module with an iterable; `tries` is a line to type then."""

    name: str
    path: Path
    title: str
    tries: str = ""


@cache
def demos_folder() -> Path:
    """Where the demos are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "demos"
    return installed if installed.is_dir() else package.parent / "demos"


def demo_transcripts(folder: Path | None = None) -> list[Demo]:
    """The shipped transcripts, in the order in which to learn from them."""
    demos = []
    for path in sorted((folder or demos_folder()).glob("*.pycon")):
        title = _TITLE.search(path.read_text("utf-8-sig"))
        demos.append(Demo(_NUMBER_PREFIX.sub("", path.stem), path, title[1] if title else ""))
    return demos


def demo_iterables(folder: Path | None = None) -> list[Demo]:
    """The shipped modules to load, by name."""
    paths = sorted((folder or demos_folder()).glob("*.py"))
    return [_iterable(path) for path in paths if not path.name.startswith("_")]


def is_shipped_source(name: str) -> bool:
    """Whether ``:load`` knows a source called `name`; its file is not read."""
    path = demos_folder() / f"{name}.py"
    return name.isidentifier() and not name.startswith("_") and path.is_file()


def find_transcript(name_or_path: str, folder: Path | None = None) -> Path:
    """The path of the shipped transcript of this name, or of the file at this path.

    A shipped `name_or_path` goes before a file of that name in the current directory
    (write `./name` for that one). `folder` holds the demos, if not `demos_folder`. Raises
    DemoNotFoundError, with a line for the user, if there is neither.
    """
    shipped = demo_transcripts(folder)
    for number, demo in enumerate(shipped, 1):
        numbers = {str(number), f"{number:02}"}  # as one counts, and as the files are called
        if name_or_path in {demo.name, demo.path.stem, demo.path.name, *numbers}:
            return demo.path
    path = home_expanded(name_or_path)
    try:
        if path.is_file():
            return path
        if path.is_dir():
            raise DemoNotFoundError(f"{name_or_path} is a directory, not a transcript")
    except OSError as error:  # a name that is too long, a folder that is not to be read
        raise DemoNotFoundError(f"cannot read {name_or_path}: {error.strerror}") from None
    if path.suffix or len(path.parts) > 1:
        raise DemoNotFoundError(f"no file {name_or_path}")
    raise DemoNotFoundError(
        _unknown_message("demo or file", name_or_path, [demo.name for demo in shipped])
    )


def home_expanded(path: str) -> Path:
    """`path` with ``~`` as the home directory; as it is, where nobody of that name has one."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def next_demo(path: Path) -> Demo | None:
    """The demo after the one at `path`; None after the last, and for any other file."""
    shipped = demo_transcripts()
    places = [demo.path.resolve() for demo in shipped]
    return dict(zip(places, shipped[1:], strict=False)).get(path.resolve())


def find_iterable(name: str, folder: Path | None = None) -> Demo:
    """The module in `folder` (`demos_folder` if not given) called `name`, or of this number.

    Raises DemoNotFoundError, with a line for the user, without one.
    """
    shipped = demo_iterables(folder)
    for number, iterable in enumerate(shipped, 1):
        if name in {iterable.name, str(number)}:
            return iterable
    raise DemoNotFoundError(
        _unknown_message("source", name, [iterable.name for iterable in shipped])
    )


#: More than so many names are no line.
_MANY = 8
_LISTED_BY = {"demo or file": ":demos (or asyncrepl demos)", "source": ":load"}


def _unknown_message(kind: str, name: str, known: Sequence[str]) -> str:
    if name.isdecimal():
        return f"no {kind} {name}: they go from 1 to {len(known)}"
    if near := closest_match(name, known):
        return f"no {kind} {name!r}: did you mean {near}?"
    if len(known) > _MANY:
        return f"no {kind} {name!r}; {_LISTED_BY[kind]} lists them"
    return f"no {kind} {name!r}: there are {', '.join(known) or 'none'}"


def _iterable(path: Path) -> Demo:
    tree = ast.parse(path.read_text("utf-8-sig"))
    title, tries = (ast.get_docstring(tree) or "").partition("\n")[0].removesuffix("."), ""
    for node in tree.body:
        match node:
            case ast.Assign([ast.Name("TRY")], ast.Constant(str(value))):
                tries = value
    return Demo(path.stem, path, title, tries)
