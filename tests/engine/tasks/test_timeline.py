"""The record of a loop: what it tells, what it keeps, and what it leaves alone."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import threading
import time
from typing import Any

import pytest
from support.instruments import SuspensionList
from support.timelines import MS, named, settle, slices, worker

from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.tasks.timeline import Timeline
from asyncrepl.events import CALLBACK, IDLE, Lane, Mark

# -- what it tells -----------------------------------------------------------------


def test_it_tells_who_ran_when(loop: LiveLoop, timeline: Timeline) -> None:
    """Each slice has its lane and start: tasks, plain callbacks, and the loop's waiting."""
    task = loop.create_task(worker(2), name="w")
    loop.call_later(0.05, int)
    task.add_done_callback(lambda _: loop.stop())
    loop.run_forever()
    seen = slices(timeline.snapshot())
    assert [(lane, at) for lane, at in seen if lane == 1] == [(1, 0), (1, 100 * MS), (1, 200 * MS)]
    assert (CALLBACK, 50 * MS) in seen
    assert (IDLE, 0) in seen
    assert seen[-1] == (IDLE, 200 * MS)


def test_a_lane_says_who_made_the_task(loop: LiveLoop, timeline: Timeline) -> None:
    """A lane has the task's name, its coroutine's, the maker's lane, its birth, and its place."""

    async def main() -> None:
        await asyncio.sleep(0.5)
        await asyncio.create_task(worker(), name="child")

    loop.run_until_complete(main())
    parent, child = timeline.snapshot().lanes
    assert (parent.id, parent.parent, parent.born) == (1, None, 0)
    line = main.__code__.co_firstlineno + 2
    assert child == Lane(2, "child", "worker", 1, 500 * MS, (__file__, line))


def test_tasks_made_behind_the_loops_back_are_seen(loop: LiveLoop, timeline: Timeline) -> None:
    """Also a task made directly, by Task(…), has its lane and slices."""

    async def main() -> None:
        await asyncio.Task(worker(), loop=loop, name="direct")

    loop.run_until_complete(main())
    lane = named(timeline.snapshot())["direct"]
    assert [at for number, at in slices(timeline.snapshot()) if number == lane.id] == [0, 100 * MS]


def test_pure_python_tasks_are_seen(loop: LiveLoop, timeline: Timeline) -> None:
    """A task of asyncio's Python implementation is a task like any other."""

    async def main() -> None:
        await asyncio.tasks._PyTask(worker(), loop=loop, name="python")

    loop.run_until_complete(main())
    assert named(timeline.snapshot())["python"].coro == "worker"


def test_methods_of_a_task_are_not_its_steps(loop: LiveLoop, timeline: Timeline) -> None:
    """``call_later(1, task.cancel)`` is a plain callback, no slice of the task."""
    task = loop.create_task(asyncio.sleep(9), name="w")
    loop.call_later(1, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    cancelled = [lane for lane, at in slices(timeline.snapshot()) if at == 1000 * MS]
    assert cancelled[0] == CALLBACK


def test_names_given_late_are_read(loop: LiveLoop, timeline: Timeline) -> None:
    """A task named after it was made, by a TaskGroup or by set_name, has that name."""

    async def main() -> list[str]:
        async with asyncio.TaskGroup() as group:
            renamed = group.create_task(worker(2), name="group's")
            await asyncio.sleep(0.05)
            before = [lane.name for lane in timeline.snapshot().lanes[1:]]
            renamed.set_name("renamed")
            await asyncio.sleep(0.05)
            return before + [lane.name for lane in timeline.snapshot().lanes[1:]]

    assert loop.run_until_complete(main()) == ["group's", "renamed"]


def test_it_knows_how_each_task_ended(loop: LiveLoop, timeline: Timeline) -> None:
    """done, error or cancelled, with the instant; also when nobody holds the task."""

    async def fail() -> None:
        await asyncio.sleep(0.2)
        raise ValueError

    async def main() -> None:
        for coro, name in ((worker(), "fine"), (fail(), "broken"), (worker(9), "stopped")):
            asyncio.create_task(coro, name=name)  # noqa: RUF006
        await asyncio.sleep(0.3)
        (stopped,) = (task for task in asyncio.all_tasks() if task.get_name() == "stopped")
        stopped.cancel()
        del stopped
        await asyncio.sleep(0.1)

    loop.set_exception_handler(lambda *_: None)
    loop.run_until_complete(main())
    snapshot = timeline.snapshot()
    ends = {name: snapshot.ended[lane.id] for name, lane in named(snapshot).items()}
    assert {name: (end.how, end.at // MS) for name, end in ends.items() if "Task" not in name} == {
        "fine": ("done", 100),
        "broken": ("error", 200),
        "stopped": ("cancelled", 300),
    }


def test_a_destroyed_task_has_ended_in_an_error(loop: LiveLoop, timeline: Timeline) -> None:
    """A pending task that is garbage ends as asyncio logs it: as an error."""
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: told.append(context))

    async def forgotten() -> None:
        await loop.create_future()

    loop.create_task(forgotten())
    settle(loop)
    gc.collect()
    assert timeline.snapshot().ended[1].how == "error"
    assert told[0]["message"] == "Task was destroyed but it is pending!"


def test_tasks_from_before_have_lanes(loop: LiveLoop) -> None:
    """Tasks that wait already when observation begins are there at once, the eldest first."""
    tasks = [loop.create_task(worker()) for _ in range(12)]
    settle(loop)
    timeline = Timeline()
    loop.observe(timeline)
    lanes = timeline.snapshot().lanes
    assert [lane.name for lane in lanes] == [task.get_name() for task in tasks]
    loop.run_until_complete(asyncio.wait(tasks))
    assert {timeline.snapshot().ended[lane.id].how for lane in lanes} == {"done"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_eager_tasks_have_their_first_slice(loop: LiveLoop, timeline: Timeline) -> None:
    """An eager task's first step is a slice of its own inside the maker's."""
    loop.set_task_factory(asyncio.eager_task_factory)

    async def value() -> int:
        return 7

    async def main() -> None:
        assert await asyncio.create_task(value(), name="at once") == 7
        await asyncio.create_task(worker(), name="later")

    loop.run_until_complete(main())
    snapshot = timeline.snapshot()
    order = [lane for lane, at in slices(snapshot) if at == 0 and lane > IDLE]
    assert order == [1, 2, 1, 3, 1]
    assert snapshot.ended[2].how == snapshot.ended[3].how == "done"


def test_a_factory_that_runs_nothing_adds_no_slice(loop: LiveLoop, timeline: Timeline) -> None:
    """A user's task factory makes tasks as before; its tasks' slices are those they ran."""
    loop.set_task_factory(lambda loop, coro, **options: asyncio.Task(coro, loop=loop, **options))

    async def main() -> None:
        await asyncio.create_task(worker())

    loop.run_until_complete(main())
    assert [lane for lane, at in slices(timeline.snapshot()) if at == 0 and lane > IDLE] == [1, 2]


def test_a_factory_may_give_no_task(timeline: Timeline) -> None:
    """What an ``async def`` as a factory gives is no task, and has no record."""

    async def factory(*_: object, **__: object) -> None:
        """Give a coroutine."""

    def make() -> Any:
        return factory()

    job = worker()
    made: Any = timeline.create_eager_task(job, make)
    assert inspect.iscoroutine(made)
    made.close()
    job.close()
    assert not timeline.records


def test_marks_belong_to_the_running_task(loop: LiveLoop, timeline: Timeline) -> None:
    """mark() notes for the task that runs, or for a lane that is given."""

    async def main() -> None:
        timeline.mark("value")
        await asyncio.sleep(0.1)
        timeline.mark("print")
        timeline.mark("value", 77)

    loop.run_until_complete(main())
    assert timeline.snapshot().marks == (
        Mark(1, 0, "value"),
        Mark(1, 100 * MS, "print"),
        Mark(77, 100 * MS, "value"),
    )


def test_marks_that_no_picture_can_tell_apart_are_one(loop: LiveLoop, timeline: Timeline) -> None:
    """A flood of prints leaves one mark a millisecond; another kind has its own."""

    async def main() -> None:
        for _ in range(100):
            timeline.mark("print")
        timeline.mark("value")
        await asyncio.sleep(0.001)
        timeline.mark("value")

    loop.run_until_complete(main())
    kinds = [(mark.at, mark.kind) for mark in timeline.snapshot().marks]
    assert kinds == [(0, "print"), (0, "value"), (MS, "value")]


def test_marks_outside_of_tasks_are_dropped(loop: LiveLoop, timeline: Timeline) -> None:
    """In a plain callback, in another thread and outside of the loop there is no lane to mark."""
    loop.call_soon(timeline.mark, "print")

    async def main() -> None:
        await asyncio.to_thread(timeline.mark, "print")

    loop.run_until_complete(main())
    timeline.mark("print")
    assert timeline.snapshot().marks == ()
    loop.run_until_complete(loop.shutdown_default_executor())


def test_the_count_grows_when_somebody_runs(loop: LiveLoop, timeline: Timeline) -> None:
    """A suspension shows as growth of `count`, and `between` says who ran meanwhile."""

    async def main() -> tuple[int | None, list[int]]:
        other = asyncio.create_task(worker())
        begin = timeline.count
        assert timeline.count == begin
        await asyncio.sleep(0.05)
        others = [lane for lane, _ in timeline.log.between(begin, timeline.count)]
        return timeline.lane_of(other), others

    other, others = loop.run_until_complete(main())
    assert other in others
    assert timeline.lane_of(object()) is None


def test_virtual_time_gives_the_same_record_each_time() -> None:
    """On a virtual clock two runs of one program leave equal records."""

    def record() -> tuple[Any, ...]:
        loop, timeline = LiveLoop(Clock.virtual()), Timeline()
        loop.observe(timeline)

        async def main() -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(5):
                    group.create_task(worker(number), name=f"w{number}")

        loop.run_until_complete(loop.create_task(main(), name="main"))
        loop.close()
        snapshot = timeline.snapshot()
        return snapshot.lanes, snapshot.ended, snapshot.slices.tolist()

    assert record() == record()


def test_a_task_has_its_name_in_its_first_slice(loop: LiveLoop, timeline: Timeline) -> None:
    """Also one that was made directly: another thread may look while it blocks the loop."""
    seen: list[str] = []

    def look() -> None:
        seen.extend(lane.name for lane in timeline.snapshot().lanes)

    async def main() -> None:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    loop.run_until_complete(asyncio.Task(main(), loop=loop, name="direct"))
    assert seen == ["direct"]


# -- totals, suspensions, timeouts ------------------------------------------------------


def test_totals_count_what_the_log_has_forgotten() -> None:
    """Slices and busy time are of a task's whole life, however short the log is."""
    loop = LiveLoop(Clock.virtual())
    timeline = Timeline(slices=16)
    loop.observe(timeline)

    async def main() -> int:
        for _ in range(5000):
            await asyncio.sleep(0)
        lane = timeline.lane_of(asyncio.current_task())
        assert lane is not None
        assert timeline.snapshot().first > 0
        assert list(timeline.log.between(0, 10)) == []
        return timeline.totals()[lane].slices

    assert loop.run_until_complete(main()) == 5001
    loop.close()


def test_busy_time_is_that_of_the_slices() -> None:
    """In real time, what a task computes is its busy time, and what it sleeps is not."""
    loop = LiveLoop()
    loop.observe(timeline := Timeline())

    async def main() -> tuple[int, int]:
        before = time.monotonic_ns()
        await asyncio.sleep(0.02)
        worked = time.monotonic_ns()
        while time.monotonic_ns() - worked < 5 * MS:
            pass
        lane = timeline.lane_of(asyncio.current_task())
        assert lane is not None
        return timeline.totals()[lane].busy, time.monotonic_ns() - before

    busy, age = loop.run_until_complete(main())
    assert 5 * MS <= busy <= age - 19 * MS
    loop.close()


@pytest.mark.usefixtures("timeline")
def test_a_suspension_is_told_when_the_slice_is_over(loop: LiveLoop) -> None:
    """Instruments hear of each task that gives way, not of one that ends."""
    loop.live.instruments.add(told := SuspensionList())

    async def main() -> None:
        other = asyncio.create_task(worker(2), name="other")
        await other

    loop.run_until_complete(loop.create_task(main(), name="main"))
    assert told.names == ["main suspends", "other suspends", "other suspends"]


def test_a_cancellation_by_timeout_is_known_until_it_is_over(
    loop: LiveLoop, timeline: Timeline
) -> None:
    """`timed_out` holds while the task unwinds, and not for any other cancellation."""
    seen: list[bool] = []

    def look() -> None:
        seen.append(timeline.timed_out(timeline.lane_of(asyncio.current_task()) or 0))

    async def main() -> None:
        try:
            async with asyncio.timeout(0.1):
                try:
                    await asyncio.sleep(9)
                finally:
                    look()
        except TimeoutError:
            look()
        asyncio.current_task().cancel()  # type: ignore[union-attr]
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            look()

    loop.run_until_complete(main())
    assert seen == [True, False, False]
