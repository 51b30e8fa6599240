"""Tracing the iterations on one loop: the six steps of each ``async for``, as events.

While nothing is traced nothing is paid: all that a loop does is to look at a switch, which chooses
between two compilations of its code. There is one switch and one set of marks in the
process, as there is one ``builtins``; the tracer that was started last has them.

The marked code iterates over a proxy: the same iterable, with its steps noted. What the marks and
the proxies must not do, each of which failed a test:

- Hide what ``async for`` says of an object that is no asynchronous iterable, or
  whose ``__aiter__`` gives the wrong thing: such an object is handed on as it is.
- Use ``aiter()``: it refuses the wrong thing with other words than ``async for``.
- Stand in a traceback: an error that passes loses our entry.
- Keep the iterator: the proxy alone holds it, and goes when the loop lets it go.

A ``with`` cannot stand in a comprehension, so its iterations end when the loop drops the
proxy: whether by StopAsyncIteration or by an error is known from what comes next.

What remains visible: ``sys._getframe(1)`` and ``stacklevel=2`` inside a plain ``def
__aiter__`` or ``__anext__`` see the proxy's frame.
"""

from __future__ import annotations

import asyncio
import builtins
import sys
import threading
from contextlib import suppress
from sys import _getframe
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeVar

from asyncrepl.engine.code_owner import cut_to_user_part
from asyncrepl.engine.iteration.iteration_emission import SiteSampler, ancestors
from asyncrepl.engine.iteration.iteration_state import (
    IterationState,
    find_repetition,
    find_starvation,
)
from asyncrepl.engine.iteration.open_iterations import OpenIterations, UntracedIteration
from asyncrepl.engine.tasks.await_chain import is_task, name_of_type
from asyncrepl.engine.tasks.task_findings import ORIGIN_DEPTH, wait_for_timed_out
from asyncrepl.engine.tasks.task_records import all_tasks, current_task, name_of, sorted_by_name
from asyncrepl.events.iteration_events import Iteration, LoopSite
from asyncrepl.events.object_info import has_method, lookup
from asyncrepl.instrument.doubled_loops import TRACE_SWITCH

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from asyncrepl.engine.iteration.iteration_emission import Detail
    from asyncrepl.engine.iteration.joined_iterations import JoinedIterations
    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.engine.tasks.timeline import Timeline
    from asyncrepl.events.iteration_events import EndReason, IterationEnded, IterationEvent

T = TypeVar("T")

_STEP = "async_generator_asend"
#: Up to Python 3.13 it is not told what a descriptor has raised.
_NO_METHOD = AttributeError if sys.version_info >= (3, 14) else Exception


class _TracedIterable:
    """The operand of a traced loop."""

    __slots__ = ("_iterable", "_make", "_state")

    def __init__(self, state: IterationState, iterable: Any, make: Callable[..., Any]) -> None:
        self._state = state
        self._iterable = iterable
        self._make = make

    def __aiter__(self) -> Any:
        iterable = self._iterable
        try:
            iterator = _special_method(iterable, "__aiter__")()
        except BaseException as error:
            cut_to_user_part(error)
            raise
        if not has_method(type(iterator), "__anext__"):
            return iterator
        self._state.begin(iterable, iterator)
        return self._make(self._state, iterator)


class _TracedIterator:
    """The iterator of a traced loop."""

    __slots__ = ("_iterator", "_state")

    def __init__(self, state: IterationState, iterator: Any) -> None:
        self._state = state
        self._iterator = iterator

    def __aiter__(self) -> _TracedIterator:
        return self

    def __anext__(self) -> Any:
        state = self._state
        if not state.frame:  # only now is it known in which one a comprehension runs
            state.tracer.enter(state, _getframe(1))
        state.ask()
        try:
            awaitable = anext(self._iterator)
        except BaseException as error:
            cut_to_user_part(error)
            raise
        try:
            state.asked(awaitable)
        except BaseException:  # a Ctrl-C while it stands here: it will not be awaited
            if type(awaitable) is CoroutineType or name_of_type(type(awaitable)) == _STEP:
                awaitable.close()  # or it would be complained of
            raise
        return awaitable


class _TracedClauseIterator(_TracedIterator):
    """That of a clause in a comprehension, which tells when it is dropped."""

    __slots__ = ()

    def __del__(self) -> None:
        self._state.tracer.drop(self._state)


def marks(tracer: Tracer) -> dict[str, Callable[..., Any]]:
    """The marks of doubled code by name, reporting to `tracer`."""
    innermost = tracer.open_iterations.innermost

    def iteration(site: tuple[Any, ...]) -> IterationState | UntracedIteration:
        frame = _getframe(1)
        state = tracer.begin(LoopSite(*site), frame)
        tracer.open_iterations.enter(state, id(frame))
        return state

    def traced(iterable: Any) -> Any:
        state = innermost(id(_getframe(1)))
        return iterable if state is None else _traced_iterable(state, iterable, _TracedIterator)

    def ended() -> None:
        if (state := innermost(id(_getframe(1)))) is not None:
            tracer.settle("exhausted")
            state.end("exhausted")

    def broke() -> None:
        if (state := innermost(id(_getframe(1)))) is not None:
            state.broke()

    def clause(iterable: Any, site: tuple[Any, ...]) -> Any:
        state = tracer.begin(LoopSite(*site), _getframe(1))
        if isinstance(state, UntracedIteration):
            return iterable
        return _traced_iterable(state, iterable, _TracedClauseIterator)

    def bound(*values: object) -> bool:
        state = innermost(id(_getframe(1)))
        if state is not None and state.phase == "await":
            state.got(values)
        return True

    def done(result: T) -> T:
        tracer.settle("exhausted")
        return result

    every = (iteration, traced, ended, broke, clause, bound, done)
    return {f".{mark.__name__}": mark for mark in every}


def _traced_iterable(state: IterationState, iterable: Any, make: Callable[..., Any]) -> Any:
    state.phase = "aiter"
    if not has_method(type(iterable), "__aiter__"):
        return iterable
    return _TracedIterable(state, iterable, make)


def _special_method(obj: Any, name: str) -> Any:
    """The special method `name` of `obj`, as the interpreter finds it.

    Where a descriptor raises one of `_NO_METHOD`, the interpreter says that there is no
    such method.
    """
    method: Any = lookup(type(obj), name)
    get = getattr(type(method), "__get__", None)
    if get is None:
        return method
    with suppress(_NO_METHOD):
        return get(method, obj, type(obj))
    raise AttributeError(f"object {type(obj).__name__} does not have {name} method")


class Tracer:
    """Tells the instruments of `loop` of the iterations on it; for its thread.

    Nothing is told between `stop` and the next `start`.
    """

    def __init__(self, loop: LiveLoop) -> None:
        self.findings = loop.live.findings
        self.timeline: Timeline
        self.open_iterations = OpenIterations(loop)
        self.use_loop(loop)
        self._instruments = loop.live.instruments
        self._runs = SiteSampler()
        self._only: asyncio.Task[object] | None = None
        #: lane -> whether its iterations are told, while only those of one task are.
        self._related: dict[int, bool] = {}
        self._thread = 0
        self._number = 0
        self._depth = 0
        self._joining: JoinedIterations | None = None
        #: Whether anything is told.
        self.on = False
        #: Called after step 2 of each round, all of which are then told in full: somebody
        #: goes from one to the next.
        self.asked: Callable[[], object] | None = None

    # -- for the shell -----------------------------------------------------------------

    def use_loop(self, loop: LiveLoop) -> None:
        """Tell of the iterations on `loop`, which is told to the same instruments."""
        self._loop = self.open_iterations.loop = loop
        self.loop_iteration = loop.live.loop_iteration

    def start(self, timeline: Timeline, only: asyncio.Task[object] | None = None) -> None:
        """Tell from now on; with `only`, of the iterations of that task and of those it makes.

        An iteration under way that is told already goes on being told; joined, it would be twice.
        """
        self._related.clear()
        if not self.on or timeline is not self.timeline:
            self.stop()
            self.timeline = self.open_iterations.timeline = timeline
            self._thread, self.on = threading.get_ident(), True
            self._instruments.add(self.open_iterations)
            # Where a coroutine is made costs 0.1 µs a frame to note: only while somebody looks.
            self._depth = sys.get_coroutine_origin_tracking_depth()
            sys.set_coroutine_origin_tracking_depth(max(self._depth, ORIGIN_DEPTH))
        self._only, self.asked = only, None
        # Another tracer may have ended in the meantime, and with it what all of them share.
        vars(builtins).update(marks(self))
        setattr(builtins, TRACE_SWITCH, True)

    def stop(self) -> None:
        """Tell nothing any more, also not of iterations that are under way."""
        if self.on:
            self.on, self._only, self.asked = False, None, None
            if self._joining is not None:
                self._joining.stop()
            self._instruments.remove(self.open_iterations)
            self.open_iterations.forget()
            self._runs = SiteSampler()
            setattr(builtins, TRACE_SWITCH, False)
            sys.set_coroutine_origin_tracking_depth(self._depth)

    def join(self) -> list[bool]:
        """Tell also of the iterates over that are under way in suspended tasks.

        Of each, whether it is told now: where somebody else traces, it may not be.
        """
        if self._joining is None:
            from asyncrepl.engine.iteration.joined_iterations import JoinedIterations

            self._joining = JoinedIterations(self)
        self._joining.lane = self.timeline.lane_of(self._only)
        every = all_tasks(self._loop) - {current_task(self._loop)}
        told = sorted_by_name({each for each in every if self._is_traced(each)})
        return [one for each in told for one in self._joining.join(each)]

    def relax(self) -> None:
        """Nobody goes from one step to the next any more."""
        self.asked = None
        if self._joining is not None:
            self._joining.relax()

    def finish(self, error: BaseException | None) -> None:
        """A statement is over, with `error`: so are its comprehensions, and its sums are told."""
        if self.on:
            name = "" if error is None else name_of_type(type(error))
            if self._joining is not None:
                interrupted = isinstance(error, KeyboardInterrupt)
                how = "cancelled" if interrupted else _cancellation_behind(error)
                self._joining.end(how, name)
            if error is None:
                self.settle("unknown")
            else:
                self.settle("source", name)
                self.open_iterations.end_clauses(_cancellation_behind(error), name)
            for event in self._runs.rest(self.timeline.ns()):
                self.emit(event)

    # -- for iterations ---------------------------------------------------------------------

    def emit(self, event: IterationEvent) -> None:
        """Tell `event`."""
        if self.on:
            for hear in self._instruments.iteration_event:
                hear(event)

    def begin(self, site: LoopSite, frame: FrameType) -> IterationState | UntracedIteration:
        """An iteration begins at `site`, in `frame`."""
        task = self._traced_task()
        if task is None:
            return UntracedIteration(self.open_iterations)
        if self.open_iterations.dropped:
            self.settle("unknown")
        parent = self.open_iterations.around(frame)
        self._number += 1
        iteration = self._new_iteration(self._number, task, parent, site)
        detail: Detail = "sum"
        if parent is None or parent.emits_steps:
            detail = "full" if self.asked else self._runs.next(site)
        return IterationState(self, iteration, parent, detail, (frame.f_code, frame.f_lasti))

    def joined(
        self, site: LoopSite, frame: FrameType, task: asyncio.Task[object]
    ) -> IterationState:
        """An iteration is under way at `site`, in `frame`, which is one of `task`."""
        parent = self.open_iterations.innermost(id(frame))
        self._number += 1
        iteration = self._new_iteration(self._number, task, parent, site)
        place = frame.f_code, frame.f_lasti
        state = IterationState(self, iteration, parent, "full", place)
        self.open_iterations.enter(state, id(frame))
        return state

    def enter(self, state: IterationState, frame: FrameType) -> None:
        """A comprehension asks for its first value, in `frame`.

        A generator expression may do so long after it was made, and in another task.
        """
        task = self._traced_task()
        if task is not None:
            state.parent = parent = self.open_iterations.around(frame)
            state.iteration = self._new_iteration(
                state.iteration.number, task, parent, state.iteration.site
            )
        self.open_iterations.enter(state, id(frame))

    def _new_iteration(
        self,
        number: int,
        task: asyncio.Task[object],
        parent: IterationState | None,
        site: LoopSite,
    ) -> Iteration:
        lane = self.timeline.lane_of(task) or 0
        depth = 0 if parent is None else parent.iteration.depth + 1
        return Iteration(number, lane, name_of(task), depth, site)

    def _traced_task(self) -> asyncio.Task[object] | None:
        """The task that runs, if its iterations are to be told."""
        if not self.on or threading.get_ident() != self._thread:
            return None
        task = current_task(self._loop)
        return task if task is not None and self._is_traced(task) else None

    def _is_traced(self, task: asyncio.Task[object]) -> bool:
        """Whether it is told of `task`: of all, or of one and those that descend from it.

        Remembered, and a child is known at once: to look up a lane takes as long as
        there are tasks.
        """
        if self._only is None or task is self._only:
            return True
        record, root = self.timeline.records.get(id(task)), self.timeline.lane_of(self._only)
        if record is None or root is None:
            return False
        if record.number not in self._related:
            child = record.parent == root
            self._related[record.number] = child or root in ancestors(self.timeline, record.parent)
        return self._related[record.number]

    def ready(self) -> int:
        """How many other tasks wait for nothing but their turn."""
        # A callback of ours may stand there too: only steps of tasks count.
        callbacks = [handle._callback for handle in self._loop._ready]  # type: ignore[attr-defined]  # noqa: SLF001
        return sum(is_task(getattr(each, "__self__", None)) for each in callbacks)

    def ended(self, state: IterationState, event: IterationEnded) -> None:
        """`state` is over."""
        find_starvation(state, event)
        find_repetition(state, event)
        if state.detail == "full":
            self.emit(event)
        elif state.parent is None or state.parent.emits_steps:
            for summed in self._runs.ended(state.detail, event):
                self.emit(summed)

    def cancelled(self) -> EndReason | None:
        """Why the task that runs is being cancelled; None if it is not."""
        task = current_task(self._loop)
        if task is None or not task.cancelling():
            return None
        lane = self.timeline.lane_of(task)
        late = lane is not None and self.timeline.timed_out(lane)
        return "timeout" if late or wait_for_timed_out(task) else "cancelled"

    # -- for comprehensions, which end when their iterator is dropped --------------------

    def settle(self, how: EndReason, error: str = "") -> None:
        """What was dropped while it waited ended `how`, with `error`, as is clear now."""
        dropped, self.open_iterations.dropped = self.open_iterations.dropped, []
        for state in dropped:
            state.end(how, error)

    def goes_on(self, state: IterationState) -> None:
        """A clause asks for its next value: so a clause inside it has come to its end."""
        if self.open_iterations.dropped:
            inside = all(inner.parent is state for inner in self.open_iterations.dropped)
            self.settle("exhausted" if inside else "unknown")

    def drop(self, state: IterationState) -> None:
        """The iterator of a clause is gone; may be called by any thread."""
        if state.phase == "over" or threading.get_ident() != self._thread:
            return
        self.open_iterations.leave(state)
        if state.phase == "await":
            if (way := self.cancelled()) is not None:
                state.end(way)
            else:
                self.open_iterations.dropped.append(state)
        elif state.iteration.site.kind == "generator expression":
            state.end("closed")
        else:
            state.end(self.cancelled() or "body")


def _cancellation_behind(error: BaseException | None) -> EndReason | None:
    """Which cancellation a statement's error came of, if it did."""
    if isinstance(error, TimeoutError) and isinstance(error.__cause__, asyncio.CancelledError):
        return "timeout"
    return "cancelled" if isinstance(error, asyncio.CancelledError) else None
