"""From bytes to text, and from text to a command, a statement, unfinished or invalid input.

Decoding goes by the BOM and the coding cookie, as in Python.

Whether a text is finished is asked of the *parser* alone. `codeop` also compiles, so a mistake
that only the compiler finds (``await`` in a plain ``def``) breaks a block off at the very line
that holds it, and the rest of the block then fails with "unexpected indent". Here such a block is
typed to its end, and the mistake is reported once.
"""

from __future__ import annotations

import ast
import contextlib
import re
import warnings
from codecs import BOM_UTF8
from codeop import PyCF_ALLOW_INCOMPLETE_INPUT  # type: ignore[attr-defined]
from importlib.util import decode_source
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

#: As in PEP 263; only in the first two lines, and in the second only behind such a first.
_COOKIE = rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)"
_COMMENT = rb"[ \t\f]*(?:[#\r\n]|$)"


def decoded(data: bytes, filename: str) -> str:
    """The text of the program `data`, with plain newlines.

    `filename` is the one that an error names. Raises Python's own SyntaxError where it is
    none: an unknown encoding, or bytes that are not in it.
    """
    try:
        return decode_source(data)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        try:
            compile(data, filename, "exec", dont_inherit=True)
        except SyntaxError as own:
            raise own.with_traceback(None) from None
        raise SyntaxError(str(error), (filename, 1, None, None)) from None


def decode_failure(data: bytes, error: SyntaxError) -> str:
    """Why `data` is no program, to be said after its name; `error` is what `decoded` raised."""
    if any(re.match(_COOKIE, line) for line in data.split(b"\n")[:2]):
        return f"is no text: {error.msg}"
    return "is not text in UTF-8"


def decoded_lines(stream: BinaryIO) -> Iterator[str]:
    """The lines of a program, without their ends, each as soon as it is there.

    Raises ValueError, also for an encoding that is not known.
    """
    encoding, cookies = "utf-8", 2
    for number, line in enumerate(stream):
        text = line.removeprefix(BOM_UTF8) if number == 0 else line
        if number < cookies:
            found = re.match(_COOKIE, text)
            if found:
                encoding = found[1].decode("ascii", "replace")
                try:
                    "".encode(encoding)
                except LookupError:
                    raise ValueError(f"unknown encoding: {encoding}") from None
            cookies = number + 2 if not found and re.match(_COMMENT, text) else 0
            cookies = min(cookies, 2)
        yield text.decode(encoding).rstrip("\r\n")


_PARSE_ONLY = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
#: So often a parse is tried that may be spoiled, before its SystemError is shown.
_SPOILED_PARSES = 3
#: The file name of a text that is parsed only to know whether it is complete: no warnings.
TRIAL_FILENAME = "<asyncrepl trial>"
#: ``NAME?``, ``NAME??`` and ``?NAME``, as in IPython: no Python text has a question mark there.
_QUESTION = re.compile(
    r"(?P<before>\?{0,2}) *(?P<name>(?!\d)[\w*]+(?:\.[\w*]+)*) *(?P<after>\?{0,2})"
)
_COMPOUND_STATEMENTS = (
    ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If | ast.For | ast.AsyncFor
    | ast.While | ast.With | ast.AsyncWith | ast.Try | ast.TryStar | ast.Match
)  # fmt: skip


class Blank:
    """Nothing to run: white space or comments."""


class Command(NamedTuple):
    """A word for the tool: ``:name rest``; `rest` begins in that column of the line."""

    name: str
    rest: str
    column: int = 0


class Statement(NamedTuple):
    """Python that parses: one statement or several, to be run as one."""

    tree: ast.Module


class Incomplete:
    """The beginning of a statement; more lines can make it whole."""


class InvalidStatement(NamedTuple):
    """Python that does not parse, with the parser's error."""

    error: Exception


ParsedInput = Blank | Command | Statement | Incomplete | InvalidStatement


def parse_input(text: str, filename: str = "<input>", *, program: bool = False) -> ParsedInput:
    """Classify `text`. Never raises; `filename` appears in errors and warnings.

    A `program` is Python alone: it holds no commands. Callable from any thread.
    """
    command = None if program else as_command(text)
    if command is not None:
        return command
    try:
        tree = parse(text, filename)
    except SyntaxError as error:
        # The flag PyCF_ALLOW_INCOMPLETE_INPUT answers through this text alone: before
        # 3.13 the error has no class of its own. User text cannot produce it.
        if error.msg == "incomplete input":
            return Incomplete()
        return InvalidStatement(error.with_traceback(None))
    except (RecursionError, MemoryError, OverflowError) as error:
        return InvalidStatement(error.with_traceback(None))
    return Statement(tree) if tree.body else Blank()


def as_command(text: str) -> Command | None:
    """The command that `text` is, without parsing it; None for Python.

    No Python statement begins with ``:`` or ``!``, with blanks in front or without.
    """
    stripped = text.strip()
    if stripped in {"exit", "quit"}:
        return Command("quit", "")
    if stripped.startswith("!"):
        return Command("shell", stripped[1:].removeprefix("!").strip())  # IPython's `!!ls`, too
    if not stripped.startswith(":"):
        return _as_question(stripped) if "?" in (stripped[:1], stripped[-1:]) else None
    name, _, rest = stripped[1:].partition(" ")
    rest = rest.strip()
    return Command(name, rest, text.index(rest, text.index(":") + len(name) + 1))


def _as_question(text: str) -> Command | None:
    """The command that asks what a name is, or which names are like one with ``*`` in it."""
    found = _QUESTION.fullmatch(text)
    if found is None or bool(found["before"]) == bool(found["after"]):
        return None
    marks = found["before"] or found["after"]
    return Command("info", found["name"] + (marks if marks == "??" else ""))


def is_complete(text: str) -> bool:
    """Whether Enter at the end of `text` should run it.

    A block over several lines ends with an empty line, as at every Python
    prompt; a statement on one line is complete at once, also a compound one.
    A command is as complete as what follows its name: ``:spawn for …`` may be a
    block; one of the shell's goes on behind a backslash. Callable from any thread.
    """
    reading = parse_input(text, TRIAL_FILENAME)
    if text.startswith(("!", ":shell ")):
        return not text.endswith("\\")
    if isinstance(reading, Command):
        return is_complete(text.partition(" ")[2])
    if isinstance(reading, Incomplete):
        return False
    if not isinstance(reading, Statement) or "\n" not in text:
        return True
    ended = not text.rpartition("\n")[2].strip()
    return ended or not is_block(reading.tree.body[-1])


def is_block(statement: ast.stmt) -> bool:
    """Whether `statement` is a compound one, which more lines can go on with."""
    return isinstance(statement, _COMPOUND_STATEMENTS)


def parse(text: str, filename: str) -> ast.Module:
    """The tree of `text`, with top-level await; `filename` appears in errors and warnings.

    Raises SyntaxError, also where ``compile`` has ValueError; and RecursionError or
    MemoryError for what is nested too deeply.
    """
    flags = _PARSE_ONLY | PyCF_ALLOW_INCOMPLETE_INPUT
    try:
        return syntax_tree(text, filename, flags)
    except ValueError as error:  # a NUL byte (3.11) or a lone surrogate
        wrong = re.search("[\0\ud800-\udfff]", text)
        line = 1 + text.count("\n", 0, wrong.start() if wrong else 0)
        raise SyntaxError(str(error), (filename, line, None, None)) from None


def syntax_tree(text: str, filename: str = "<unknown>", flags: int = 0) -> ast.Module:
    """``ast.parse``, tried again where a finalizer spoils it; `flags` are more of `compile`'s.

    Up to Python 3.12 all parsing counts its depth in one place. If the garbage collector runs in
    the middle of it, and a finalizer parses too, that is a SystemError (CPython's issue 106905).
    """
    flags |= ast.PyCF_ONLY_AST
    for _ in range(_SPOILED_PARSES):
        with contextlib.suppress(SystemError):
            tree: ast.Module = compile(text, filename, "exec", flags, dont_inherit=True)
            return tree
    return compile(text, filename, "exec", flags, dont_inherit=True)  # type: ignore[no-any-return]


def silence_completeness_warnings() -> None:
    """Ignore warnings of completeness checks: the parse that is run gives them again.

    A filter by module name, set once: ``warnings.catch_warnings`` would change
    global state from the thread that asks for completeness.
    """
    warnings.filterwarnings("ignore", module=TRIAL_FILENAME)
