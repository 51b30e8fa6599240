"""Joining iterations that are under way: emitting the rest of their steps.

A loop that began while nothing was traced runs the copy without marks, to its end.
But the interpreter can tell of single instructions, also of a frame that is suspended,
and so of those few at which the loop takes a step.

*Which instructions.* Read from the code object, because a loop under way knows nothing else of
itself. What it iterates over and binds is found among the constants: the doubling compiler has put
it there for the marked copy, which has the same positions.

*How they are heard of.* From Python 3.12 on ``sys.monitoring`` tells of those of one code object,
in whatever frame. Each is seen once and then switched off, but for the few that are wanted.
Python 3.11 has only ``sys.settrace``. That makes all code slower and is seen by the
program (``sys.gettrace()``), and a debugger or a coverage tool has it for itself. So it is
used where there is nothing else, only while somebody steps, only if nobody uses it, and only
the frames that were asked for are traced: the function for all others returns None at once.

*What remains unknown.* Rounds are counted from where the iteration was joined, and the type of
what ``__anext__`` gives is not known: it lies on the interpreter's stack. On Python 3.12 reading
what was bound refreshes what the function's own ``locals()`` gave before. A ``break`` is seen when
the loop around takes its next step; other ends that are no StopAsyncIteration when the
statement is over.
"""

from __future__ import annotations

import ast
import dis
import sys
import threading
from functools import lru_cache
from opcode import opname
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from asyncrepl.engine.code_owner import owner
from asyncrepl.engine.tasks.await_chain import await_chain
from asyncrepl.events.iteration_events import LoopSite

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Sequence
    from types import CodeType, FrameType

    from asyncrepl.engine.iteration.iteration_state import IterationState
    from asyncrepl.engine.iteration.open_iterations import OpenIterations
    from asyncrepl.events.iteration_events import EndReason

    InstructionReached = Callable[[FrameType, int], object]
    _Step = tuple["AsyncLoop", Callable[[IterationState, FrameType], None]]

_monitoring: Any = getattr(sys, "monitoring", None)
#: The numbers of tools that nobody has reserved.
_TOOLS = (4, 3)


class _ByMonitoring:
    """Tells of instructions as they are reached, by ``sys.monitoring``; for the loop's thread.

    `watch` says False where it cannot tell of the offsets in the frame; `only_while_stepping`
    whether it is there only as long as somebody steps.
    """

    only_while_stepping = False

    def __init__(self, told: InstructionReached) -> None:
        self._told = told
        self._tool: int | None = None
        #: id of a code object -> it, and the offsets wanted.
        self._codes: dict[int, tuple[CodeType, set[int]]] = {}

    def watch(self, frame: FrameType, offsets: set[int]) -> bool:
        if not self._has_tool():
            return False
        if id(frame.f_code) not in self._codes:
            self._codes[id(frame.f_code)] = frame.f_code, offsets
            _monitoring.set_local_events(self._tool, frame.f_code, _monitoring.events.INSTRUCTION)
        return True

    def stop(self) -> None:
        if self._tool is not None:
            for code, _ in self._codes.values():
                _monitoring.set_local_events(self._tool, code, 0)
            _monitoring.register_callback(self._tool, _monitoring.events.INSTRUCTION, None)
            _monitoring.free_tool_id(self._tool)
        self._tool = None
        self._codes.clear()

    def _has_tool(self) -> bool:
        free = [number for number in _TOOLS if _monitoring.get_tool(number) is None]
        if self._tool is None and free:
            self._tool = free[0]
            _monitoring.use_tool_id(self._tool, "asyncrepl")
            event = _monitoring.events.INSTRUCTION
            _monitoring.register_callback(self._tool, event, self._reached)
        return self._tool is not None

    def _reached(self, code: CodeType, offset: int) -> object:
        _, offsets = self._codes.get(id(code), (None, ()))
        if offset not in offsets:
            return _monitoring.DISABLE
        self._told(sys._getframe(1), offset)  # noqa: SLF001  the documented way
        return None


class _BySettrace:
    """The same by ``sys.settrace``."""

    only_while_stepping = True

    def __init__(self, told: InstructionReached) -> None:
        self._told = told
        self._frames: dict[int, tuple[FrameType, set[int]]] = {}
        #: The ``id`` of the frame in which the last event was an exception.
        self._raised = 0
        # The very same object each time: so it is known whose function is set.
        self._of_frame = self._reached

    def watch(self, frame: FrameType, offsets: set[int]) -> bool:
        if sys.gettrace() not in (None, _no_frame) or frame.f_trace not in (None, self._of_frame):
            return False
        self._frames[id(frame)] = frame, offsets
        frame.f_trace = self._of_frame
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        sys.settrace(_no_frame)
        return True

    def stop(self) -> None:
        for frame, _ in [*self._frames.values()]:
            self._leave(frame)

    def _leave(self, frame: FrameType) -> None:
        del self._frames[id(frame)]
        if frame.f_trace is self._of_frame:
            frame.f_trace = None
            frame.f_trace_lines, frame.f_trace_opcodes = True, False
        if not self._frames and sys.gettrace() is _no_frame:
            sys.settrace(None)

    def _reached(self, frame: FrameType, event: str, _arg: object) -> object:
        if id(frame) not in self._frames:
            return None
        offset = frame.f_lasti
        if event == "opcode" and offset in self._frames[id(frame)][1]:
            self._told(frame, offset)
        elif event == "return" and not self._suspends(frame):
            self._leave(frame)  # or what it refers to would live on
        self._raised = id(frame) if event == "exception" else 0
        return self._of_frame

    def _suspends(self, frame: FrameType) -> bool:
        at_yield = opname[frame.f_code.co_code[frame.f_lasti]] == "YIELD_VALUE"
        return at_yield and self._raised != id(frame)


def _no_frame(*_: object) -> None:
    """Trace no frame but those that have a function of their own."""


_SITE_LENGTH = len(LoopSite._fields)
#: The instruction after which the value of an ``await`` is there.
_GOT = "END_SEND" if sys.version_info >= (3, 12) else "JUMP_BACKWARD_NO_INTERRUPT"
#: Line and column.
_Place = tuple[int, int]


class AsyncLoop(NamedTuple):
    """A loop by the offsets of its instructions.

    At `ask` it calls ``__anext__``, at `got` the value has come, from `body` on it is bound;
    `stop` ends the loop, if ``StopAsyncIteration`` was raised, and goes on to `after`. All of
    it lies `within` these positions (line, column of its begin and end).
    """

    site: LoopSite
    within: tuple[_Place, _Place]
    ask: int
    got: int
    body: int
    stop: int
    after: int


@lru_cache(maxsize=256)
def loops_of(code: CodeType, caller: CodeType | None = None) -> tuple[AsyncLoop, ...]:
    """The loops of `code`, of text that was typed or loaded; outer ones before inner ones.

    On Python 3.11 a comprehension is a code of its own; what its `caller` iterates over for it is
    known to that.
    """
    sites = {
        each[-1]: LoopSite(*cast("Any", each))
        for each in (*code.co_consts, *(caller.co_consts if caller is not None else ()))
        if type(each) is tuple and len(each) == _SITE_LENGTH and each[0] == code.co_filename
    }
    bytecode: Any = dis.Bytecode(code)
    every = list(bytecode)
    found = [
        _loop(every, number, bytecode.exception_entries, sites)
        for number, instruction in enumerate(every)
        if instruction.opname == "GET_ANEXT"
    ]
    return tuple(loop for loop in found if loop is not None)


def loops_in(frame: FrameType, loops: Sequence[AsyncLoop]) -> list[AsyncLoop]:
    """Those of `loops` in which `frame` is, outer ones first; of two copies, the one it runs."""
    lines = list(frame.f_code.co_positions())
    line, _, column, _ = lines[frame.f_lasti // 2]
    if line is None or column is None:
        return []
    begun = [loop for loop in loops if loop.ask <= frame.f_lasti]
    inside = [loop for loop in begun if loop.within[0] <= (line, column) < loop.within[1]]
    return list({loop.site: loop for loop in inside}.values())


def _loop(
    every: list[dis.Instruction],
    number: int,
    handlers: list[Any],
    sites: dict[tuple[int, int], LoopSite],
) -> AsyncLoop | None:
    ask = every[number]
    got = next(n for n in range(number, len(every)) if every[n].opname == _GOT)
    # From Python 3.14 on a mark for branches comes first, with the position of the loop.
    body = got + 2 if every[got + 1].opname == "NOT_TAKEN" else got + 1
    target = _position_range(every[body])
    while target is not None and _binds(every[body], target):
        body += 1
    handler = next(each.target for each in handlers if each.start <= ask.offset < each.end)
    stop = next(n for n, each in enumerate(every) if each.offset == handler)
    while every[stop].opname == "EXTENDED_ARG":  # from 3.14 on it tells how long the loop is
        stop += 1
    site, within = None if target is None else sites.get(target[0]), _position_range(ask)
    if site is None or within is None or every[stop].opname != "END_ASYNC_FOR":
        return None
    offsets = tuple(every[n].offset for n in (number, got, body, stop, stop + 1))
    return AsyncLoop(site, within, *offsets)


def _binds(instruction: dis.Instruction, target: tuple[_Place, _Place]) -> bool:
    """Whether it belongs to `target`; the jump back from an empty body has its position, too."""
    at = _position_range(instruction)
    inside = at is not None and target[0] <= at[0] < target[1]
    return inside and not instruction.opname.startswith("JUMP")


def _position_range(instruction: dis.Instruction) -> tuple[_Place, _Place] | None:
    places = instruction.positions
    if places is None or None in places:
        return None
    line, end_line, column, end_column = cast("tuple[int, int, int, int]", tuple(places))
    return (line, column), (end_line, end_column)


class _JoiningTracer(Protocol):
    """What is asked of a `Tracer`, whose module imports this one."""

    open_iterations: OpenIterations

    def joined(
        self, site: LoopSite, frame: FrameType, task: asyncio.Task[object]
    ) -> IterationState: ...


class JoinedIterations:
    """The iterations that were joined, for one tracer; for the loop's thread."""

    def __init__(self, tracer: _JoiningTracer) -> None:
        #: The lane of the statement, if iterations of one are told: what it raises ends those.
        self.lane: int | None = None
        self._tracer = tracer
        self._thread = threading.get_ident()
        told_by = _BySettrace if _monitoring is None else _ByMonitoring
        self._instructions = told_by(self._reached)
        #: What happens at which offset, by the ``id`` of a frame.
        self._steps: dict[int, dict[int, list[_Step]]] = {}
        self._states: dict[tuple[int, AsyncLoop], IterationState] = {}
        self._stopping: IterationState | None = None

    def join(self, task: Any) -> Iterator[bool]:
        """Tell, from now on, of the iterations in which the suspended `task` is.

        Of each comes whether it is told, now or already.
        """
        caller: CodeType | None = None
        for link in await_chain(task):
            frame = link.frame
            if frame is not None and owner(frame.f_code.co_filename) == "user":
                yield from self._join_frame(frame, loops_of(frame.f_code, caller), task)
                caller = frame.f_code

    def end(self, how: EndReason | None, error: str) -> None:
        """The statement is over, `how`, perhaps with an `error`: so is what was joined."""
        for state in reversed([*self._states.values()]):
            way: EndReason = "unknown"
            if state.phase == "body" or (error and state.iteration.lane == self.lane):
                way = "break" if not error else "source" if state.phase == "await" else "body"
            self._leave(state, how or way, error)

    def stop(self) -> None:
        """Tell nothing any more."""
        self._states.clear()
        self._instructions.stop()
        self._steps.clear()

    def relax(self) -> None:
        """Nobody steps any more: where that is dear, tell no more of what was joined."""
        if self._instructions.only_while_stepping:
            for state in reversed([*self._states.values()]):
                state.mute()
                self._tracer.open_iterations.leave(state)
            self.stop()

    # -- joining -----------------------------------------------------------------------

    def _join_frame(
        self, frame: FrameType, every: Sequence[AsyncLoop], task: Any
    ) -> Iterator[bool]:
        for loop in loops_in(frame, every):
            told = loop.site in {
                each.iteration.site for each in self._tracer.open_iterations.inside(frame)
            }
            if not told and self._watch(frame, every):
                state = self._tracer.joined(loop.site, frame, task)
                state.join(waiting=loop.ask <= frame.f_lasti < loop.got)
                self._states[id(frame), loop] = state
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
            state = self._states.get((id(frame), loop))
            if state is not None and state.phase != "over":
                step(state, frame)

    def _ask(self, state: IterationState, frame: FrameType) -> None:
        inside = [each for (at, _), each in self._states.items() if at == id(frame)]
        for inner in reversed(inside[inside.index(state) + 1 :]):
            self._leave(inner, "break" if inner.phase == "body" else "unknown", "")
        state.ask()
        state.emit_asked("")

    def _bound(self, state: IterationState, frame: FrameType) -> None:
        if state.phase == "await":
            target = ast.walk(ast.parse(state.iteration.site.target, mode="eval"))
            names = [node.id for node in target if isinstance(node, ast.Name)]
            scope = frame.f_locals
            state.got(tuple(scope[name] for name in names if name in scope))

    def _stops(self, state: IterationState, _frame: FrameType) -> None:
        self._stopping = state

    def _stopped(self, state: IterationState, _frame: FrameType) -> None:
        if self._stopping is state:
            self._leave(state, "exhausted", "")

    def _leave(self, state: IterationState, how: EndReason, error: str) -> None:
        self._states = {key: each for key, each in self._states.items() if each is not state}
        self._tracer.open_iterations.leave(state)
        if state.phase != "over":
            state.end(how, error)
