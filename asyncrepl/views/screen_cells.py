r"""Terminal output as cells: which escape sequences are obeyed, which colours they switch on.

The screen belongs to the input line and the panel under it; a program that clears the screen,
switches buffers or writes the clipboard would tear it, or worse. But progress bars and spinners
only redraw a few rows of their own, and the session keeps those as rows of its layout (see
`asyncrepl.views.live_rows`), where they can be obeyed without harm:

======================  ==============================================================
``\r \b \t``            as a terminal does
``CSI n A … G``         cursor up, down, forward, back; next, previous line; column
``CSI 0|1|2 K``         erase the rest of the row, its beginning, all of it
``CSI 0 J``             erase the rest of the rows (not the screen: ``1 J … 3 J``)
``CSI ? 25 h|l``        show or hide the cursor
``CSI ? 2026 h|l``      synchronized output, which ours is anyway
``ESC ( B``             ASCII, which it is anyway (what ``tput sgr0`` begins with)
SGR, OSC 8              colours and links
======================  ==============================================================

Every other control character is spelled out as Python would write it, which also shows the reader
what the program tried to send. A sequence may be split over two writes (``print("\x1b[3",
end="")``), so the filter has a memory: an unfinished, still permitted beginning waits for the next
text. Stripping each write on its own lets ``"\\x1b"`` + ``"[2J"`` through.

A style of a cell is a string of SGR parameters in one order, ``"1;31"``; the empty one is a
terminal's default. A program may switch as often as it likes: a style never grows. A row is cells
with a character and its style in each.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.views.styled_lines import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_PENDING = 2048

# What the rows themselves handle passes: carriage return, backspace, tab.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x07\x0b-\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

_PERMITTED = re.compile(
    r"(\x1b\[[0-9;:]{0,200}m"
    r"|\x1b\[[0-9]{0,5}[A-G]|\x1b\[[0-9]{0,5}(?:;[0-9]{0,5})?[Hf]|\x1b\[[012]?K|\x1b\[[023]?J"
    r"|\x1b\[\?(?:12|25|1049|2026)[hl]|\x1b\(B"
    r"|\x1b\]8;[^\x00-\x1f\x7f-\x9f]{0,2000}(?:\x1b\\|\x07))"
)

_UNFINISHED = re.compile(
    r"\x1b(?:\[[0-9;:]*|\[\?[0-9]{0,4}|\(|\](?:8(?:;[^\x00-\x1f\x7f-\x9f]*\x1b?)?)?)?\Z"
)


class EscapeFilter:
    r"""Feeds text through; gives back text that stays within the rows of its program.

    The result holds printable characters, ``\n``, ``\r``, ``\b``, ``\t`` and the sequences above.
    """

    def __init__(self) -> None:
        self._pending = ""

    def __bool__(self) -> bool:
        """Whether a sequence waits for its end."""
        return bool(self._pending)

    def feed(self, text: str) -> str:
        """The harmless form of `text`, perhaps without an unfinished escape at its end."""
        if self._pending:
            text, self._pending = self._pending + text, ""
        if not _CONTROL_CHARACTERS.search(text):
            return text
        if found := _UNFINISHED.search(text, max(0, len(text) - _MAX_PENDING)):
            text, self._pending = text[: found.start()], found[0]
        parts = _PERMITTED.split(text)
        # re.split with one group: odd places are the permitted sequences.
        parts[::2] = [_spelled(part) for part in parts[::2]]
        return "".join(parts)

    def finish(self) -> str:
        """What was still waiting for its end, spelled out."""
        pending, self._pending = self._pending, ""
        return _spelled(pending)


def _spelled(text: str) -> str:
    return _CONTROL_CHARACTERS.sub(lambda match: printable(match[0]), text)


#: Code → the slot that it fills; a slot holds one code.
_SLOTS = {
    **{str(code): str(code) for code in (1, 2, 3, 4, 5, 7, 8, 9, 53)},
    "6": "5",
    "21": "4",
    **{str(code): "fg" for code in (*range(30, 39), *range(90, 98))},
    **{str(code): "bg" for code in (*range(40, 49), *range(100, 108))},
    "58": "line",
}
#: Code → the slots that it empties.
_EMPTIED_SLOTS = {
    "22": ("1", "2"), "23": ("3",), "24": ("4",), "25": ("5",), "27": ("7",), "28": ("8",),
    "29": ("9",), "39": ("fg",), "49": ("bg",), "55": ("53",), "59": ("line",),
}  # fmt: skip
_EXTENDED_COLORS = {"38", "48", "58"}
_COLONS = r"(38|48|58):(?:(5):(\d+)|(2):(?:\d*:)?(\d+):(\d+):(\d+))"


@lru_cache(maxsize=512)
def style_after_codes(style: str, parameters: str) -> str:
    """The style after an SGR sequence with these `parameters`, where `style` was before."""
    slots = {_SLOTS[_first_number(code)]: code for code in _codes(style)}
    for code in _codes(parameters or "0"):
        head = _first_number(code)
        if head.strip("0") == "":
            slots.clear()
        elif head in _SLOTS:
            slots[_SLOTS[head]] = code
        for slot in _EMPTIED_SLOTS.get(head, ()):
            slots.pop(slot, None)
    return ";".join(slots[slot] for slot in sorted(slots))


def switch_sequence(before: str, after: str) -> str:
    """The escape sequence that leads from the style `before` to `after` (SGR parameters)."""
    if before == after:
        return ""
    return ("\x1b[0m" if before else "") + (f"\x1b[{after}m" if after else "")


def has_background(style: str) -> bool:
    """Whether a blank in `style` is to be seen."""
    return any(_SLOTS[_first_number(code)] in {"bg", "7"} for code in _codes(style))


def _codes(parameters: str) -> list[str]:
    """The codes one by one; that of an indexed or an RGB colour with its numbers."""
    numbers = iter(parameters.split(";") if parameters else ())
    codes: list[str] = []
    for number in numbers:
        if number in _EXTENDED_COLORS:
            kind = next(numbers, "")
            length = {"5": 1, "2": 3}.get(kind, 0)
            codes.append(";".join([number, kind, *(next(numbers, "0") for _ in range(length))]))
        else:
            # ``38:2::1:2:3`` in the form that all terminals, and all programs, know.
            found = re.fullmatch(_COLONS, number)
            codes.append(";".join(filter(None, found.groups())) if found else number)
    return codes


def _first_number(code: str) -> str:
    return re.split("[;:]", code, maxsplit=1)[0]


class CellStyle(NamedTuple):
    """How a cell looks: SGR parameters, and the address it links to."""

    sgr: str = ""
    link: str = ""


#: What is in a cell: the right half of a wide character is an empty string.
Cell = tuple[CellStyle, str]

PLAIN = CellStyle()
BLANK: Cell = (PLAIN, " ")


class Row:
    """The cells of a row up to the last one written; `wrapped` if it continues the one above."""

    __slots__ = ("cells", "wrapped")

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self.wrapped = False

    def __bool__(self) -> bool:
        """Whether anything is to be seen in it."""
        return any(cell != BLANK for cell in self.cells)

    def put(self, column: int, new: list[Cell]) -> None:
        """Put `new` cells over those at `column`; no half of a wide character is left."""
        row, end = self.cells, column + len(new)
        row += [BLANK] * (column - len(row))
        if column < len(row) and not row[column][1]:
            row[column - 1] = BLANK
        if end < len(row) and not row[end][1]:
            row[end] = BLANK
        row[column:end] = new


def row_text(row: Iterable[Cell]) -> str:
    """The characters of a row with the sequences for their looks."""
    parts: list[str] = []
    before = PLAIN
    for style, char in row:
        if style != before:
            parts.append(_style_change(before, style))
            before = style
        parts.append(char)
    parts.append(_style_change(before, PLAIN))
    return "".join(parts)


def _style_change(before: CellStyle, after: CellStyle) -> str:
    link = after.link or "\x1b]8;;\x1b\\"
    return (link if before.link != after.link else "") + switch_sequence(before.sgr, after.sgr)
