"""How often and how long each task ran, from what a timeline holds."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from asyncrepl.events import Totals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncrepl.engine.timeline import Timeline

__all__ = ["totals"]


def totals(timeline: Timeline) -> Mapping[int, Totals]:
    """Slices and busy nanoseconds by lane; only of the slices that are still kept."""
    kept = timeline.snapshot().slices
    lanes, starts = kept[::2], [*kept[1::2], timeline.ns()]
    slices, busy = Counter(lanes), Counter[int]()
    for lane, start, end in zip(lanes, starts[:-1], starts[1:], strict=True):
        busy[lane] += end - start
    return {lane: Totals(count, busy[lane]) for lane, count in slices.items()}
