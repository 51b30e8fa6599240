"""Threads of the program: which wait, what for, and which keep Python from its end.

Another thread can be seen, not asked: where it is (``sys._current_frames``), and what the method
that it waits in has for variables. What waits in C, as ``SimpleQueue.get`` does, is not known to.
"""

from __future__ import annotations

import signal
import sys
import threading
from asyncio import BaseEventLoop
from concurrent.futures import Future
from contextlib import suppress
from queue import Queue
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.engine.code_owner import is_users
from asyncrepl.engine.loop.hidden_threads import has_unlisted_threads
from asyncrepl.engine.tasks.task_records import all_tasks, is_at_rest
from asyncrepl.events.findings import Finding, code_of_whole_text, finding_at
from asyncrepl.events.object_info import ObjectInfo, behind_partials, code_of, describe
from asyncrepl.runtime.process import alarm_is_set

if TYPE_CHECKING:
    import asyncio
    from types import FrameType

#: So often it is looked, in seconds, whether threads have ended, and for so long at most.
_TICK, _LIMIT = 0.02, 30.0
#: Threads that only wait for what is counted anyhow: ours, and those of asyncio for processes.
_HELPERS = ("asyncrepl", "asyncio-waitpid-")


def is_ours(thread: threading.Thread) -> bool:
    """Whether `thread` is none of the program's: ours, or asyncio's for a process."""
    return thread.name.startswith(_HELPERS)


def is_idle_worker(frame: FrameType | None) -> bool:
    """Whether a thread that is at `frame` is one of a pool, and waits for a job."""
    pools: Any = sys.modules.get("concurrent.futures.thread")  # there, if there is a pool
    return frame is not None and pools and frame.f_code is pools._worker.__code__  # noqa: SLF001


class ThreadWait(NamedTuple):
    """A thread waits in the method `name` of `subject` until another does something for it.

    `line` is that of the user's code that called it, 0 where that is the whole job of a thread.
    """

    subject: object
    name: str
    line: int


#: What threads wait in, by the code of the method.
_THREAD_WAITS = {
    vars(kind)[name].__code__
    for kind, names in (
        (Queue, ("get", "put", "join")),
        (threading.Event, ("wait",)),
        (threading.Condition, ("wait", "wait_for")),
        (threading.Barrier, ("wait",)),
        (threading.Semaphore, ("acquire",)),
        (Future, ("result", "exception")),
    )
    for name in names
}


#: Where a thread waits for the end of another, up to Python 3.12 and from then on.
_JOIN = getattr(threading.Thread, "_wait_for_tstate_lock", threading.Thread.join).__code__


def thread_wait(frame: FrameType | None) -> ThreadWait | None:
    """What a thread that is at `frame` waits for, without a time limit; else None."""
    if frame is None or frame.f_code not in (threading.Condition.wait.__code__, _JOIN):
        return None
    if frame.f_locals.get("timeout") not in (None, -1):
        return None
    if frame.f_locals.get("self") is threading.main_thread():
        return None  # which is about to end
    while (caller := frame.f_back) is not None and caller.f_code in _THREAD_WAITS:
        frame = caller
    while caller is not None and not is_users(caller.f_code.co_filename):
        caller = caller.f_back
    line = caller.f_lineno if caller is not None else 0
    return ThreadWait(frame.f_locals.get("self"), frame.f_code.co_name, line)


def loop_run_at(frame: FrameType | None) -> asyncio.AbstractEventLoop | None:
    """The loop that runs for ever in a thread that is at `frame`; None if none does."""
    while frame is not None and frame.f_code is not BaseEventLoop.run_forever.__code__:
        frame = frame.f_back
    return frame.f_locals["self"] if frame is not None else None


def waits_for_ever(thread: threading.Thread) -> bool:
    """Whether `thread` waits for another, without a time limit."""
    return thread_wait(sys._current_frames().get(thread.ident or 0)) is not None  # noqa: SLF001


def wait_of_job(future: object) -> ThreadWait | None:
    """What the thread waits for whose job's end sets `future`; None if that is not known."""
    job = next(filter(None, map(_job_behind, getattr(future, "_callbacks", None) or ())), None)
    frames = sys._current_frames().values() if job is not None else ()  # noqa: SLF001
    return next((thread_wait(each) for each in frames if _job_of(each) is job), None)


def _job_behind(callback: tuple[object, ...]) -> object:
    """The future of a pool that is to be cancelled with the one that has this `callback`."""
    function: Any = callback[0]
    cells = getattr(function, "__closure__", None) or ()
    names = function.__code__.co_freevars if cells else ()
    return (
        dict(zip(names, cells, strict=True))["source"].cell_contents if "source" in names else None
    )


def _job_of(frame: FrameType | None) -> object:
    """The future of the job that a pool's thread is at, which is at `frame`."""
    pools: Any = sys.modules.get("concurrent.futures.thread")
    while frame is not None and pools and frame.f_code is not pools._WorkItem.run.__code__:  # noqa: SLF001
        frame = frame.f_back
    return getattr(frame.f_locals.get("self"), "future", None) if frame and pools else None


def none_acts_but(thread: int) -> bool:
    """Whether there are others than this thread, that all wait for each other, for ever.

    Nor is there a handler of the program's for a signal, which could do something for them.
    """
    found = [frame for _, frame in _threads_but(thread) if not is_idle_worker(frame)]
    waiting = bool(found) and all(thread_wait(each) is not None for each in found)
    return waiting and not others_act()


def _threads_but(thread: int | None) -> list[tuple[threading.Thread, FrameType | None]]:
    """The threads that there are, and where each is; none of ours, nor the one given."""
    frames, threads = sys._current_frames(), threading.enumerate()  # noqa: SLF001
    others = [each for each in threads if each.ident != thread and not is_ours(each)]
    return [(each, frames.get(each.ident or 0)) for each in others]


def others_act() -> bool:
    """Whether what `threading` does not know may do something: a handler, or a thread in C.

    The handler is the program's own, for a signal that may come. Any thread may ask.
    """
    return (
        alarm_is_set() or any(map(_is_handled, signal.valid_signals())) or has_unlisted_threads()
    )


def _is_handled(number: int) -> bool:
    """Whether the program handles that signal, of others than its own alarm."""
    code = code_of(behind_partials(signal.getsignal(number)))
    return code is not None and number != signal.SIGALRM and is_users(code.co_filename)


# -- at the end of a program --------------------------------------------------------


def has_own_threads() -> bool:
    """Whether the program has threads, with something to do, that Python waits for at its end."""
    main = threading.main_thread().ident
    return any(
        not each.daemon and not is_idle_worker(frame) and not _is_idle_manager(each)
        for each, frame in _threads_but(main)
    )


def _is_idle_manager(thread: threading.Thread) -> bool:
    """Whether `thread` is that of a pool of processes which has no job: Python ends it itself."""
    pools: Any = sys.modules.get("concurrent.futures.process")
    manager = pools is not None and isinstance(thread, pools._ExecutorManagerThread)  # noqa: SLF001
    return manager and not thread.pending_work_items  # type: ignore[attr-defined]


def wait_for_own_threads() -> None:
    """Wait for the end of these, as Python does, but not for ever; a Ctrl-C ends the wait."""
    until = monotonic() + _LIMIT
    with suppress(KeyboardInterrupt):
        while has_own_threads() and monotonic() < until:
            sleep(_TICK)


def loops_run_on() -> bool:
    """Whether a thread of the program's runs a loop."""
    threads = _threads_but(threading.main_thread().ident)
    return any(loop_run_at(frame) is not None for _, frame in threads)


def keeping_thread(filename: str) -> Finding | None:
    """Where a thread of the user's waits, for ever, without whose end Python does not end.

    No other can do anything for it, nor a handler of a signal. The finding is about the program
    in `filename` where no code of the user's is in the way.
    """
    threads = [
        pair for pair in _threads_but(threading.main_thread().ident) if not is_idle_worker(pair[1])
    ]
    thread, frame = next((pair for pair in threads if not pair[0].daemon), (None, None))
    loops = [loop for _, each in threads if (loop := loop_run_at(each)) is not None]
    if thread is None or others_act() or not all(map(_is_idle, loops)):
        return None
    place, loop, wait = _user_frame(frame), loop_run_at(frame), thread_wait(frame)
    # In a lock, or a `SimpleQueue`, it waits where the user's own code is.
    waits = place is frame or _waits(frame)
    if not waits or not all(_waits(each) for other, each in threads if other is not thread):
        return None
    if place is not None:
        return finding_at("held", describe(loop or thread), place)
    job = ObjectInfo(type(wait.subject), name=wait.name) if wait is not None else describe(loop)
    return Finding("held", job, code_of_whole_text(filename), 0)


def _waits(frame: FrameType | None) -> bool:
    """Whether a thread at `frame` waits for another one, or for work for its loop."""
    return thread_wait(frame) is not None or loop_run_at(frame) is not None


def _user_frame(frame: FrameType | None) -> FrameType | None:
    while frame is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def _is_idle(loop: Any) -> bool:
    """Whether nothing is left to do on `loop`, and nothing can come but from other threads."""
    fds: Any = getattr(getattr(loop, "_selector", None), "get_map", dict)()
    return is_at_rest(loop) and not all_tasks(loop) and len(fds) <= 1
