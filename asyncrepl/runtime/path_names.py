"""The paths that may stand where the beginning of one is typed.

Only folders are read, in the order the system gives; nothing is opened. For any thread: a folder
of another machine may take its time, and so nobody who draws calls this.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import islice

__all__ = ["paths_beginning_with"]

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
