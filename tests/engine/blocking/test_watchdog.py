"""The watch for a loop that is blocked: while it is, and once when it is over."""

from __future__ import annotations

import asyncio
import queue
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from support.instruments import ReportList

from asyncrepl.engine.blocking.blocking_watchdog import BlockingWatchdog
from asyncrepl.engine.blocking.cpu_time import AnyProbe, Sample
from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.tasks.timeline import Timeline
from asyncrepl.events.instrument import Instrument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncrepl.events import Blocked, BlockingReport

LIMIT = 20.0


class NobodyElse:
    """A probe that says: nobody else ran."""

    def sample(self, late: float = 0.0) -> Sample:  # noqa: ARG002
        return Sample(time.monotonic(), 0.0, 0.0, 0.0, 0)


class Crowded:
    """A probe that says: others ran all the time."""

    def sample(self, late: float = 0.0) -> Sample:  # noqa: ARG002
        return Sample(time.monotonic(), 0.0, 0.0, time.monotonic(), 0)


@pytest.fixture(params=["real", "virtual", "unrecorded"])
def loop(request: pytest.FixtureRequest) -> Iterator[LiveLoop]:
    loop = LiveLoop(Clock.virtual() if request.param == "virtual" else None)
    if request.param != "unrecorded":
        loop.observe(Timeline())
    yield loop
    loop.close()


@pytest.fixture
def real() -> Iterator[LiveLoop]:
    """A loop in real time, recorded."""
    loop = LiveLoop()
    loop.observe(Timeline())
    yield loop
    loop.close()


class HeardReports(Instrument):
    """What a watch has told, and in which threads."""

    def __init__(self) -> None:
        self.blocks: list[BlockingReport] = []
        self.threads: set[int] = set()
        self._news = threading.Event()

    def blocking_report(self, report: BlockingReport) -> None:
        self.blocks.append(report)
        self.threads.add(threading.get_ident())
        self._news.set()

    async def wait(self) -> None:
        """Wait for news; in a thread, so that a virtual clock doesn't jump to the limit."""
        assert await asyncio.to_thread(self._news.wait, LIMIT)


@contextmanager
def watched(loop: LiveLoop, probe: Any = None) -> Iterator[tuple[BlockingWatchdog, HeardReports]]:
    heard = HeardReports()
    watchdog = BlockingWatchdog(loop, probe=probe)
    loop.live.instruments.add(heard)
    watchdog.start()
    try:
        yield watchdog, heard
    finally:
        watchdog.close()
    assert watchdog.problem is None


def let_go(
    watchdog: BlockingWatchdog, stops: list[queue.SimpleQueue[None]], seen: list[Blocked]
) -> None:
    """Start a thread that frees the loop at each of `stops`, once it was seen to be blocked."""

    def look() -> None:
        deadline = time.monotonic() + LIMIT
        for stop in stops:
            while watchdog.current is None and time.monotonic() < deadline:
                pass
            if watchdog.current is not None:
                seen.append(watchdog.current)
            stop.put(None)

    threading.Thread(target=look).start()


def test_a_block_is_told_while_it_lasts_and_once_after(loop: LiveLoop) -> None:
    """Both times with the task, the line and the seconds; recorded as a fact, too."""
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()
    seen: list[Blocked] = []

    async def tick() -> None:
        stop.get()
        await heard.wait()

    with watched(loop, NobodyElse()) as (watchdog, heard):
        let_go(watchdog, [stop], seen)
        loop.run_until_complete(loop.create_task(tick(), name="tick"))
        assert watchdog.current is None
    (during,), (blocks,) = seen, heard.blocks
    after = blocks.last
    for found in (during, after):
        assert (found.task, found.filename, found.source) == ("tick", __file__, "stop.get()")
    assert 0.1 < during.seconds <= after.seconds
    assert (blocks.times, blocks.tasks) == (1, {"tick"})
    assert heard.threads == {threading.get_ident()}
    timeline = loop.live.timeline
    if timeline is not None:
        assert timeline.snapshot().blocked == (after,)
        assert after.lane == 1


@pytest.mark.parametrize("is_ours", [True, False])
def test_what_we_look_with_waits_for_nobody(loop: LiveLoop, is_ours: bool) -> None:
    """Others are kept waiting by what blocks, if code of the user's is ready, or a timer is due."""
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()
    seen: list[Blocked] = []

    async def tick() -> None:
        loop.call_soon(loop.live.clock.release if is_ours else bool)
        stop.get()
        await heard.wait()

    with watched(loop, NobodyElse()) as (watchdog, heard):
        let_go(watchdog, [stop], seen)
        loop.run_until_complete(tick())
    assert [each.others for each in seen] == [not is_ours]


def test_the_length_is_that_of_the_recorded_slice(real: LiveLoop) -> None:
    """In real time a block is as long as its slice in the timeline, to the nanosecond."""
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()

    async def main() -> None:
        await asyncio.sleep(0)
        stop.get()
        await heard.wait()

    with watched(real, NobodyElse()) as (watchdog, heard):
        let_go(watchdog, [stop], [])
        real.run_until_complete(main())
    found = heard.blocks[0].last
    slices = real.live.timeline.snapshot().slices
    number = list(slices[1::2]).index(found.at)
    assert found.seconds == pytest.approx((slices[2 * number + 3] - found.at) / 1e9, abs=1e-6)


def test_a_slice_is_told_once_at_the_line_where_it_was_longest(loop: LiveLoop) -> None:
    """Whatever lines it goes through, and however many."""
    long, short = queue.SimpleQueue[None](), queue.SimpleQueue[None]()

    async def main() -> None:
        long.get()
        short.get()
        await heard.wait()

    with watched(loop, NobodyElse()) as (watchdog, heard):
        let_go(watchdog, [long, short], [])
        loop.run_until_complete(main())
    assert [blocks.last.source for blocks in heard.blocks] == ["long.get()"]


def test_a_callback_has_no_task(real: LiveLoop) -> None:
    """What blocks in a plain callback is told without a name."""
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()
    with watched(real, NobodyElse()) as (watchdog, heard):
        let_go(watchdog, [stop], [])
        real.call_soon(lambda: [stop.get()])
        real.run_until_complete(heard.wait())
    assert heard.blocks[0].last.task is None
    assert heard.blocks[0].last.source == "real.call_soon(lambda: [stop.get()])"


def test_code_that_keeps_the_interpreter_is_told_when_it_ends(real: LiveLoop) -> None:
    """No thread can look while a call in C holds the lock; the task is known all the same."""

    async def main() -> None:
        size = 1_000_000
        while not heard.blocks and size < 1e9:
            sum(range(size))
            await asyncio.sleep(0)
            size *= 2

    with watched(real, NobodyElse()) as (_, heard):
        real.run_until_complete(real.create_task(main(), name="sums"))
    found = heard.blocks[0].last
    assert found.task == "sums"
    assert found.source in {"sum(range(size))", ""}


def test_a_block_between_two_looks_is_known_from_the_record(real: LiveLoop) -> None:
    """If nobody could look in time, task and length are told, but no line."""
    watchdog = BlockingWatchdog(real, probe=NobodyElse())

    async def main() -> None:
        until = time.monotonic() + 0.11
        while time.monotonic() < until:
            pass

    assert watchdog.look() == []
    real.run_until_complete(real.create_task(main(), name="spin"))
    (blocks,) = watchdog.look()
    assert (blocks.last.task, blocks.last.filename) == ("spin", "")
    assert blocks.last.seconds >= 0.11
    assert watchdog.look() == []


def test_the_end_of_a_statement_tells_what_is_left(real: LiveLoop) -> None:
    """Asked on the loop when a task is over, the watch tells at once what it did."""
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()
    real.live.instruments.add(heard_later := ReportList())
    watchdog = BlockingWatchdog(real, probe=NobodyElse())
    seen: list[Blocked] = []

    def look() -> None:
        while watchdog.current is None:
            watchdog.look()
        seen.append(watchdog.current)
        stop.put(None)

    async def main() -> None:
        threading.Thread(target=look).start()
        stop.get()

    real.run_until_complete(real.create_task(main(), name="input 1"))
    (blocks,) = watchdog.look(ended="input 1")
    assert blocks.last.task == "input 1"
    assert heard_later.reports == []


def test_what_a_loop_that_has_ended_did_not_hear_is_told_at_the_last_look(real: LiveLoop) -> None:
    """The watch finds the end of a block and passes it on, and the loop stops just then."""
    real.live.instruments.add(heard := ReportList())
    watchdog = BlockingWatchdog(real, probe=NobodyElse())

    async def main() -> None:
        time.sleep(0.11)

    assert watchdog.look() == []
    real.run_until_complete(real.create_task(main(), name="input 1"))
    watchdog._look_and_report()
    assert [blocks.last.task for blocks in watchdog.look_last()] == ["input 1"]
    assert watchdog.look_last() == []
    real.run_until_complete(asyncio.sleep(0))
    assert heard.reports == []  # not a second time


def test_nothing_is_told_of_a_slice_that_others_held_up(real: LiveLoop) -> None:
    """A slice that takes long because it got no processor blocks nobody."""
    watchdog = BlockingWatchdog(real, probe=Crowded())
    heard: list[BlockingReport] = []
    over = threading.Event()

    def look() -> None:
        until = time.monotonic() + 0.15
        while time.monotonic() < until:
            heard.extend(watchdog.look())
            assert watchdog.current is None
        over.set()

    async def main() -> None:
        threading.Thread(target=look).start()
        over.wait(LIMIT)

    real.run_until_complete(main())
    assert heard + watchdog.look() == []


@pytest.fixture
def crowd() -> Iterator[None]:
    """Threads of this process, and other processes, that compute as much as they can."""
    over = threading.Event()

    def compute() -> None:
        while not over.is_set():
            pass

    command = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(command) for _ in range(2)]
    threads = [threading.Thread(target=compute) for _ in range(4)]
    for thread in threads:
        thread.start()
    yield
    over.set()
    for thread in threads:
        thread.join()
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell who waits")
@pytest.mark.usefixtures("crowd")
def test_a_short_slice_in_a_crowd_is_not_told(real: LiveLoop) -> None:
    """Slices of 20 ms that take far longer, because others compute, are nobody's fault."""

    async def main() -> None:
        stretched, limit = 0, time.monotonic() + LIMIT
        while stretched < 3 and time.monotonic() < limit:
            began, until = time.monotonic(), time.thread_time() + 0.02
            while time.thread_time() < until:
                pass
            stretched += time.monotonic() - began > 0.1
            await asyncio.sleep(0)
        assert stretched == 3

    with watched(real) as (watchdog, heard):
        real.run_until_complete(main())
        assert heard.blocks + watchdog.look() == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell who waits")
@pytest.mark.usefixtures("crowd")
def test_a_call_that_blocks_in_a_crowd_is_told(real: LiveLoop) -> None:
    """Who sleeps in a call does not wait for others, however busy they are."""
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()
    seen: list[Blocked] = []

    async def main() -> None:
        stop.get()
        until = time.monotonic() + LIMIT
        while not heard.blocks and time.monotonic() < until:
            await asyncio.sleep(0)

    with watched(real) as (watchdog, heard):
        let_go(watchdog, [stop], seen)
        real.run_until_complete(main())
    assert seen[0].source == "stop.get()"
    assert heard.blocks[0].last.source == "stop.get()"


def test_a_closed_watch_ends(real: LiveLoop) -> None:
    """After `close_loop`, no thread looks any more."""
    with watched(real, NobodyElse()) as (watchdog, _):
        thread = watchdog._watching
    assert thread is not None
    thread.join(LIMIT)
    assert not thread.is_alive()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert condition()


def test_the_watch_sleeps_while_the_loop_waits(real: LiveLoop) -> None:
    """It looks at nothing as long as nothing runs, and is awake again with the next callback."""
    looks: list[float] = []

    class Counting(NobodyElse):
        def sample(self, late: float = 0.0) -> Sample:
            looks.append(late)
            return super().sample(late)

    async def main() -> None:
        await asyncio.to_thread(wait_until, lambda: watchdog.asleep)
        before = len(looks)
        await asyncio.to_thread(time.sleep, 0.3)
        assert len(looks) - before <= 3  # the callback between the two lines has woken it

    with watched(real, Counting()) as (watchdog, _):
        real.run_until_complete(main())
    assert max(looks) < 0.2  # what it slept is no time in which others kept it from looking


@pytest.mark.sampled(5)
@pytest.mark.parametrize("probe", [None, AnyProbe], ids=["system", "any"])
@pytest.mark.parametrize("holds_lock", [True, False])
def test_what_blocks_right_after_a_long_wait_is_told(
    real: LiveLoop, probe: type[AnyProbe] | None, holds_lock: bool
) -> None:
    """With its line, also where a call in C keeps the watch from waking up.

    No other thread is there meanwhile: the probe of any system would blame it.
    """

    def block() -> None:
        if holds_lock:
            began = time.monotonic()
            sum(range(30_000_000))
            blocked.append(time.monotonic() - began)
        else:
            time.sleep(0.3)
            blocked.append(0.3)

    async def main() -> None:
        waiting = real.create_future()

        def wake() -> None:
            wait_until(lambda: watchdog.asleep)
            time.sleep(0.3)
            real.call_soon_threadsafe(lambda: waiting.set_result(None))

        waker = threading.Thread(target=wake)
        waker.start()
        await waiting
        waker.join()
        block()
        deadline = time.monotonic() + LIMIT
        while not heard.blocks and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    blocked: list[float] = []
    with watched(real, probe and probe()) as (watchdog, heard):
        real.run_until_complete(real.create_task(main(), name="late riser"))
    found = heard.blocks[0].last
    assert found.task == "late riser"
    assert found.seconds == pytest.approx(blocked[0], abs=0.1)


def test_a_sleeping_watch_can_be_closed(real: LiveLoop) -> None:
    """It ends at once, though the loop never runs again."""
    with watched(real) as (watchdog, _):
        wait_until(lambda: watchdog.asleep)
        watch = watchdog._watching
    assert watch is not None
    watch.join(LIMIT)
    assert not watch.is_alive()
