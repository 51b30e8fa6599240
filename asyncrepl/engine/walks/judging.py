"""What a walk that is over shows of its loop: that it starved others, or took turns with them.

Only a traced walk is judged: that others were ready all the time, and how long the body
ran without suspending, is known from the loop's turns and nothing else.
"""

from __future__ import annotations

from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any

from asyncrepl.language.sightings import Sighting, sightings
from asyncrepl.language.suspects import Facts

if TYPE_CHECKING:
    from asyncrepl.engine.walks.walking import Walking
    from asyncrepl.events.walks import Ended

__all__ = ["LONG", "NOTHING", "judge", "kind_of"]

#: A body that runs so many nanoseconds in one go, and a walk of so many items or
#: nanoseconds, keep others waiting in a way that can be felt.
LONG, MANY = 5_000_000, 100

NOTHING = Facts(object)


def kind_of(iterable: Any) -> Facts:
    """What is kept of what is walked: its type, and the code of a generator."""
    kind = type(iterable)
    return Facts(kind, iterable.ag_code if kind is AsyncGeneratorType else None)


def judge(walking: Walking, ended: Ended) -> None:
    """See what can be seen of `walking`, which is over."""
    if ended.items == 0:
        return
    # Once may be the machine's doing, which was busy with something else.
    if walking.hogs > 1 and 2 * walking.hogs >= ended.items:
        _see(walking, "hogged", walking.hogged // 1_000_000)
    starves = not ended.suspended and not walking.body_suspended and walking.ready
    if starves and (ended.items >= MANY or ended.took >= LONG):
        _see(walking, "starved")
    elif ended.how == "exhausted" and ended.items > 1 and walking.body_suspended == ended.items:
        turns = "alternating" if ended.suspended >= ended.items else "sequential"
        sightings.consider(Sighting(turns, walking.judged, *walking.place))


def _see(walking: Walking, what: str, milliseconds: int = 0) -> None:
    sightings.add(Sighting(what, walking.judged, *walking.place, milliseconds))
