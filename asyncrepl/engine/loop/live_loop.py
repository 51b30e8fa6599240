"""The loop that the user's code runs on: asyncio's own, which can be observed and timed.

`LiveLoop` is asyncio's selector loop with one property more, `live`. It tells
other threads whether it is inside an iteration and since when, goes by a `Clock`,
and can be observed by a `Timeline`. Real time and nothing observed cost nothing.

What does not work:

- More attributes. A loop has 24 (26 on Python 3.13, 27 since); beyond 30 (29 from
  3.13 on) CPython drops the inline values of the instance, and each step gets 7–16 %
  slower. So `live` hangs on an object that every selector loop has, and what is
  overridden while the loop is observed has its room from the beginning: from 3.13
  on a class that has many instances learns no new names. From 3.14 on asyncio's
  ``_watcher`` has to make room for that. ``__slots__`` in the subclass and
  swapping ``__class__`` do the same harm.
- Looking at ``vars(loop)``: it gives up the inline values just the same.
- Overriding methods in the class: 5–7 % on every timer for ``time`` and
  ``call_at``, 10 % on short tasks for ``create_task``. They are instance
  attributes, set only while the clock is not plain real time or something is
  observed. (From 3.13 on those of a steered loop are too many; nobody races there.)
- Hearing of new tasks through a task factory: with one set, Python 3.13.0 names
  every unnamed task 'None'.
- Wrapping coroutines in a task factory, or handles in ``call_soon``, to see who
  runs: ``get_coro()``, tracebacks and debug messages show it. The iteration itself
  sees the same and changes nothing (see `asyncrepl.engine.loop.observed_iteration`).
"""

from __future__ import annotations

import asyncio
import functools
import math
import sys
import threading
import weakref
from types import CoroutineType, MethodType
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.code_owner import cut_to_user_part, is_ours
from asyncrepl.engine.loop import timers
from asyncrepl.engine.loop.external_waits import ExternalWaits
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.loop.loop_iteration import WatchingSelector
from asyncrepl.engine.loop.waiting_threads import others_act
from asyncrepl.engine.tasks.task_findings import ends_program, left_finding, note_made_outside
from asyncrepl.engine.tasks.task_records import current_task, restore_running_loop, task_coroutine
from asyncrepl.events.finding_log import FindingLog
from asyncrepl.events.object_info import behind_partials, code_of, has_begun

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
    from types import CodeType

    from asyncrepl.engine.loop.loop_iteration import Breakpoint, Ready
    from asyncrepl.engine.tasks.timeline import Timeline

    _SelectorEventLoop = timers.AsyncioLoop
else:
    _SelectorEventLoop = asyncio.SelectorEventLoop

_create_task = _SelectorEventLoop.create_task
_first_step = _SelectorEventLoop._asyncgen_firstiter_hook  # noqa: SLF001
_finalize = _SelectorEventLoop._asyncgen_finalizer_hook  # noqa: SLF001
#: The types of the callbacks that run a step of a task, by name: they have no public one.
_STEP_TYPES = {"TaskStepMethWrapper", "builtin_function_or_method"}
#: The methods that are overridden while the loop is observed.
_OBSERVED = ("_run_once", "call_soon", "create_task")


class LoopExtension:
    """All that a `LiveLoop` has beyond asyncio's loop.

    `clock` and `loop_iteration` may be read from any thread; `began` is the clock's instant when
    the loop was made. `timeline` is what records at the moment, None for nothing;
    `loop_breakpoint` is where its thread is stopped between two steps, None if it never did.
    `first_steps` says by the ``id`` of an async generator whose code, at which instruction, took
    its first step; only while a timeline records, and also of generators that are gone.
    `instruments` are told what happens, `findings` what looks like a mistake. `forked` says that
    this is the parent's loop, which runs no more, `stands_by` that a program has its thread,
    `borrowed` that it is a program's (see `asyncrepl.engine.loop.borrowed_loop`).
    """

    __slots__ = (
        "began", "between", "borrowed", "clock", "findings", "first_steps", "forked",
        "instruments", "loop_breakpoint", "loop_iteration", "outside", "selector", "stands_by",
        "timeline",
    )  # fmt: skip

    def __init__(self, clock: Clock, selector: WatchingSelector, own_fd: int) -> None:
        self.clock = clock
        self.began = clock.time()
        self.loop_iteration = selector.iteration
        self.timeline: Timeline | None = None
        self.loop_breakpoint: Breakpoint | None = None
        self.first_steps: dict[int, tuple[CodeType, int]] = {}
        self.forked = self.stands_by = self.borrowed = False
        #: See `keep_running`.
        self.between: list[Callable[[Any], object]] | None = None
        self.selector = selector
        self.instruments = selector.instruments
        self.findings = FindingLog(self.instruments)
        self.outside = ExternalWaits(selector, own_fd)

    def let_go(self) -> None:
        """Leave the breakpoint, if the loop is at one: something else is to happen; any thread."""
        if self.loop_breakpoint is not None:
            self.loop_breakpoint.leave()


class LiveLoop(_SelectorEventLoop):
    """asyncio's selector loop on `clock` (real time if None), watchable through `live`.

    The class is also a ``loop_factory`` for a Runner.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        selector = WatchingSelector()
        super().__init__(selector)
        for name in _OBSERVED:  # keep room for them
            setattr(self, name, None)
            delattr(self, name)
        self._transports.live = LoopExtension(
            clock or Clock.real(), selector, self._ssock.fileno()
        )
        self.use_clock(self.live.clock)

    @property
    def live(self) -> LoopExtension:
        """What there is beyond asyncio's loop; also when the loop is closed."""
        live: LoopExtension = self._transports.live
        return live

    @property
    def slow_callback_duration(self) -> float:
        """From so many seconds on debug mode reports a callback; none of ours.

        Nor a statement's task, which runs a coroutine of ours: the session reports it itself.
        """
        handle: Any = self._current_handle
        if handle is not None and is_ours(_file_of(handle._callback)):  # noqa: SLF001
            return math.inf
        return self._slow_callback_duration

    @slow_callback_duration.setter
    def slow_callback_duration(self, seconds: float) -> None:
        self._slow_callback_duration = seconds

    if sys.version_info >= (3, 14):

        @property
        def _watcher(self) -> Any:
            """Who waits for subprocesses; kept where it takes no room in the loop."""
            return self._transports.watcher

        @_watcher.setter
        def _watcher(self, watcher: object) -> None:
            self._transports.watcher = watcher

    # -- running -----------------------------------------------------------------

    def run_forever(self) -> None:
        """Run until ``stop()``; may be entered again, also after an exception escaped."""
        try:
            super().run_forever()
        finally:
            self.live.loop_iteration.busy = False
            if self.live.timeline is not None:
                self.live.timeline.loop_stands()

    def run_until_complete(self, future: Any) -> Any:
        """As asyncio's own; what the program leaves undone is seen before it is cancelled.

        Who runs the loop himself may run it once more, to end what is left.
        """
        try:
            result = super().run_until_complete(future)
        except BaseException as error:
            cut_to_user_part(error)  # who explains it asks what of asyncio's the user has called
            raise
        self.live.findings.review_pending(at_the_end=ends_program(sys._getframe(1)))  # noqa: SLF001
        return result

    def close(self) -> None:
        """As asyncio's own; what the program leaves undone is seen before."""
        self.live.findings.review_pending(at_the_end=True)
        super().close()

    def shutdown_asyncgens(self) -> Coroutine[Any, Any, None]:
        """As asyncio's own; what is closed by it half way through is known to be."""
        generators: Iterable[Any] = self._asyncgens
        open_ones = (each for each in generators if each.ag_frame is not None)
        self.live.findings.shut.update(open_ones)
        return super().shutdown_asyncgens()

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """As asyncio's own; a task that could not leave its step goes on nevertheless.

        After a fork none could, which is not the user's doing.
        """
        inside = "handle" in context and self._thread_id == threading.get_ident()
        if inside and restore_running_loop(self):
            if self.live.forked:
                return
            if (task := current_task(self)) is not None:
                asyncio.tasks._leave_task(self, task)  # noqa: SLF001
        super().call_exception_handler(context)

    def when_settled(self, callback: Callable[[], object], *, patience: float = math.inf) -> None:
        """Run all that can run without time passing, the clock held: then call `callback`.

        That is when nothing is ready, no I/O has arrived, and every timer still to come lies
        ahead; or after so many loop iterations as `patience` says: what never rests
        (``while True: await asyncio.sleep(0)``) never settles. On the loop's thread.
        """
        self.call_soon(self._look_whether_settled, callback, 0, patience)

    def _look_whether_settled(
        self, callback: Callable[[], object], calm: int, patience: float
    ) -> None:
        # One calm look is not enough: what ran before it in this iteration may have
        # written to a socket that this very loop reads.
        calm = 0 if self._ready else calm + 1
        if calm < 2 and patience > 0:
            self.call_soon(self._look_whether_settled, callback, calm, patience - 1)
        else:
            callback()

    def forget_all(self, callback: Callable[[], object]) -> None:
        """Let `callback` be all that is to be run; for a process that was forked."""
        self.live.forked = True
        self._scheduled.clear()
        self._ready.clear()
        self._ready.append(asyncio.Handle(callback, (), self))

    # -- time --------------------------------------------------------------------

    def use_clock(self, clock: Clock) -> None:
        """Use `clock` from now on, which must not be behind; on the loop's thread."""
        self.live.clock.changed = bool
        self.live.clock = clock
        follow = weakref.WeakMethod(self._follow_clock)  # the clock may outlive this loop
        clock.changed = lambda: (method := follow()) and method()
        self._follow_clock()

    def _follow_clock(self) -> None:
        """Override what the clock needs overridden, once it is not plain real time."""
        clock = self.live.clock
        if clock.untouched:
            return
        override(self, "time", clock.time)
        override(self, "call_at", functools.partial(timers.call_at, self))
        self._clock_resolution = clock.resolution
        if self.live.timeline is not None:
            self.live.timeline.ns = clock.ns
        self.live.selector.wait_with(self._wait)

    def _wait(self, timeout: float | None) -> Ready:
        live = self.live
        ready = live.clock.wait(live.selector.poll, timeout, self)
        self._clock_resolution = live.clock.resolution
        return ready

    def deadline(self) -> float:
        """The instant of the next timer; infinity without one, and while time is frozen."""
        waits = self._scheduled and not self.live.clock.frozen
        return self._scheduled[0].when() if waits else math.inf

    def outside(self) -> bool:
        """Whether I/O, a job of an executor or a process is being waited for."""
        pending = self.live.outside.pending()
        if pending and self.live.clock.ties is not None:
            self.live.clock.ties.outside = True
        return pending

    # -- the outside -------------------------------------------------------------

    def is_deadlocked(self) -> bool:
        """Whether what waits will wait for ever; on the loop's thread, as it is about to wait."""
        return not self._ready and not self._scheduled and self.is_alone()

    def is_alone(self) -> bool:
        """Whether nothing from the outside can wake it: I/O, a thread, a process, a signal."""
        if len(self.live.selector.get_map()) > 1:
            return False  # its own pipe is the one
        if self.live.outside.pending() or getattr(self, "_signal_handlers", None) or others_act():
            return False
        here = threading.current_thread()
        # Ours wake nobody by themselves, nor do those of the loop's idle executor.
        return all(
            thread is here or thread.name.startswith(("asyncrepl", "asyncio_"))
            for thread in threading.enumerate()
        )

    def run_in_executor(self, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """As asyncio's own; the job is noted, so that no virtual time jumps past it."""
        future = super().run_in_executor(*args)
        self.live.outside.jobs.add(future)
        return future

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """As asyncio's own; its time limit takes as long as it says."""
        with self.live.outside.joining_pool():
            await super().shutdown_default_executor(*args, **kwargs)

    async def _make_subprocess_transport(self, *args: Any, **kwargs: Any) -> Any:
        with self.live.outside.busy():
            transport = await super()._make_subprocess_transport(*args, **kwargs)
        self.live.outside.processes.add(transport)
        return transport

    # -- observation -------------------------------------------------------------

    def _asyncgen_firstiter_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        """As asyncio's own; who takes its first step is noted: later nobody knows."""
        live: LoopExtension = self._transports.live
        if live.timeline is not None:
            frame = sys._getframe(1)  # noqa: SLF001  the documented way
            if frame.f_code.co_name == "__anext__" and is_ours(frame.f_code.co_filename):
                frame = frame.f_back or frame  # the loop is traced, through an iterator of ours
            live.first_steps[id(agen)] = frame.f_code, frame.f_lasti
        elif live.first_steps:
            live.first_steps.pop(id(agen), None)  # that of one that is gone
        if live.findings.unbegun:
            live.findings.unbegun.pop(id(agen), None)
        if self._asyncgens_shutdown_called:
            _first_step(self, agen)  # it warns
        else:
            self._asyncgens.add(agen)  # all that it does; calling it cost 7 % of a short loop

    def _asyncgen_finalizer_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        """As asyncio's own; who left `agen` before its end is seen."""
        findings = self.live.findings
        if findings.is_heard and not self._closed:
            if has_begun(agen):
                findings.add(left_finding(agen))
            else:
                findings.step_dropped(agen)
        _finalize(self, agen)

    def observe(self, timeline: Timeline) -> None:
        """Record into `timeline`; on the loop's thread, also in a callback.

        In a callback: the slice under way, and then from the next loop iteration on.
        """
        from asyncrepl.engine.loop import observed_iteration

        self.unobserve()
        timeline.ns = self.live.clock.ns
        timeline.begin(self, self.live.instruments, self.live.findings)
        self.live.timeline = timeline
        self.live.instruments.add(timeline)
        override(self, "_run_once", MethodType(observed_iteration.run_once, self))
        override(self, "call_soon", MethodType(observed_iteration.call_soon, self))
        override(self, "create_task", self._create_observed_task)

    def unobserve(self) -> None:
        """Record nothing any more; does nothing if nothing is recorded."""
        if self.live.timeline is not None:
            self.live.timeline.loop_stands()
            self.live.instruments.remove(self.live.timeline)
            self.live.timeline = None
            for name in _OBSERVED:
                delattr(self, name)

    def _create_observed_task(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """As asyncio's ``create_task``; the timeline learns who made the task, and when."""
        timeline = self.live.timeline
        if timeline is None:
            return _create_task(self, *args, **kwargs)
        if self._thread_id not in (None, threading.get_ident()):
            note_made_outside(self.live.findings)
        try:
            if self._task_factory is None and "eager_start" not in kwargs:
                at = timeline.ns()
                task = _create_task(self, *args, **kwargs)
                timeline.add_created_task(task, args[0] if args else kwargs["coro"], at)
            else:
                make = functools.partial(_create_task, self, *args, **kwargs)
                task = timeline.create_eager_task(args[0] if args else kwargs["coro"], make)
        except BaseException as error:
            cut_to_user_part(error)  # as above
            raise
        if self._debug:
            timers.hide_ours(task)
        return task


# A program that shows its loop, or what kind it is of, sees asyncio's.
for _name in ("__name__", "__qualname__", "__module__"):
    setattr(LiveLoop, _name, getattr(asyncio.SelectorEventLoop, _name))


def _file_of(callback: Any) -> str:
    """The file in which a callback of debug mode is written; empty where that is not known."""
    if (code := code_of(behind_partials(callback))) is not None:
        return code.co_filename
    if type(callback).__name__ in _STEP_TYPES and issubclass(
        type(callback.__self__), asyncio.Task
    ):
        coro = task_coroutine(callback.__self__)
        return coro.cr_code.co_filename if type(coro) is CoroutineType else ""
    return ""


def override(loop: LiveLoop, name: str, function: Callable[..., Any]) -> None:
    """Give `loop` a `function` called `name` of its own."""
    # Not through vars(): that alone makes each step slower, as long as the loop is used.
    setattr(loop, name, function)


class ObservationRequests:
    """For what `loop` is recorded, and how long; for the loop's thread.

    It is observed as long as anybody wants to look: lanes, a trace, a demo each want a record for
    a reason of their own, and one of them may end while another goes on. The first one starts the
    recording, the last one ends it; what was recorded is kept, bounded as it is, and goes on with
    the next one. So a session has one record, in which lanes keep their numbers: an export made
    later has what was traced before.
    """

    def __init__(self, loop: LiveLoop) -> None:
        self.loop = loop
        self._reasons: set[str] = set()
        #: All that was recorded so far, with gaps where nobody wanted it; None if nothing was.
        self.record: Timeline | None = None

    @property
    def timeline(self) -> Timeline | None:
        """The record; None while nobody wants one."""
        return self.loop.live.timeline

    def want(self, reason: str) -> Timeline:
        """Record from now on, if it is not done yet, until `drop` was called with each reason."""
        self._reasons.add(reason)
        timeline = self.loop.live.timeline
        if timeline is None:
            from asyncrepl.engine.tasks.timeline import Timeline

            timeline = self.record or Timeline()
            self.loop.observe(timeline)
        self.record = timeline
        return timeline

    def drop(self, reason: str) -> None:
        """Do not record for `reason` any more; does nothing if it was not wanted."""
        self._reasons.discard(reason)
        if not self._reasons:
            self.loop.unobserve()
