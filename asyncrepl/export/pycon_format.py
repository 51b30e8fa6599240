"""A session as a transcript (`pycon`): what `asyncrepl check` and `asyncrepl replay` read."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from asyncrepl.export.format_registry import export_format
from asyncrepl.export.recording import has_idle_output, output_lines, seconds_text, split_at_wait
from asyncrepl.session.tape import RecordedInput
from asyncrepl.syntax.parsed_input import is_complete
from asyncrepl.transcript.grammar import GAP, escaped_output_line
from asyncrepl.views.styled_lines import cell_width, plain

if TYPE_CHECKING:
    from asyncrepl.export.recording import Recording
    from asyncrepl.session.shell import Shell
    from asyncrepl.views.styled_lines import Line

#: The beginning of a session on paper.
_TRANSCRIPT_HEAD = "#: clock  virtual\n\n"


class _GrowingTranscript:
    """Input after input on paper.

    Where something runs in the background, a ``:wait`` stands for the time until the next
    input, as in a session that is saved, which knows what was printed later.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._waits = False

    def head(self) -> str:
        """The clock."""
        return _TRANSCRIPT_HEAD

    def settled(self, recorded: RecordedInput, following: RecordedInput) -> str:
        """The input and a ``:wait``."""
        text = self._text(recorded, following)
        self._waits = False
        return text

    def unsettled(self, recorded: RecordedInput) -> str:
        """The input, and a ``:wait`` for what came later."""
        return self._text(recorded, RecordedInput("", self._shell.loop.time()))

    def _text(self, recorded: RecordedInput, following: RecordedInput) -> str:
        loop = self._shell.loop
        alive = bool(asyncio.all_tasks(loop)) or loop.deadline() < math.inf
        self._waits = self._waits or alive or has_idle_output(recorded)
        recorded_inputs = split_at_wait(recorded, following) if self._waits else [recorded]
        return "".join(_input_text(each, self._shell.console.width) for each in recorded_inputs)


@export_format(
    "pycon", "a transcript to replay and to check", rank=20,
    waits=True, exported=False, growing=_GrowingTranscript,
)  # fmt: skip
def transcript_text(recording: Recording) -> str:
    """The session on paper, as ``asyncrepl check`` reads it."""
    return _TRANSCRIPT_HEAD + "".join(
        _input_text(recorded, recording.width) for recorded in recording.recorded_inputs
    )


def _input_text(recorded: RecordedInput, width: int | None = None) -> str:
    """One input on paper, with what came of it."""
    lines: list[str] = []
    if recorded.error == "KeyboardInterrupt" and recorded.ended is not None:
        lines.append(f"#: key C-c after {seconds_text(recorded.ended - recorded.began)}")
    lines += _typed_lines(recorded.text)
    for line in _unwrapped_lines(output_lines(recorded), width):
        lines.append(line if line == GAP and recorded.cut else escaped_output_line(line))
    return "".join(line + "\n" for line in lines)


def _unwrapped_lines(lines: list[Line], width: int | None) -> list[str]:
    """The text of `lines`; where the tool has wrapped its prose, `…` stands for the rest.

    On paper nothing is wrapped. A line goes on in the next one, which is indented, if the
    first word there did not fit.
    """
    result: list[str] = []
    before: Line = []
    for line in lines:
        if result and width is not None and _is_continuation(before, line, width):
            result[-1] = result[-1].removesuffix(GAP) + GAP
        else:
            result.append(plain(line))
        before = line
    return result


def _is_continuation(before: Line, line: Line, width: int) -> bool:
    """Whether `line` is the rest of the one `before`, for which there was no room."""
    if line and line[0][0] == "wrap":
        return True
    text = plain(line)
    indent = len(text) - len(text.lstrip(" "))
    if indent < 4 or not before or not line[0][0] or line[0][0] != before[-1][0]:
        return False
    return cell_width(f"{plain(before)} {text.split()[0]}") > width - indent


def _typed_lines(text: str) -> list[str]:
    """The lines of an input with their prompts; a block ends with an empty one."""
    first, *others = text.strip("\n").split("\n")
    lines = [f">>> {first}", *(f"... {line}" if line.strip() else "..." for line in others)]
    return lines if is_complete(text.strip("\n")) or not others else [*lines, "..."]
