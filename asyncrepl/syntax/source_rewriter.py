r"""Editing source text at places the syntax tree names: a fix looks like the user's own code.

``ast.unparse`` does not do: it drops comments, quotes and line breaks, and a correction that
nobody recognises as his own is not read. Neither do string searches: the words of Python also
occur in strings. So every edit is a span of the text, taken from a node, and all edits of a fix
are applied at once.

The compiler counts columns in UTF-8 bytes and lines by ``\n``, ``\r\n`` and ``\r``; `SourceText`
turns such positions into indexes of the string.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING, Literal, NamedTuple

from asyncrepl.syntax.parsed_input import syntax_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    Opcode = tuple[Literal["replace", "delete", "insert", "equal"], int, int, int, int]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_NEEDS_BRACKETS = (
    ast.IfExp, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Lambda, ast.NamedExpr,
    ast.Await,
)  # fmt: skip
_DEF = re.compile(r"(?:async\s+)?def\s+\w+")
_INDENT = re.compile(r"[ \t\f]*")
#: The head of a block whose body stands on the same line.
_HEAD = re.compile(
    r"\s*(?:async\s+)?(?:def|class|if|elif|else|for|while|with|try|except|finally|match|case)\b"
    r".*:\s*$"
)


class Span(NamedTuple):
    """Indexes of the first character and of the one behind the last."""

    start: int
    end: int


class Edit(NamedTuple):
    """Put `text` in the place of the characters `start` to `end`."""

    start: int
    end: int
    text: str


class SourceText:
    """A source text whose places can be asked for by line and column, or by node."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts: list[int] = []
        self.lines: list[str] = []
        at = 0
        for match in _LINE.finditer(text):
            self.starts.append(at)
            self.lines.append(match[0])
            at = match.end()

    def index(self, lineno: int, column: int) -> int:
        """The index of line `lineno` (from 1), column `column` (bytes, from 0)."""
        if lineno > len(self.lines):
            return len(self.text)
        line = self.lines[lineno - 1]
        if line.isascii():
            return self.starts[lineno - 1] + min(column, len(line))
        before = line.encode("utf-8", "surrogatepass")[:column]
        return self.starts[lineno - 1] + len(before.decode("utf-8", "surrogatepass"))

    def span(self, node: ast.AST) -> Span:
        """The span of `node`, without its decorators and without brackets around it."""
        place: ast.expr = node  # type: ignore[assignment]  # any node with a position
        end_line, end_column = place.end_lineno, place.end_col_offset
        assert end_line is not None
        assert end_column is not None
        return Span(self.index(place.lineno, place.col_offset), self.index(end_line, end_column))

    def source(self, node: ast.AST) -> str:
        """The text of `node`."""
        start, end = self.span(node)
        return self.text[start:end]

    def operand(self, node: ast.AST) -> str:
        """The text of `node`, in brackets where a call or ``await`` would split it."""
        text = self.source(node)
        return f"({text})" if isinstance(node, _NEEDS_BRACKETS) else text

    def line_start(self, index: int) -> int:
        """The index at which the line that holds `index` begins."""
        return max(start for start in self.starts if start <= index)

    def begins_line(self, node: ast.AST) -> bool:
        """Whether only white space comes before `node` on its line."""
        start = self.span(node).start
        return not self.text[self.line_start(start) : start].strip()

    def follows_head(self, node: ast.AST) -> bool:
        """Whether `node` is all that stands behind the head of a block, on the line of that."""
        start, end = self.span(node)
        rest = self.text[end:].partition("\n")[0].strip()
        return bool(_HEAD.match(self.text[self.line_start(start) : start])) and rest[:1] in (
            "",
            "#",
        )

    def indent(self, node: ast.AST) -> str:
        """The white space in front of the line on which `node` begins."""
        match = _INDENT.match(self.text, self.line_start(self.span(node).start))
        return match[0] if match else ""

    def block(self, statement: ast.stmt) -> Span:
        """The whole lines of `statement`, with its decorators and the last line break."""
        whole: list[ast.expr] = [statement, *getattr(statement, "decorator_list", [])]  # type: ignore[list-item]  # both have positions
        first = min(whole, key=lambda node: node.lineno)
        start = self.line_start(self.span(first).start)
        end = self.span(statement).end
        stop = self.text.find("\n", end)
        return Span(start, len(self.text) if stop < 0 else stop + 1)


class SourceRewriter:
    """Edits of one text, collected in any order and applied together.

    Edits must not overlap; insertions at one place keep the order in which
    they were made.
    """

    def __init__(self, text: str | SourceText) -> None:
        self.source = text if isinstance(text, SourceText) else SourceText(text)
        self.edits: list[Edit] = []
        self.applicable = True

    def replace(self, where: ast.AST | Span, text: str) -> None:
        """Put `text` in the place of `where`, a node or a span.

        Of several lines in the place of a one-line body, each gets a line of its own.
        """
        start, end = where if isinstance(where, tuple) else self.source.span(where)
        if "\n" in text and isinstance(where, ast.AST) and self.source.follows_head(where):
            text = self._deeper(where) + text.replace("\n", "\n    ")
            start = len(self.source.text[:start].rstrip())
        self.edits.append(Edit(start, end, text))

    def replace_head(self, function: ast.AST, head: str) -> None:
        """Put `head` in the place of the ``def NAME`` of a statement."""
        start = self.source.span(function).start
        match = _DEF.match(self.source.text, start)
        assert match is not None
        self.replace(Span(start, match.end()), head)

    def insert(self, index: int, text: str) -> None:
        """Put `text` in front of the character at `index`."""
        self.edits.append(Edit(index, index, text))

    def before(self, node: ast.AST, text: str) -> None:
        """Put `text` right in front of `node`."""
        self.insert(self.source.span(node).start, text)

    def after(self, node: ast.AST, text: str) -> None:
        """Put `text` right behind `node`."""
        self.insert(self.source.span(node).end, text)

    def lines_before(self, statement: ast.stmt, lines: str) -> None:
        """Put `lines` above `statement` and its decorators, indented as it is."""
        if self.source.follows_head(statement):
            by = self._deeper(statement)
            start = self.source.span(statement).start
            self.edits.insert(0, Edit(start, start, by + lines.replace("\n", by) + by))
            return
        self.applicable &= self.source.begins_line(statement)
        indented = indent(lines, self.source.indent(statement))
        self.insert(self.source.block(statement).start, indented + "\n")

    def lines_after(self, statement: ast.stmt, lines: str) -> None:
        """Put `lines` below `statement`, indented as it is."""
        if self.source.follows_head(statement):
            by = self._deeper(statement)
            start = self.source.span(statement).start
            self.edits.insert(0, Edit(start, start, by))
            self.after(statement, by + lines.replace("\n", by))
            return
        self.applicable &= self.source.begins_line(statement)
        end = self.source.block(statement).end
        newline = "" if self.source.text[:end].endswith("\n") else "\n"
        self.insert(end, newline + indent(lines, self.source.indent(statement)) + "\n")

    def _deeper(self, node: ast.AST) -> str:
        """A line break, and the white space of the body of the block that begins on that line."""
        return f"\n{self.source.indent(node)}    "

    def remove(self, statement: ast.stmt) -> None:
        """Take the lines of `statement` away."""
        self.replace(self.source.block(statement), "")

    def apply(self) -> str:
        """The text with all edits made; ValueError where two of them overlap.

        Also where lines were to be put beside a statement that has no lines of its own.
        """
        if not self.applicable:
            raise ValueError("a statement shares its line with another")
        pieces: list[str] = []
        at = 0
        for edit in sorted(self.edits, key=lambda edit: edit[:2]):
            if edit.start < at:
                raise ValueError(f"edits overlap at index {edit.start}: {edit.text!r}")
            pieces += self.source.text[at : edit.start], edit.text
            at = edit.end
        return "".join([*pieces, self.source.text[at:]])


def indent(lines: str, by: str) -> str:
    """`lines` with `by` in front of each that is not empty."""
    return "\n".join(by + line if line.strip() else line for line in lines.split("\n"))


def line_opcodes(before: Sequence[str], after: Sequence[str]) -> list[Opcode]:
    """How the lines of `before` become those of `after`: opcodes, as `difflib` has them.

    Lines at the beginning and the end that are the same are not compared with all others: in a
    large file, where many are blank, that takes seconds.
    """
    from difflib import SequenceMatcher  # not for the first prompt

    shorter = min(len(before), len(after))
    head = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    rest = range(shorter - head)
    tail = next((n for n in rest if before[-1 - n] != after[-1 - n]), len(rest))
    end, new_end = len(before) - tail, len(after) - tail
    inner = SequenceMatcher(None, before[head:end], after[head:new_end]).get_opcodes()
    return [
        ("equal", 0, head, 0, head),
        *((tag, a + head, b + head, c + head, d + head) for tag, a, b, c, d in inner),
        ("equal", end, len(before), new_end, len(after)),
    ]


def parses(text: str) -> bool:
    """Whether `text` has a syntax tree."""
    return compile_error(text, "<fix>", ast.PyCF_ONLY_AST) is None


def compiles(text: str) -> bool:
    """Whether `text` compiles, with top-level await."""
    return compile_error(text, "<fix>", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT) is None


def compile_error(text: str, filename: str, flags: int) -> Exception | None:
    """The error of compiling `text` with these `flags`; None if it compiles.

    `filename` appears in the error. Warnings are dropped; nothing is run.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if flags & ast.PyCF_ONLY_AST:
                syntax_tree(text, filename, flags)
            else:
                compile(text, filename, "exec", flags, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return error
    return None
