"""Writing a file atomically: whole or not at all, and never over another one unasked.

The text goes to a new file beside it, which is then renamed: a full disk, a limit or a process
that is killed leaves what was there as it was. Where nothing may be replaced, the name is taken
first, by an empty file: two programs cannot both have found it free.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_special", "reserve", "write_all", "write_file"]

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
    """Write all of `data` to the file `fd`, at its end, or at `offset`."""
    view, done = memoryview(data), 0
    while done < len(view):
        rest = view[done:]
        done += os.write(fd, rest) if offset is None else os.pwrite(fd, rest, offset + done)


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
