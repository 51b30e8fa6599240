"""The grammar of a transcript (`.pycon`), a session as text: its entries and directives.

=====================  ====================================================
a line that starts     is
=====================  ====================================================
``>>> `` / ``... ``    typed: Python, or a ``:command``; a bare ``...`` is
                       the empty line that ends a block
``#: ``                a directive (`DIRECTIVES`)
``# `` (or only ``#``) narration
anything else          expected output of the input above
=====================  ====================================================

Empty lines inside expected output belong to it; empty lines before a marker or
at the end are layout. So some output cannot be written as it is:

- A line that starts with a marker, or, in Markdown, ends the fence. It is written
  with ``…`` in front, which matches the empty text there (`escaped_output_line`).
- A line that is only ``…``, which would match any lines: it is written ``……``,
  any one line.
- Empty lines at the end of an output. That is why output is compared without them.

A file is UTF-8, with or without a byte order mark, and its lines end in LF or
all in CRLF. Both are kept: `Transcript.render` gives back the same text to the
byte. Mixed line ends are refused, because nobody sees them in a diff.

Each directive (`#: NAME VALUE`) is one checker in one table: it returns the parsed value or
raises `ValueError` with a sentence that says what is wrong and what to write instead.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.runtime.configuration import closest_match, rate_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: What matches any run of characters, or alone any lines.
GAP = "…"


class TranscriptError(Exception):
    """A transcript that can't be read; its text is one line, `FILE:LINE: reason`."""

    def __init__(self, filename: str, line: int, reason: str) -> None:
        super().__init__(filename, line, reason)
        self.filename = filename
        self.line = line
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.filename}:{self.line}: {self.reason}"


class Blank(NamedTuple):
    """An empty line between entries."""

    line: int
    source: tuple[str, ...]


class Prose(NamedTuple):
    """Lines of a Markdown file outside its fences, the fences' marks included."""

    line: int
    source: tuple[str, ...]


class Directive(NamedTuple):
    """`#: NAME VALUE`; `meaning` is the value as `directive_value` understood it."""

    line: int
    source: tuple[str, ...]
    name: str
    value: str
    meaning: object


class Narration(NamedTuple):
    """Consecutive `# ` lines; `text` is what they say, one line each."""

    line: int
    source: tuple[str, ...]
    text: str


class Input(NamedTuple):
    """What is typed, and the output expected of it.

    `text` has one line for each typed one, without markers; an empty last line is the one that
    ends a block. `interrupt_after` are the seconds of the user's clock after which Ctrl-C is
    pressed, None for never. `indent` and `mark` are those of a Markdown fence, empty elsewhere.
    """

    line: int
    source: tuple[str, ...]
    text: str
    expected: tuple[str, ...]
    interrupt_after: float | None = None
    indent: str = ""
    mark: str = ""

    @property
    def typed(self) -> tuple[str, ...]:
        """The lines of the input as written, with their markers."""
        return self.source[: len(self.source) - len(self.expected)]

    def expecting(self, lines: Sequence[str]) -> Input:
        """This input with `lines` as its expected output, none of which looks like a marker."""
        expected = tuple(GAP + line if closes_fence(line, self.mark) else line for line in lines)
        written = tuple(self.indent + line if line else "" for line in expected)
        return self._replace(source=self.typed + written, expected=expected)


#: A piece of a transcript. Each has the number of its first line (from 1), its lines as written.
Entry = Blank | Prose | Directive | Narration | Input


class Transcript(NamedTuple):
    """A transcript as read: its entries in order, and how the file is written."""

    filename: str
    entries: tuple[Entry, ...]
    newline: str = "\n"
    bom: bool = False
    final_newline: bool = True

    def render(self) -> str:
        """The text of the transcript, the same to the byte as what was read."""
        mark, end = "\ufeff" * self.bom, self.newline * self.final_newline
        return mark + self.newline.join(self.lines) + end

    @property
    def lines(self) -> list[str]:
        """The lines as written, without line ends."""
        return [line for entry in self.entries for line in entry.source]

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What is typed, in order."""
        return tuple(entry for entry in self.entries if isinstance(entry, Input))

    @property
    def title(self) -> str:
        """What `#: title` says, or an empty string."""
        return str(next(iter(self.meanings("title")), ""))

    @property
    def clock(self) -> str:
        """`"virtual"` or `"real"`; virtual if nothing is said."""
        return str(next(iter(self.meanings("clock")), "virtual"))

    @property
    def directives(self) -> tuple[Directive, ...]:
        """The directives, in order."""
        return tuple(entry for entry in self.entries if isinstance(entry, Directive))

    def meanings(self, name: str) -> list[object]:
        """The values of the directives called `name`, in order."""
        return [directive.meaning for directive in self.directives if directive.name == name]

    def accepting(self, outputs: Mapping[int, Sequence[str]]) -> Transcript:
        """This transcript with other expected output, by the line of the input."""
        entries = tuple(
            entry.expecting(outputs[entry.line])
            if isinstance(entry, Input) and entry.line in outputs
            else entry
            for entry in self.entries
        )
        return self._replace(entries=entries)


def escaped_output_line(line: str) -> str:
    """`line` such that the grammar reads it as output: with `…` in front of a marker."""
    marked = line in {"#", "...", GAP} or line.startswith((">>>", "... ", "#:", "# "))
    return GAP + line if marked else line


def closes_fence(line: str, mark: str) -> bool:
    """Whether `line` ends a fence that was opened with `mark`; no line ends one without."""
    line = line.strip()
    return bool(mark) and len(line) >= len(mark) and set(line) == {mark[0]}


_KEY_VALUE = re.compile(r"C-c after (\S+)")
_PYTHON_VALUE = re.compile(r"python>=(\d+)\.(\d+)")
_MODULE_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def _title(value: str) -> str:
    if not value:
        raise ValueError("title is empty: write '#: title What this shows'")
    return value


def _clock(value: str) -> str:
    if value not in {"virtual", "real"}:
        raise ValueError(f"clock is {value!r}: write 'virtual' or 'real'")
    return value


def _pause(value: str) -> None:
    if value:
        raise ValueError(f"pause takes no value, not {value!r}")


def _key(value: str) -> float:
    match = _KEY_VALUE.fullmatch(value)
    if match is None:
        raise ValueError(f"key is {value!r}: write 'key C-c after SECONDS'")
    seconds = _number(match[1], "key C-c after")
    if seconds < 0:
        raise ValueError(f"key C-c after {match[1]}: seconds can't be negative")
    return seconds


def _requires(value: str) -> tuple[int, int] | str:
    if match := _PYTHON_VALUE.fullmatch(value):
        return int(match[1]), int(match[2])
    if value == "python" or not _MODULE_NAME.fullmatch(value):
        raise ValueError(f"requires is {value!r}: write 'python>=3.12' or a module's name")
    return value


def _number(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{what} is {text!r}: write a number")
    return number


#: Name → what reads its value.
DIRECTIVES: dict[str, Callable[[str], object]] = {
    "title": _title,
    "clock": _clock,
    "rate": rate_of,
    "pause": _pause,
    "key": _key,
    "requires": _requires,
}

#: Directives about the whole transcript: they come before its first input.
HEADER_DIRECTIVES = frozenset({"title", "clock", "requires"})


def directive_value(name: str, value: str) -> object:
    """What `value` means for directive `name`.

    The title and the clock's mode are `str`, `rate` and `key` a `float` (the
    seconds until Ctrl-C), `requires` a ``(major, minor)`` or a module's name,
    `pause` is None. Raises `ValueError` with the reason.
    """
    if name not in DIRECTIVES:
        near = closest_match(name, DIRECTIVES)
        hint = f"did you mean {near!r}?" if near else f"known are {', '.join(DIRECTIVES)}"
        raise ValueError(f"unknown directive {name!r}: {hint}")
    return DIRECTIVES[name](value)
