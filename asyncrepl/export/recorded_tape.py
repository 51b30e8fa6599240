"""A typed session as a recording, from its tape.

On a transcript's virtual clock nothing lets time pass but inputs, so where something ran in the
background while nobody typed, a ``:wait`` stands for the time between two inputs.
"""

from __future__ import annotations

import ast
import inspect
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING

from asyncrepl.export.recording import Recording
from asyncrepl.session.tape import RecordedInput
from asyncrepl.syntax.parsed_input import as_command
from asyncrepl.transcript.grammar import Input

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["has_idle_output", "recording_of_tape", "seconds_text", "split_at_wait"]

#: Seconds: a command that took less has awaited nothing; a pause worth a ``:wait``.
_AWAITS_NOTHING, _SHORTEST_WAIT = 0.1, 0.001


def recording_of_tape(
    recorded_inputs: Sequence[RecordedInput], *, waits: bool, width: int | None = None
) -> Recording:
    """The inputs of a tape with what came of them; the last of `recorded_inputs` is left out.

    With `waits`, where something ran in the background while nobody typed, a ``:wait``
    stands for the time between any two inputs: nothing else would let it pass. `width` is that of
    the screen.
    """
    pairs = list(pairwise(recorded_inputs))
    last = max(
        (at for at, (recorded, _) in enumerate(pairs) if has_idle_output(recorded)), default=-1
    )
    kept: list[RecordedInput] = []
    for at, pair in enumerate(pairs):
        kept += split_at_wait(*pair) if waits and at <= last else [pair[0]]
    parts = tuple((Input(0, (), text=recorded.text, expected=()), recorded) for recorded in kept)
    return Recording("", parts, width)


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
        wait = RecordedInput(f":wait {seconds_text(seconds)}", recorded.ended)
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


def seconds_text(seconds: float) -> str:
    """`seconds` to the millisecond, as a ``:wait`` and a directive say them; never 0."""
    return f"{max(seconds, 0.001):.3f}".rstrip("0").rstrip(".")
