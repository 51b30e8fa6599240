"""The inputs of earlier sessions, in a file that survives ``kill -9``.

The format is prompt_toolkit's own (a comment with the time, then each line of the entry after a
``+``), so that its other programs can read the file. Each entry is one ``write`` to a file opened
for appending: several sessions can share it, and nothing is kept back until the end. An entry for
which there is no room is taken back, or a later one would go on in its last line.

The file is opened anew for each entry, because another session may have replaced it. What is
no regular file is never used: to open a pipe waits for whoever is at its other end.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import os
import stat
import time
from typing import TYPE_CHECKING

from prompt_toolkit.history import History, InMemoryHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    FilePath = str | os.PathLike[str]

_OWNER_ONLY = 0o600  # whoever else may read it
_LOCK_TRIES, _LOCK_DELAY = 20, 0.002  # how often, after how many seconds, to ask for the lock


class HistoryFile(History):
    """History in the file `path`, readable by its owner alone.

    `complain` gets one line, once, when an entry cannot be kept.
    """

    def __init__(self, path: FilePath, complain: Callable[[str], object] | None = None) -> None:
        super().__init__()
        self._path = path
        self._complain = complain
        self._process = os.getpid()

    def load_history_strings(self) -> Iterable[str]:
        """The entries of the file, newest first."""
        data = _content(self._path)
        try:
            text = data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            text = data.decode("utf-8", "replace")
        return reversed(_entries(text))

    def store_string(self, string: str) -> None:
        """Append `string` at once; where that fails, it stays in memory only."""
        if os.getpid() != self._process:
            return  # a child that was forked
        lines = "".join(f"+{line}\n" for line in string.split("\n"))
        entry = f"\n# {datetime.datetime.now()}\n{lines}"
        try:
            _append(self._path, entry.encode("utf-8", "surrogatepass"))
        except OSError as error:
            complain, self._complain = self._complain, None
            if complain is not None:
                complain(_not_kept(self._path, error))


def open_history(path: FilePath | None, complain: Callable[[str], None]) -> History:
    """The history at `path`; in memory only without a path, or where it cannot be written.

    `complain` then gets one line that says so.
    """
    if path is None or os.fspath(path) == os.devnull:
        return InMemoryHistory()
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        _append(path, b"")
    except (OSError, ValueError) as error:
        complain(_not_kept(path, error))
        return InMemoryHistory()
    return HistoryFile(path, complain)


def _not_kept(path: FilePath, error: OSError | ValueError) -> str:
    return f"history is not kept: {path}: {getattr(error, 'strerror', None) or error}"


@contextlib.contextmanager
def _opened(path: FilePath, flags: int) -> Iterator[int]:
    """The regular file `path`; raises OSError for anything else, and waits for nobody."""
    no_file = OSError(errno.EINVAL, "it is no regular file")
    try:
        fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, _OWNER_ONLY)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe that nobody reads
            raise no_file from None
        raise
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise no_file
        yield fd
    finally:
        os.close(fd)


def _append(path: FilePath, data: bytes) -> None:
    """Append all of `data`, or nothing."""
    with _opened(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as fd:
        _keep_private(fd)
        locked = _locked(fd)
        before = os.fstat(fd).st_size
        try:
            written = os.write(fd, data)
            if written != len(data):  # a second write says why
                written += os.write(fd, data[written:])
            if written != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            if locked:  # else somebody may have written after it
                os.ftruncate(fd, before)
            raise


def _keep_private(fd: int) -> None:
    """Take the file from all but its owner, if that is us."""
    status = os.fstat(fd)
    if status.st_mode & 0o077 and status.st_uid == os.geteuid():
        with contextlib.suppress(OSError):
            os.fchmod(fd, _OWNER_ONLY)


def _locked(fd: int) -> bool:
    """Whether the file is ours until it is closed; not where another holds it for long."""
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_DELAY)
        except OSError:  # a file system without locks
            return False
        else:
            return True
    return False


def _content(path: FilePath) -> bytes:
    try:
        with _opened(path, os.O_RDONLY) as fd, os.fdopen(fd, "rb", closefd=False) as file:
            return file.read()
    except OSError:
        return b""


def _entries(text: str) -> list[str]:
    entries: list[str] = []
    lines: list[str] = []
    # Only "\n" ends a line here: splitlines() would also cut at "\x0c" or "\u2028".
    for line in [*text.split("\n"), ""]:
        if line.startswith("+"):
            lines.append(line[1:])
        elif lines:
            entries.append("\n".join(lines))
            lines = []
    return entries
