"""A recording as the lines that a screen would show; and their text and colours within XML.

Every format that shows a screen is made of these lines: the recording of a screen, the page, the
picture. The two last are XML, which cannot hold every character.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from asyncrepl.export.recording import SCREEN_COLUMNS, output_lines
from asyncrepl.transcript.grammar import Blank, Directive, Input, Narration
from asyncrepl.views.styled_lines import (
    STYLES,
    cell_width,
    clusters,
    code_lines,
    comment_rows,
    plain,
    printable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asyncrepl.export.recording import Recording
    from asyncrepl.session.tape import RecordedInput
    from asyncrepl.views.styled_lines import Line


def entry_lines(recording: Recording) -> Iterator[list[Line]]:
    """What is told, dimmed, and each input with what it printed, in a list of lines each."""
    for entry, recorded in recording.parts:
        match entry:
            case Directive(name="title", value=text) | Narration(text=text):
                yield narration_lines(text, recording.columns)
            case Blank():
                yield [[]]
            case Input() if recorded is not None:
                yield input_and_output_lines(recorded)


def used_columns(lines: Iterable[Line], available: int) -> int:
    """The columns that `lines` need, of those that are `available`; at least those of a demo."""
    widest = max((cell_width(plain(line).rstrip()) for line in lines), default=0)
    return min(max(widest, SCREEN_COLUMNS), available)


def narration_lines(text: str, columns: int) -> list[Line]:
    """What is told, as comments, on a screen of so many `columns`."""
    return [[("dim", row)] for row in comment_rows(text.split("\n"), columns)]


def input_and_output_lines(recorded: RecordedInput) -> list[Line]:
    """An input and what it printed."""
    return [*input_lines(recorded.text), *output_lines(recorded)]


def input_lines(text: str) -> list[Line]:
    """What is typed, behind the prompts."""
    code = code_lines(text)
    code += [[]] * (text.count("\n") + 1 - len(code))
    prompts = [">>> ", *["... "] * (len(code) - 1)]
    return [
        [("label", prompt), *line] if plain(line) else [("label", prompt.rstrip())]
        for prompt, line in zip(prompts, code, strict=True)
    ]


def screen_rows(line: Line, width: int) -> list[Line]:
    """The rows that `line` takes on a screen of so many columns; tabs are blanks."""
    result: list[Line] = [[]]
    column = 0
    for style, text in line:
        kept = ""
        for char in clusters(text):
            piece = " " * (8 - column % 8) if char == "\t" else char
            size = cell_width(piece)
            if column + size > width:
                result[-1].append((style, kept))
                result.append([])
                kept, column = "", 0
            kept += piece
            column += size
        result[-1].append((style, kept))
    return result


_COLORS = {"2": "dim", "31": "red", "32": "green", "33": "brown", "35": "magenta", "36": "cyan"}
#: The name of the colour of each style that has one.
STYLE_COLORS = {style: _COLORS[code] for style, code in STYLES.items() if code in _COLORS}
#: The styles that are bold.
BOLD_STYLES = frozenset(style for style, code in STYLES.items() if code == "1")

#: Characters that XML cannot hold, beside those that are not printable.
_NOT_IN_XML = re.compile("[\ufffe\uffff]")


def xml_text(text: str) -> str:
    """`text` as it stands in XML, made printable."""
    return escape(xml_representable(printable(text)))


def xml_representable(text: str) -> str:
    """`text`, which is printable, with what XML cannot hold spelled out."""
    return _NOT_IN_XML.sub(lambda match: ascii(match[0])[1:-1], text)


def cell_clusters(text: str) -> Iterator[str]:
    """What stands in one cell or two: a character, with those on it that take none."""
    cluster = ""
    for char in clusters(text):
        if cluster and cell_width(char):
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def is_box_drawing(cluster: str) -> bool:
    """Whether it is a line or a block, which has to meet that of the next cell."""
    return "\u2500" <= cluster <= "\u259f"
