"""The record of a loop: what it keeps, and what it leaves alone."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any

from support.timelines import MS, named, settle, slices, worker

from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.tasks.timeline import Timeline

# -- what it keeps -------------------------------------------------------------------


def test_it_is_bounded() -> None:
    """However long it records, it keeps so many slices, marks and past tasks."""
    loop = LiveLoop(Clock.virtual())
    timeline = Timeline(slices=50, marks=10, past=5)
    loop.observe(timeline)

    async def main() -> None:
        for _ in range(300):
            timeline.mark("value")
            await asyncio.create_task(asyncio.sleep(0.001))

    loop.run_until_complete(main())
    snapshot = timeline.snapshot()
    kept = len(snapshot.slices) // 2
    assert 50 <= kept <= 100 + 10
    assert snapshot.first + kept == timeline.count > 600
    assert len(snapshot.marks) == 10
    assert len(snapshot.lanes) == len(snapshot.ended) == 5
    assert list(timeline.log.between(0, timeline.count)) == slices(snapshot)
    loop.close()


def test_it_holds_no_task(loop: LiveLoop, timeline: Timeline) -> None:
    """A task that is over is gone when its owner lets go of it, also the one that ran last."""
    task = loop.create_task(worker())
    gone = weakref.ref(task)
    loop.run_until_complete(task)
    del task
    gc.collect()
    assert gone() is None
    assert len(timeline.snapshot().lanes) == 1


def test_snapshots_may_be_taken_while_it_records(loop: LiveLoop, timeline: Timeline) -> None:
    """Another thread that takes snapshots all the time sees whole, consistent ones."""
    over, seen, errors = threading.Event(), [], []

    def look() -> None:
        while not over.is_set():
            try:
                snapshot = timeline.snapshot()
                seen.append(len(snapshot.slices) % 2)
                known = {lane.id for lane in snapshot.lanes}
                assert set(snapshot.ended) <= known
            except BaseException as error:
                errors.append(error)

    async def main() -> None:
        while len(seen) < 50:
            timeline.mark("print")
            await asyncio.gather(*(asyncio.sleep(0) for _ in range(20)))

    thread = threading.Thread(target=look)
    thread.start()
    loop.run_until_complete(main())
    over.set()
    thread.join()
    assert errors == []
    assert set(seen) == {0}


# -- what it leaves alone --------------------------------------------------------------


def test_a_failed_task_is_still_reported(loop: LiveLoop, timeline: Timeline) -> None:
    """Knowing that a task failed does not mark its exception as retrieved."""
    told: list[str] = []
    loop.set_exception_handler(lambda _, context: told.append(context["message"]))

    async def fail() -> None:
        raise ValueError

    loop.create_task(fail())
    settle(loop)
    gc.collect()
    assert timeline.snapshot().ended[1].how == "error"
    assert told == ["Task exception was never retrieved"]


def test_a_task_keeps_its_type_and_callbacks(loop: LiveLoop, timeline: Timeline) -> None:
    """An observed task is asyncio's own, of the user's coroutine, without callbacks."""
    coro = worker()
    task = loop.create_task(coro)
    assert type(task) is asyncio.Task
    assert task.get_coro() is coro
    assert "cb=" not in repr(task)
    loop.run_until_complete(task)
    assert timeline.count > 0


def test_no_code_of_the_user_is_called(loop: LiveLoop, timeline: Timeline) -> None:
    """Names are read by asyncio's method, not by a subclass's."""

    class Refusing(asyncio.Task[Any]):
        def get_name(self) -> str:
            raise AssertionError

    async def main() -> None:
        await Refusing(worker(), loop=loop, name="quiet")

    loop.run_until_complete(main())
    assert "quiet" in named(timeline.snapshot())


def test_a_snapshot_of_the_last_while(loop: LiveLoop, timeline: Timeline) -> None:
    """With `since`, the slices that reach beyond that instant, and their number, are told."""
    loop.run_until_complete(worker(20))
    whole, late = timeline.snapshot(), timeline.snapshot(since=1_550 * MS)
    assert slices(late) == slices(whole)[late.first :]
    assert slices(late)[0][1] <= 1_550 * MS < slices(late)[1][1]
    assert late.lanes == whole.lanes
    assert slices(timeline.snapshot(since=-1)) == slices(whole)
