"""A typed session, from its tape: as a recording, and as a transcript (`pycon`).

On a transcript's virtual clock nothing lets time pass but inputs, so where something ran in the
background while nobody typed, a ``:wait`` stands for the time between two inputs.
"""

from __future__ import annotations

import ast
import inspect
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING

from asyncrepl.export.recording import Recording, output_lines
from asyncrepl.session.tape import RecordedInput
from asyncrepl.syntax.parsed_input import as_command, is_complete
from asyncrepl.transcript.grammar import GAP, Input, escaped_output_line
from asyncrepl.views.styled_lines import cell_width, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.views.styled_lines import Line

__all__ = [
    "TRANSCRIPT_HEAD",
    "has_idle_output",
    "input_text",
    "recording_of_tape",
    "split_at_wait",
    "transcript_text",
]

#: The beginning of a session on paper.
TRANSCRIPT_HEAD = "#: clock  virtual\n\n"

#: Seconds: a command that took less has awaited nothing; a pause worth a ``:wait``.
_AWAITS_NOTHING, _SHORTEST_WAIT = 0.1, 0.001


def recording_of_tape(recorded_inputs: Sequence[RecordedInput], *, waits: bool) -> Recording:
    """The inputs of a tape with what came of them; the last of `recorded_inputs` is left out.

    With `waits`, where something ran in the background while nobody typed, a ``:wait``
    stands for the time between any two inputs: nothing else would let it pass.
    """
    pairs = list(pairwise(recorded_inputs))
    last = max(
        (at for at, (recorded, _) in enumerate(pairs) if has_idle_output(recorded)), default=-1
    )
    kept: list[RecordedInput] = []
    for at, pair in enumerate(pairs):
        kept += split_at_wait(*pair) if waits and at <= last else [pair[0]]
    parts = tuple((Input(0, (), text=recorded.text, expected=()), recorded) for recorded in kept)
    return Recording("", parts)


def transcript_text(recording: Recording, width: int | None = None) -> str:
    """The session on paper, as ``asyncrepl check`` reads it, from a screen of that `width`."""
    return TRANSCRIPT_HEAD + "".join(
        input_text(recorded, width) for _, recorded in recording.recorded_inputs
    )


def input_text(recorded: RecordedInput, width: int | None = None) -> str:
    """One input on paper, with what came of it."""
    lines: list[str] = []
    if recorded.error == "KeyboardInterrupt" and recorded.ended is not None:
        lines.append(f"#: key C-c after {_seconds_text(recorded.ended - recorded.began)}")
    lines += _typed_lines(recorded.text)
    printed = _unwrapped_lines(output_lines(recorded), width)
    lines += [
        line if line == GAP and recorded.cut else escaped_output_line(line) for line in printed
    ]
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


def has_idle_output(recorded: RecordedInput) -> bool:
    """Whether something was printed between the end of `recorded` and the next input."""
    return recorded.idle is not None and recorded.idle < len(recorded.pieces)


def split_at_wait(recorded: RecordedInput, following: RecordedInput) -> Iterator[RecordedInput]:
    """`recorded`, and a ``:wait`` for the time until the `following` one.

    On a virtual clock an input that awaits nothing takes no time: what it took is waited for.
    """
    if recorded.idle is None or recorded.ended is None:
        yield recorded
        return
    itself = copy(recorded)
    itself.pieces = recorded.pieces[: recorded.idle]
    yield itself
    took = recorded.ended - recorded.began
    seconds = following.began - recorded.ended + (0 if _awaits(recorded.text, took) else took)
    if has_idle_output(recorded) or seconds >= _SHORTEST_WAIT:
        wait = RecordedInput(f":wait {_seconds_text(seconds)}", recorded.ended)
        wait.ended, wait.pieces = following.began, recorded.pieces[recorded.idle :]
        yield wait


def _awaits(text: str, took: float) -> bool:
    """Whether an input awaits something; of a command, by how long it took."""
    if as_command(text) is not None:
        return took > _AWAITS_NOTHING
    try:
        code = compile(text, "", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return bool(code.co_flags & inspect.CO_COROUTINE)


def _typed_lines(text: str) -> list[str]:
    """The lines of an input with their prompts; a block ends with an empty one."""
    first, *others = text.strip("\n").split("\n")
    lines = [f">>> {first}", *(f"... {line}" if line.strip() else "..." for line in others)]
    return lines if is_complete(text.strip("\n")) or not others else [*lines, "..."]


def _seconds_text(seconds: float) -> str:
    return f"{max(seconds, 0.001):.3f}".rstrip("0").rstrip(".")
