"""One iteration of an observed loop: asyncio's own, with a note for each handle it runs.

Everything that runs on a loop passes here: tasks however they were made,
callbacks, timers, I/O. Each handle is a slice, so one note per handle says who
ran when. No task, coroutine or handle is changed. All that escapes is the first
step of an eager task that was made directly, ``Task(…, eager_start=True)``.

A step of a task that only does ``sleep(0)`` takes asyncio 1.2 µs, so notes have
to be cheap. What they cost, and what was dearer (more in ``docs/decisions/05-slices.md``):

- Knowing that it is a task's step, and whether the task is over: 120 ns; adding up its
  time: 90; noting lane and start: 35 (see `asyncrepl.engine.tasks.task_records`).
- With 10,000 tasks most of the cost is memory that is not in the cache. So what
  is noted of a task lies together (see `asyncrepl.engine.tasks.task_records`).
- Two things pay for most of that. asyncio's `call_soon` calls four functions in
  Python to put a handle into the queue, ours makes the same handle with none:
  200 ns. And a task's step is called directly, not through ``Handle._run``: 170
  to 270 ns. (Other callbacks are not: that frame is in their tracebacks.) Both are
  seen only by who asks for the outer frames of a task, where our iteration is anyway.

Tasks are asked through asyncio's own methods: those of a subclass are user code.
"""

# ruff: noqa: SLF001 -- this is asyncio's own code, for a loop of asyncio's

from __future__ import annotations

import asyncio
import heapq
import math
import sys
from asyncio import base_events
from contextvars import copy_context
from types import BuiltinMethodType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.code_owner import marked_as_running_callbacks
from asyncrepl.engine.loop import timers
from asyncrepl.engine.tasks.task_findings import RELEASE_WAITER
from asyncrepl.engine.tasks.task_records import BATCH, is_done, is_python_task

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable
    from contextvars import Context

    from asyncrepl.engine.tasks.timeline import Timeline

_c_task_done = asyncio.Task.done
_call_soon = asyncio.BaseEventLoop.call_soon
_new_object: Any = object.__new__
_base_events: Any = base_events
#: Whether a timer that is due this very instant fires however coarse the instant is.
_EXACT_INSTANTS = sys.version_info >= (3, 15)
_on_timeout = vars(asyncio.Timeout)["_on_timeout"]
_on_task_done = vars(asyncio.TaskGroup)["_on_task_done"]


def run_once(loop: timers.AsyncioLoop) -> None:
    """As asyncio's ``loop._run_once``; what runs is noted in the loop's timeline."""
    timeline: Timeline = loop.live.timeline  # type: ignore[assignment]  # it is observed
    if loop._scheduled:
        _forget_cancelled(loop)
    ready: deque[Any] = loop._ready
    if len(ready) == 1 and type(ready[0]._callback) is timeline.step:
        try:
            if _run_lone_steps(loop, timeline):
                return
        except BaseException:
            timeline.exception_escaped()
            raise
    if ready or loop._stopping:
        events = loop._selector.select(0)
    else:
        timeout = _timeout(loop)
        if timeout != 0:
            timeline.loop_stands()
        events = loop._selector.select(timeout)
    if events:
        loop._process_events(events)
        events = []
    if loop._scheduled:
        _fire_timers(loop)
    todo = len(ready)  # and not what becomes ready while these run
    try:
        while todo > BATCH:
            _run_ready(loop, timeline, BATCH)
            timeline.log.tidy()
            todo -= BATCH
        _run_ready(loop, timeline, todo)
    except BaseException:
        timeline.exception_escaped()
        raise
    log = timeline.log
    if timeline.unnamed or len(log.fresh) > log.much:  # else the call would cost more than it does
        timeline.iteration_ended()


def _forget_cancelled(loop: timers.AsyncioLoop) -> None:
    count, cancelled = len(loop._scheduled), loop._timer_cancelled_count
    if (
        count > _base_events._MIN_SCHEDULED_TIMER_HANDLES
        and cancelled / count > _base_events._MIN_CANCELLED_TIMER_HANDLES_FRACTION
    ):
        kept = []
        for handle in loop._scheduled:
            if handle._cancelled:
                handle._scheduled = False
            else:
                kept.append(handle)
        heapq.heapify(kept)
        loop._scheduled = kept
        loop._timer_cancelled_count = 0
    else:
        while loop._scheduled and loop._scheduled[0]._cancelled:
            loop._timer_cancelled_count -= 1
            heapq.heappop(loop._scheduled)._scheduled = False


def _timeout(loop: timers.AsyncioLoop) -> float | None:
    if loop._scheduled:
        delay: float = loop._scheduled[0]._when - loop.time()
        return min(max(0, delay), float(_base_events.MAXIMUM_SELECT_TIMEOUT))
    return None


def _fire_timers(loop: timers.AsyncioLoop) -> None:
    now, grain = loop.time(), loop._clock_resolution
    end = now + (max(grain, math.ulp(now)) if _EXACT_INSTANTS else grain)
    ties = loop.live.clock.ties
    while loop._scheduled and loop._scheduled[0]._when < end:
        handle = heapq.heappop(loop._scheduled)
        handle._scheduled = False
        if ties is not None:
            ties.fires(handle)
        loop._ready.append(handle)


@marked_as_running_callbacks
def _run_lone_steps(loop: timers.AsyncioLoop, timeline: Timeline) -> bool:  # noqa: PLR0912
    """Run iterations of which all is one step of a task; False if there was none.

    Nobody can come between two steps of a task that is alone, as long as no timer is due. So these
    are as many iterations as they would be, without a return to asyncio after each, and without
    the questions that have one answer. A statement that only does ``sleep(0)`` took 13 % longer
    than under asyncio, and takes 3 % less. What follows a step is written out as in
    `_run_ready`: a function of its own would be called once for each.
    """
    ready, step, live = loop._ready, timeline.step, loop.live
    select = loop._selector.select
    any_ran = False
    while True:  # a condition here keeps 3.11 from specializing a loop that is entered once
        if len(ready) != 1 or loop._stopping or loop._debug:
            break
        handle: Any = ready[0]
        callback = handle._callback
        if type(callback) is not step or handle._cancelled or live.timeline is not timeline:
            break
        if events := select(0):
            any_ran = True
            loop._process_events(events)
            _run_ready(loop, timeline, len(ready))
            timeline.iteration_ended()
            break
        now, scheduled = timeline.ns(), loop._scheduled
        if scheduled and (scheduled[0]._cancelled or scheduled[0]._when * 1e9 <= now):
            break
        any_ran = True
        ready.popleft()
        task = callback.__self__  # type: ignore[attr-defined]  # it is a step
        record = timeline.records.get(id(task)) or timeline.add_unseen_task(task)
        if record is not timeline.record:
            timeline.record.busy += now - timeline.since
            timeline.record, timeline.since = record, now
        record.slices += 1
        log = timeline.log
        log.fresh.append(record.number)
        log.fresh.append(now)
        try:
            handle._context.run(callback)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            _FailedHandle(handle, error).report()
        if timeline.cuts:
            timeline.cuts.look(task)
        if _c_task_done(task):  # a task in pure Python has another kind of steps
            timeline.end_task(task)
        elif timeline.instruments.task_suspended:
            for hear in timeline.instruments.task_suspended:
                hear(task)
        if timeline.unnamed or len(log.fresh) > log.much:
            timeline.iteration_ended()
    handle = callback = task = None  # see `_run_ready`
    return any_ran


@marked_as_running_callbacks
def _run_ready(loop: timers.AsyncioLoop, timeline: Timeline, count: int) -> None:  # noqa: PLR0912, PLR0915
    """Run the next `count` handles, in one function: a call more for each costs 50 ns and more."""
    records, fresh, step = timeline.records, timeline.log.fresh, timeline.step
    instruments = timeline.instruments
    for _ in range(count):
        handle: Any = loop._ready.popleft()
        if handle._cancelled:
            continue
        callback = handle._callback
        kind = type(callback)
        if kind is step or (kind is BuiltinMethodType and callback.__name__ == "task_wakeup"):
            task = callback.__self__
        elif kind is FunctionType:
            task = None
            if callback is RELEASE_WAITER:
                timeline.cuts.note_waiter(handle._args[0])
        else:
            task, step = _task_stepped_by(handle, timeline), timeline.step
        if task is None:
            record = timeline.callbacks
        else:
            try:
                record = records[id(task)]
            except KeyError:
                record = timeline.add_unseen_task(task)
        now = timeline.ns()
        timeline.record.busy += now - timeline.since
        timeline.record = record
        timeline.since = now
        record.slices += 1
        fresh.append(record.number)
        fresh.append(now)
        if loop._debug:
            _run_timed(loop, handle)
        elif kind is step:
            try:
                handle._context.run(callback)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                _FailedHandle(handle, error).report()
        else:
            handle._run()
        if task is not None:
            if timeline.cuts:
                timeline.cuts.look(task)
            try:
                over = _c_task_done(task)
            except TypeError:  # a task in pure Python
                over = is_done(task)
            if over:
                timeline.end_task(task)
            elif instruments.task_suspended:
                for hear in instruments.task_suspended:
                    hear(task)
    # As in asyncio: the traceback of a task's error may lead to our frame, which must not
    # keep the task.
    handle = callback = task = None


class _FailedHandle:
    """The context of a handle whose callback has failed: fails once more, for asyncio to report.

    A task's step fails only if it could not even begin.
    """

    def __init__(self, handle: Any, error: BaseException) -> None:
        self._handle = handle
        self._context = handle._context
        self._error = error.with_traceback(None)

    def report(self) -> None:
        """Let the handle meet the error where it would have met it."""
        self._handle._context = self
        self._handle._run()

    def run(self, *_: object) -> None:
        """As if the callback ran."""
        self._handle._context = self._context
        raise self._error


def _run_timed(loop: timers.AsyncioLoop, handle: asyncio.Handle) -> None:
    """What asyncio does in debug mode."""
    try:
        loop._current_handle = handle
        begin = loop.time()
        handle._run()
        took = loop.time() - begin
        if took >= loop.slow_callback_duration:
            _base_events.logger.warning(
                "Executing %s took %.3f seconds", _base_events._format_handle(handle), took
            )
    finally:
        loop._current_handle = None
        del handle


#: The type of the C tasks' steps, where it shows itself: it has no public name.
_STEP_NAMES = {("builtins", "TaskStepMethWrapper"), ("_asyncio", "TaskStepMethWrapper")}


def _task_stepped_by(handle: Any, timeline: Timeline) -> Any:
    """The task of which the callback of `handle` is a step; None for a plain callback.

    Other methods of a task are plain callbacks, as in ``call_later(1,
    task.cancel)``. Objects of the user's are not asked.
    """
    callback = handle._callback
    kind = type(callback)
    if kind is BuiltinMethodType and callback.__name__ == "cancel":
        timeline.cuts.note(callback.__self__)
    if kind is MethodType:
        owner = callback.__self__
        if callback.__func__ is _on_timeout:
            timeline.timeout_expires(owner)
        elif callback.__func__ is _on_task_done:
            timeline.cuts.note_group(owner, handle._args[0])
        step = callback.__name__ in {"__step", "__wakeup"} and is_python_task(owner)
        return owner if step else None
    if (kind.__module__, kind.__name__) in _STEP_NAMES:
        timeline.step = kind
        return callback.__self__
    return None


def call_soon(
    self: timers.AsyncioLoop,
    callback: Callable[..., object],
    *args: Any,
    context: Context | None = None,
) -> asyncio.Handle:
    """As asyncio's ``loop.call_soon``, with fewer calls: `callback` will run in `context`."""
    if self._debug or self._closed:
        handle = _call_soon(self, callback, *args, context=context)
        timers.hide_ours(handle)
        return handle
    made: Any = _new_object(asyncio.Handle)
    made._context = copy_context() if context is None else context
    made._loop = self
    made._callback = callback
    made._args = args
    made._cancelled = False
    made._repr = None
    made._source_traceback = None
    self._ready.append(made)
    return made  # type: ignore[no-any-return]


call_soon.__qualname__ = _call_soon.__qualname__  # TypeErrors name it
