"""From the text of a transcript, or of a Markdown file, or from a demo's name, to its entries.

The parser works on rows (a line, its number, and what it says without a fence's indent), so that
a `.pycon` file and the fences of a Markdown file are one language read by one parser. A Markdown
file is one session: its fences in order, the prose between them kept as entries so that the file
can be written back.

Fences (```` ```pycon ````) may be in lists (indented) and be made of backticks or tildes of any
length from three; a fence inside another fence is text, as in CommonMark. Fences in block quotes
(`> `) are not seen.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.runtime.isolation import find_for_user
from asyncrepl.runtime.shipped_demos import DemoNotFoundError, find_transcript
from asyncrepl.syntax.parsed_input import is_complete
from asyncrepl.transcript.grammar import (
    HEADER_DIRECTIVES,
    Blank,
    Directive,
    Entry,
    Input,
    Narration,
    Prose,
    Transcript,
    TranscriptError,
    closes_fence,
    directive_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FENCE_START = re.compile(r"(?P<indent> *)(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^`\s]*)")


class Fence(NamedTuple):
    """One fence: the number of its first inner line (from 1), its indent, its inner lines.

    The lines are as in the file, indent included; `inner` takes it off. `mark` are the
    backticks or tildes that opened it.
    """

    line: int
    indent: str
    mark: str
    lines: tuple[str, ...]

    def inner(self, line: str) -> str:
        """`line` without the fence's indent (or as much of it as is there)."""
        return line[len(self.indent) :] if line.startswith(self.indent) else line.lstrip(" ")


def fences(text: str) -> list[Fence]:
    """The `pycon` fences of `text`, in order; one that isn't closed goes on to the end."""
    found: list[Fence] = []
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        opening = _FENCE_START.match(lines[at])
        at += 1
        if opening is None:
            continue
        end = _fence_end(lines, at, opening["mark"])
        if opening["info"].lower() == "pycon":
            found.append(Fence(at + 1, opening["indent"], opening["mark"], tuple(lines[at:end])))
        at = end + 1
    return found


def _fence_end(lines: list[str], start: int, mark: str) -> int:
    """Where the fence opened with `mark` ends: the index of its last line, or of the end."""
    ends = (at for at in range(start, len(lines)) if closes_fence(lines[at], mark))
    return next(ends, len(lines) - (lines[-1] == ""))


MARKDOWN_SUFFIXES = frozenset({".md", ".markdown"})


def load_transcript(path: str | Path) -> Transcript:
    """The transcript in the file at `path`; of a Markdown file, its `pycon` fences.

    Raises `OSError` if it can't be read, `TranscriptError` if it isn't a transcript or
    nothing is typed in it: to check nothing would be to say that all is well.
    """
    text = _decoded_text(Path(path).read_bytes(), str(path))
    markdown = Path(path).suffix.lower() in MARKDOWN_SUFFIXES
    transcript = (parse_markdown if markdown else parse_transcript)(text, str(path))
    if not transcript.inputs:
        where = " in a ```pycon fence" * markdown
        raise TranscriptError(str(path), 1, f"nothing is typed here: no line '>>> …'{where}")
    return transcript


def parse_transcript(text: str, filename: str = "<transcript>") -> Transcript:
    """The transcript that `text` spells; raises `TranscriptError` with the line that is wrong.

    `filename` is the one that errors name.
    """
    return _parsed(
        text,
        filename,
        lambda lines: [
            _Row(number, line, line, _row_kind(line)) for number, line in enumerate(lines, 1)
        ],
    )


def parse_markdown(text: str, filename: str = "<markdown>") -> Transcript:
    """The transcript in the `pycon` fences of `text`; what is around them is `Prose`.

    `filename` and errors as in `parse_transcript`.
    """
    return _parsed(text, filename, _fenced_rows)


def _decoded_text(data: bytes, filename: str) -> str:
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise TranscriptError(filename, line, "not a text file: it has a NUL byte")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"not UTF-8: byte 0x{data[error.start]:02x}"
        raise TranscriptError(filename, line, reason) from None


class _Row(NamedTuple):
    number: int
    raw: str
    text: str
    kind: str
    indent: str = ""
    mark: str = ""


def _parsed(text: str, filename: str, rows: Callable[[list[str]], list[_Row]]) -> Transcript:
    body = text.removeprefix("\ufeff")
    newline = _line_end(body, filename)
    lines = body.removesuffix(newline).split(newline) if body else []
    return Transcript(
        filename,
        tuple(_Parser(filename, rows(lines)).entries()),
        newline,
        bom=body != text,
        final_newline=body.endswith(newline),
    )


def _line_end(body: str, filename: str) -> str:
    ended = body.split("\n")[:-1]
    carriage = [line.endswith("\r") for line in ended]
    if any(carriage) and not all(carriage):
        odd = carriage.index(not carriage[0]) + 1
        raise TranscriptError(filename, odd, "its line end differs from those above (LF, CRLF)")
    return "\r\n" if any(carriage) else "\n"


def _fenced_rows(lines: list[str]) -> list[_Row]:
    rows = [_Row(number, line, line, "prose") for number, line in enumerate(lines, 1)]
    for fence in fences("\n".join(lines)):
        for number, raw in enumerate(fence.lines, fence.line):
            text = fence.inner(raw)
            rows[number - 1] = _Row(number, raw, text, _row_kind(text), fence.indent, fence.mark)
    return rows


def _row_kind(text: str) -> str:
    if not text:
        return "blank"
    if text.startswith(">>>"):
        return "input"
    if text == "..." or text.startswith("... "):
        return "continuation"
    if text.startswith("#:"):
        return "directive"
    return "narration" if text == "#" or text.startswith("# ") else "output"


class _Parser:
    """Reads entries off the front of its rows."""

    def __init__(self, filename: str, rows: list[_Row]) -> None:
        self._filename = filename
        self._rows = rows
        self._at = 0
        self._seen: dict[str, int] = {}
        self._begun = False
        self._key: Directive | None = None

    def entries(self) -> Iterator[Entry]:
        while self._at < len(self._rows):
            yield self._next()
        if self._key is not None:
            raise self._error(self._key.line, "no input comes after this key")

    def _next(self) -> Entry:
        row = self._rows[self._at]
        match row.kind:
            case "blank":
                return Blank(row.number, _raw_lines(self._take("blank", most=1)))
            case "prose":
                return Prose(row.number, _raw_lines(self._take("prose")))
            case "narration":
                rows = self._take("narration")
                return Narration(row.number, _raw_lines(rows), "\n".join(r.text[2:] for r in rows))
            case "directive":
                return self._directive()
            case "input":
                return self._input()
            case "continuation":
                raise self._error(row.number, "'...' without a '>>> ' line above")
        raise self._error(row.number, f"output without an input above: {row.text!r}")

    def _directive(self) -> Directive:
        (row,) = self._take("directive", most=1)
        name, _, value = row.text[2:].strip().partition(" ")
        if not name or not row.text.startswith("#: "):
            raise self._error(row.number, f"a directive is '#: NAME VALUE', not {row.text!r}")
        try:
            meaning = directive_value(name, value.strip())
        except ValueError as error:
            raise self._error(row.number, str(error)) from None
        directive = Directive(row.number, (row.raw,), name, value.strip(), meaning)
        self._place(directive)
        return directive

    def _place(self, directive: Directive) -> None:
        """Refuse a directive that is where it can't act."""
        name, line = directive.name, directive.line
        if name in HEADER_DIRECTIVES and self._begun:
            raise self._error(line, f"{name} comes too late: write it above the first input")
        if name in {"title", "clock"} and name in self._seen:
            raise self._error(line, f"{name} is already given in line {self._seen[name]}")
        if name == "key":
            if self._key is not None:
                raise self._error(line, f"the key of line {self._key.line} has no input yet")
            self._key = directive
        self._seen[name] = line

    def _input(self) -> Input:
        (first,) = self._take("input", most=1)
        if not first.text[3:].strip():
            raise self._error(first.number, "nothing is typed after '>>>'")
        if first.text[3] != " ":
            raise self._error(first.number, f"a space is missing after '>>>': {first.text!r}")
        typed = [first, *self._take("continuation")]
        text = "\n".join(row.text[4:] for row in typed)
        if not is_complete(text):
            ends = (
                "end the block with a" if is_complete(text + "\n") else "it goes on with another"
            )
            reason = f"Enter would not submit this: {ends} '...' line"
            raise self._error(typed[-1].number, reason)
        output = self._output()
        key, self._key, self._begun = self._key, None, True
        return Input(
            first.number,
            _raw_lines(typed) + _raw_lines(output),
            text=text,
            expected=tuple(row.text for row in output),
            interrupt_after=None if key is None else float(str(key.meaning)),
            indent=first.indent,
            mark=first.mark,
        )

    def _output(self) -> list[_Row]:
        """The expected output: the rows up to the last one that isn't empty."""
        start = self._at
        rows = self._take("output", "blank")
        while rows and rows[-1].kind == "blank":
            rows.pop()
        self._at = start + len(rows)
        return rows

    def _take(self, *kinds: str, most: int | None = None) -> list[_Row]:
        """The rows of these kinds that come next, at most so many; they are read."""
        start = self._at
        limit = len(self._rows) if most is None else start + most
        while self._at < limit and self._rows[self._at].kind in kinds:
            self._at += 1
        return self._rows[start : self._at]

    def _error(self, line: int, reason: str) -> TranscriptError:
        return TranscriptError(self._filename, line, reason)


def _raw_lines(rows: list[_Row]) -> tuple[str, ...]:
    return tuple(row.raw for row in rows)


def named_transcript(name: str) -> Transcript:
    """The transcript called `name`, or at that path.

    Raises DemoNotFoundError where there is none to be read, TranscriptError where it is
    not one, or requires what this Python does not have; both are one line.
    """
    path = find_transcript(name)
    try:
        transcript = load_transcript(path)
    except OSError as error:
        raise DemoNotFoundError(f"{path}: {error.strerror or error}") from None
    if missing := missing_requirement(transcript):
        line = next(entry.line for entry in transcript.directives if entry.name == "requires")
        raise TranscriptError(transcript.filename, line, f"it needs {missing}")
    return transcript


def missing_requirement(transcript: Transcript) -> str:
    """What `transcript` requires and this Python doesn't have, or an empty string."""
    for required in transcript.meanings("requires"):
        if isinstance(required, tuple):
            if sys.version_info < required:
                return f"Python {required[0]}.{required[1]}"
        elif not _importable(str(required)):
            return f"the module {required}"
    return ""


def _importable(module: str) -> bool:
    try:
        return find_for_user(module) is not None
    except ImportError:  # its package is missing
        return False
