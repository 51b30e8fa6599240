"""Joining walks that are under way: telling the rest of them.

A loop that began while nothing was traced runs the copy without marks, to its end.
But the interpreter can tell of single instructions, also of a frame that is suspended,
and so of those few at which the loop takes a step (see `instructions`).

Rounds are counted from where the walk was joined, and the type of what ``__anext__``
gives is not known: it lies on the interpreter's stack. On Python 3.12 reading what was
bound refreshes what the function's own ``locals()`` gave before. A ``break`` is seen when the
loop around takes its next step; other ends that are no StopAsyncIteration when the
statement is over.
"""

from __future__ import annotations

import ast
import threading
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.awaiting.chains import links
from asyncrepl.engine.frames import owner
from asyncrepl.engine.walks.instructions import instructions
from asyncrepl.engine.walks.loops import AsyncLoop, loops_in, loops_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import CodeType, FrameType

    from asyncrepl.engine.walks.tracing import Tracer
    from asyncrepl.engine.walks.walking import Walking
    from asyncrepl.events.walks import WayOut

__all__ = ["Joining"]


class Joining:
    """The walks that were joined, for one tracer; for the loop's thread."""

    def __init__(self, tracer: Tracer) -> None:
        #: The lane of the statement, if walks of one are told: what it raises ends those.
        self.lane: int | None = None
        self._tracer = tracer
        self._thread = threading.get_ident()
        self._instructions = instructions(self._reached)
        #: What happens at which offset, by the ``id`` of a frame.
        self._steps: dict[int, dict[int, list[_Step]]] = {}
        self._walks: dict[tuple[int, AsyncLoop], Walking] = {}
        self._stopping: Walking | None = None

    def join(self, task: Any) -> Iterator[bool]:
        """Tell, from now on, of the walks in which the suspended `task` is.

        Of each comes whether it is told, now or already.
        """
        caller: CodeType | None = None
        for link in links(task):
            frame = link.frame
            if frame is not None and owner(frame.f_code.co_filename) == "user":
                yield from self._join_frame(frame, loops_of(frame.f_code, caller), task)
                caller = frame.f_code

    def end(self, how: WayOut | None, error: str) -> None:
        """The statement is over: so is what was joined."""
        for walking in reversed([*self._walks.values()]):
            way: WayOut = "unknown"
            if walking.phase == "body" or (error and walking.walk.lane == self.lane):
                way = "break" if not error else "source" if walking.phase == "await" else "body"
            self._leave(walking, how or way, error)

    def stop(self) -> None:
        """Tell nothing any more."""
        self._walks.clear()
        self._instructions.stop()
        self._steps.clear()

    def relax(self) -> None:
        """Nobody steps any more: where that is dear, tell no more of what was joined."""
        if self._instructions.dear:
            for walking in reversed([*self._walks.values()]):
                walking.hush()
                self._tracer.walks.leave(walking)
            self.stop()

    # -- joining -----------------------------------------------------------------------

    def _join_frame(
        self, frame: FrameType, every: Sequence[AsyncLoop], task: Any
    ) -> Iterator[bool]:
        for loop in loops_in(frame, every):
            told = loop.site in {each.walk.site for each in self._tracer.walks.inside(frame)}
            if not told and self._watch(frame, every):
                walking = self._tracer.joined(loop.site, frame, task)
                walking.join(waiting=loop.ask <= frame.f_lasti < loop.got)
                self._walks[id(frame), loop] = walking
                told = True
            yield told

    def _watch(self, frame: FrameType, loops: Sequence[AsyncLoop]) -> bool:
        """Be told of the steps of `loops`, all those of `frame`; False where that cannot be."""
        steps: dict[int, list[_Step]] = {}
        for loop in loops:
            for offset, step in (
                (loop.ask, self._ask),
                (loop.body, self._bound),
                (loop.stop, self._stops),
                (loop.after, self._stopped),
            ):
                steps.setdefault(offset, []).append((loop, step))
        self._steps[id(frame)] = steps
        return self._instructions.watch(frame, set(steps))

    # -- what happens in the code --------------------------------------------------------

    def _reached(self, frame: FrameType, offset: int) -> None:
        if threading.get_ident() != self._thread:
            return
        for loop, step in self._steps.get(id(frame), {}).get(offset, ()):
            walking = self._walks.get((id(frame), loop))
            if walking is not None and walking.phase != "over":
                step(walking, frame)

    def _ask(self, walking: Walking, frame: FrameType) -> None:
        inside = [each for (at, _), each in self._walks.items() if at == id(frame)]
        for inner in reversed(inside[inside.index(walking) + 1 :]):
            self._leave(inner, "break" if inner.phase == "body" else "unknown", "")
        walking.ask()
        walking.asked_for("")

    def _bound(self, walking: Walking, frame: FrameType) -> None:
        if walking.phase == "await":
            target = ast.walk(ast.parse(walking.walk.site.target, mode="eval"))
            names = [node.id for node in target if isinstance(node, ast.Name)]
            scope = frame.f_locals
            walking.got(tuple(scope[name] for name in names if name in scope))

    def _stops(self, walking: Walking, _frame: FrameType) -> None:
        self._stopping = walking

    def _stopped(self, walking: Walking, _frame: FrameType) -> None:
        if self._stopping is walking:
            self._leave(walking, "exhausted", "")

    def _leave(self, walking: Walking, how: WayOut, error: str) -> None:
        self._walks = {key: each for key, each in self._walks.items() if each is not walking}
        self._tracer.walks.leave(walking)
        if walking.phase != "over":
            walking.end(how, error)


if TYPE_CHECKING:
    _Step = tuple[AsyncLoop, Callable[[Walking, FrameType], None]]
