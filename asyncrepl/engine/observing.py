"""Whether a loop is recorded: as long as anybody wants to look.

Lanes, a trace, a demo each want a record for a reason of their own, and one of
them may end while another goes on. The first one starts the recording, the last
one ends it, and then it is forgotten: with nobody looking nothing is paid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncrepl.engine.loop import LiveLoop
    from asyncrepl.engine.timeline import Timeline

__all__ = ["Observing"]


class Observing:
    """Who wants `loop` to be recorded; for the loop's thread."""

    def __init__(self, loop: LiveLoop) -> None:
        self._loop = loop
        self._reasons: set[str] = set()

    @property
    def timeline(self) -> Timeline | None:
        """The record; None while nobody wants one."""
        return self._loop.live.timeline

    def want(self, reason: str) -> Timeline:
        """Record from now on, if it is not done yet, until `drop` was called with each reason."""
        self._reasons.add(reason)
        timeline = self._loop.live.timeline
        if timeline is None:
            from asyncrepl.engine.timeline import Timeline

            timeline = Timeline()
            self._loop.observe(timeline)
        return timeline

    def drop(self, reason: str) -> None:
        """Do not record for `reason` any more; does nothing if it was not wanted."""
        self._reasons.discard(reason)
        if not self._reasons:
            self._loop.unobserve()
