"""What is made of the looks at one slice that holds the loop."""

from __future__ import annotations

from asyncrepl.engine.blocking.blocked_slice import (
    UNSEEN_LOCATION,
    BlockedSlice,
    BlockingLocation,
    LoopObservation,
    RunningSlice,
)
from asyncrepl.engine.blocking.cpu_time import Sample

SLICE = RunningSlice((1, 1), 1, 0, 100.0, 100.0)
LINE, OTHER = (
    BlockingLocation("input 1", "<input 1>", 1),
    BlockingLocation("input 1", "<input 1>", 2),
)


def look(at: float, place: BlockingLocation | None, collections: int = 0) -> LoopObservation:
    return LoopObservation(at, 0, SLICE, place, Sample(at, 0.0, 0.0, 0.0, 0), collections)


def held(*looks: LoopObservation) -> BlockedSlice:
    """The slice began at 100, and was looked at then."""
    one = BlockedSlice(SLICE, 100.0, look(100.0, None), 0.0)
    since = 100.0
    for each in looks:
        one.went_on(each, since)
        since = each.at
    return one


def test_time_in_which_we_worked_is_not_told() -> None:
    """Neither as long as the line took, nor as a reason to speak of it."""
    one = held(look(100.12, LINE), look(100.5, None))
    assert one.place() == LINE
    assert round(one.lasted(100.5), 3) == round(one.own(100.5), 3) == 0.12


def test_where_only_we_worked_nobody_is_named() -> None:
    """No line of the user's was seen."""
    one = held(look(100.2, None), look(100.5, None))
    assert one.place() is None
    assert one.own(100.5) < 0.01


def test_the_line_that_took_longest_is_named() -> None:
    """Also where nobody could look for a shorter time."""
    one = held(look(100.05, LINE), look(100.3, OTHER))
    one.ended(look(100.4, None), 100.3, 100.4)
    assert one.place() == OTHER
    assert UNSEEN_LOCATION not in one.places


def test_a_collection_is_told_where_it_kept_the_watch_from_looking() -> None:
    """A short one beside other things is not."""
    one = held(look(100.02, LINE), look(100.32, LINE, 1), look(100.34, LINE, 2))
    assert round(one.collected, 3) == 0.3
