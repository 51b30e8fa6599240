"""Streams that keep what is printed: beside a real stream, or instead of one.

`TeeStream` writes on and calls a function with what is printed: for the tape, and for the marks
in the lanes. A terminal's own stream does the same. Without it a timeline in a check would lack
what the same timeline shows in a replay.

`OutputCapture` catches what a transcript prints: `sys.stdout` and `sys.stderr` in one, in order.
What does not go through these two is not caught: a child process writes to the real standard
output.
"""

from __future__ import annotations

import builtins
import io
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from asyncrepl.views.live_rows import text_after_moves
from asyncrepl.views.styled_lines import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

__all__ = ["OutputCapture", "TeeStream", "output_captured"]


class TeeStream(io.TextIOBase):
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


#: Characters that are kept of what one statement writes.
MAX_CHARACTERS = 1_000_000


class OutputCapture(io.StringIO):
    """A stream to write on, whose lines can be taken; user code can't close it.

    Of what is written between two `take`s, at most `MAX_CHARACTERS` characters are kept: a
    statement that prints for ever must not fill the memory before it is given up.
    """

    _full = False
    _inside_row = False

    def write(self, text: str) -> int:
        """Write `text`, or nothing if that is too much."""
        if text:
            self._inside_row = not text.endswith("\n")
        self._full = self._full or self.tell() + len(text) > MAX_CHARACTERS
        return len(text) if self._full else super().write(text)

    def show(self, text: str) -> None:
        """Write lines of the tool's own, which begin a row."""
        self.write("\n" + text if self._inside_row else text)

    def close(self) -> None:
        """Do nothing: the next statement writes on it too."""

    def take(self) -> tuple[str, ...]:
        """The lines written since the last time, without empty ones at the end.

        Of rows that are drawn again and again, a progress bar or a table, the last state is
        taken. Other control characters are spelled out, as a transcript can't hold them.
        """
        text = printable(text_after_moves(self.getvalue())).rstrip("\n")
        lines = text.split("\n") if text else []
        if self._full:
            lines.append(f"(more than {MAX_CHARACTERS:,} characters: the rest is dropped)")
        self._full = self._inside_row = False
        self.seek(0)
        self.truncate()
        return tuple(lines)


@contextmanager
def output_captured(capture: OutputCapture) -> Iterator[None]:
    """Let everything written to standard output and error go to `capture`.

    Standard input is empty. Afterwards these are as before, and so is what a
    session leaves in the interpreter: warning filters, ``_``, the last exception.
    """
    streams = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(), capture, capture
    try:
        with _prompt_warning_filters():
            yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams
        vars(builtins).pop("_", None)
        for name in ("last_exc", "last_type", "last_value", "last_traceback"):
            vars(sys).pop(name, None)


@contextmanager
def _prompt_warning_filters() -> Iterator[None]:
    """Warnings as at a plain Python's prompt, whatever ``-W`` or pytest have set."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for category in (ResourceWarning, ImportWarning, PendingDeprecationWarning):
            warnings.simplefilter("ignore", category)
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("default", category=DeprecationWarning, module="__main__")
        yield
