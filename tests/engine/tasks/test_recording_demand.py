"""A loop is recorded as long as anybody wants to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.engine.loop.live_loop import ObservationRequests

if TYPE_CHECKING:
    from asyncrepl.engine.loop.live_loop import LiveLoop


def test_the_first_reason_starts_and_the_last_one_ends(loop: LiveLoop) -> None:
    """One of several may stop looking; the record goes on for the others."""
    observing = ObservationRequests(loop)
    timeline = observing.want("lanes")
    assert observing.want("trace") is timeline
    observing.drop("lanes")
    assert observing.timeline is timeline
    observing.drop("trace")
    assert observing.timeline is None


def test_a_reason_nobody_had_ends_nothing(loop: LiveLoop) -> None:
    """What was never wanted can be dropped."""
    observing = ObservationRequests(loop)
    observing.drop("lanes")
    timeline = observing.want("lanes")
    observing.drop("trace")
    assert observing.timeline is timeline
