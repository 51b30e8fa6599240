"""What is learned at each slice: totals, suspensions, timeouts, and what is lost with it."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import weakref
from typing import Any

import pytest
from support.instruments import SuspensionList
from support.timelines import MS, named, settle, slices, worker

from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.tasks.timeline import Timeline
from asyncrepl.events import CALLBACK, Totals


class Ticking:
    """A clock that goes on by a millisecond each time it is asked."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += MS
        return self.now


# -- totals --------------------------------------------------------------------------


def test_totals_are_what_the_slices_add_up_to(loop: LiveLoop, timeline: Timeline) -> None:
    """The number of a task's slices and their length are those in the record."""
    timeline.ns = Ticking()

    async def main() -> None:
        await asyncio.gather(worker(2), worker(3), asyncio.sleep(0))

    loop.run_until_complete(main())
    snapshot, totals = timeline.snapshot(), timeline.totals()
    seen = slices(snapshot)
    for lane in snapshot.lanes:
        own = [number for number, (id_, _) in enumerate(seen) if id_ == lane.id]
        busy = sum(seen[number + 1][1] - seen[number][1] for number in own)
        assert totals[lane.id] == Totals(len(own), busy)
        assert len(own) > 1


def test_totals_outlive_the_slices(loop: LiveLoop) -> None:
    """They count from the task's birth, also when the record has forgotten that."""
    timeline = Timeline(slices=50)
    loop.observe(timeline)
    timeline.ns = Ticking()

    async def main() -> dict[int, Totals]:
        for _ in range(999):
            await asyncio.sleep(0)
        assert timeline.snapshot().first > 500
        return dict(timeline.totals())

    totals = loop.run_until_complete(main())
    assert totals[1].slices == 1000
    assert totals[1].busy == pytest.approx(1000 * MS, abs=10 * MS)


def test_the_slice_under_way_counts(loop: LiveLoop, timeline: Timeline) -> None:
    """A task that has been running for a while is busy for so long."""
    clock = Ticking()
    timeline.ns = clock

    async def main() -> int:
        clock.now += 500 * MS
        return timeline.totals()[1].busy

    assert 500 * MS <= loop.run_until_complete(main()) <= 510 * MS


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_an_eager_step_is_not_its_makers_time(loop: LiveLoop, timeline: Timeline) -> None:
    """What a task does that starts at once is its own time, not its maker's."""
    clock = Ticking()
    timeline.ns = clock

    async def child() -> None:
        clock.now += 500 * MS

    async def main() -> None:
        await asyncio.create_task(child())

    loop.set_task_factory(asyncio.eager_task_factory)
    loop.run_until_complete(main())
    maker, made = timeline.totals().values()
    assert maker.busy < 20 * MS
    assert made.slices == 1
    assert 500 * MS <= made.busy < 520 * MS


@pytest.mark.skipif(sys.version_info < (3, 14), reason="`eager_start` came with Python 3.14")
@pytest.mark.parametrize("eager", [True, False, None])
def test_a_task_that_is_asked_to_begin_at_once_does_so(
    loop: LiveLoop, timeline: Timeline, eager: bool | None
) -> None:
    """``create_task(…, eager_start=True)`` is a slice of the task's own, and it may be its last."""
    clock = Ticking()
    timeline.ns = clock

    async def child() -> None:
        clock.now += 500 * MS

    async def main() -> bool:
        task = asyncio.create_task(child(), name="child", eager_start=eager)  # type: ignore[call-arg, unused-ignore]
        begun = task.done()
        await task
        return begun

    assert loop.run_until_complete(main()) is bool(eager)
    maker, made = timeline.totals().values()
    assert maker.busy < 20 * MS
    assert made.slices == 1
    assert 500 * MS <= made.busy < 520 * MS
    assert (named(timeline.snapshot())["child"].parent, timeline.snapshot().ended[2].how) == (
        1,
        "done",
    )


# -- suspending ------------------------------------------------------------------------


@pytest.mark.usefixtures("timeline")
def test_each_suspension_is_told(loop: LiveLoop) -> None:
    """Instruments hear of it after each slice of a task but its last, before others run."""
    order: list[str] = []
    loop.live.instruments.add(SuspensionList(order))

    async def nap() -> None:
        for number in range(2):
            loop.call_soon(order.append, "callback")
            order.append(f"run {number}")
            await asyncio.sleep(number)
        order.append("run 2")

    loop.run_until_complete(loop.create_task(nap(), name="nap"))
    assert order == [
        *("run 0", "nap suspends", "callback"),
        *("run 1", "nap suspends", "callback"),
        "run 2",
    ]


@pytest.mark.usefixtures("timeline")
def test_python_tasks_suspend_too(loop: LiveLoop) -> None:
    """Also for a task of asyncio's Python implementation, and not when it is done."""
    loop.live.instruments.add(told := SuspensionList())

    async def main() -> Any:
        task: Any = asyncio.tasks._PyTask(worker(2), loop=loop)  # type: ignore[attr-defined]
        await task
        return task

    task = loop.run_until_complete(main())
    assert told.tasks.count(task) == 2


# -- timeouts --------------------------------------------------------------------------


def test_a_timeout_is_told_from_a_cancellation(loop: LiveLoop, timeline: Timeline) -> None:
    """timed_out() while a timeout's cancellation is handled; not before, after, or for cancel()."""
    seen: list[bool] = []

    async def sleeper(limit: float | None) -> None:
        lane = timeline.lane_of(asyncio.current_task()) or 0
        seen.append(timeline.timed_out(lane))
        try:
            async with asyncio.timeout(limit):
                try:
                    await asyncio.sleep(9)
                finally:
                    seen.append(timeline.timed_out(lane))
        except TimeoutError:
            seen.append(timeline.timed_out(lane))

    loop.run_until_complete(sleeper(0.5))
    assert seen == [False, True, False]
    seen.clear()
    cancelled = loop.create_task(sleeper(None))
    loop.call_later(0.5, cancelled.cancel)
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(cancelled)
    assert seen == [False, False]


def test_of_nested_timeouts_the_outer_one_counts_too(loop: LiveLoop, timeline: Timeline) -> None:
    """Both over at once: the cancellation is a timeout's until the outer one is left."""
    seen: list[bool] = []

    async def main() -> None:
        try:
            async with asyncio.timeout(1):
                try:
                    async with asyncio.timeout(1):
                        await asyncio.sleep(9)
                finally:
                    seen.append(timeline.timed_out(1))
        except TimeoutError:
            seen.append(timeline.timed_out(1))

    loop.run_until_complete(main())
    assert seen == [True, False]


# -- what is lost ------------------------------------------------------------------------


def test_a_task_nobody_holds_is_gone_when_its_slice_is_over(
    loop: LiveLoop, timeline: Timeline
) -> None:
    """The next callback of the same loop iteration does not find a task that has ended and is not held."""
    task = loop.create_task(asyncio.sleep(0))
    gone: list[object] = []
    ref = weakref.ref(task)
    del task
    loop.call_soon(loop.call_soon, lambda: gone.append(ref()))
    settle(loop)
    assert gone == [None]
    assert timeline.snapshot().ended[1].how == "done"


@pytest.mark.parametrize("debug", [False, True])
def test_a_task_that_failed_is_gone_as_soon_as_with_asyncio(
    loop: LiveLoop, timeline: Timeline, debug: bool
) -> None:
    """Its error is told of at once, and not when garbage is collected next."""
    told: list[str] = []
    loop.set_debug(debug)
    loop.set_exception_handler(lambda _, context: told.append(context["message"]))

    async def fail() -> None:
        raise ValueError

    async def main() -> None:
        asyncio.create_task(fail())  # noqa: RUF006  nobody is to hold it
        await asyncio.sleep(1)

    gc.collect()
    gc.disable()
    try:
        loop.run_until_complete(main())
    finally:
        gc.enable()
    assert told == ["Task exception was never retrieved"]
    assert [timeline.snapshot().ended[2].how] == ["error"]


def test_an_exception_that_leaves_the_loop_ends_its_task(
    loop: LiveLoop, timeline: Timeline
) -> None:
    """A task that SystemExit has ended is over in the record, and the loop goes on with the next."""

    async def leave() -> None:
        raise SystemExit(3)

    task = loop.create_task(leave(), name="leaves")
    other = loop.create_task(worker(), name="stays")
    with pytest.raises(SystemExit):
        loop.run_forever()
    assert isinstance(task.exception(), SystemExit)
    assert timeline.snapshot().ended[1].how == "error"
    assert timeline.log.last()[0] == 0
    loop.run_until_complete(other)
    assert timeline.snapshot().ended[named(timeline.snapshot())["stays"].id].how == "done"


def test_a_turn_of_thousands_is_recorded_whole() -> None:
    """More slices in one loop iteration than are packed at once are all there, in order."""
    loop, timeline = LiveLoop(Clock.virtual()), Timeline()
    loop.observe(timeline)
    for _ in range(5000):
        loop.call_soon(int)
    tasks = [loop.create_task(asyncio.sleep(0)) for _ in range(3000)]
    loop.run_until_complete(asyncio.wait(tasks))
    ran = [lane for lane, _ in slices(timeline.snapshot())]
    assert [lane for lane in ran if lane > 0][:3000] == list(range(1, 3001))
    assert ran.count(CALLBACK) >= 5000
    assert list(timeline.log.between(0, timeline.count)) == slices(timeline.snapshot())
    loop.close()


def test_a_step_that_cannot_begin_is_reported_as_asyncio_does(loop: LiveLoop) -> None:
    """A task's step that fails outside of its coroutine reaches the exception handler alike."""

    def told(loop: asyncio.AbstractEventLoop) -> list[str]:
        contexts: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: contexts.append(context))
        other = loop.create_task(worker())
        loop.call_soon(asyncio.tasks._enter_task, loop, other)
        coro = worker()
        stuck: Any = loop.create_task(coro)
        loop.call_soon(asyncio.tasks._leave_task, loop, other)
        loop.run_until_complete(other)
        stuck._log_destroy_pending = False
        coro.close()
        return [f"{context['message']}: {context['exception']}" for context in contexts]

    loop.observe(Timeline())
    stock = asyncio.SelectorEventLoop()
    expected, found = told(stock), told(loop)
    stock.close()
    assert "Cannot enter into task" in expected[0]
    assert list(map(_anonymous, found)) == list(map(_anonymous, expected))


def _anonymous(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+|Task-\d+", "…", text)
