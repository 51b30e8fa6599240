"""A stream that tells what is printed: for the tape, and for the marks in the lanes.

A terminal's own stream does the same. Without it a timeline in a check would lack what
the same timeline shows in a replay.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

__all__ = ["Marking"]


class Marking(io.TextIOBase):
    """Writes to `stream`, and calls `printed` with each text.

    All else that is asked of it, `stream` answers. User code can't close it.
    """

    def __init__(self, stream: TextIO, printed: Callable[[str], object]) -> None:
        self._stream = stream
        self._printed = printed

    def write(self, text: str) -> int:
        """Write `text` to the stream."""
        self._printed(text)
        return self._stream.write(text)

    def show(self, text: str) -> None:
        """Write lines of the tool's own."""
        self._printed(text)
        getattr(self._stream, "show", self._stream.write)(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def close(self) -> None:
        """Do nothing."""

    def writable(self) -> bool:
        """Say yes."""
        return True

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Give the stream's file descriptor; raises OSError if it has none."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return self._stream.encoding

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
