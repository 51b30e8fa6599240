"""Who writes: the task that runs, else the thread; and whether it may write again.

Two writers that leave rows unfinished would draw into each other's. A task is known by a
weak reference: a strong one would keep it, and the exception nobody has retrieved
would be told later, or never.
"""

from __future__ import annotations

import threading
import weakref
from asyncio import Task, _get_running_loop, current_task
from typing import Any

__all__ = ["CHILDREN", "Writer", "is_alive", "is_same", "present_writer"]

#: A weak reference to a task, or a thread's number.
Writer = weakref.ref[Any] | int

#: Child processes, all of them: they share one terminal.
CHILDREN: Writer = -1

_done = Task.done


def present_writer() -> Writer:
    """The writer that runs in this thread now; the same task gives the same object."""
    loop = _get_running_loop()
    task = None if loop is None else current_task(loop)
    return threading.get_ident() if task is None else weakref.ref(task)


def is_same(one: Writer, other: Writer) -> bool:
    """Whether both are the same; never by comparing tasks, which could run user code."""
    return one is other or (isinstance(one, int) and isinstance(other, int) and one == other)


def is_alive(writer: Writer, seconds: float) -> bool:
    """Whether `writer`, silent for so many seconds, may go on with its rows.

    Of a thread, or a child, nobody knows what
    it does next: the rows of a display change more often than every five seconds. The
    main thread's callbacks end where they began.
    """
    if isinstance(writer, int):
        return seconds < 5 and (writer == CHILDREN or any(t.ident == writer for t in _others()))
    task = writer()
    try:
        return task is not None and not _done(task)
    except TypeError:  # no asyncio task
        return False


def _others() -> list[threading.Thread]:
    main = threading.main_thread()
    return [thread for thread in threading.enumerate() if thread is not main]
