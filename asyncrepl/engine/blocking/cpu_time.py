"""Why a thread makes no progress: its own doing, or others who have the processor.

A loop that stands still for a second may be in ``time.sleep(1)``, may compute, may
wait for a processor that other programs use, or for the interpreter lock that
another thread holds. Only the first two are the code's own doing. Wall time
alone does not tell them apart, nor does CPU time (a sleep uses none, and neither does
waiting). Together with two more numbers that Linux keeps of each thread it does:

=====================================  =====  ======  ======  ==================
a second of                            own    queued  others  wakes
=====================================  =====  ======  ======  ==================
``time.sleep(1)``, a blocking read     0      0       any     1
``while True: pass``                   1      0       0       few
the same beside busy programs          0.5    0.5     0       some
waiting for the interpreter lock       0      0       1       one a millisecond
the whole process is stopped           0      0       0       0
=====================================  =====  ======  ======  ==================

Who waits for the lock wakes up once in each switch interval to ask for it; who
sleeps in a call does not. So the number of wakes bounds how long it can have waited
for the lock; and somebody else must have used the processor. In doubt others
are to blame: code that naps for a millisecond at a time, beside threads that
compute, is not reported.

Who stopped the process (Ctrl-Z, a laptop's lid) stopped the thread that looks as well:
it comes late, and has neither waited for a processor nor, waking up again and again,
for the lock. That time counts as time in a queue.

What does not work stands in ``docs/decisions/09-blocking.md``.

Elsewhere than on Linux there are no such numbers. Then waiting for a processor
shows only where the thread that looks had to wait as well, and all sleep beside threads
that compute counts as waiting for the lock.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from time import monotonic
from typing import NamedTuple, Protocol

from asyncrepl.engine.loop.hidden_threads import hidden_threads

#: A thread that waits for the lock may sleep a little longer than it asked for.
_SLACK = 2.0
#: The others compute if they use more than a fiftieth of the time.
_OTHERS_FACTOR = 50.0
#: The threads of ours are called so. They never hold the lock for long, but those that import:
#: what these compute is among what keeps the loop from running.
_OURS, _LOADING = "asyncrepl", "asyncrepl loading"
#: A look that comes later than this many seconds needs a reason.
_LATE_AFTER = 0.05


class Sample(NamedTuple):
    """What a thread has used up to one moment, in seconds; only differences mean something.

    `at` is ``time.monotonic()``, `own` its CPU time, `others` that of the other threads of the
    process without ours, `queued` the time it waited for a processor, `wakes` how often
    it got one (None if that is not known).
    """

    at: float
    own: float
    others: float
    queued: float
    wakes: int | None


def seconds_others_ran(before: Sample, after: Sample, switch: float) -> float:
    """The seconds between two samples in which the thread could not run, because others did.

    `switch` is the interpreter's switch interval in seconds.
    """
    queued = max(after.queued - before.queued, 0.0)
    asleep = after.at - before.at - (after.own - before.own) - queued
    lock = min(asleep, (after.others - before.others) * _OTHERS_FACTOR)
    if before.wakes is not None and after.wakes is not None:
        lock = min(lock, (after.wakes - before.wakes) * switch * _SLACK)
    return queued + max(lock, 0.0)


class Probe(Protocol):
    """Takes samples of one thread, from any thread."""

    def sample(self, late: float = 0.0) -> Sample:
        """What the thread has used by now; so many seconds later than the caller wanted to ask."""


def cpu_probe(thread: threading.Thread, watch: threading.Thread | None = None) -> Probe:
    """The best probe there is for `thread`, at which the thread `watch` looks; both are alive."""
    try:
        probe = LinuxProbe(thread, watch)
        probe.sample()
    except (OSError, ValueError, AttributeError):
        return AnyProbe()
    return probe


class LinuxProbe:
    """Reads the scheduler's own books; about 20 µs a sample."""

    def __init__(self, thread: threading.Thread, watch: threading.Thread | None = None) -> None:
        self._clock = _cpu_clock(thread)
        self._ours = [_cpu_clock(each) for each in _threads_of_ours()]
        self._folder = f"/proc/self/task/{thread.native_id}/"
        self._progress = (0.0, 0)
        self._since = monotonic()
        self._queued = self._stopped = 0.0
        self._watch = None if watch is None else f"/proc/self/task/{watch.native_id}/"
        self._watched = (0.0, 0)

    def sample(self, late: float = 0.0) -> Sample:
        """What the thread has used by now."""
        ours = sum(map(_used, self._ours))
        self._count_stop(late)
        # Opened anew: user code may close descriptors that it does not know.
        fd = os.open(self._folder + "schedstat", os.O_RDONLY)
        try:
            # All of one moment: after the read this thread may have to wait for the lock.
            own, used, at = _used(self._clock), time.process_time(), monotonic()
            _, queued_ns, wakes = map(int, os.read(fd, 100).split())
        finally:
            os.close(fd)
        self._count(at, own, queued_ns)
        return Sample(at, own, used - own - ours, self._queued + self._stopped, wakes)

    def _count_stop(self, late: float) -> None:
        """Add up the time in which the thread that looks did not even ask for the lock."""
        if self._watch is None:
            return
        try:
            with open(self._watch + "schedstat", "rb", buffering=0) as file:  # noqa: PTH123
                _, queued_ns, wakes = map(int, file.read(100).split())
        except OSError:  # it has ended
            self._watch = None
            return
        (queued, woken), self._watched = self._watched, (queued_ns / 1e9, wakes)
        asked = (wakes - woken) * sys.getswitchinterval() * _SLACK
        stopped = late - asked - (queued_ns / 1e9 - queued)
        if late > _LATE_AFTER and stopped > _LATE_AFTER:
            self._stopped += stopped

    def _count(self, at: float, own: float, queued_ns: int) -> None:
        """Add up the time queued. The system counts a wait only when it is over."""
        queued = queued_ns / 1e9
        if (own, queued_ns) != self._progress:
            self._progress, self._since = (own, queued_ns), at
        else:
            # "PID (NAME) STATE …", and the name may contain anything.
            with open(self._folder + "stat", "rb", buffering=0) as file:  # noqa: PTH123
                state = file.read(1000).rpartition(b") ")[2]
            if state.startswith(b"R"):  # it would run, if it had a processor
                queued += at - self._since
        self._queued = max(self._queued, queued)


class AnyProbe:
    """Makes do with what every system tells; see the module."""

    def __init__(self) -> None:
        self._own = self._others = self._queued = 0.0
        self._used = time.process_time()

    def sample(self, late: float = 0.0) -> Sample:
        """What the thread has used by now, as far as is known."""
        before, self._used = self._used, time.process_time()
        used = self._used - before
        self._queued += max(late - used, 0.0)
        # The main thread, ours of this moment, and no others.
        listed = [each for each in _threads_of_ours() if each not in hidden_threads]
        if threading.active_count() > 1 + len(listed):
            self._others += used
        else:
            self._own += used
        return Sample(monotonic(), self._own, self._others, self._queued, None)


def _threads_of_ours() -> list[threading.Thread]:
    threads = [each for each in threading.enumerate() if each.native_id is not None]
    ours = [each for each in threads if each.name.startswith(_OURS)]
    hidden = [each for each in [*hidden_threads] if each.is_alive()]
    return [*hidden, *(each for each in ours if not each.name.startswith(_LOADING))]


def _cpu_clock(thread: threading.Thread) -> int:
    """The clock of a thread's CPU time.

    What ``time.pthread_getcpuclockid`` returns on Linux; but that crashes when asked for
    a thread that has ended, and this is an invalid clock then.
    """
    assert thread.native_id is not None
    return ~thread.native_id << 3 | 6


def _used(clock: int) -> float:
    try:
        return time.clock_gettime(clock)
    except OSError:  # the thread has ended
        return 0.0
