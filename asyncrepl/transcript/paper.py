"""Catching what a transcript prints: `sys.stdout` and `sys.stderr` in one, in order.

What does not go through these two is not caught: a child process writes to the
real standard output.
"""

from __future__ import annotations

import builtins
import io
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncrepl.views.live_rows import final_text
from asyncrepl.views.styled import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Paper", "writing_on"]


#: Characters that are kept of what one statement writes.
MOST = 1_000_000


class Paper(io.StringIO):
    """A stream to write on, whose lines can be taken; user code can't close it.

    Of what is written between two `take`s, at most `MOST` characters are kept: a
    statement that prints for ever must not fill the memory before it is given up.
    """

    _full = False
    _inside_row = False

    def write(self, text: str) -> int:
        """Write `text`, or nothing if the paper is full."""
        if text:
            self._inside_row = not text.endswith("\n")
        self._full = self._full or self.tell() + len(text) > MOST
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
        text = printable(final_text(self.getvalue())).rstrip("\n")
        lines = text.split("\n") if text else []
        if self._full:
            lines.append(f"(more than {MOST:,} characters: the rest is dropped)")
        self._full = self._inside_row = False
        self.seek(0)
        self.truncate()
        return tuple(lines)


@contextmanager
def writing_on(paper: Paper) -> Iterator[None]:
    """Let everything written to standard output and error go to `paper`.

    Standard input is empty. Afterwards these are as before, and so is what a
    session leaves in the interpreter: warning filters, ``_``, the last exception.
    """
    streams = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(), paper, paper
    try:
        with _own_warnings():
            yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams
        vars(builtins).pop("_", None)
        for name in ("last_exc", "last_type", "last_value", "last_traceback"):
            vars(sys).pop(name, None)


@contextmanager
def _own_warnings() -> Iterator[None]:
    """Warnings as at a plain Python's prompt, whatever ``-W`` or pytest have set."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for category in (ResourceWarning, ImportWarning, PendingDeprecationWarning):
            warnings.simplefilter("ignore", category)
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("default", category=DeprecationWarning, module="__main__")
        yield
