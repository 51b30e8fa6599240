"""One run of a whole transcript with nobody watching: what each input prints.

Garbage is collected between statements and at no other time: what is told when an
object dies (a coroutine never awaited, an exception never retrieved) would else come
wherever the collector happened to run.
"""

from __future__ import annotations

import gc
import math
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from asyncrepl.engine.ties import Ties
from asyncrepl.transcript.paper import Paper, writing_on
from asyncrepl.transcript.player import HungError, open_player
from asyncrepl.views.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.engine.ties import Tie
    from asyncrepl.transcript.grammar import Transcript
    from asyncrepl.transcript.player import Player
    from asyncrepl.transcript.watch import Limits

__all__ = ["Performance", "garbage_collected_by_hand", "performed"]


@dataclass(frozen=True, slots=True)
class Performance:
    """What came of the inputs that were run to their end, one after the other.

    `outputs` are the lines each printed, `ties` the timers that tied meanwhile.
    `trouble` says in a line why not all were run, None if all were; `outside` whether
    anything outside the program was waited for.
    """

    outputs: tuple[tuple[str, ...], ...]
    ties: tuple[tuple[Tie, ...], ...]
    trouble: str | None
    outside: bool

    def same_as(self, other: Performance) -> bool:
        """Whether the same was printed by all of the same inputs."""
        return (self.outputs, self.trouble) == (other.outputs, other.trouble)

    def has_lines_of(self, other: Performance) -> bool:
        """Whether both printed the same lines, in whatever order."""
        return sorted(chain(*self.outputs)) == sorted(chain(*other.outputs))

    def first_difference(self, other: Performance) -> int:
        """The index of the first input that printed something else, or of the first not run."""
        pairs = zip_longest(self.outputs, other.outputs)
        differing = (at for at, (one, two) in enumerate(pairs) if one != two)
        return next(differing, len(self.outputs))


def performed(
    transcript: Transcript, limits: Limits, *, youngest_first: bool = False
) -> Performance:
    """Run `transcript` in a fresh session; `youngest_first` as in `Ties`."""
    paper, ties = Paper(), Ties(youngest_first=youngest_first)
    with (
        garbage_collected_by_hand(),
        writing_on(paper),
        open_player(transcript, Console(paper), math.inf, limits, ties) as player,
    ):
        return _performed(transcript, player, paper, ties)


def _performed(transcript: Transcript, player: Player, paper: Paper, ties: Ties) -> Performance:
    outputs: list[tuple[str, ...]] = []
    tied: list[tuple[Tie, ...]] = []
    trouble = None
    entries = transcript.inputs
    for entry in entries:
        where = f"{transcript.filename}:{entry.line}"
        try:
            status = player.play(entry)
        except HungError as reason:
            trouble = f"{where}: hangs: {reason}"
            break
        gc.collect()
        outputs.append(paper.take())
        tied.append(ties.take())
        if status.kind == "exit" and entry is not entries[-1]:
            trouble = f"{where}: ends the session; what comes after it was not run"
            break
    return Performance(tuple(outputs), tuple(tied), trouble, ties.outside)


@contextmanager
def garbage_collected_by_hand() -> Iterator[None]:
    """Within the block garbage is collected only where somebody asks, and then quickly."""
    enabled, frozen = gc.isenabled(), gc.get_freeze_count()
    gc.disable()
    gc.freeze()  # what the program itself has made need not be looked at each time
    try:
        yield
    finally:
        if not frozen:
            gc.unfreeze()
        if enabled:
            gc.enable()
