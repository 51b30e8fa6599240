"""Styled text: lines of fragments, each a style's *name* and a piece of text.

Views name what a piece means ("error", "dim"); only this module knows which
colour that is, so that a terminal, a file and a test can each draw it their
own way. A piece of text never reaches any of them with an escape sequence of its own:
`printable` makes control characters visible, because a ``repr``, a task's name or a
transcript's title that moves the cursor would tear the screen (and could be written to do
so). It is applied where text leaves: by the console, the echo of the input, each format of
an export, the messages of the command line. Only what a program prints goes another way
(`asyncrepl.views.controls`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "STYLES",
    "Fragment",
    "Line",
    "ansi",
    "cells",
    "flowed",
    "one_line",
    "plain",
    "printable",
    "prose",
    "safe",
    "text_lines",
    "wrapped",
]

Fragment = tuple[str, str]
Line = list[Fragment]

#: Style name → SGR parameters. The 16 basic colours follow the user's theme.
STYLES: dict[str, str] = {
    "": "",
    "dim": "2",
    "bold": "1",
    "error": "31",
    "why": "",
    "label": "36",
    "code": "32",
    "name": "1",
    "ticker": "36",
    "run": "32",
    "wait": "2",
    "value": "36",
    "cancelled": "33",
    "keyword": "35",
    "string": "33",
    "number": "36",
    "comment": "2",
    "wrap": "",
}

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def printable(text: str) -> str:
    """`text` with control characters and lone surrogates spelled as Python escapes.

    Newlines and tabs stay.
    """
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)


def one_line(text: str) -> str:
    """`printable` text in which newlines and tabs are spelled out too: for a name in a row."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def safe(line: Line) -> Line:
    """`line` with all of its text `printable`: for a terminal, or for a file that is shown."""
    return [(style, printable(text)) for style, text in line]


def text_lines(text: str, style: str = "") -> list[Line]:
    """The lines of `text`, each one fragment of `style`, made printable."""
    return [[(style, line)] for line in printable(text).split("\n")]


def cells(text: str) -> int:
    """The cells of a terminal that `text`, which is one line, takes."""
    if text.isascii():
        return len(text)
    from wcwidth import wcwidth  # what is plain ASCII need not wait for its tables

    return sum(max(wcwidth(character), 0) for character in text)


def wrapped(text: str, width: int | None, indent: int = 0) -> list[str]:
    """The lines of prose that `text` makes in `width` columns; one where that is None.

    All but the first get `indent` columns, which the first has room for, too: for a label.
    Words are kept whole, also long ones.
    """
    if width is None:
        return [text]
    room = max(width - indent, 10)
    first, *more = [text[start:end] for start, end in _rows(text, room, room)]
    return [first, *(" " * indent + line for line in more)]


def flowed(line: Line, width: int | None, indent: int = 0) -> list[Line]:
    """The lines that the styled `line` makes in `width` columns; one where that is None.

    All but the first begin with `indent` blanks, whose style tells that a line goes on there.
    Words are kept whole, also long ones.
    """
    if width is None:
        return [line]
    rows = _rows(plain(line), width, max(width - indent, 10))
    first, *more = [_piece(line, start, end) for start, end in rows]
    return [first, *([("wrap", " " * indent), *row] if indent else row for row in more)]


def prose(text: str, width: int | None, style: str = "", indent: int = 0) -> list[Line]:
    """The lines of one `style` that `text` makes: each of its own broken at words, made printable.

    All but the first of each begin with `indent` blanks.
    """
    return [row for line in text_lines(text, style) for row in flowed(line, width, indent)]


def _rows(text: str, first: int, room: int) -> list[tuple[int, int]]:
    """Where the rows of `text` begin and end: the first in so many cells, the others in `room`.

    Not `textwrap`: it counts characters, so that a row of wide ones is twice as long, and
    makes one blank of several, which breaks columns.
    """
    rows: list[tuple[int, int]] = []
    start = end = column = 0
    for word in re.finditer(r"[ \n\t]*[^ \n\t]+", text):  # a no-break space is none
        if end > start and column + cells(word[0]) > (room if rows else first):
            rows.append((start, end))
            start = word.end() - len(word[0].lstrip(" \n\t"))
            column = 0
        column += cells(text[max(start, word.start()) : word.end()])
        end = word.end()
    return [*rows, (start, end)]


def _piece(line: Line, start: int, end: int) -> Line:
    """The characters from `start` to `end` of `line`, with their styles."""
    return [fragment for fragment in _slices(line, start, end) if fragment[1]]


def _slices(line: Line, start: int, end: int) -> Iterator[Fragment]:
    at = 0
    for style, text in line:
        yield style, text[max(start - at, 0) : max(end - at, 0)]
        at += len(text)


def plain(line: Iterable[Fragment]) -> str:
    """The text of `line` alone."""
    return "".join(text for _, text in line)


def ansi(line: Iterable[Fragment]) -> str:
    """The text of `line` with SGR escape codes for its styles."""
    return "".join(_painted(style, text) for style, text in line)


def _painted(style: str, text: str) -> str:
    codes = STYLES.get(style, "")
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text
