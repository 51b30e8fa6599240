"""From the text of a transcript or a Markdown file to its entries.

The parser works on rows (a line, its number, and what it says without a
fence's indent), so that a `.pycon` file and the fences of a Markdown file are
one language read by one parser. A Markdown file is one session: its fences in
order, the prose between them kept as entries so that the file can be written
back.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asyncrepl.language.reading import is_complete
from asyncrepl.transcript.directives import HEADER, directive_value
from asyncrepl.transcript.grammar import (
    Blank,
    Directive,
    Entry,
    Input,
    Narration,
    Prose,
    Transcript,
    TranscriptError,
)
from asyncrepl.transcript.markdown import fences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["MARKDOWN", "load", "parse", "parse_markdown"]

MARKDOWN = frozenset({".md", ".markdown"})


def load(path: str | Path) -> Transcript:
    """The transcript in the file at `path`; of a Markdown file, its `pycon` fences.

    Raises `OSError` if it can't be read, `TranscriptError` if it isn't a transcript or
    nothing is typed in it: to check nothing would be to say that all is well.
    """
    text = _decoded(Path(path).read_bytes(), str(path))
    markdown = Path(path).suffix.lower() in MARKDOWN
    transcript = (parse_markdown if markdown else parse)(text, str(path))
    if not transcript.inputs:
        where = " in a ```pycon fence" * markdown
        raise TranscriptError(str(path), 1, f"nothing is typed here: no line '>>> …'{where}")
    return transcript


def parse(text: str, filename: str = "<transcript>") -> Transcript:
    """The transcript that `text` spells, or `TranscriptError` with the line that is wrong."""
    return _transcript(text, filename, _plain_rows)


def parse_markdown(text: str, filename: str = "<markdown>") -> Transcript:
    """The transcript in the `pycon` fences of `text`; what is around them is `Prose`."""
    return _transcript(text, filename, _fenced_rows)


def _decoded(data: bytes, filename: str) -> str:
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise TranscriptError(filename, line, "not a text file: it has a NUL byte")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise TranscriptError(filename, line, f"not UTF-8: byte 0x{byte:02x}") from None


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    raw: str
    text: str
    kind: str
    indent: str = ""
    mark: str = ""


def _transcript(text: str, filename: str, rows: Callable[[list[str]], list[_Row]]) -> Transcript:
    body = text.removeprefix("\ufeff")
    newline = _newline(body, filename)
    lines = body.removesuffix(newline).split(newline) if body else []
    return Transcript(
        filename,
        tuple(_Parser(filename, rows(lines)).entries()),
        newline,
        bom=body != text,
        final_newline=body.endswith(newline),
    )


def _newline(body: str, filename: str) -> str:
    ended = body.split("\n")[:-1]
    carriage = [line.endswith("\r") for line in ended]
    if any(carriage) and not all(carriage):
        odd = carriage.index(not carriage[0]) + 1
        raise TranscriptError(filename, odd, "its line end differs from those above (LF, CRLF)")
    return "\r\n" if any(carriage) else "\n"


def _plain_rows(lines: list[str]) -> list[_Row]:
    return [_Row(number, line, line, _kind(line)) for number, line in enumerate(lines, 1)]


def _fenced_rows(lines: list[str]) -> list[_Row]:
    rows = [_Row(number, line, line, "prose") for number, line in enumerate(lines, 1)]
    for fence in fences("\n".join(lines)):
        for number, raw in enumerate(fence.lines, fence.line):
            text = fence.inner(raw)
            rows[number - 1] = _Row(number, raw, text, _kind(text), fence.indent, fence.mark)
    return rows


def _kind(text: str) -> str:
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
        readers = {
            "blank": self._blank,
            "prose": self._prose,
            "directive": self._directive,
            "narration": self._narration,
            "input": self._input,
            "continuation": self._stray,
            "output": self._stray,
        }
        while self._at < len(self._rows):
            yield readers[self._rows[self._at].kind]()
        if self._key is not None:
            raise self._error(self._key.line, "no input comes after this key")

    def _blank(self) -> Blank:
        (row,) = self._take("blank", most=1)
        return Blank(row.number, (row.raw,))

    def _prose(self) -> Prose:
        rows = self._take("prose")
        return Prose(rows[0].number, _raw(rows))

    def _narration(self) -> Narration:
        rows = self._take("narration")
        text = "\n".join(row.text[2:] for row in rows)
        return Narration(rows[0].number, _raw(rows), text)

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
        """Refuse a directive that stands where it can't act."""
        name, line = directive.name, directive.line
        if name in HEADER and self._begun:
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
            reason = "Enter would not submit this: end the block with a '...' line"
            raise self._error(typed[-1].number, reason)
        output = self._output()
        return Input(
            first.number,
            _raw(typed) + _raw(output),
            text=text,
            expected=tuple(row.text for row in output),
            interrupt_after=self._pressed(),
            indent=first.indent,
            mark=first.mark,
        )

    def _pressed(self) -> float | None:
        """The seconds of the key that was waiting for this input."""
        key, self._key, self._begun = self._key, None, True
        return None if key is None else float(str(key.meaning))

    def _output(self) -> list[_Row]:
        """The expected output: the rows up to the last one that isn't empty."""
        start = self._at
        rows = self._take("output", "blank")
        while rows and rows[-1].kind == "blank":
            rows.pop()
        self._at = start + len(rows)
        return rows

    def _stray(self) -> Entry:
        row = self._rows[self._at]
        if row.kind == "continuation":
            raise self._error(row.number, "'...' without a '>>> ' line above")
        raise self._error(row.number, f"output without an input above: {row.text!r}")

    def _take(self, *kinds: str, most: int | None = None) -> list[_Row]:
        """The rows of these kinds that come next, at most so many; they are read."""
        start = self._at
        limit = len(self._rows) if most is None else start + most
        while self._at < limit and self._rows[self._at].kind in kinds:
            self._at += 1
        return self._rows[start : self._at]

    def _error(self, line: int, reason: str) -> TranscriptError:
        return TranscriptError(self._filename, line, reason)


def _raw(rows: list[_Row]) -> tuple[str, ...]:
    return tuple(row.raw for row in rows)
