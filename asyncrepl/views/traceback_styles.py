"""The lines of a traceback as Python writes them, with a style for each part.

Python's own text is kept, character by character; only what each line is gets a style: where, the
source, the mark under the place, the error. That is known from the order in which `traceback`
writes: a frame, then its source, then marks; what follows a stack is the error, and what follows
that its further lines and notes. A line of a group begins with a margin of ``|`` and ``+``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from asyncrepl.views.styled_lines import code_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asyncrepl.views.styled_lines import Line

__all__ = ["styled_traceback"]

_MARGIN = re.compile(r" +[|+] ")
_GROUP_RULE = re.compile(r" *[+][-+]*---.*")
_FRAME = re.compile(r'(  File ")(.*)(", line )(\d+)(.*)')
_MARKS = re.compile(r"\s*[~^]+[~^ ]*")
_TITLES = ("Traceback (most recent call last):", "Exception Group Traceback (most recent call")
_LINKS = ("The above exception was the direct", "During handling of the above exception", "… ")


def styled_traceback(lines: Sequence[str]) -> list[Line]:
    """The styled lines of the traceback whose text is `lines`."""
    return list(_Styling().styled(lines))


class _Styling:
    """What was read so far decides what a line is."""

    def __init__(self) -> None:
        #: What came last: the end of a stack or its beginning, a frame, a source line, an error.
        self._after = "stack"

    def styled(self, lines: Iterable[str]) -> Iterable[Line]:
        """The styled lines, one after the other."""
        for line in lines:
            margin, rest = _without_margin(line)
            styled = [each for each in self._styled(rest) if each[1]]
            yield [("dim", margin), *styled] if margin else styled

    def _styled(self, text: str) -> Line:
        """One line, behind its margin."""
        stripped = text.strip()
        frame = _FRAME.fullmatch(text)
        if frame is not None:
            self._after = "frame"
            return _frame(frame)
        if not stripped or stripped.startswith((*_TITLES, *_LINKS)):
            self._after = "stack"
            return [("dim", text)]
        if text.startswith("  ") and self._after in {"stack", "frame", "source"}:
            return self._source(text)
        first, self._after = self._after != "error", "error"
        return [("error", text)] if first else [("", text)]

    def _source(self, text: str) -> Line:
        """A line of source, the mark below it, or how often a frame is repeated."""
        if _MARKS.fullmatch(text):
            return [("error", text)]
        if self._after == "stack" or text.lstrip().startswith("["):
            return [("dim", text)]
        self._after = "source"
        indent = len(text) - len(text.lstrip())
        return [("", text[:indent]), *(code_lines(text[indent:]) or [[]])[0]]


def _without_margin(line: str) -> tuple[str, str]:
    """What a group puts before a line, and the line."""
    if _GROUP_RULE.fullmatch(line):
        return line, ""
    found = _MARGIN.match(line)
    return (found[0], line[found.end() :]) if found else ("", line)


def _frame(frame: re.Match[str]) -> Line:
    before, filename, middle, number, after = frame.groups()
    return [
        ("dim", before), ("", filename), ("dim", middle), ("", number),
        ("dim", after[:5]), ("name", after[5:]),
    ]  # fmt: skip
