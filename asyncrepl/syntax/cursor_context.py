r"""What the cursor stands in: open brackets, strings and f-string fields, and the call around it.

One pass over the text before the cursor, which is rarely whole and often wrong: so no tokenizer,
which would give up, but a stack of what has been opened and not closed. A field of an f-string is
code again, in which the string's own quote may stand (Python 3.12).

And where its line belongs (`dedented_clause`), and the next one (`indent_after`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from asyncrepl.syntax.input_splitter import is_invalid

_QUOTE = re.compile(r"(?i)(?<![\w])([rbuft]{0,2})('''|\"\"\"|'|\")|('''|\"\"\"|'|\")")
_CLOSING = {")": "(", "]": "[", "}": "{"}
#: A name with attributes and plain subscripts, as far as it can be looked up.
_CALLEE = re.compile(r"(?:[^\W\d]\w*|\])(?:[\w.]|\[[^\[\]\n]*\])*\Z")
_DEFINES = re.compile(r"\b(?:def|class)\s+\Z")
_NAMED = re.compile(r"\s*([^\W\d]\w*)\s*=(?!=)")
_WORD = re.compile(r"\w*")
INDENT = "    "
_LEAVES_BLOCK = r"\s*(return|raise|pass|break|continue)\b"
_CLAUSE = re.compile(r"(elif|else|except|finally|case)\b.*:\s*(#.*)?")


class Opened:
    """Something that is open at the cursor.

    `kind` is a bracket, ``#``, ``"`` for a string, ``field`` for the code in an f-string's braces
    and ``spec`` for what follows the colon there. `start` is where its inside begins.
    """

    def __init__(self, kind: str, start: int, quote: str = "", prefix: str = "") -> None:
        self.kind = kind
        self.start = start
        self.quote = quote
        self.prefix = prefix
        #: Where the commas of a bracket stand.
        self.commas: list[int] = []

    @property
    def formatted(self) -> bool:
        """Whether it is a string with fields."""
        return self.kind == '"' and ("f" in self.prefix or "t" in self.prefix)


class OpenCall(NamedTuple):
    """The call whose arguments are typed at the cursor.

    `position` counts the arguments before this one that have no name, `keyword` is the name that
    this one has, if any; `given` are the names of the others; `begins` says that nothing but the
    beginning of a word stands in this one.
    """

    callee: str
    position: int
    keyword: str | None
    given: frozenset[str]
    begins: bool


def opened_at_end(text: str) -> list[Opened]:
    """What is open at the end of `text`, the outermost first."""
    stack: list[Opened] = []
    at = 0
    while at < len(text):
        inside = stack[-1] if stack else None
        if inside is not None and inside.kind in {'"', "spec"}:
            at = _in_string(text, at, stack, inside)
        elif inside is not None and inside.kind == "#":
            if (end := text.find("\n", at)) < 0:
                break
            stack.pop()
            at = end + 1
        else:
            at = _in_code(text, at, stack)
    return stack


def _in_string(text: str, at: int, stack: list[Opened], inside: Opened) -> int:
    char = text[at]
    if inside.kind == "spec":
        if char == "{":
            stack.append(Opened("field", at + 1))
        elif char == "}":
            del stack[-2:]  # the format, and its field
        return at + 1
    if inside.formatted and char == "{":
        if text.startswith("{{", at):
            return at + 2
        stack.append(Opened("field", at + 1))
        return at + 1
    if text.startswith(inside.quote, at):
        stack.pop()
        return at + len(inside.quote)
    if char == "\n" and len(inside.quote) == 1:  # it was never closed
        stack.pop()
    return at + (2 if char == "\\" else 1)


def _in_code(text: str, at: int, stack: list[Opened]) -> int:
    char = text[at]
    if char == "#":
        stack.append(Opened("#", at + 1))
    elif char in "([{":
        stack.append(Opened(char, at + 1))
    elif char in ")]}":
        wanted = {_CLOSING[char]} | ({"field"} if char == "}" else set())
        if stack and stack[-1].kind in wanted:
            stack.pop()
    elif char == "," and stack:
        stack[-1].commas.append(at)
    elif char == ":" and stack and stack[-1].kind == "field":
        stack.append(Opened("spec", at + 1))
    elif (char.isalpha() or char in "'\"") and (quote := _QUOTE.match(text, at)) is not None:
        mark = quote[2] or quote[3]
        stack.append(Opened('"', quote.end(), mark, (quote[1] or "").lower()))
        return quote.end()
    elif char.isidentifier() and (rest := _WORD.match(text, at + 1)) is not None:
        return rest.end()
    return at + 1


def code_at_end(text: str, opened: list[Opened]) -> str:
    """The code that the cursor at the end of `text` stands in.

    That is the code of the last f-string field that is `opened`, or else of the last line.
    """
    fields = [each.start for each in opened if each.kind == "field"]
    code = text[fields[-1] :] if fields else text
    return code.rpartition("\n")[2]


def open_call(text: str, opened: list[Opened] | None = None) -> OpenCall | None:
    """The call whose parenthesis is the innermost bracket open at the end of `text`.

    None where there is none, or where it is a definition.
    """
    opened = opened_at_end(text) if opened is None else opened
    around = [each for each in opened if each.kind not in {'"', "spec", "#"}]
    if not around or around[-1].kind != "(":
        return None
    bracket = around[-1]
    callee = _CALLEE.search(text, 0, bracket.start - 1)
    if callee is None or callee[0].startswith("]") or _DEFINES.search(text, 0, callee.start()):
        return None
    ends = [*bracket.commas, len(text)]
    starts = [bracket.start, *(comma + 1 for comma in bracket.commas)]
    *others, current = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    names = [match[1] if (match := _NAMED.match(each)) else None for each in others]
    named = _NAMED.match(current)
    return OpenCall(
        callee[0],
        names.count(None),
        named[1] if named else None,
        frozenset(name for name in names if name),
        re.fullmatch(r"\s*(?:[^\W\d]\w*)?", current) is not None,
    )


def dedented_clause(text: str) -> str:
    """`text` with its last line where it belongs, if that is a clause of a statement further out.

    An ``else:`` that stands in the column of the block above it, where auto-indent has put the
    cursor, goes to the nearest column where Python takes it.
    """
    head, newline, last = text.rpartition("\n")
    clause = last.lstrip(" ")
    if newline and _CLAUSE.fullmatch(clause) and is_invalid(text):
        for width in range(len(last) - len(clause) - 1, -1, -1):
            candidate = f"{head}\n{' ' * width}{clause}"
            if not is_invalid(candidate):
                return candidate
    return text


def indent_after(line: str) -> str:
    """The indentation of the line after `line`."""
    indent = line[: len(line) - len(line.lstrip())]
    if line.partition("#")[0].rstrip().endswith(":"):
        return indent + INDENT
    if re.match(_LEAVES_BLOCK, line):
        return indent.removesuffix(INDENT)
    return indent
