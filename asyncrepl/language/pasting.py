"""Sessions as text: inputs behind their prompts, and output between them.

People paste what they find: a demo of ours, an example of the Python documentation, a
page about IPython. The prompts are taken off, the output and what is told are dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.language.reading import is_complete

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Pasted", "Typed", "begins_session", "behind_prompt", "is_whole", "pasted_inputs"]


class _Prompts(NamedTuple):
    """The prompts of a program: of a new input, and of one that goes on."""

    first: re.Pattern[str]
    more: re.Pattern[str]


#: What is behind a prompt may be indented, so only one blank belongs to it. The one of a
#: line that goes on is looked for at any indent: auto-indent may have come before it.
_PYTHON = _Prompts(re.compile(r"\s*>>>(?: |$)"), re.compile(r"\s*\.\.\.(?: |$)"))
_IPYTHON = _Prompts(re.compile(r"\s*In \[\d*\]:(?: |$)"), re.compile(r"\s*\.{3,}:(?: |$)"))
#: What may stand above the first prompt: directives, narration, the fence of a code block.
_ABOVE = re.compile(r"\s*(#|```|~~~|$)")
#: Output that an error left, also one of which only the last line is shown.
_FAILED = re.compile(
    r"\s*(Traceback \(most recent call last\)"
    r"|([A-Za-z_]\w*\.)*[A-Z]\w*(Error|Exception|Interrupt|Exit|Group|Iteration)\b"
    r"|…$)"
)


@dataclass(frozen=True, slots=True)
class Pasted:
    """An input of a session; `fails` says that the text shows an error below it."""

    text: str
    fails: bool = False


def pasted_inputs(text: str) -> list[Pasted] | None:
    """The inputs of the session that `text` is, in order; None if it is none.

    It is one if a prompt stands in its first line, but for comments and empty lines.
    """
    lines = text.split("\n")
    prompts = _prompts_in(lines)
    if prompts is None:
        return None
    return [Pasted(typed, fails) for typed, fails, _ in _inputs(lines, prompts) if typed.strip()]


def is_whole(text: str) -> bool:
    """Whether Enter at the end of `text`, a session or not, should run it.

    A session is as complete as its last input, if nothing comes below that.
    """
    lines = text.split("\n")
    prompts = _prompts_in(lines)
    if prompts is None:
        return is_complete(text)
    *_, (typed, _, ended) = _inputs(lines, prompts)
    return ended or is_complete(typed)


def begins_session(line: str) -> bool | None:
    """Whether a text that begins with `line` is a session; None if the next line says it."""
    return None if _ABOVE.match(line) else _prompts_of(line) is not None


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
    return _prompts_of(next((line for line in lines if not _ABOVE.match(line)), ""))


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
    return "\n".join(typed), any(map(_FAILED.match, below)), bool(below)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
