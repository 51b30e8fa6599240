"""How often the same site was walked, and what of it was told.

By whom does not matter: a thousand tasks that walk at one site would be told a
thousand times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncrepl.engine.walks.thinning import telling
from asyncrepl.events.walks import Walks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.engine.walks.thinning import Telling
    from asyncrepl.events.walks import Ended, Site, Walk

__all__ = ["Runs"]

#: So many sites are remembered; then all are new again.
MOST = 1000


@dataclass(slots=True)
class _Run:
    begun: int = 0
    #: Of those that ended and were not told: the last, how many, their items and time.
    last: Walk | None = None
    count: int = 0
    items: int = 0
    took: int = 0

    def sum(self, at: int) -> Walks:
        assert self.last is not None
        told = Walks(self.last, self.count, at, self.items, self.took)
        self.last, self.count, self.items, self.took = None, 0, 0, 0
        return told


class Runs:
    """Counts walks by site, and sums up those that are not told one by one."""

    def __init__(self) -> None:
        self._runs: dict[Site, _Run] = {}

    def next(self, site: Site) -> Telling:
        """One more begins: what to tell of it."""
        if len(self._runs) > MOST:
            self._runs.clear()
        run = self._runs.setdefault(site, _Run())
        run.begun += 1
        return telling(run.begun)

    def ended(self, loud: Telling, event: Ended) -> Iterator[Walks]:
        """One that is not told in full is over; what to tell now, if anything."""
        run = self._runs.setdefault(event.walk.site, _Run())
        run.last, run.count = event.walk, run.count + 1
        run.items += event.items
        run.took += event.took
        if loud != "sum":
            yield run.sum(event.at)

    def rest(self, at: int) -> list[Walks]:
        """What was not told yet; then all sites are new again."""
        untold = [run.sum(at) for run in self._runs.values() if run.count]
        self._runs.clear()
        return untold

    def clear(self) -> None:
        """Forget everything."""
        self._runs.clear()
