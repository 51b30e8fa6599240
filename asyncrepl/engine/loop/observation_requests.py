"""For what a loop is recorded, and how long.

It is observed as long as anybody wants to look: lanes, a trace, a demo each want a record for a
reason of their own, and one of them may end while another goes on. The first one starts the
recording, the last one ends it; what was recorded is kept, bounded as it is, and goes on with the
next one. So a session has one record, in which lanes keep their numbers: an export made later
has what was traced before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.engine.tasks.timeline import Timeline

__all__ = ["ObservationRequests"]


class ObservationRequests:
    """Who wants `loop` to be recorded; for the loop's thread."""

    def __init__(self, loop: LiveLoop) -> None:
        self._loop = loop
        self._reasons: set[str] = set()
        #: All that was recorded so far, with gaps where nobody wanted it; None if nothing was.
        self.record: Timeline | None = None

    @property
    def timeline(self) -> Timeline | None:
        """The record; None while nobody wants one."""
        return self._loop.live.timeline

    def want(self, reason: str) -> Timeline:
        """Record from now on, if it is not done yet, until `drop` was called with each reason."""
        self._reasons.add(reason)
        timeline = self._loop.live.timeline
        if timeline is None:
            from asyncrepl.engine.tasks.timeline import Timeline

            timeline = self.record or Timeline()
            self._loop.observe(timeline)
        self.record = timeline
        return timeline

    def drop(self, reason: str) -> None:
        """Do not record for `reason` any more; does nothing if it was not wanted."""
        self._reasons.discard(reason)
        if not self._reasons:
            self._loop.unobserve()
