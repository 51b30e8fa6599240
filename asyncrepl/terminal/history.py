"""The inputs of earlier sessions, in a file that survives ``kill -9``.

The format is prompt_toolkit's own (a comment with the time, then each line of
the entry after a ``+``), so that its other programs can read the file. Each
entry is one ``write`` to a file opened for appending: several sessions can
share it, and nothing is kept back until the end.
"""

from __future__ import annotations

import datetime
import os
from typing import TYPE_CHECKING

from prompt_toolkit.history import History, InMemoryHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["HistoryFile", "open_history"]


class HistoryFile(History):
    """History in the file `path`, readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def load_history_strings(self) -> Iterable[str]:
        """The entries of the file, newest first."""
        try:
            text = self._path.read_bytes().decode("utf-8", "surrogatepass")
        except (OSError, UnicodeDecodeError):
            text = _readable(self._path)
        return reversed(_entries(text))

    def store_string(self, string: str) -> None:
        """Append `string` at once; where that fails, it stays in memory only."""
        lines = "".join(f"+{line}\n" for line in string.split("\n"))
        entry = f"\n# {datetime.datetime.now()}\n{lines}"
        try:
            _append(self._path, entry.encode("utf-8", "surrogatepass"))
        except OSError:
            return


def open_history(path: Path | None, complain: Callable[[str], None]) -> History:
    """The history at `path`; in memory only without a path, or where it cannot be written.

    `complain` then gets one line that says so.
    """
    if path is None:
        return InMemoryHistory()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _append(path, b"")
    except OSError as error:
        complain(f"history is not kept: {path}: {error.strerror or error}")
        return InMemoryHistory()
    return HistoryFile(path)


def _append(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def _readable(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


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
