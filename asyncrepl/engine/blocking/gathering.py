"""How often to tell of a loop that is blocked again and again at one place.

The first blocks at a place are told one by one, as they happen. From then on
they are gathered and told as a sum: after 5 s, then after 10, 20, 40 and
each 60; and 5 s after the last. A place that was quiet for so long is new the next time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from asyncrepl.events import Blocked

__all__ = ["Blocks", "Gathering"]

_Key: TypeAlias = tuple[str, int, str | None]


@dataclass(frozen=True, slots=True)
class Blocks:
    """The loop was blocked `times` at one place, for `seconds` in all.

    `last` is the last time; `tasks` are the names of those who did it.
    """

    last: Blocked
    times: int
    seconds: float
    tasks: frozenset[str | None]


@dataclass(slots=True)
class _Place:
    """What is known of one place: how often it was told, what is gathered, when it is due."""

    pause: float
    due: float
    last: float
    told: int = 0
    kept: Blocks | None = None


class Gathering:
    """Decides what is told when; all instants are seconds of one clock."""

    def __init__(self, at_once: int = 3, pause: float = 5.0, longest: float = 60.0) -> None:
        self._at_once = at_once
        self._pause = pause
        self._longest = longest
        self._places: dict[_Key, _Place] = {}

    def add(self, found: Blocked, now: float) -> list[Blocks]:
        """Take in a block that is over; what is to be told of it at once."""
        place = self._places.setdefault(_key(found), _Place(self._pause, now, now))
        place.last = now
        if place.told < self._at_once:
            place.told += 1
            place.due = now + place.pause
            return [_with(None, found)]
        place.kept = _with(place.kept, found)
        return []

    def knows(self, found: Blocked) -> bool:
        """Whether its place has blocked the loop lately; any thread may ask."""
        return _key(found) in self._places

    def due(self, now: float) -> list[Blocks]:
        """The sums that are due by now."""
        if not self._places:
            return []
        quiet = now - self._pause
        told = []
        for key, place in list(self._places.items()):
            if place.kept is not None and (place.due <= now or place.last <= quiet):
                told.append(place.kept)
                place.kept = None
                place.pause = min(place.pause * 2, self._longest)
                place.due = now + place.pause
            if place.kept is None and place.last <= quiet:
                del self._places[key]
        return told

    def rest(self, task: str) -> list[Blocks]:
        """What was gathered of `task`, which is over, so that it isn't told much later."""
        told = []
        for place in self._places.values():
            if place.kept is not None and task in place.kept.tasks:
                told.append(place.kept)
                place.kept = None
        return told


def _key(found: Blocked) -> _Key:
    return found.filename, found.line, None if found.filename else found.task


def _with(kept: Blocks | None, found: Blocked) -> Blocks:
    if kept is None:
        return Blocks(found, 1, found.seconds, frozenset({found.task}))
    return replace(
        kept,
        last=found,
        times=kept.times + 1,
        seconds=kept.seconds + found.seconds,
        tasks=kept.tasks | {found.task},
    )
