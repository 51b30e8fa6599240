"""The iterations under way, by the frame they are in; and which of them wait to suspend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.engine.code_owner import location_and_source, runs_callbacks
from asyncrepl.engine.iteration.iteration_state import IterationState
from asyncrepl.engine.tasks.await_chain import await_chain
from asyncrepl.engine.tasks.task_records import current_task
from asyncrepl.engine.tasks.task_survey import describe_chain
from asyncrepl.events.instrument import Instrument

if TYPE_CHECKING:
    import asyncio
    from types import FrameType

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.engine.tasks.timeline import Timeline
    from asyncrepl.events.iteration_events import EndReason


class UntracedIteration:
    """In the place of an iteration that is not to be told."""

    __slots__ = ("_open_iterations", "frame")

    def __init__(self, open_iterations: OpenIterations) -> None:
        self._open_iterations = open_iterations
        self.frame = 0

    def __enter__(self) -> None:
        """Nothing is bound."""

    def __exit__(self, *_: object) -> None:
        self._open_iterations.leave(self)

    def mute(self) -> None:
        """Nothing is told anyway."""


class OpenIterations(Instrument):
    """Who is in which frame, and of whom it is to be told what suspends him.

    A frame is known by its ``id``: as long as an iteration is in it, it lives.
    """

    def __init__(self, loop: LiveLoop) -> None:
        self.timeline: Timeline
        #: Clauses of comprehensions that are over in a way not known yet.
        self.dropped: list[IterationState] = []
        self.loop = loop
        self._frames: dict[int, list[IterationState | UntracedIteration]] = {}
        self._waiting_to_suspend: dict[int, list[IterationState]] = {}

    def enter(self, state: IterationState | UntracedIteration, frame: int) -> None:
        """`state` is in `frame` now, inside of those already there."""
        state.frame = frame
        self._frames.setdefault(frame, []).append(state)

    def leave(self, state: IterationState | UntracedIteration) -> None:
        """`state` is there no more."""
        inside = self._frames.get(state.frame, [])
        if state in inside:
            inside.remove(state)
            if not inside:
                del self._frames[state.frame]

    def seen(self) -> list[IterationState]:
        """All that are told of; for any thread."""
        every = [each for inside in list(self._frames.values()) for each in list(inside)]
        return [each for each in every if isinstance(each, IterationState)]

    def inside(self, frame: FrameType) -> list[IterationState]:
        """The iterations in `frame` that are seen, outer ones first."""
        return [
            each for each in self._frames.get(id(frame), ()) if isinstance(each, IterationState)
        ]

    def innermost(self, frame: int) -> IterationState | None:
        """The innermost iteration in `frame` that is seen."""
        inside = self._frames.get(frame)
        state = inside[-1] if inside else None
        return state if isinstance(state, IterationState) else None

    def around(self, frame: FrameType | None) -> IterationState | None:
        """The iteration in which `frame` runs: in itself, or in one that called it."""
        while frame is not None and not runs_callbacks(frame.f_code):
            if (state := self.innermost(id(frame))) is not None:
                return state
            frame = frame.f_back
        return None

    def end_clauses(
        self, how: EndReason | None, error: str, parent: IterationState | None = None
    ) -> None:
        """End the comprehensions (inside `parent`) that only the traceback of `error` holds.

        Without `how`, by the step in which each is. Up to Python 3.11 a comprehension
        has a frame of its own, and the frame keeps the iterator.
        """
        for state in self.seen():
            clause = state.iteration.site.kind == "comprehension"
            if clause and (parent is None or state.parent is parent):
                self.leave(state)
                state.end(how or ("body" if state.phase == "body" else "source"), error)

    def forget(self) -> None:
        """Nobody wants to know any more; what is under way goes on unseen."""
        for inside in self._frames.values():
            for state in inside:
                state.mute()
        self._frames.clear()
        self._waiting_to_suspend.clear()
        self.dropped = []

    # -- what suspends them --------------------------------------------------------------

    def look_at(self, state: IterationState) -> None:
        """Tell `state` what its task is suspended on, should it be."""
        task = current_task(self.loop)
        lane = None if task is None else self.timeline.lane_of(task)
        if lane is not None:
            state.watched_lane = lane
            self._waiting_to_suspend.setdefault(lane, []).append(state)

    def look_away(self, state: IterationState) -> None:
        """Its round is over: whatever suspends its task now is none of it."""
        inside = self._waiting_to_suspend.get(state.watched_lane)
        if inside is not None and state in inside:
            inside.remove(state)
            if not inside:
                del self._waiting_to_suspend[state.watched_lane]

    def task_suspended(self, task: asyncio.Task[object]) -> None:
        """A slice of `task` is over, and the task is not."""
        if not self._waiting_to_suspend:
            return
        waiting = self._waiting_to_suspend.pop(self.timeline.lane_of(task) or 0, ())
        chain = await_chain(task) if waiting else []
        for state in reversed(waiting):
            if state.phase == "await":
                numbered = enumerate(chain, 1)
                at = next((n for n, link in numbered if id(link.frame) == state.frame), 0)
                waits = describe_chain(chain[at:], through_steps=False)
                where = location_and_source(waits.filename, waits.line)[0] if waits.line else ""
                state.suspend(waits.on, where)
