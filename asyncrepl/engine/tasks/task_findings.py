"""Findings about tasks and what they leave: never run, left open, cancelled, out of time.

Those at the end of an object are made where it ends, perhaps in a finalizer, so no more is done
there than to note it, at the user's code that runs just then.

A task that was cancelled and ended as if nothing had happened has swallowed its cancellation.
``asyncio.timeout`` and ``TaskGroup`` take a cancellation back with ``uncancel``; then it
counts no more. What is left was swallowed by an ``except`` on the way.

Tasks that a time limit ends: by ``asyncio.timeout``, or by the ``wait_for`` of Python 3.11.

Whether a task is being cancelled because its time is up: an ``asyncio.timeout`` is seen when its
timer fires, and knows by itself when the task has left it. So does ``wait_for`` from Python 3.12
on, which is one. Before, it cancels the task that it waits for from inside its own coroutine, and
nothing else says why: so its coroutine is looked for.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import threading
import weakref
from asyncio import _get_running_loop
from asyncio.timeouts import _State  # type: ignore[attr-defined]
from collections import deque
from opcode import opname
from types import (
    AsyncGeneratorType,
    CellType,
    CoroutineType,
    FrameType,
    GeneratorType,
    MethodType,
)
from typing import TYPE_CHECKING, Any, TypeVar

from asyncrepl.engine.code_owner import is_plumbing, is_users, owner
from asyncrepl.engine.loop.external_waits import (
    is_at_rest,
    is_idle_worker,
    is_ours,
    loop_run_at,
    thread_wait,
)
from asyncrepl.engine.tasks.await_chain import (
    TASKS,
    await_chain,
    first_argument,
    is_task,
    waits_at,
)
from asyncrepl.engine.tasks.task_records import all_tasks, task_coroutine
from asyncrepl.events.findings import Finding, code_of_whole_text, finding_at
from asyncrepl.events.object_info import (
    ObjectInfo,
    coroutine_of_task,
    describe,
    instance_dict,
    is_real_instance,
    refused_operands,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from asyncrepl.events.finding_log import FindingLog

Loop = TypeVar("Loop", bound=asyncio.AbstractEventLoop)

#: Instructions that no coroutine goes through as their operand: one that dies there was refused.
_REFUSING = frozenset({
    "GET_ITER", "GET_AITER", "GET_YIELD_FROM_ITER", "GET_AWAITABLE", "UNPACK_SEQUENCE",
    "UNPACK_EX", "BINARY_OP", "BINARY_SUBSCR", "STORE_SUBSCR", "DELETE_SUBSCR", "BEFORE_WITH",
    "BEFORE_ASYNC_WITH", "LOAD_SPECIAL", "CONTAINS_OP", "LIST_EXTEND", "SET_UPDATE",
    "DICT_UPDATE", "DICT_MERGE", "UNARY_NEGATIVE", "UNARY_INVERT",
})  # fmt: skip

#: So many frames of where a coroutine is made are noted: behind a mock there are three.
ORIGIN_DEPTH = 4


def dropped_finding(coroutine: CoroutineType[Any, Any, Any]) -> Finding:
    """The finding for `coroutine`, which is dying and never ran."""
    alone = _get_running_loop() is None
    seen = finding_at("dropped", describe(coroutine), running_user_frame(), int(alone))
    places = [(filename, line) for filename, line, _ in coroutine.cr_origin or ()]
    made = next((each for each in places if is_users(each[0])), None)
    return seen._replace(made=made, direct=made is not None and made == places[0])


def unseen_failure(task: Any) -> Finding | None:
    """What is seen of a `task` of the user's that failed, if nobody has asked how it ended."""
    code = getattr(coroutine_of_task(task), "cr_code", None)
    error = task._exception  # noqa: SLF001
    if code is None or not is_users(code.co_filename) or not task._log_traceback:  # noqa: SLF001
        return None
    if not is_real_instance(error, Exception):  # none, or the program's end
        return None
    return Finding("failed", ObjectInfo(type(error), code), code, 0)


def user_places(task: Any) -> tuple[tuple[CodeType, int], ...]:
    """Where the user's code waits in `task`, outside in."""
    frames = [each.frame for each in await_chain(task)]
    users = [each for each in frames if each and is_users(each.f_code.co_filename)]
    return tuple((each.f_code, each.f_lasti) for each in users)


#: What one task at a time holds, or so many.
LOCKS = (asyncio.Lock, asyncio.Semaphore)
_EXIT = asyncio.Lock.__aexit__


def held_locks(task: Any, waited: object) -> list[object]:
    """The locks in whose ``async with`` `task` is: the ``__aexit__`` of each lies on a stack.

    That of one that is `waited` for does so already.
    """
    kept = [one for each in await_chain(task) for one in gc.get_referents(each.subject)]
    held = [*filter(None, map(_entered_lock, kept, [*kept[1:], None]))]
    return [e for n, e in enumerate(held) if e is not waited or any(e is o for o in held[:n])]


def _entered_lock(exits: Any, owner: object) -> object:
    """The lock that ``__aexit__`` is of; from Python 3.14 on `owner` lies behind the function."""
    bound = type(exits) is MethodType and exits.__func__ is _EXIT
    lock = exits.__self__ if bound else owner if exits is _EXIT else None
    return lock if type(lock) in LOCKS else None


def is_replaced(event: object, frame: FrameType) -> bool:
    """Whether what `frame` waits for is no variable there, nor an attribute of one, any more."""
    if type(event) is not asyncio.Event:
        return False
    held = [*frame.f_locals.values(), *frame.f_globals.values()]
    held += [part for each in held for part in instance_dict(each).values()]
    return all(each is not event for each in held)


def unseen_failures(task: Any) -> list[asyncio.Task[Any]]:
    """The tasks of the loop of `task` that ended in an error which nobody has asked for."""
    known = [each() for each in failed_tasks(task)]
    return [each for each in known if each is not None and unseen_failure(each) is not None]


def failed_tasks(task: Any) -> list[weakref.ref[Any]]:
    """The tasks of the loop of `task` that ended in an error, or were cancelled."""
    timeline: Any = getattr(getattr(task.get_loop(), "live", None), "timeline", None)
    return [] if timeline is None else [*timeline.failed]


def left_at_the_end() -> tuple[list[asyncio.Task[Any]], list[CoroutineType[Any, Any, Any]]]:
    """The tasks and the coroutines that something still holds, when a program has ended.

    Looks at all objects there are, once: there may be a million.
    """
    objects = gc.get_objects()
    kinds = {kind for kind in set(map(type, objects)) if issubclass(kind, TASKS)}
    tasks = [each for each in objects if type(each) in kinds]
    return tasks, [each for each in objects if type(each) is CoroutineType]


def unrun_findings(
    tasks: list[asyncio.Task[Any]], coroutines: list[CoroutineType[Any, Any, Any]]
) -> list[Finding]:
    """The findings for those of the user's `coroutines` that never ran, and are of no task.

    Both are what was left at the end of a program, when nobody is going to run them.
    """
    begun = {id(coroutine_of_task(each)) for each in tasks if _may_run(each)}
    held = [each for each in coroutines if id(each) not in begun]
    unrun = (each for each in held if inspect.getcoroutinestate(each) == inspect.CORO_CREATED)
    return [dropped_finding(each) for each in unrun if is_users(each.cr_code.co_filename)]


def has_own_threads() -> bool:
    """Whether the program has threads, with something to do, that Python waits for at its end."""
    return any(not each.daemon and not is_idle_worker(frame) for each, frame in _other_threads())


def keeping_thread(filename: str) -> Finding | None:
    """Where a thread of the user's waits, for ever, without whose end Python does not end.

    It is the only one, or no other can do anything for it. The finding is about the program in
    `filename` where no code of the user's is in the way.
    """
    threads = [pair for pair in _other_threads() if not is_idle_worker(pair[1])]
    seen = [(each, _user_frame(frame), loop_run_at(frame)) for each, frame in threads]
    kept = [each for each in seen if not each[0].daemon]
    own = [each for each, frame, loop in seen if frame is not None or loop is not None]
    if not kept or any(isinstance(each, threading.Timer) for each, *_ in kept):
        return None
    if any(loop is not None and not _is_idle(loop) for *_, loop in seen):
        return None
    waits = all(_waits(frame) for each, frame in threads if each in own or not each.daemon)
    thread, place, loop = kept[0]
    if own != [thread] and not waits:
        return None
    whole = Finding("held", describe(loop), code_of_whole_text(filename), 0)
    return whole if place is None else finding_at("held", describe(loop or thread), place)


def _waits(frame: FrameType | None) -> bool:
    """Whether a thread at `frame` waits for another one, or for work for its loop."""
    return thread_wait(frame) is not None or loop_run_at(frame) is not None


def _other_threads() -> list[tuple[threading.Thread, FrameType | None]]:
    """The program's threads but the main one, and where each is."""
    frames, main = sys._current_frames(), threading.main_thread()  # noqa: SLF001
    threads = [each for each in threading.enumerate() if each is not main and not is_ours(each)]
    return [(each, frames.get(each.ident or 0)) for each in threads]


def _user_frame(frame: FrameType | None) -> FrameType | None:
    while frame is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def _is_idle(loop: Any) -> bool:
    """Whether nothing is left to do on `loop`, and nothing can come but from other threads."""
    fds: Any = getattr(getattr(loop, "_selector", None), "get_map", dict)()
    return is_at_rest(loop) and not all_tasks(loop) and len(fds) <= 1


def _may_run(task: asyncio.Task[object]) -> bool:
    """Whether its loop has ever run, as far as is known: then that has it to run."""
    live: Any = getattr(task.get_loop(), "live", None)
    return live is None or live.loop_iteration.number > 0


def was_refused(code: CodeType | None) -> bool:
    """Whether the coroutine of `code`, that dies, was refused by an operation.

    Then an error is on its way. A `code` of None means the awaitable of a step.
    """
    frame = running_user_frame()
    if frame is None:
        return False
    if opname[frame.f_code.co_code[frame.f_lasti]] in _REFUSING:
        return True
    notes = refused_operands.at(frame.f_code)
    return code is not None and any(note.certain and note.info.code is code for note in notes)


def note_made_outside(findings: FindingLog) -> None:
    """See that a task was made here for a loop that another thread runs, and that may sleep."""
    if (frame := running_user_frame()) is not None:
        findings.add(finding_at("made outside", describe(None), frame))


def left_finding(generator: Any) -> Finding:
    """The finding for an async generator that is dying at a ``yield``."""
    frame = generator.ag_frame
    line = 0 if frame is None else frame.f_lineno or 0
    return finding_at(
        "left", ObjectInfo(AsyncGeneratorType, generator.ag_code), running_user_frame(), line
    )


def made_elsewhere(new: Callable[[], Loop], findings: FindingLog) -> Loop:
    """A loop made by `new`, for another thread than that of the loop whose `findings` those are.

    Each thread has it noted for itself where coroutines are made: here, for who waits for the end.
    """
    if findings.patient:
        depth = max(sys.get_coroutine_origin_tracking_depth(), ORIGIN_DEPTH)
        sys.set_coroutine_origin_tracking_depth(depth)
    return new()


def ends_program(frame: FrameType | None) -> bool:
    """Whether what `frame` has a loop run is a program.

    Not what a library has it run, as one for tests, with a Runner that may have more to run.
    """
    runner = None
    while frame is not None and frame.f_globals is vars(asyncio.runners):
        runner, frame = frame, frame.f_back
    if runner is None or frame is None:
        return False
    return runner.f_code.co_qualname == "run" or owner(frame.f_code.co_filename) != "library"


def running_user_frame() -> FrameType | None:
    """The innermost frame of the user's that runs in this thread."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  the documented way
    while frame is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def note_swallowed_cancellation(task: asyncio.Task[object], findings: FindingLog) -> None:
    """See that `task`, whose slice has just ended, has swallowed its cancellation.

    `number` is 1 if nobody asks how it ended, or who asks would only fail with the CancelledError:
    a task that waits for it, at `made`, and was not cancelled itself.
    """
    coro = task_coroutine(task)
    if type(coro) is not CoroutineType or not is_users((code := coro.cr_code).co_filename):
        return
    asking = [each for each in _called_at_the_end(task) if _asks(each)]
    waiting = [getattr(each, "__self__", None) for each in asking]
    places = [place for each in waiting if is_task(each) and (place := waits_at(each))]
    made = places[0] if len(asking) == len(places) == 1 else None
    info = ObjectInfo(CoroutineType, code)
    unasked = findings.patient and not asking  # at a prompt the next input may ask
    aimed = made is not None and not any(each.cancelling() for each in waiting if each)
    findings.add(Finding("swallowed", info, code, 0, int(unasked or aimed), made))


def _called_at_the_end(task: asyncio.Task[object]) -> list[Any]:
    """What the loop is about to call because `task` is over."""
    ready: Any = getattr(task.get_loop(), "_ready", ())
    return [each._callback for each in ready if each._args and each._args[0] is task]  # noqa: SLF001


def _asks(callback: Any) -> bool:
    """Whether it is of a task that waits, or of what asks how it ended in asyncio."""
    owner = getattr(callback, "__self__", None)
    if is_task(owner) or isinstance(owner, asyncio.TaskGroup):  # to a group it is all one
        return is_task(owner)
    function = getattr(callback, "func", callback)  # `wait_for` gives a partial one
    code = getattr(function, "__code__", None)
    if code is None or not is_plumbing(code.co_filename):
        return False
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    taken = "return_exceptions" in cells and cells["return_exceptions"].cell_contents
    gathered = cells["outer"].cell_contents if "outer" in cells else None
    # A `gather` that was cancelled itself ends so, however its parts end.
    return not taken and not getattr(gathered, "_cancel_requested", False)


#: What the timer of a ``wait_for`` calls, up to Python 3.11; None since.
RELEASE_WAITER = getattr(asyncio.tasks, "_release_waiter", None)


class CutOffTasks:
    """Notes the async generators in whose steps a task is cancelled; for the loop's thread.

    One that does not catch the CancelledError is over, perhaps within the very slice in which
    another step is asked of it. So all that are in the way of a cancellation are known to
    `findings` at once, and those that outlive the task's next slice are taken out again.
    """

    def __init__(self, findings: FindingLog) -> None:
        self._findings = findings
        self._steps: dict[int, list[weakref.ref[Any]]] = {}
        #: By the ``id`` of a task whose time is up: what waited then in the limit, and at what.
        self._late: dict[int, tuple[weakref.ref[Any], list[tuple[weakref.ref[Any], int]]]] = {}
        #: By the ``id`` of a task to which a limit has ended a wait, which cancels it: where.
        self.given_up: dict[int, tuple[str, int] | None] = {}
        self._by_groups: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def __bool__(self) -> bool:
        return bool(self._steps or self._late)

    def note(self, task: object, timeout: object = None) -> None:
        """`task` is about to be cancelled where it waits, by a `timeout` that it has entered."""
        if timeout is not None:
            self._give_up(getattr(task, "_fut_waiter", None), waits_at(task))
        found = [each.subject for each in await_chain(task)]
        entered = [number for number, each in enumerate(found) if _holds(each, timeout)]
        inside = found[entered[-1] + 1 :] if entered else found
        if timeout is not None and inside:
            waiting = [(weakref.ref(each), _waits_in(each)) for each in inside if _runs(each)]
            self._late[id(task)] = weakref.ref(timeout), waiting
        steps = [each for each in inside if type(each) is AsyncGeneratorType]
        if steps:
            self._findings.cut.update(steps)
            self._steps[id(task)] = [weakref.ref(each) for each in steps]

    def note_group(self, group: Any, child: Any) -> None:
        """`child` of the task group `group` is over: if it failed, the group cancels its own task.

        Up to Python 3.12 nobody takes that back where the task waits in ``__aexit__`` already.
        """
        stays = sys.version_info < (3, 13) and group._exiting and not group._aborting  # noqa: SLF001
        if stays and child._exception is not None:  # noqa: SLF001
            task = group._parent_task  # noqa: SLF001
            self._by_groups[task] = self.by_groups(task) + 1

    def by_groups(self, task: object) -> int:
        """How many cancellations of `task` were those of its groups and stay counted."""
        return self._by_groups.get(task, 0)

    def note_waiter(self, waiter: Any) -> None:
        """The time of a ``wait_for`` of Python 3.11 is over: what waits for `waiter` ends it."""
        for callback, *_ in getattr(waiter, "_callbacks", None) or ():
            owner = getattr(callback, "__self__", None)
            for link in await_chain(owner) if is_task(owner) else ():
                if link.code is asyncio.wait_for.__code__:
                    ended = first_argument(link)
                    self._give_up(ended, waits_at(owner))
                    self.note(ended)

    def _give_up(self, task: Any, place: tuple[str, int] | None) -> None:
        """The limit at `place` is about to cancel `task`, and so what that waits for."""
        while is_task(task) and id(task) not in self.given_up:
            self.given_up[id(task)] = place
            task = task._fut_waiter  # noqa: SLF001

    def note_shared(self, task: Any, *, cancelled: bool) -> None:
        """`task` is over: see who else waits for it, if a limit of another has `cancelled` it."""
        limit = self.given_up.pop(id(task), None)
        waiting: list[Any] = [getattr(e, "__self__", None) for e in _called_at_the_end(task)]
        for each in waiting if limit is not None and cancelled else ():
            if is_task(each) and not each.cancelling() and (places := user_places(each)):
                info = ObjectInfo(CoroutineType, places[-1][0])
                self._findings.add(Finding("given up", info, *places[-1], made=limit))

    def look(self, task: object) -> None:
        """A slice of `task` is over: who is still in the step, may end yet.

        Who waits again at the same place for something new has taken no notice of its time.
        """
        if id(task) in self._late:
            self._look_for_survivor(task)
        alive = [each for ref in self._steps.pop(id(task), ()) if (each := ref()) is not None]
        inside = [each for each in alive if each.ag_running]
        if inside:
            self._steps[id(task)] = [weakref.ref(each) for each in inside]
        for each in alive:
            if each.ag_frame is not None and not each.ag_running:
                self._findings.cut.discard(each)

    def _look_for_survivor(self, task: object) -> None:
        limit, waited = self._late[id(task)]
        if (timeout := limit()) is None or not is_expiring(timeout):
            del self._late[id(task)]
            return
        subjects = [each.subject for each in await_chain(task) if _runs(each.subject)]
        before = [(ref(), place) for ref, place in waited]
        if not before or before[0][0] not in subjects:
            return
        now = subjects[subjects.index(before[0][0]) :]
        same = [one is other for (one, _), other in zip(before, now, strict=False)]
        last = same.index(False) - 1 if False in same else -1
        coroutine, place = before[last] if last >= 0 else (None, 0)
        code = getattr(coroutine, "cr_code", None)
        if code is not None and is_users(code.co_filename) and _waits_in(coroutine) == place:
            del self._late[id(task)]
            self._findings.add(Finding("swallowed", ObjectInfo(CoroutineType, code), code, 0, 1))


def _runs(subject: object) -> bool:
    """Whether it is a coroutine, or an async generator, that was suspended."""
    return type(subject) in (CoroutineType, AsyncGeneratorType)


def _waits_in(suspended: Any) -> int:
    """The instruction of a coroutine, or a generator, at which it waits; -1 without one."""
    frame = getattr(suspended, "cr_frame", None) or getattr(suspended, "ag_frame", None)
    return -1 if frame is None else frame.f_lasti


def note_lost_item(task: asyncio.Task[object], findings: FindingLog) -> None:
    """See if `task` has taken an item of a queue, and nobody has it any more to ask for that."""
    if getattr(coroutine_of_task(task), "cr_code", None) is not asyncio.Queue.get.__code__:
        return
    if _called_at_the_end(task) or any(map(_holds_for_user, gc.get_referrers(task))):
        return
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  the documented way
    while frame is not None:  # what runs now is hidden from the garbage collector
        own = frame.f_locals.values() if is_users(frame.f_code.co_filename) else ()
        if id(task) in map(id, own):
            return
        frame = frame.f_back
    findings.item_lost(task)


def _holds_for_user(holder: object) -> bool:
    """Whether `holder` may hold a task that is asked later."""
    ours = isinstance(holder, FrameType) and not is_users(holder.f_code.co_filename)
    return type(holder) in _HOLDERS and not ours


_HOLDERS = {list, tuple, set, dict, deque, CellType, FrameType, CoroutineType, GeneratorType,
            AsyncGeneratorType}  # fmt: skip


def _holds(suspended: object, timeout: object) -> bool:
    """Whether it is in an ``async with`` of `timeout`: its ``__aexit__`` lies on the stack."""
    return timeout is not None and any(
        each is timeout or (type(each) is MethodType and each.__self__ is timeout)
        for each in gc.get_referents(suspended)
    )


def is_expiring(timeout: asyncio.Timeout) -> bool:
    """Whether `timeout` has fired, and its task is on its way out of it."""
    return timeout._state is _State.EXPIRING  # type: ignore[attr-defined]  # noqa: SLF001


def wait_for_timed_out(task: asyncio.Task[object]) -> bool:
    """Whether some ``wait_for`` of Python 3.11 that waits for `task` has given it up."""
    if sys.version_info >= (3, 12):
        return False
    return any(_gave_up(other, task) for other in asyncio.all_tasks(task.get_loop()))


def _gave_up(other: asyncio.Task[object], task: asyncio.Task[object]) -> bool:
    coro: object = other.get_coro()
    while coro is not None:
        frame: FrameType | None = getattr(coro, "cr_frame", None)
        inner = getattr(coro, "cr_await", None)
        if frame is not None and frame.f_code is asyncio.wait_for.__code__:
            awaited = getattr(inner, "cr_code", None)
            cancels = awaited is not None and awaited.co_name == "_cancel_and_wait"
            return cancels and frame.f_locals.get("fut") is task
        coro = inner
    return False
