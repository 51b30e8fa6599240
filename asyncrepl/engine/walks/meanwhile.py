"""Who else ran, and who made whom, as far as a timeline remembers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from asyncrepl.events import IDLE
from asyncrepl.events.walks import Others

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.engine.timeline import Timeline

__all__ = ["ancestors", "others"]

#: So many tasks are told by name.
NAMED = 3


def others(timeline: Timeline, lane: int, since: int) -> Others:
    """Which tasks other than `lane` ran since slice `since`; forgotten slices don't count."""
    slices = timeline.between(since, timeline.count)
    counts = Counter(number for number, _ in slices if number > IDLE)
    counts.pop(lane, None)
    named = [(_name(timeline, number), count) for number, count in counts.most_common(NAMED)]
    rest = counts.total() - sum(count for _, count in named)
    return Others(tuple(named), len(counts) - len(named), rest)


def ancestors(timeline: Timeline, lane: int | None) -> Iterator[int]:
    """The lane and those that made it, the nearest first."""
    while lane is not None:
        yield lane
        life = timeline.remembered(lane)
        lane = None if life is None else life.parent


def _name(timeline: Timeline, lane: int) -> str:
    life = timeline.remembered(lane)
    return "" if life is None else life.name
