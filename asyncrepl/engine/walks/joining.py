"""Joining walks that are under way: telling the rest of them.

A loop that began while nothing was traced runs the copy without marks, to its end.
From Python 3.12 on the interpreter can tell of single instructions of a code object,
also one that is suspended in a frame (``sys.monitoring``, events of that code only):
each is seen once and then switched off, but for the few at which a loop takes a step.
Python 3.11 has nothing of the kind that is safe (a trace function would change what
the program's own debugger sees): there such walks are not told.

Rounds are counted from where the walk was joined, and the type of what ``__anext__``
gives is not known: it lies on the interpreter's stack. On Python 3.12 reading what was
bound refreshes what the function's own ``locals()`` gave before. A ``break`` is seen when the
loop around takes its next step; other ends that are no StopAsyncIteration when the
statement is over.
"""

from __future__ import annotations

import ast
import sys
import threading
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.awaiting.chains import links
from asyncrepl.engine.frames import owner
from asyncrepl.engine.walks.loops import AsyncLoop, loops_in, loops_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import CodeType, FrameType

    from asyncrepl.engine.walks.tracing import Tracer
    from asyncrepl.engine.walks.walking import Walking
    from asyncrepl.events.walks import WayOut

__all__ = ["Joining"]

_monitoring: Any = getattr(sys, "monitoring", None)
#: The numbers of tools that nobody has reserved.
_TOOLS = (4, 3)


class Joining:
    """The walks that were joined, for one tracer; for the loop's thread."""

    def __init__(self, tracer: Tracer) -> None:
        #: The lane of the statement, if walks of one are told: what it raises ends those.
        self.lane: int | None = None
        self._tracer = tracer
        self._thread = threading.get_ident()
        self._tool: int | None = None
        #: id of a code object -> it, and what happens at which offset.
        self._codes: dict[int, tuple[CodeType, dict[int, list[_Step]]]] = {}
        self._walks: dict[tuple[int, AsyncLoop], Walking] = {}
        self._stopping: Walking | None = None

    def join(self, task: Any) -> Iterator[bool]:
        """Tell, from now on, of the walks in which the suspended `task` is.

        Of each comes whether it is told, now or already.
        """
        for link in links(task):
            frame = link.frame
            if frame is not None and owner(frame.f_code.co_filename) == "user":
                yield from self._join_frame(frame, task)

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
        if self._tool is not None:
            for code, _ in self._codes.values():
                _monitoring.set_local_events(self._tool, code, 0)
            _monitoring.register_callback(self._tool, _monitoring.events.INSTRUCTION, None)
            _monitoring.free_tool_id(self._tool)
        self._tool = None
        self._codes.clear()

    # -- joining -----------------------------------------------------------------------

    def _join_frame(self, frame: FrameType, task: Any) -> Iterator[bool]:
        every = loops_of(frame.f_code)
        for loop in loops_in(frame, every):
            told = loop.site in {each.walk.site for each in self._tracer.walks.inside(frame)}
            if not told and self._watch(frame.f_code, every):
                walking = self._tracer.joined(loop.site, frame, task)
                walking.join(waiting=loop.ask <= frame.f_lasti < loop.got)
                self._walks[id(frame), loop] = walking
                told = True
            yield told

    def _watch(self, code: CodeType, loops: Sequence[AsyncLoop]) -> bool:
        """Be told of the instructions of `code`; False where that cannot be."""
        if id(code) in self._codes:
            return True
        if _monitoring is None or not self._has_tool():
            return False
        steps: dict[int, list[_Step]] = {}
        for loop in loops:
            for offset, step in (
                (loop.ask, self._ask),
                (loop.body, self._bound),
                (loop.stop, self._stops),
                (loop.after, self._stopped),
            ):
                steps.setdefault(offset, []).append((loop, step))
        self._codes[id(code)] = code, steps
        _monitoring.set_local_events(self._tool, code, _monitoring.events.INSTRUCTION)
        return True

    def _has_tool(self) -> bool:
        free = [number for number in _TOOLS if _monitoring.get_tool(number) is None]
        if self._tool is None and free:
            self._tool = free[0]
            _monitoring.use_tool_id(self._tool, "asyncrepl")
            event = _monitoring.events.INSTRUCTION
            _monitoring.register_callback(self._tool, event, self._instruction)
        return self._tool is not None

    # -- what happens in the code --------------------------------------------------------

    def _instruction(self, code: CodeType, offset: int) -> object:
        _, steps = self._codes.get(id(code), (None, {}))
        if offset not in steps:
            return _monitoring.DISABLE
        if threading.get_ident() == self._thread:
            frame = sys._getframe(1)  # noqa: SLF001  the documented way
            for loop, step in steps[offset]:
                walking = self._walks.get((id(frame), loop))
                if walking is not None and walking.phase != "over":
                    step(walking, frame)
        return None

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
