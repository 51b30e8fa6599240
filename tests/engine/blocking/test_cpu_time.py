"""Whether a thread that makes no progress is itself to blame."""

from __future__ import annotations

import queue
import sys
import threading
import time
from pathlib import Path

import pytest

from asyncrepl.engine.blocking.cpu_time import (
    AnyProbe,
    LinuxProbe,
    Sample,
    cpu_probe,
    seconds_others_ran,
)

SWITCH = 0.001
START = Sample(100.0, 7.0, 9.0, 3.0, 5000)

#: (wall, own CPU, CPU of others, queued, wakes) → seconds in which others ran.
CASES = {
    "a call that sleeps": ((2.0, 0.0, 0.0, 0.0, 1), 0.0),
    "a call that sleeps beside threads that compute": ((2.0, 0.0, 4.0, 0.0, 0), 0.0),
    "a call that sleeps, on a busy machine": ((2.0, 0.0, 0.0, 0.03, 1), 0.03),
    "code that computes": ((2.0, 1.99, 0.0, 0.0, 90), 0.0),
    "code that computes beside other programs": ((2.0, 0.5, 0.0, 1.5, 300), 1.5),
    "code that computes beside threads that do": ((2.0, 0.4, 1.6, 0.0, 1500), 1.6),
    "the same where the threads wait for processors, too": ((2.0, 0.2, 0.3, 0.5, 1300), 1.8),
    "a short slice that got no processor": ((0.5, 0.01, 0.0, 0.49, 3), 0.49),
    "a short slice that did not get the lock": ((0.5, 0.01, 0.45, 0.0, 480), 0.49),
    "naps of 10 ms": ((1.0, 0.0, 0.0, 0.0, 100), 0.0),
    "naps of 10 ms beside threads that compute": ((1.0, 0.0, 1.0, 0.0, 100), 0.2),
    "many packets while nobody else computes": ((1.0, 0.1, 0.001, 0.0, 800), 0.05),
    "clocks read at slightly different times": ((0.1, 0.11, -0.001, -0.001, 0), 0.0),
}


def later(wall: float, own: float, others: float, queued: float, wakes: int | None) -> Sample:
    more = None if wakes is None else 5000 + wakes
    return Sample(100.0 + wall, 7.0 + own, 9.0 + others, 3.0 + queued, more)


@pytest.mark.parametrize(("used", "expected"), CASES.values(), ids=list(CASES))
def test_evidence(used: tuple[float, float, float, float, int], expected: float) -> None:
    """What others took is told from what the thread spent itself."""
    assert seconds_others_ran(START, later(*used), SWITCH) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("others", "expected"), [(0.0, 0.0), (1.0, 1.9)], ids=["alone", "beside others"]
)
def test_without_a_count_of_wakes_others_are_to_blame(others: float, expected: float) -> None:
    """On systems that don't count, sleep beside threads that compute is theirs."""
    before = START._replace(wakes=None)
    after = later(2.0, 0.1, others, 0.0, None)
    assert seconds_others_ran(before, after, SWITCH) == pytest.approx(expected)


def until_asleep(probe: LinuxProbe) -> Sample:
    """A sample of a thread that has not run for a while."""
    sample = probe.sample()
    while True:
        before = sample
        burn(0.01)
        if (sample := probe.sample()).wakes == before.wakes:
            return sample


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_thread_that_sleeps_wakes_up_for_nobody() -> None:
    """Blocked in a call, a thread uses nothing, whatever its neighbours compute."""
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()
    thread = threading.Thread(target=stop.get)
    thread.start()
    before = until_asleep(probe := LinuxProbe(thread))
    burn(0.02)  # this thread is the neighbour
    after = probe.sample()
    stop.put(None)
    thread.join()
    assert after.own == before.own
    assert seconds_others_ran(before, after, SWITCH) < (after.at - before.at) / 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_thread_that_waits_for_the_lock_is_seen_to_wait() -> None:
    """Of two threads that compute in Python, each waits for the other about half of the time."""
    over = threading.Event()

    def compute() -> None:
        while not over.is_set():
            pass

    thread = threading.Thread(target=compute)
    thread.start()
    probe = LinuxProbe(thread)
    before = probe.sample()
    while (after := probe.sample()).own - before.own < 0.05:
        sum(range(10_000))
    over.set()
    thread.join()
    wall, own = after.at - before.at, after.own - before.own
    assert wall - seconds_others_ran(before, after, sys.getswitchinterval()) < own * 1.5 + 0.02


def test_without_proc_there_is_a_probe_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system keeps no such books, the process's own clock has to do."""

    def missing(*_: object) -> int:
        raise FileNotFoundError

    monkeypatch.setattr("os.open", missing)
    assert isinstance(cpu_probe(threading.current_thread()), AnyProbe)


def test_without_books_lateness_counts_as_waiting() -> None:
    """A look that comes late, though the process computed nothing, had to wait as well."""
    probe = AnyProbe()
    before = probe.sample()
    after = probe.sample(late=0.5)
    assert after.queued - before.queued == pytest.approx(0.5, abs=0.1)
    assert after.wakes is None


def test_without_books_cpu_time_is_the_loops_while_it_is_alone() -> None:
    """With a thread of the user's alive, nobody can say whose CPU time it is."""
    probe = AnyProbe()
    before = probe.sample()
    burn()
    alone = probe.sample()
    assert alone.own - before.own >= 0.01
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()
    thread = threading.Thread(target=stop.get)
    thread.start()
    burn()
    beside = probe.sample()
    stop.put(None)
    thread.join()
    assert beside.own == alone.own
    assert beside.others - alone.others >= 0.01


def test_without_books_a_later_thread_of_ours_is_no_other() -> None:
    """What it takes to look would else be ten times as much of waiting for somebody else."""
    probe = AnyProbe()
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()
    thread = threading.Thread(target=stop.get, name="asyncrepl limit")
    thread.start()
    burn()
    beside = probe.sample()
    stop.put(None)
    thread.join()
    assert beside.others == 0
    assert beside.own >= 0.01


def burn(seconds: float = 0.01) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_watch_that_has_ended_is_asked_no_more() -> None:
    """A session may look once more when its watch is over."""
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()
    watch = threading.Thread(target=stop.get)
    watch.start()
    probe = LinuxProbe(threading.current_thread(), watch)
    before = probe.sample()
    stop.put(None)
    watch.join()
    while Path(f"/proc/self/task/{watch.native_id}").exists():
        pass  # the system takes a moment longer
    assert probe.sample(late=5.0).queued - before.queued < 5.0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_look_that_comes_late_for_no_reason_was_stopped() -> None:
    """The thread that looks neither waited for a processor nor, again and again, for the lock."""
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()
    watch = threading.Thread(target=stop.get)
    watch.start()
    probe = LinuxProbe(threading.current_thread(), watch)
    before = probe.sample()
    stopped = probe.sample(late=5.0).queued - before.queued
    stop.put(None)
    watch.join()
    assert 4.0 < stopped < 5.001  # a difference of two times since the boot of the machine
