"""What an export is made of: a transcript as it was performed.

A transcript in a file is performed on its virtual clock, so an export's bytes are the
same each time. A session that somebody has typed is taken from its tape.
"""

from __future__ import annotations

import gc
import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncrepl.commands.narrating import Narrator
from asyncrepl.transcript.grammar import GAP, Input
from asyncrepl.transcript.paper import Paper, writing_on
from asyncrepl.transcript.performance import garbage_collected_by_hand
from asyncrepl.transcript.player import HungError, open_player
from asyncrepl.transcript.watch import Limits
from asyncrepl.views.console import Console
from asyncrepl.views.styled import Line, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.commands.shell import Shell
    from asyncrepl.commands.tape import Piece, Scene
    from asyncrepl.events import Snapshot
    from asyncrepl.events.walks import WalkEvent
    from asyncrepl.transcript.grammar import Entry, Transcript
    from asyncrepl.transcript.player import Player

__all__ = [
    "COLUMNS",
    "ExportError",
    "Recording",
    "output_lines",
    "record",
    "record_walks",
    "styled_lines",
]

#: The width of the screen that is played on.
COLUMNS = 80


class ExportError(Exception):
    """Something cannot be exported; the message is one line: what, and why."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The entries of a session in order, each input with the scene that came of it.

    `title` may be empty.
    """

    title: str
    parts: tuple[tuple[Entry, Scene | None], ...]

    @property
    def scenes(self) -> tuple[tuple[Input, Scene], ...]:
        """The inputs with what came of each."""
        return tuple(
            (entry, scene)
            for entry, scene in self.parts
            if isinstance(entry, Input) and scene is not None
        )


def record(transcript: Transcript) -> Recording:
    """Perform `transcript` in a fresh session, as a check does; in a thread without a loop.

    Raises ExportError if it hangs.
    """
    shell = _performed(transcript)
    scenes = iter(shell.tape.scenes)
    parts: list[tuple[Entry, Scene | None]] = []
    for entry in transcript.entries:
        scene = next(scenes, None) if isinstance(entry, Input) else None
        if isinstance(entry, Input) and scene is None:
            break  # the one before has ended the session
        parts.append((entry, scene))
    return Recording(transcript.title, tuple(parts))


def record_walks(transcript: Transcript) -> tuple[Snapshot, list[WalkEvent]]:
    """Perform `transcript` as `record` does: who ran when, and each step of each walk."""
    events: list[WalkEvent] = []
    snapshots: list[Snapshot] = []
    _performed(transcript, events, snapshots)
    return snapshots[0], events


def _performed(
    transcript: Transcript,
    events: list[WalkEvent] | None = None,
    snapshots: list[Snapshot] | None = None,
) -> Shell:
    paper = Paper()
    console = Console(paper, width=lambda: COLUMNS)
    with (
        garbage_collected_by_hand(),
        writing_on(paper),
        open_player(transcript, console, math.inf, Limits()) as player,
    ):
        shell = player.shell
        with _listening(shell, events):
            _play(player, transcript)
        timeline = shell.observing.timeline
        if snapshots is not None and timeline is not None:
            snapshots.append(timeline.snapshot())
    return shell


def _play(player: Player, transcript: Transcript) -> None:
    for entry in transcript.inputs:
        try:
            status = player.play(entry)
        except HungError as reason:
            place = f"{transcript.filename}:{entry.line}"
            raise ExportError(f"{place}: hangs: {reason}") from None
        gc.collect()
        if status.kind == "exit":
            break


@contextmanager
def _listening(shell: Shell, events: list[WalkEvent] | None) -> Iterator[None]:
    """Within the block, all steps of all walks go to `events`, if given."""
    if events is None:
        yield
        return
    narrator, listener = shell.narrator, _Listener(shell, events)
    shell.narrator = listener
    listener.hear(on=True)
    try:
        yield
    finally:
        listener.hear(on=False)
        shell.narrator = narrator


class _Listener(Narrator):
    """Hears of all walks and shows none, whatever the session itself asks for."""

    def __init__(self, shell: Shell, events: list[WalkEvent]) -> None:
        super().__init__(shell)
        self._events = events

    def hear(self, *, on: bool) -> None:
        """Hear from now on, or no more."""
        super().turn(on=on)

    def turn(self, *, on: bool) -> None:
        """Go on as before."""

    def _tell(self, event: WalkEvent) -> None:
        self._events.append(event)


def output_lines(scene: Scene) -> list[Line]:
    """What `scene` printed; for what is missing, a line that is only `…`."""
    lines = styled_lines(scene.pieces)
    if scene.cut and lines and not scene.pieces[-1].text.endswith("\n"):
        lines.pop()  # the beginning of a line
    return [*lines, [("", GAP)]] if scene.cut else lines


def styled_lines(pieces: Sequence[Piece]) -> list[Line]:
    """The lines that `pieces` make up, printable, without empty ones at the end."""
    lines: list[Line] = [[]]
    for piece in pieces:
        first, *others = printable(piece.text).split("\n")
        lines[-1].append((piece.style, first))
        lines += ([(piece.style, text)] for text in others)
    while lines and not any(text for _, text in lines[-1]):
        lines.pop()
    return [list(_joined(line)) for line in lines]


def _joined(line: Line) -> Iterator[tuple[str, str]]:
    """The fragments of `line` with neighbours of one style joined, and no empty ones."""
    style, text = "", ""
    for new, more in line:
        if new != style:
            if text:
                yield style, text
            style, text = new, ""
        text += more
    if text:
        yield style, text
