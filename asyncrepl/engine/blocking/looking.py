"""What another thread sees of a loop in one moment: which slice runs, at which line."""

from __future__ import annotations

import gc
import math
import sys
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.engine.blocking.blocked import Culprit, culprit
from asyncrepl.engine.lives import current_task
from asyncrepl.events import IDLE

if TYPE_CHECKING:
    from asyncrepl.engine.blocking.cputime import Probe, Sample
    from asyncrepl.engine.loop import LiveLoop

__all__ = ["Look", "Slice", "look_at", "recorded"]

#: The generations that count: Python 3.14 goes through all in parts, which are the second.
_FULL = 1 if sys.version_info >= (3, 14) else 2


class Slice(NamedTuple):
    """What runs at one moment; `key` tells it from other slices.

    `lane` and `at` are the timeline's; it began at `start` or, if that is not known, at or
    after `earliest` (real seconds).
    """

    key: tuple[int, int]
    lane: int | None
    at: int
    start: float | None
    earliest: float


class Look(NamedTuple):
    """What was seen at one moment: the slice, its line if it is not quite new.

    `recorded` is how many slices there were in the timeline, and `collections` how often all
    garbage was collected.
    """

    at: float
    recorded: int
    slice: Slice | None
    place: Culprit | None
    sample: Sample
    collections: int


def recorded(loop: LiveLoop) -> int:
    """How many slices there have been in the timeline."""
    timeline = loop.live.timeline
    return 0 if timeline is None else timeline.count


def look_at(
    loop: LiveLoop, thread_id: int, probe: Probe, *, young: float, due: float = math.inf
) -> Look:
    """Look at `loop`, which runs in a thread; at no line of a slice up to `young` seconds old.

    The look should have been taken at the instant `due`.
    """
    count = recorded(loop)
    at, slice_, place = monotonic(), _under_way(loop, count), None
    if slice_ is not None and at - (slice_.start or slice_.earliest) > young:
        place = culprit(loop, thread_id)
    # Only now: a sample gives the interpreter lock away, and the loop would go on.
    return Look(
        at, count, slice_, place, probe.sample(late=max(at - due, 0.0)), _full_collections()
    )


def _full_collections() -> int:
    """How often the collector went through all there is, which may take long.

    Not by ``gc.callbacks``: what is called there in the user's thread may find its stack full.
    """
    return sum(generation["collections"] for generation in gc.get_stats()[_FULL:])


def _under_way(loop: LiveLoop, count: int) -> Slice | None:
    """The slice that runs at this moment; None while the loop waits or goes on."""
    live = loop.live
    turn, timeline = live.turn, live.timeline
    number, since = turn.number, turn.since
    if not turn.busy:
        return None
    if timeline is None:
        return Slice((number, id(current_task(loop))), None, 0, None, since)
    lane, at = timeline.current()
    if lane == IDLE or count != timeline.count:
        return None
    return Slice((number, count), lane, at, at / 1e9 if live.clock.untouched else None, since)
