"""What of an iteration is emitted: in how much detail, with which values, beside whom.

*Level of detail.* Much of the first, a line for a few, then sums: a loop of a thousand rounds is
shown in about fifteen lines, one without end in one more each time its length has doubled. So
there is always news of it, and never a flood. This depends on the count alone, never on time, so
that a demo on a virtual clock emits the same as one that is watched. The same holds for how often
a site was iterated over. By whom does not matter: a thousand tasks that iterate at one site would
be shown a thousand times.

*Values* are shown in a few characters, without running a line of the user's code. Only exact
builtin types are shown as Python shows them: a subclass may have a ``__repr__`` of its own, and so
may what lies inside a container. Everything else is called by the name of its type.

*Concurrent tasks*: who else ran, and who made whom, as far as the timeline remembers.
"""

from __future__ import annotations

import reprlib
from collections import Counter
from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, Literal

from asyncrepl.engine.tasks.await_chain import is_future, is_task, name_of_type
from asyncrepl.events import IDLE
from asyncrepl.events.iteration_events import ConcurrentTasks, IterationsSummary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.engine.tasks.timeline import Timeline
    from asyncrepl.events.iteration_events import (
        AwaitableKind,
        Iteration,
        IterationEnded,
        LoopSite,
    )

#: What becomes of one of a series: every step of it is told; one line; nothing, but it
#: counts in the next sum; that sum is told, with this one in it. (Not an Enum: looking
#: a member up costs a quarter of what a traced round may cost, on Python 3.11.)
Detail = Literal["full", "line", "sum", "flush"]

#: The first so many are told in full; those up to the second number in a line each.
FULL_UP_TO, LINES_UP_TO = 2, 8


def detail_of(number: int) -> Detail:
    """What to tell of the `number`-th (1, 2, …)."""
    if number <= FULL_UP_TO:
        return "full"
    if number <= LINES_UP_TO:
        return "line"
    return "flush" if number & (number - 1) == 0 else "sum"


def next_emitted(number: int) -> int:
    """The next after the `number`-th of which anything is told."""
    return number + 1 if number < LINES_UP_TO else 1 << number.bit_length()


#: So many sites are remembered; then all are new again.
MAX_SITES = 1000


class _SiteCounts:
    def __init__(self) -> None:
        self.begun = 0
        #: Of those that ended and were not told: the last, how many, their items and time.
        self.last: Iteration | None = None
        self.count = self.items = self.took = 0

    def sum(self, at: int) -> IterationsSummary:
        assert self.last is not None
        told = IterationsSummary(self.last, self.count, at, self.items, self.took)
        self.last, self.count, self.items, self.took = None, 0, 0, 0
        return told


class SiteSampler:
    """Counts iterations by site, and sums up those that are not told one by one."""

    def __init__(self) -> None:
        self._runs: dict[LoopSite, _SiteCounts] = {}

    def next(self, site: LoopSite) -> Detail:
        """One more begins: what to tell of it."""
        if len(self._runs) > MAX_SITES:
            self._runs.clear()
        run = self._runs.setdefault(site, _SiteCounts())
        run.begun += 1
        return detail_of(run.begun)

    def ended(self, detail: Detail, event: IterationEnded) -> Iterator[IterationsSummary]:
        """Take in the `event` of one told in less `detail` than "full"; what to tell now."""
        run = self._runs.setdefault(event.iteration.site, _SiteCounts())
        run.last, run.count = event.iteration, run.count + 1
        run.items += event.items
        run.took += event.took
        if detail != "sum":
            yield run.sum(event.at)

    def rest(self, at: int) -> list[IterationsSummary]:
        """What was not told yet; then all sites are new again."""
        untold = [run.sum(at) for run in self._runs.values() if run.count]
        self._runs.clear()
        return untold


_BY_TYPE: dict[type, AwaitableKind] = {CoroutineType: "coroutine", GeneratorType: "generator"}
#: Types that no module holds, by name.
_BY_NAME: dict[str, AwaitableKind] = {
    "async_generator_asend": "step",
    "anext_awaitable": "default",
}

_PLAIN = frozenset({int, float, bool, complex, str, bytes, type(None)})
_CONTAINERS = frozenset({list, tuple, dict, set, frozenset})
#: An int of more bits than this is not turned into text: that takes quadratic time.
_MAX_BITS = 200
_MAX_ITEMS = 6

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 40
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = _short.maxfrozenset = 4


def binding_text(target: str, values: tuple[object, ...]) -> str:
    """Tell `values`, which were bound to `target`, as in ``n = 3`` or ``i, word = 0, 'a'``."""
    shown = [
        _short.repr(each) if _is_plain(each) else f"<{name_of_type(type(each))}>"
        for each in values
    ]
    return f"{target} = {', '.join(shown)}" if values else target


def awaitable_kind(obj: object) -> AwaitableKind:
    """What kind of an awaitable `obj` is; none of its methods is called."""
    kind = type(obj)
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    if is_future(obj):
        return "task" if is_task(obj) else "future"
    return _BY_NAME.get(name_of_type(kind), "object") if type(kind) is type else "object"


def _is_plain(value: Any, depth: int = 2) -> bool:
    kind = type(value)
    if kind in _PLAIN:
        return kind is not int or value.bit_length() <= _MAX_BITS
    if kind not in _CONTAINERS or not depth or len(value) > _MAX_ITEMS:
        return False
    inner = [*value, *value.values()] if kind is dict else value
    return all(_is_plain(each, depth - 1) for each in inner)


#: So many tasks are told by name.
MAX_NAMED = 3


def concurrent_tasks(timeline: Timeline, lane: int, since: int) -> ConcurrentTasks:
    """Which tasks other than `lane` ran since slice `since`; forgotten slices don't count.

    Tasks of one name are told as one.
    """
    slices = timeline.log.between(since, timeline.count)
    counts = Counter(number for number, _ in slices if number > IDLE)
    counts.pop(lane, None)
    most = counts.most_common(MAX_NAMED)
    named: Counter[str] = Counter()
    for number, count in most:
        record = timeline.record_of_lane(number)
        named["" if record is None else record.name] += count
    rest = counts.total() - named.total()
    return ConcurrentTasks(tuple(named.items()), len(counts) - len(most), rest)


def ancestors(timeline: Timeline, lane: int | None) -> Iterator[int]:
    """The `lane` and those that made it, as `timeline` knows them, the nearest first."""
    while lane is not None:
        yield lane
        record = timeline.record_of_lane(lane)
        lane = None if record is None else record.parent
