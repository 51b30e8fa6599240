"""Threads that `threading` does not list: those of ours beside a program, and those in C.

A program may count its threads, or wait for all; ours are none of its. Of threads that a library
has begun in C nobody knows what they do: they may wake a loop at any time.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable

#: Where `threading` lists its threads; our own copy of the module may be another.
_THREADING = threading.Thread.start.__globals__
#: Those of ours that live.
hidden_threads: WeakSet[HiddenThread] = WeakSet()


class HiddenThread(threading.Thread):
    """A thread of ours beside a program, which counts the threads it has: `threading` lists none.

    It may not ask who it is (`threading.current_thread`): that would list it, as somebody else's.
    """

    def __init__(self, target: Callable[[], object], name: str) -> None:
        super().__init__(target=target, name=name, daemon=True)
        self._hides = threading.Event()

    def start(self) -> None:
        """Begin; it is not listed any more when this returns."""
        super().start()
        self._hides.wait()
        hidden_threads.add(self)

    def run(self) -> None:
        """Do what it is for; signals are left to the program's threads, which may await them."""
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self._delete()
        self._hides.set()
        super().run()

    def _delete(self) -> None:
        """Take it from the list; called by Python as well, at the thread's end."""
        with _THREADING["_active_limbo_lock"]:
            _THREADING["_active"].pop(threading.get_ident(), None)


def _native_threads() -> set[int]:
    """The threads of the process, as the system numbers them."""
    try:
        return {*map(int, os.listdir("/proc/self/task"))}  # noqa: PTH208
    except OSError:  # no Linux: those are known that run Python
        frames = sys._current_frames()  # noqa: SLF001  the documented way
        listed = {each.ident: each.native_id for each in [*threading.enumerate(), *hidden_threads]}
        return {listed.get(each) or each for each in frames}


#: Those that there are before any program begins.
_FROM_BEFORE = _native_threads()


def has_unlisted_threads() -> bool:
    """Whether there are threads that `threading` does not know: of a library in C, mostly."""
    listed = {each.native_id for each in [*threading.enumerate(), *hidden_threads]}
    return not _native_threads() <= listed | _FROM_BEFORE
