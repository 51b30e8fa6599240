"""Threads of the program: which wait, what for, and which keep Python from its end.

Another thread can be seen, not asked: where it is (``sys._current_frames``), and what the method
that it waits in has for variables. What waits in C, as ``SimpleQueue.get`` does, is not known to.
"""

from __future__ import annotations

import sys
import threading
from asyncio import BaseEventLoop
from concurrent.futures import Future
from queue import Queue
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.engine.code_owner import is_users
from asyncrepl.engine.tasks.task_records import all_tasks, is_at_rest
from asyncrepl.events.findings import Finding, code_of_whole_text, finding_at
from asyncrepl.events.object_info import ObjectInfo, describe

if TYPE_CHECKING:
    import asyncio
    from types import FrameType

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


# -- at the end of a program --------------------------------------------------------


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
    if place is not None:
        return finding_at("held", describe(loop or thread), place)
    wait = thread_wait(dict(threads)[thread])
    job = ObjectInfo(type(wait.subject), name=wait.name) if wait is not None else describe(loop)
    return Finding("held", job, code_of_whole_text(filename), 0)


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
