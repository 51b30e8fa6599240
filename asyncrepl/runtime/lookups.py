"""Finding by name: paths that begin with what is typed, the known word most like it, modules.

For paths only folders are read, in the order the system gives; nothing is opened. For any
thread: a folder of another machine may take its time, and so nobody who draws calls that.

`module_names` is how what registers itself is found. A command, an export format or a rule is
added by adding a file; no list names it. What is in a package is asked of the import system, so
that it is found in a zip file, too.
"""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["closest_match", "module_names", "paths_beginning_with"]


#: Entries of a folder that are looked at, and those that are given.
_MAX_READ, _MAX_GIVEN = 20_000, 500


def paths_beginning_with(typed: str, suffixes: tuple[str, ...] = ()) -> dict[str, str]:
    """Path → "folder" or "file", for each that begins with `typed`; a folder ends with a slash.

    `typed` may begin with ``~``. With `suffixes`, of files only those that end with one.
    Hidden ones are given where their dot is typed. What cannot be read has nothing in it.
    """
    head, slash, start = typed.rpartition("/")
    folder = os.path.expanduser(head + slash)  # noqa: PTH111 - a path may be empty here
    found: list[tuple[bool, str]] = []
    # ValueError: a NUL in it
    with suppress(OSError, ValueError), os.scandir(folder or ".") as entries:
        for entry in islice(entries, _MAX_READ):
            if _is_meant(entry.name, start) and len(found) < _MAX_GIVEN:
                found.append((_is_folder(entry), entry.name))
    return {
        f"{head}{slash}{name}" + ("/" if is_folder else ""): "folder" if is_folder else "file"
        for is_folder, name in sorted(found, key=lambda each: (not each[0], each[1]))
        if is_folder or not suffixes or name.endswith(suffixes)
    }


def _is_meant(name: str, start: str) -> bool:
    shown = name.isprintable() and (start.startswith(".") or not name.startswith("."))
    return shown and name.startswith(start)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


#: So like it must be: a letter that is wrong, missing or in the wrong place. With 0.5, as
#: it once was, ``foo`` was taken for ``color``.
_CUTOFF = 0.7


def closest_match(word: str, known: Iterable[str]) -> str:
    """The one of `known` that is most like `word`; "" if none is like it."""
    import difflib

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=_CUTOFF)
    return found[0] if found else ""


def module_names(package: str, suffix: str = "") -> list[str]:
    """The full names of the modules in `package` whose names end in `suffix`, sorted.

    The package is imported, its modules are not. Any thread.
    """
    from pkgutil import iter_modules  # not at start-up

    found = iter_modules(import_module(package).__path__, f"{package}.")
    return sorted(module.name for module in found if module.name.endswith(suffix))
