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
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "STYLES",
    "Fragment",
    "Line",
    "ansi",
    "one_line",
    "plain",
    "printable",
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


def wrapped(text: str, width: int | None, indent: int = 0) -> list[str]:
    """The lines of prose that `text` makes in `width` columns; one where that is None.

    All but the first get `indent` columns; words are kept whole, also long ones.
    """
    room = None if width is None else max(width - indent, 10)
    if room is None or len(text) <= room:
        return [text]
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return [lines[0], *(" " * indent + line for line in lines[1:])]


def plain(line: Iterable[Fragment]) -> str:
    """The text of `line` alone."""
    return "".join(text for _, text in line)


def ansi(line: Iterable[Fragment]) -> str:
    """The text of `line` with SGR escape codes for its styles."""
    return "".join(_painted(style, text) for style, text in line)


def _painted(style: str, text: str) -> str:
    codes = STYLES.get(style, "")
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text
