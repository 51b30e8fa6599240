"""One slice that holds the loop: since when, where it was, and how much of it is its own doing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from asyncrepl.engine.blocking.blocked import Culprit
from asyncrepl.engine.blocking.cputime import elsewhere

if TYPE_CHECKING:
    from asyncrepl.engine.blocking.cputime import Sample
    from asyncrepl.engine.blocking.looking import Look, Slice

__all__ = ["LONG", "UNSEEN", "Held", "others_ran"]

#: The seconds from which on a slice is too long.
LONG = 0.1

#: The place of a slice while nobody could look at it.
UNSEEN = Culprit(None, "", 0)


def others_ran(before: Sample, after: Sample) -> float:
    """The seconds between two samples in which the loop could not run, because others did."""
    return elsewhere(before, after, sys.getswitchinterval())


class Held:
    """A slice that was under way at the last look, and what is known of it.

    It was seen first at `first`; `early` are the seconds before that in which others ran.
    `places` says for how many seconds it was seen where: None for code that is
    not the user's, and that is not told; `UNSEEN` for time in which nobody could look.
    `collected` are the seconds of that in which garbage was.
    """

    def __init__(self, slice_: Slice, start: float, first: Look, early: float) -> None:
        self.slice = slice_
        self.start = start
        # A sample may be taken a while after the look.
        self.waited = self._early = min(early, first.sample.at - start)
        self.places: dict[Culprit | None, float] = {}
        self.collected = 0.0
        #: Whether something else could have run meanwhile.
        self.others = False
        self._collections = first.collections
        self._sample = first.sample
        self._place: Culprit | None = None

    def went_on(self, look: Look, since: float) -> None:
        """It is under way, and was since the look before, at `since`."""
        self._place = look.place
        self._add(look.place, look, since, look.at)

    def ended(self, look: Look, since: float, end: float) -> None:
        """It was over at `end`, some time after the look before, at `since`."""
        # What was told already, while it lasted, stays true.
        place = self._place if self.own(since) > LONG else UNSEEN
        self._add(place, look, since, end)

    def _add(self, place: Culprit | None, look: Look, since: float, until: float) -> None:
        seconds = max(until - max(since, self.start), 0.0)
        self.places[place] = self.places.get(place, 0.0) + seconds
        # The collector lets nobody look while it works.
        if look.collections > self._collections and seconds > LONG / 2:
            self.collected += seconds
        self._collections = look.collections
        # What was waited for after that moment is not counted, or only at the next look.
        waited = self._early + others_ran(self._sample, look.sample)
        self.waited = min(waited, self.waited + seconds)

    def own(self, end: float) -> float:
        """The seconds up to `end` that are the slice's own doing."""
        return self.lasted(end) - self.waited

    def lasted(self, end: float) -> float:
        """The seconds up to `end` without those in which no code of the user's ran."""
        return end - self.start - self.places.get(None, 0.0)

    def place(self) -> Culprit | None:
        """Where it was for the longest time; None if nowhere in the user's code."""
        seen = [place for place in self.places if place is not None]
        return max(seen, key=lambda place: self.places[place], default=None)
