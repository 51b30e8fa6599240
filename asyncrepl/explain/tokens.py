"""A text that does not parse, as a row of words.

There is no tree to judge, so a wrong word order is recognised by the tokens
alone, and proved by putting it right: a rule rewrites the words, and only if
the result parses was the order the mistake.
"""

from __future__ import annotations

import io
import keyword
import token
import tokenize
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.syntax.source_rewriter import Edit, SourceRewriter, SourceText, Span, parses

if TYPE_CHECKING:
    from collections.abc import Iterator

_SKIPPED = {token.COMMENT, token.NL, token.INDENT, token.DEDENT, token.ENDMARKER}
_OPENING, _CLOSING = "([{", ")]}"


class Word(NamedTuple):
    """A token: its text, its place in the source, how deep in brackets, what ends a line."""

    text: str
    start: int
    end: int
    depth: int
    kind: int

    @property
    def is_name(self) -> bool:
        """A name or keyword."""
        return self.kind == token.NAME

    @property
    def ends_line(self) -> bool:
        """The end of a logical line."""
        return self.kind == token.NEWLINE


class Words:
    """The words of a text, and the edits of them."""

    def __init__(self, text: str, words: list[Word]) -> None:
        self.text = text
        self.words = words

    @classmethod
    def of(cls, text: str) -> Words:
        """The words of `text`, up to where it can't be cut into tokens."""
        return cls(text, list(_words(text)))

    def __getitem__(self, number: int) -> str:
        """The text of word `number`, or ""."""
        return self.words[number].text if 0 <= number < len(self.words) else ""

    def __len__(self) -> int:
        return len(self.words)

    def texts(self, start: int, stop: int) -> list[str]:
        """The texts of the words `start` up to `stop`."""
        return [word.text for word in self.words[start:stop]]

    def starts_statement(self, number: int) -> bool:
        """Whether word `number` is the first of a statement."""
        if number == 0:
            return True
        before = self.words[number - 1]
        return before.ends_line or (before.text in (":", ";") and before.depth == 0)

    def opens(self, number: int) -> bool:
        """Whether word `number` comes right after an opening bracket."""
        return number > 0 and self.words[number - 1].text in _OPENING

    def find(self, text: tuple[str, ...] | str, start: int) -> int | None:
        """The next of the words `text` from `start` on, at the same depth, in this statement."""
        texts = (text,) if isinstance(text, str) else text
        depth = self.words[start].depth if start < len(self) else 0
        for number in range(start, len(self)):
            word = self.words[number]
            if word.depth < depth or word.ends_line:
                return None
            if word.depth == depth and word.text in texts and word.kind != token.STRING:
                return number
        return None

    def end_of_statement(self, number: int) -> int:
        """The number of the word that ends the statement `number` is in."""
        while number < len(self) and not self.words[number].ends_line:
            number += 1
        return number

    def start_of_operand(self, number: int) -> int | None:
        """The first word of the names, calls and items, joined by dots, that end with `number`."""
        while number >= 0:
            if self[number] in _CLOSING:
                depth = self.words[number].depth
                opening = (n for n in range(number - 1, -1, -1) if self.words[n].depth == depth)
                number = next((n for n in opening if self[n] in _OPENING), -1)
                if number < 1 or not _ends_operand(self.words[number - 1]):
                    return number if number >= 0 else None  # a bracketed expression, or a display
            elif not _ends_operand(self.words[number]):
                return None
            elif self[number - 1] != ".":
                return number
            else:
                number -= 1
            number -= 1
        return None

    def slice(self, start: int, stop: int) -> str:
        """The source from word `start` up to word `stop`, without white space at the ends."""
        if start >= stop:
            return ""
        return self.text[self.words[start].start : self.words[stop - 1].end]

    def indent(self, number: int) -> str:
        """The white space in front of the line that word `number` is on."""
        start = self.text.rfind("\n", 0, self.words[number].start) + 1
        line = self.text[start : self.words[number].start]
        return line[: len(line) - len(line.lstrip())]

    def fresh(self, name: str) -> str:
        """`name`, or one like it that the text does not have."""
        taken = {word.text for word in self.words}
        while name in taken:
            name += "_"
        return name

    def drop(self, number: int) -> Edit:
        """Take word `number` away, with the blanks behind it."""
        word = self.words[number]
        end = word.end
        while end < len(self.text) and self.text[end] in " \t":
            end += 1
        return Edit(word.start, end, "")

    def put(self, number: int, text: str) -> Edit:
        """Write `text` in front of word `number`."""
        return Edit(self.words[number].start, self.words[number].start, text)

    def swap(self, start: int, stop: int, text: str) -> Edit:
        """Write `text` in the place of the words `start` up to `stop`."""
        return Edit(self.words[start].start, self.words[stop - 1].end, text)

    def corrected(self, edits: list[Edit]) -> str | None:
        """The text with `edits` made, if it then parses."""
        rewriting = SourceRewriter(self.text)
        for edit in edits:
            rewriting.replace(Span(edit.start, edit.end), edit.text)
        try:
            text = rewriting.apply()
        except ValueError:
            return None
        return text if edits and parses(text) else None


def _ends_operand(word: Word) -> bool:
    return (word.is_name and not keyword.iskeyword(word.text)) or word.text in (")", "]")


def _words(text: str) -> Iterator[Word]:
    places, depth = SourceText(text), 0
    try:
        for found in tokenize.generate_tokens(io.StringIO(text).readline):
            if found.type in _SKIPPED:
                continue
            if found.string in _CLOSING and found.type == token.OP:
                depth = max(0, depth - 1)
            yield _word(places, found, depth)
            if found.string in _OPENING and found.type == token.OP:
                depth += 1
    except (tokenize.TokenError, SyntaxError):
        return


def _word(places: SourceText, found: tokenize.TokenInfo, depth: int) -> Word:
    starts = places.starts
    start = starts[min(found.start[0], len(starts)) - 1] + found.start[1]
    end = starts[min(found.end[0], len(starts)) - 1] + found.end[1]
    return Word(found.string, start, end, depth, found.type)
