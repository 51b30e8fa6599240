"""The walks under way, by the frame they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.engine.awaiting.chains import links
from asyncrepl.engine.awaiting.waits import Waits, describe_chain
from asyncrepl.engine.frames import calls_back
from asyncrepl.engine.lives import current_task
from asyncrepl.engine.traces import spot
from asyncrepl.engine.walks.walking import Walking

if TYPE_CHECKING:
    import asyncio
    from types import FrameType

    from asyncrepl.engine.awaiting.chains import Link
    from asyncrepl.engine.loop import LiveLoop
    from asyncrepl.engine.timeline import Timeline
    from asyncrepl.events.walks import WayOut

__all__ = ["OpenWalks", "Unseen"]


class Unseen:
    """In the place of a walk that is not to be told."""

    __slots__ = ("_walks", "frame")

    def __init__(self, walks: OpenWalks) -> None:
        self._walks = walks
        self.frame = 0

    def __enter__(self) -> None:
        """Nothing is bound."""

    def __exit__(self, *_: object) -> None:
        self._walks.leave(self)

    def hush(self) -> None:
        """Nothing is told anyway."""


class OpenWalks:
    """Who is in which frame, and of whom it is to be told what suspends him.

    A frame is known by its ``id``: as long as a walk is in it, it lives.
    """

    def __init__(self, loop: LiveLoop) -> None:
        self.timeline: Timeline
        #: Clauses of comprehensions that are over in a way not known yet.
        self.dropped: list[Walking] = []
        self._loop = loop
        self._frames: dict[int, list[Walking | Unseen]] = {}
        self._curious: dict[int, list[Walking]] = {}

    def enter(self, walking: Walking | Unseen, frame: int) -> None:
        """`walking` is in `frame` now, inside of those already there."""
        walking.frame = frame
        self._frames.setdefault(frame, []).append(walking)

    def leave(self, walking: Walking | Unseen) -> None:
        """`walking` is there no more."""
        inside = self._frames.get(walking.frame, [])
        if walking in inside:
            inside.remove(walking)
            if not inside:
                del self._frames[walking.frame]

    def inside(self, frame: FrameType) -> list[Walking]:
        """The walks in `frame` that are seen, outer ones first."""
        return [each for each in self._frames.get(id(frame), ()) if isinstance(each, Walking)]

    def innermost(self, frame: int) -> Walking | None:
        """The innermost walk in `frame` that is seen."""
        inside = self._frames.get(frame)
        walking = inside[-1] if inside else None
        return walking if isinstance(walking, Walking) else None

    def around(self, frame: FrameType | None) -> Walking | None:
        """The walk in which `frame` runs: in itself, or in one that called it."""
        while frame is not None and not calls_back(frame.f_code):
            if (walking := self.innermost(id(frame))) is not None:
                return walking
            frame = frame.f_back
        return None

    def end_clauses(self, how: WayOut | None, error: str, parent: Walking | None = None) -> None:
        """End the comprehensions (inside `parent`) that only the traceback of `error` holds.

        Without `how`, by the step in which each is. Up to Python 3.11 a comprehension
        has a frame of its own, and the frame keeps the iterator.
        """
        every = [walking for inside in self._frames.values() for walking in inside]
        for walking in every:
            if isinstance(walking, Walking) and walking.is_clause_in(parent):
                self.leave(walking)
                walking.end(how or ("body" if walking.phase == "body" else "source"), error)

    def forget(self) -> None:
        """Nobody wants to know any more; what is under way goes on unseen."""
        for inside in self._frames.values():
            for walking in inside:
                walking.hush()
        self._frames.clear()
        self._curious.clear()
        self.dropped = []

    # -- what suspends them --------------------------------------------------------------

    def look_at(self, walking: Walking) -> None:
        """Tell `walking` what its task is suspended on, should it be."""
        task = current_task(self._loop)
        lane = None if task is None else self.timeline.lane_of(task)
        if lane is not None:
            walking.watched = lane
            self._curious.setdefault(lane, []).append(walking)

    def look_away(self, walking: Walking) -> None:
        """Its round is over: whatever suspends its task now is none of it."""
        inside = self._curious.get(walking.watched)
        if inside is not None and walking in inside:
            inside.remove(walking)
            if not inside:
                del self._curious[walking.watched]

    def suspends(self, task: asyncio.Task[object]) -> None:
        """A slice of `task` is over, and the task is not."""
        if not self._curious:
            return
        waiting = self._curious.pop(self.timeline.lane_of(task) or 0, ())
        chain = links(task) if waiting else []
        for walking in reversed(waiting):
            if walking.phase == "await":
                waits = _beyond(chain, walking.frame)
                where, _ = spot(waits.filename, waits.line) if waits.line else ("", "")
                walking.suspend(waits.on, where)


def _beyond(chain: list[Link], frame: int) -> Waits:
    """What the loop in `frame` waits on; told as far as the first generator that its own steps."""
    at = next((n for n, link in enumerate(chain, 1) if id(link.frame) == frame), 0)
    for further, link in enumerate(chain[at + 1 :], at + 1):
        if link.kind == "async generator step":
            return describe_chain(chain[at:further])._replace(on=f"a step of {link.name}")
    return describe_chain(chain[at:])
