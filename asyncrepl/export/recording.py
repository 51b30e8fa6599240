"""What an export is made of: a transcript with what came of each input.

A transcript in a file is run on its virtual clock, so an export's bytes are the same each time. A
session that somebody has typed is taken from its tape (`recording_of_tape`).

On a transcript's virtual clock nothing lets time pass but inputs, so where something ran in the
background while nobody typed, a ``:wait`` stands for the time between two inputs.
"""

from __future__ import annotations

import ast
import gc
import inspect
import math
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.events.instrument import Instrument
from asyncrepl.session.frontend import Console
from asyncrepl.session.tape import RecordedInput
from asyncrepl.syntax.parsed_input import as_command
from asyncrepl.transcript.grammar import GAP, Input
from asyncrepl.transcript.transcript_output import OutputCapture, output_captured
from asyncrepl.transcript.transcript_run import (
    HungError,
    TimeLimits,
    garbage_collected_by_hand,
    open_player,
)
from asyncrepl.views.styled_lines import Line, joined_fragments, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.events import Snapshot
    from asyncrepl.events.iteration_events import IterationEvent
    from asyncrepl.session.shell import Shell
    from asyncrepl.session.tape import OutputPiece
    from asyncrepl.transcript.grammar import Entry, Transcript
    from asyncrepl.transcript.transcript_run import Player

#: The width of the screen that is played on.
SCREEN_COLUMNS = 80


class ExportError(Exception):
    """Something cannot be exported; the message is one line: what, and why."""


class Recording(NamedTuple):
    """The entries of a session in order, each input with the record of what came of it.

    `title` may be empty; `width` is that of the screen, None if there was none.
    """

    title: str
    parts: tuple[tuple[Entry, RecordedInput | None], ...]
    width: int | None = None

    @property
    def columns(self) -> int:
        """The columns of a screen on which what was one row is one: at least those of a demo."""
        return max(SCREEN_COLUMNS, self.width or 0)

    @property
    def recorded_inputs(self) -> tuple[RecordedInput, ...]:
        """What came of each input."""
        return tuple(recorded for _, recorded in self.parts if recorded is not None)


def record_transcript(transcript: Transcript) -> Recording:
    """Run `transcript` in a fresh session, as a check does; in a thread without a loop.

    Raises ExportError if it hangs.
    """
    shell = _run_in_shell(transcript)
    recorded_inputs = iter(shell.tape.recorded_inputs)
    parts: list[tuple[Entry, RecordedInput | None]] = []
    for entry in transcript.entries:
        recorded = next(recorded_inputs, None) if isinstance(entry, Input) else None
        if isinstance(entry, Input) and recorded is None:
            break  # the one before has ended the session
        parts.append((entry, recorded))
    return Recording(transcript.title, tuple(parts))


def record_iterations(transcript: Transcript) -> tuple[Snapshot, list[IterationEvent]]:
    """Run `transcript` as `record_transcript` does: the slices, and the steps of iterations."""
    events: list[IterationEvent] = []
    snapshots: list[Snapshot] = []
    _run_in_shell(transcript, events, snapshots)
    return snapshots[0], events


def _run_in_shell(
    transcript: Transcript,
    events: list[IterationEvent] | None = None,
    snapshots: list[Snapshot] | None = None,
) -> Shell:
    capture = OutputCapture()
    console = Console(capture, width=lambda: SCREEN_COLUMNS)
    with (
        garbage_collected_by_hand(),
        output_captured(capture),
        open_player(transcript, console, math.inf, TimeLimits()) as player,
    ):
        shell = player.shell
        if events is not None:
            shell.narrator.listen()
            shell.loop.live.instruments.add(_StepRecorder(events))
        _play_inputs(player, transcript)
        timeline = shell.observing.timeline
        if snapshots is not None and timeline is not None:
            snapshots.append(timeline.snapshot())
    return shell


def _play_inputs(player: Player, transcript: Transcript) -> None:
    for entry in transcript.inputs:
        try:
            status = player.play(entry)
        except HungError as reason:
            place = f"{transcript.filename}:{entry.line}"
            raise ExportError(f"{place}: hangs: {reason}") from None
        gc.collect()
        if status.kind == "exit":
            break


class _StepRecorder(Instrument):
    """Keeps the steps of all iterations in `events`."""

    def __init__(self, events: list[IterationEvent]) -> None:
        self._events = events

    def iteration_event(self, event: IterationEvent) -> None:
        """Keep `event`."""
        self._events.append(event)


def output_lines(recorded: RecordedInput) -> list[Line]:
    """What `recorded` printed; for what is missing, a line that is only `…`."""
    lines = styled_lines(recorded.pieces)
    if recorded.cut and lines and not recorded.pieces[-1].text.endswith("\n"):
        lines.pop()  # the beginning of a line
    return [*lines, [("", GAP)]] if recorded.cut else lines


def styled_lines(pieces: Sequence[OutputPiece]) -> list[Line]:
    """The lines that `pieces` make up, printable, without empty ones at the end."""
    lines: list[Line] = [[]]
    for piece in pieces:
        first, *others = printable(piece.text).split("\n")
        lines[-1].append((piece.style, first))
        lines += ([(piece.style, text)] for text in others)
    while lines and not any(text for _, text in lines[-1]):
        lines.pop()
    return [joined_fragments(line) for line in lines]


#: Seconds: a command that took less has awaited nothing; a pause worth a ``:wait``.
_AWAITS_NOTHING, _SHORTEST_WAIT = 0.1, 0.001


def recording_of_tape(
    recorded_inputs: Sequence[RecordedInput], *, waits: bool, width: int | None = None
) -> Recording:
    """The inputs of a tape with what came of them; the last of `recorded_inputs` is left out.

    With `waits`, where something ran in the background while nobody typed, a ``:wait`` stands for
    the time between any two inputs: nothing else would let it pass. `width` is that of the screen.
    """
    pairs = list(pairwise(recorded_inputs))
    idle = [at for at, (recorded, _) in enumerate(pairs) if has_idle_output(recorded)]
    last = max(idle, default=-1)
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
