"""Streams that keep what is printed: beside a real stream, or instead of one.

`TeeStream` writes on and calls a function with what is printed: for the tape, and for the marks
in the lanes. A terminal's own stream does the same. Without it a timeline in a check would lack
what the same timeline shows in a replay.

`OutputCapture` catches what a transcript prints: `sys.stdout` and `sys.stderr` in one, in order.
What does not go through these two is not caught: a child process writes to the real standard
output.

Expected output as a pattern: whether printed lines match it, where `…` leaves things open.

`…` inside a line matches any run of characters, also none; a line that is only `…` for any number
of lines, also none. So a pattern is fixed pieces in order with gaps between, on both levels. The
leftmost place for each piece is always as good as any later one, so both levels are searched from
left to right without going back. (As a regular expression, `.*` for each `…`, forty of them in a
line that doesn't match take hours.)

`merged_output` goes further: it changes the written lines until they match, and keeps
each line that already does. `--accept` writes that, and a check's diff shows it.
"""

from __future__ import annotations

import builtins
import io
import sys
import warnings
from contextlib import contextmanager
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from asyncrepl.transcript.grammar import GAP, escaped_output_line
from asyncrepl.views.live_rows import text_after_moves
from asyncrepl.views.styled_lines import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TextIO


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


#: Pairs of lines that are compared at most.
MAX_COMPARED_PAIRS = 250_000


def line_matches(expected: str, actual: str) -> bool:
    """Whether the line `actual` matches `expected`, in which `…` is any run of characters."""
    head, *gaps = expected.split(GAP)
    if not gaps:
        return actual == expected
    *middle, tail = gaps
    fits = len(actual) >= len(head) + len(tail)
    if not (fits and actual.startswith(head) and actual.endswith(tail)):
        return False
    at, end = len(head), len(actual) - len(tail)
    for piece in middle:
        found = actual.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def output_matches(expected: Sequence[str], actual: Sequence[str]) -> bool:
    """Whether the lines `actual` match `expected`, in which a line `…` is any number of lines."""
    head, *gaps = _blocks(expected)
    if not gaps:
        return len(head) == len(actual) and _block_at(head, actual, 0)
    *middle, tail = gaps
    end = len(actual) - len(tail)
    if len(head) > end or not (_block_at(head, actual, 0) and _block_at(tail, actual, end)):
        return False
    at = len(head)
    for block in middle:
        places = range(at, end - len(block) + 1)
        found = next((place for place in places if _block_at(block, actual, place)), None)
        if found is None:
            return False
        at = found + len(block)
    return True


def _blocks(expected: Sequence[str]) -> list[list[str]]:
    """The lines of `expected` between its `…` lines."""
    blocks: list[list[str]] = [[]]
    for line in expected:
        if line == GAP:
            blocks.append([])
        else:
            blocks[-1].append(line)
    return blocks


def _block_at(block: Sequence[str], actual: Sequence[str], at: int) -> bool:
    lines = actual[at : at + len(block)]
    return len(lines) == len(block) and all(map(line_matches, block, lines))


def merged_output(expected: Sequence[str], actual: Sequence[str]) -> list[str]:
    """The lines `expected` with the fewest changes that make them match `actual`.

    Lines that match stay as they are written, `…` and all; a `…` line always stays and covers what
    it can. What comes in is `escaped_output_line` output. Between what is alike at both ends, more
    than 500 lines on either side are all replaced: to find the fewest changes takes seconds then.
    """
    head, tail = _matching_ends(expected, actual)
    middle, printed = expected[head : len(expected) - tail], actual[head : len(actual) - tail]
    if len(middle) * len(printed) > MAX_COMPARED_PAIRS:
        changed = list(map(escaped_output_line, printed))
    else:
        changed = _changed(middle, printed)
    return [*expected[:head], *changed, *expected[len(expected) - tail :]]


def _matching_ends(expected: Sequence[str], actual: Sequence[str]) -> tuple[int, int]:
    """How many lines at the beginning, and how many at the end, match without any `…` line."""
    most = min(len(expected), len(actual))
    head = 0
    while head < most and expected[head] != GAP and line_matches(expected[head], actual[head]):
        head += 1
    tail = 0
    while tail < most - head and expected[-1 - tail] != GAP:
        if not line_matches(expected[-1 - tail], actual[-1 - tail]):
            break
        tail += 1
    return head, tail


def _changed(expected: Sequence[str], actual: Sequence[str]) -> list[str]:
    table = _cheapest_steps(expected, actual)
    result: list[str] = []
    row = column = 0
    while row < len(expected) or column < len(actual):
        _, kind, down, right = table[row][column]
        if kind == "keep":
            result.append(expected[row])
        elif kind == "write":
            result.append(escaped_output_line(actual[column]))
        row, column = row + down, column + right
    return result


#: What a step, and all to the end, cost; what it does; how many lines of both it uses.
_MergeStep = tuple[int, str, int, int]


def _cheapest_steps(expected: Sequence[str], actual: Sequence[str]) -> list[list[_MergeStep]]:
    """`table[row][column]`: the cheapest step from there.

    Of equally cheap ones the first is taken. To replace a line comes first, or a `…` would swallow
    what replaces it.
    """
    rows, columns = len(expected), len(actual)
    table: list[list[_MergeStep]] = [[(0, "", 0, 0)] * (columns + 1) for _ in range(rows + 1)]
    table[rows] = [(columns - column, "write", 0, 1) for column in range(columns + 1)]
    for row in reversed(range(rows)):
        pattern, gap = expected[row], expected[row] == GAP
        for column in reversed(range(columns + 1)):
            below = table[row + 1][column][0]
            ways: list[_MergeStep] = [(below, "keep", 1, 0) if gap else (below + 1, "drop", 1, 0)]
            if column < columns:
                right, across = table[row][column + 1][0], table[row + 1][column + 1][0]
                if gap:
                    ways.append((right, "cover", 0, 1))
                elif line_matches(pattern, actual[column]):
                    ways[:0] = [(across, "keep", 1, 1), (right + 1, "write", 0, 1)]
                else:
                    ways[:0] = [(across + 1, "write", 1, 1), (right + 1, "write", 0, 1)]
            table[row][column] = min(ways, key=itemgetter(0))
    return table
