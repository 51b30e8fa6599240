"""Leaving a loop: who is cancelled, who is closed, who is named."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.loop.loop_shutdown import close_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
def loop() -> LiveLoop:
    return LiveLoop(Clock.virtual())


async def first(iterator: AsyncIterator[int]) -> int:
    """The first value; on the loop, so that the loop learns of the generator."""
    return await anext(iterator)


def leave(error: SystemExit) -> None:
    """Nobody leaves here."""
    raise AssertionError(error)


def test_tasks_are_cancelled_and_awaited(loop: LiveLoop) -> None:
    """A task's cleanup runs to its end, also where it awaits; the task is named."""
    said: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(99)
        finally:
            await asyncio.sleep(0.5)
            said.append("tidy")

    async def begin() -> asyncio.Task[None]:
        task = asyncio.create_task(work(), name="worker")
        await asyncio.sleep(0)
        return task

    task = loop.run_until_complete(begin())
    assert close_loop(loop, leave) == ["worker"]
    assert said == ["tidy"]
    assert task.cancelled()


def test_who_leaves_in_its_cleanup_keeps_nobody_from_theirs(loop: LiveLoop) -> None:
    """SystemExit in a `finally` is handed on; all other `finally` blocks run."""
    said: list[str] = []
    left: list[SystemExit] = []

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(99)
        finally:
            await asyncio.sleep(0.1)
            said.append(name)
            if name == "b":
                raise SystemExit(4)

    async def begin() -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(work(name)) for name in "abc"]
        await asyncio.sleep(0)
        return tasks

    tasks = loop.run_until_complete(begin())
    close_loop(loop, left.append)
    assert sorted(said) == ["a", "b", "c"]
    assert [each.code for each in left] == [4]
    assert isinstance(tasks[1].exception(), SystemExit)


def test_one_more_ctrl_c_does_not_end_the_cleanup(loop: LiveLoop) -> None:
    """Two come at once: the second finds the loop standing, and the rest is cleaned up."""
    said: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(99)
        finally:
            if name == "a":
                raise SystemExit
            await asyncio.sleep(0.1)
            said.append(name)

    async def begin() -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(work(name)) for name in "ab"]
        await asyncio.sleep(0)
        return tasks

    tasks = loop.run_until_complete(begin())
    close_loop(loop, lambda _: signal.raise_signal(signal.SIGINT))
    assert said == ["b"]
    assert isinstance(tasks[0].exception(), SystemExit)


def test_suspended_generators_are_closed(loop: LiveLoop) -> None:
    """The `finally` of an async generator runs, also with an `await` in it."""
    said: list[str] = []

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0.1)
            said.append("closed")

    iterator = source()
    loop.run_until_complete(first(iterator))
    assert close_loop(loop, leave) == []
    assert said == ["closed"]


def test_a_task_that_will_not_end_is_left(loop: LiveLoop) -> None:
    """Who swallows the cancellation is waited for only so long."""

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                continue

    async def begin() -> asyncio.Task[None]:
        task = asyncio.create_task(stubborn(), name="stubborn")
        await asyncio.sleep(0)
        return task

    task = loop.run_until_complete(begin())
    assert close_loop(loop, leave) == ["stubborn"]
    assert loop.is_closed()
    task._log_destroy_pending = False  # type: ignore[attr-defined]


def test_a_held_clock_does_not_keep_the_cleanup(loop: LiveLoop) -> None:
    """Time goes on for the cleanup, also where it stood still for the presenter."""

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0.1)

    iterator = source()
    loop.run_until_complete(first(iterator))
    loop.live.clock.hold()
    close_loop(loop, leave)
    assert iterator.ag_frame is None  # type: ignore[attr-defined]


def test_a_deadlock_does_not_keep_others_from_their_cleanup(loop: LiveLoop) -> None:
    """Tasks that await each other in a circle cannot be cancelled; all others are."""
    cleaned: list[str] = []

    async def circling(at: int) -> None:
        await circle[at]

    async def tidy() -> None:
        try:
            await asyncio.sleep(9)
        finally:
            cleaned.append("tidy")

    circle = [loop.create_task(circling(1)), loop.create_task(circling(0))]
    tasks = [*circle, *(loop.create_task(tidy()) for _ in range(3))]
    loop.run_until_complete(asyncio.sleep(0.1))
    assert len(close_loop(loop, leave)) == len(tasks)
    assert cleaned == ["tidy"] * 3
    for task in circle:  # or asyncio would log that they were destroyed while pending
        task._log_destroy_pending = False  # type: ignore[attr-defined]


def test_what_another_thread_runs_is_left_to_it() -> None:
    """A program may have its loop run by a thread of its own, which goes on."""
    loop = LiveLoop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def work() -> str:
        await asyncio.sleep(0.1)
        return "done"

    try:
        job = asyncio.run_coroutine_threadsafe(work(), loop)
        assert close_loop(loop, leave) == []
        assert job.result(timeout=60) == "done"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()
