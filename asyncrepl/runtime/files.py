"""The user's files: written atomically, and found by how their paths begin.

*Writing* is whole or not at all, and never over another file unasked. The text goes to a new file
beside it, which is then renamed: a full disk, a limit or a process that is killed leaves what was
there as it was. Where nothing may be replaced, the name is taken first, by an empty file: two
programs cannot both have found it free.

*Finding* reads folders only, in the order the system gives; nothing is opened. For any thread: a
folder of another machine may take its time, and so nobody who draws calls that.
"""

from __future__ import annotations

import os
import select
import stat
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MODE = 0o666  # what the user's umask leaves of it


def write_file(path: Path, data: bytes, *, replace: bool = False) -> None:
    """Make `data` the content of the file `path`.

    A link stays a link, and the mode of a file that is replaced stays. A device, or a pipe
    that somebody reads, is written to as it is. Raises FileExistsError for a file that is
    there, unless `replace` is true; OSError where it cannot be written, and then whatever
    was there is as before.
    """
    if is_special(path):
        _write_into(path, data)
        return
    if not replace:
        os.close(reserve(path))
    try:
        _replace(path, data)
    except BaseException:
        if not replace:
            path.unlink()
        raise


def reserve(path: Path) -> int:
    """Make the empty file `path`, open for writing; raises FileExistsError if it is there."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)


def write_all(fd: int, data: bytes, offset: int | None = None) -> None:
    """Write all of `data` to the file `fd`, at its end, or at `offset`.

    Also to one that somebody has set to non-blocking.
    """
    view, done = memoryview(data), 0
    while done < len(view):
        rest = view[done:]
        try:
            done += os.write(fd, rest) if offset is None else os.pwrite(fd, rest, offset + done)
        except BlockingIOError:
            select.select([], [fd], [], 1.0)


def is_special(path: Path) -> bool:
    """Whether something is there that is no regular file."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


def _write_into(path: Path, data: bytes) -> None:
    # A pipe that nobody reads would keep us waiting: to open it is an error then.
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.set_blocking(fd, True)
        write_all(fd, data)
    finally:
        os.close(fd)


def _replace(path: Path, data: bytes) -> None:
    target = path.resolve()
    beside = target.parent / f".asyncrepl-{os.urandom(6).hex()}"
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    try:
        try:
            with suppress(FileNotFoundError):
                os.fchmod(fd, stat.S_IMODE(target.stat().st_mode))
            write_all(fd, data)
        finally:
            os.close(fd)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def unquoted(words: str) -> str:
    """The path that `words` name, of which a shell would take off the quotes around it."""
    quote = words[:1]
    quoted = quote in {"'", '"'} and words.endswith(quote) and words.count(quote) == 2
    return words[1:-1] if quoted else words


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
            name = entry.name
            hidden = name.startswith(".") and not start.startswith(".")
            meant = name.startswith(start) and name.isprintable() and not hidden
            if meant and len(found) < _MAX_GIVEN:
                found.append((_is_folder(entry), name))
    return {
        f"{head}{slash}{name}" + ("/" if is_folder else ""): "folder" if is_folder else "file"
        for is_folder, name in sorted(found, key=lambda each: (not each[0], each[1]))
        if is_folder or not suffixes or name.endswith(suffixes)
    }


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
