"""Cutting text that holds several inputs: a pasted session, a file, a stream of lines.

People paste what they find: a demo of ours, an example of the Python documentation, a page about
IPython. The prompts are taken off, output and narration are dropped (`pasted_inputs`).

Or they paste what they cut out of other code: it has the indentation that it had there, or where
the cut began behind that, all lines but the first have it (`fitted_paste`).

`InputSplitter` takes lines as they come. A person ends a block with an empty line. A file does
not: in it a block ends at the next line that begins at the left margin, and empty lines within it
mean nothing. Either way an input is given out as soon as it is known to be whole. A file whose
first line, but for comments, has a prompt is a session: only what is behind its prompts is typed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.syntax.parsed_input import (
    TRIAL_FILENAME,
    Command,
    Incomplete,
    InvalidStatement,
    Statement,
    is_block,
    is_complete,
    parse_input,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class _Prompts(NamedTuple):
    """The prompts of a program: of a new input, and of one that goes on."""

    first: re.Pattern[str]
    more: re.Pattern[str]


#: What is behind a prompt may be indented, so only one blank belongs to it. The one of a
#: line that goes on is looked for at any indent: auto-indent may have come before it.
_PYTHON = _Prompts(re.compile(r"\s*>>>(?: |$)"), re.compile(r"\s*\.\.\.(?: |$)"))
_IPYTHON = _Prompts(re.compile(r"\s*In \[\d*\]:(?: |$)"), re.compile(r"\s*\.{3,}:(?: |$)"))
#: A prompt that may end the output above it: an example in a docstring is indented, as a rule.
_AT_MARGIN = re.compile(r">>>(?: |$)|In \[\d*\]:(?: |$)")
#: What may come above the first prompt: directives, narration, the fence of a code block.
_PREAMBLE = re.compile(r"\s*(#|```|~~~|$)")
#: Output that an error left, also one of which only the last line is shown.
_ERROR_OUTPUT = re.compile(
    r"\s*(Traceback \(most recent call last\)"
    r"|([A-Za-z_]\w*\.)*[A-Z]\w*(Error|Exception|Interrupt|Exit|Group|Iteration)\b"
    r"|…$)"
)
_INDENTATION = re.compile(r"[ \t]*(?=\S)")


class PastedInput(NamedTuple):
    """An input of a session; `fails` says that the text shows an error below it."""

    text: str
    fails: bool = False


def pasted_inputs(text: str) -> list[PastedInput] | None:
    """The inputs of the session that `text` is, in order; None if it is none.

    It is one if its first line has a prompt, but for comments and empty lines. Or if above the
    first prompt there is what is no Python: a banner, the output of what was typed before.
    """
    lines = text.split("\n")
    if (prompts := _prompts_in(lines)) is None:
        return None
    found = _inputs(lines, prompts)
    return [PastedInput(typed, fails) for typed, fails, _ in found if typed.strip()]


def is_complete_paste(text: str) -> bool:
    """Whether Enter at the end of `text`, a session or not, should run it.

    A session is as complete as its last input, if nothing comes below that.
    """
    lines = text.split("\n")
    prompts = _prompts_in(lines)
    if prompts is None:
        return is_complete(text)
    *_, (typed, _, ended) = _inputs(lines, prompts)
    return ended or is_complete(typed)


def fitted_paste(before: str, pasted: str, after: str) -> str:
    """`pasted`, as it is to stand between the texts `before` and `after` of the cursor.

    What Python takes as it is stays, and what it takes in no way. Else it gets the
    indentation of the line that it comes into, and keeps its own steps.
    """
    indent = before.rpartition("\n")[2]
    if indent.strip():
        return pasted
    for candidate in _candidates(pasted.split("\n"), indent):
        if not is_invalid(before + candidate + after):
            return candidate
    return pasted


def is_invalid(text: str) -> bool:
    """Whether `text` cannot become an input, whatever is typed behind it."""
    return isinstance(parse_input(text, TRIAL_FILENAME), InvalidStatement)


def _candidates(lines: Sequence[str], indent: str) -> Iterator[str]:
    """The lines as they are; with the indentation of the first one exchanged; of the others."""
    yield "\n".join(lines)
    first, *others = lines
    own = _indentation(first)
    yield "\n".join([first.removeprefix(own), *_moved(others, own, indent)])
    shared = min(map(_indentation, filter(str.strip, others)), key=len, default="")
    yield "\n".join([first.removeprefix(own), *_moved(others, shared, indent)])


def _indentation(line: str) -> str:
    found = _INDENTATION.match(line)
    return found[0] if found else ""


def _moved(lines: Sequence[str], own: str, indent: str) -> Iterator[str]:
    """`lines` with `indent` in place of `own`, where they have that."""
    for line in lines:
        fits = line.strip() and line.startswith(own)
        yield indent + line.removeprefix(own) if fits else line


def begins_session(line: str) -> bool | None:
    """Whether a text that begins with `line` is a session; None if the next line says it."""
    return None if _PREAMBLE.match(line) else _prompts_of(line) is not None


class Typed(NamedTuple):
    """What is typed in a line of a session, and whether it goes on with the line above."""

    text: str
    goes_on: bool


def behind_prompt(line: str) -> Typed | None:
    """What is typed in `line` of a session; None for output."""
    for prompts in (_PYTHON, _IPYTHON):
        for pattern in prompts:
            if match := pattern.match(line):
                return Typed(line[match.end() :], pattern is prompts.more)
    return None


def _prompts_in(lines: Sequence[str]) -> _Prompts | None:
    first = next((line for line in lines if not _PREAMBLE.match(line)), "")
    at = next((at for at, line in enumerate(lines) if _AT_MARGIN.match(line)), 0)
    below_output = at and is_invalid("\n".join(lines[:at]))
    return _prompts_of(lines[at] if below_output else first)


def _prompts_of(line: str) -> _Prompts | None:
    return next((each for each in (_PYTHON, _IPYTHON) if each.first.match(line)), None)


def _inputs(lines: Sequence[str], prompts: _Prompts) -> Iterator[tuple[str, bool, bool]]:
    """Of each input: what is typed, whether it fails, whether anything is below it."""
    indent = next(_indent(line) for line in lines if prompts.first.match(line))
    typed: list[str] = []
    below: list[str] = []
    for line in lines:
        first = prompts.first.match(line)
        more = prompts.more.match(line) if typed and not any(map(str.strip, below)) else None
        if first is not None and _indent(line) == indent:
            if typed:
                yield _input(typed, below)
            typed, below = [line[first.end() :]], []
        elif more is not None:  # empty lines above it have lost their prompt
            typed, below = [*typed, *("" for _ in below), line[more.end() :]], []
        elif typed:
            below.append(line)
    yield _input(typed, below)


def _input(typed: list[str], below: list[str]) -> tuple[str, bool, bool]:
    return "\n".join(typed), any(map(_ERROR_OUTPUT.match, below)), bool(below)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


#: Words at the left margin that go on with the block above them.
_CONTINUES = re.compile(r"(else|elif|except|finally)\b")


class InputSplitter:
    """Collects lines into inputs; `typed` says that a person ends the blocks."""

    def __init__(self, typed: bool = False) -> None:
        self.typed = typed
        self._lines: list[str] = []
        #: Whether the file is a session; None as long as that is open.
        self._session: bool | None = None

    @property
    def pending(self) -> bool:
        """Whether an input has begun and is not whole."""
        return bool(self._lines)

    def feed(self, line: str) -> list[str]:
        """Take one line, without its end; the inputs that are whole now."""
        if self.typed:
            return self._feed_typed(line)
        if self._session is None:
            self._session = begins_session(line)
        if self._session:
            return self._feed_session(line)
        return self._add(line, ends=self._ends_before(line))

    def end(self) -> list[str]:
        """The input that the end of the stream makes whole, if any."""
        text = "\n".join(self._lines)
        self._lines.clear()
        return [text] if text.strip() else []

    def drop(self) -> None:
        """Forget the input that has begun."""
        self._lines.clear()

    def _feed_typed(self, line: str) -> list[str]:
        typed = behind_prompt(line)  # it may be pasted; a body that is `...` is not
        if not self.pending:
            self._session = typed is not None and not typed.goes_on
        if self._session and typed is not None and typed.goes_on is self.pending:
            line = typed.text
        self._lines.append(line)
        return self.end() if is_complete("\n".join(self._lines)) else []

    def _feed_session(self, line: str) -> list[str]:
        """Take a line of a session; an input ends at the next prompt or at output."""
        typed = behind_prompt(line)
        if typed is None:
            return self.end() if line.strip() else []
        if typed.goes_on and not self.pending:
            return []
        return self._add(typed.text, ends=not typed.goes_on)

    def _add(self, line: str, *, ends: bool) -> list[str]:
        """Take `line`, which `ends` the input before it; the inputs that are whole now."""
        before = self.end() if ends else []
        self._lines.append(line)
        return before if self._may_go_on() else before + self.end()

    def _may_go_on(self) -> bool:
        """Whether more lines can belong to the input that has begun."""
        reading = parse_input("\n".join(self._lines) + "\n", TRIAL_FILENAME)
        return isinstance(reading, Incomplete) or (
            isinstance(reading, Statement) and is_block(reading.tree.body[-1])
        )

    def _ends_before(self, line: str) -> bool:
        """Whether the input so far is whole and `line` begins another."""
        margin = line[:1]
        if not self._lines or margin.isspace() or margin in {"", "#", ")", "]", "}"}:
            return False
        so_far = "\n".join(self._lines) + "\n"
        return not _CONTINUES.match(line) and isinstance(
            parse_input(so_far, TRIAL_FILENAME), Statement | Command
        )
