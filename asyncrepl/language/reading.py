"""What a typed text is: a command, a statement, unfinished, or broken.

Whether a text is finished is asked of the *parser* alone. `codeop` also
compiles, so a mistake that only the compiler finds (``await`` in a plain
``def``) breaks a block off at the very line that holds it, and the rest of the
block then fails with "unexpected indent". Here such a block is typed to its
end, and the mistake is told once.
"""

from __future__ import annotations

import ast
import warnings
from codeop import PyCF_ALLOW_INCOMPLETE_INPUT  # type: ignore[attr-defined]
from dataclasses import dataclass, field

__all__ = [
    "TRIAL",
    "Blank",
    "Broken",
    "Command",
    "Incomplete",
    "Reading",
    "Statement",
    "as_command",
    "is_block",
    "is_complete",
    "parse",
    "read",
    "silence_completeness_warnings",
]

_PARSE_ONLY = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
#: The file name of a text that is only tried: warnings about it are silenced.
TRIAL = "<asyncrepl trial>"
_LEAVING_WORDS = {"exit": "quit", "quit": "quit"}
_COMPOUND = (
    ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If | ast.For | ast.AsyncFor
    | ast.While | ast.With | ast.AsyncWith | ast.Try | ast.TryStar | ast.Match
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Blank:
    """Nothing to run: white space or comments."""


@dataclass(frozen=True, slots=True)
class Command:
    """A word for the tool: ``:name rest``; `rest` begins in that column of the line."""

    name: str
    rest: str
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Statement:
    """Python that parses: one statement or several, to be run as one."""

    text: str
    tree: ast.Module


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The beginning of a statement; more lines can make it whole."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Python that does not parse, with the parser's error."""

    text: str
    error: Exception


Reading = Blank | Command | Statement | Incomplete | Broken


def read(text: str, filename: str = "<input>", *, program: bool = False) -> Reading:
    """Say what `text` is. Never raises; `filename` appears in errors and warnings.

    A `program` is Python alone: it holds no commands.
    """
    command = None if program else as_command(text)
    if command is not None:
        return command
    try:
        tree = parse(text, filename)
    except SyntaxError as error:
        return Incomplete() if _is_incomplete(error) else Broken(text, error.with_traceback(None))
    except (RecursionError, MemoryError, OverflowError) as error:
        return Broken(text, error.with_traceback(None))
    return Statement(text, tree) if tree.body else Blank()


def as_command(text: str) -> Command | None:
    """The command that `text` is, without parsing it; None for Python."""
    stripped = text.strip()
    if stripped in _LEAVING_WORDS:
        return Command(_LEAVING_WORDS[stripped], "")
    if not text.startswith(":"):
        return None
    name, _, rest = stripped[1:].partition(" ")
    rest = rest.strip()
    return Command(name, rest, text.index(rest, len(name) + 1))


def is_complete(text: str) -> bool:
    """Whether Enter at the end of `text` should run it.

    A block over several lines ends with an empty line, as at every Python
    prompt; a statement on one line is complete at once, also a compound one.
    A command is as complete as what follows its name: ``:spawn for …`` may be a
    block. Callable from any thread.
    """
    reading = read(text, TRIAL)
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
    return isinstance(statement, _COMPOUND)


def parse(text: str, filename: str) -> ast.Module:
    """The tree of `text`; raises SyntaxError, also where ``compile`` has ValueError."""
    flags = _PARSE_ONLY | PyCF_ALLOW_INCOMPLETE_INPUT
    try:
        tree = compile(text, filename, "exec", flags, dont_inherit=True)
    except ValueError as error:  # a NUL byte (3.11) or a lone surrogate
        line = 1 + text[: _first_unencodable(text)].count("\n")
        raise SyntaxError(str(error), (filename, line, None, None)) from None
    assert isinstance(tree, ast.Module)
    return tree


def silence_completeness_warnings() -> None:
    """Keep warnings of trial parses quiet: the parse that counts gives them again.

    A filter by module name, set once: ``warnings.catch_warnings`` would change
    global state from the thread that asks for completeness.
    """
    warnings.filterwarnings("ignore", module=TRIAL)


def _is_incomplete(error: SyntaxError) -> bool:
    # The flag PyCF_ALLOW_INCOMPLETE_INPUT answers through this text alone: before
    # 3.13 the error has no class of its own. User text cannot produce it.
    return error.msg == "incomplete input"


def _first_unencodable(text: str) -> int:
    for position, character in enumerate(text):
        if character == "\0" or "\ud800" <= character <= "\udfff":
            return position
    return 0
