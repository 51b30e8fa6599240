"""What a survey of the tasks finds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from support.suspended_tasks import cancel_all, suspended
from support.timelines import MS, worker

from asyncrepl.engine.tasks.task_survey import TaskState, survey_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.engine.tasks.timeline import Timeline


@pytest.fixture(autouse=True)
def _ended(loop: LiveLoop) -> Iterator[None]:
    yield
    cancel_all(loop)


def states(loop: LiveLoop) -> dict[str, str]:
    return {state.name: state.state for state in survey_tasks(loop)}


def test_a_task_waits_is_ready_or_stops(loop: LiveLoop) -> None:
    """Waiting for its turn only is told apart from waiting for something."""

    async def spins() -> None:
        while True:
            await asyncio.sleep(0)

    async def stubborn() -> None:
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            await asyncio.sleep(9)

    suspended(loop, worker).set_name("w")
    task = suspended(loop, stubborn)
    task.set_name("s")
    task.cancel()
    suspended(loop, spins).set_name("r")
    assert states(loop) == {"w": "waiting", "s": "stopping", "r": "ready"}


def test_the_task_that_asks_runs(loop: LiveLoop) -> None:
    """The task of a statement that surveys is running."""

    async def asks() -> list[TaskState]:
        return survey_tasks(loop)

    [state] = loop.run_until_complete(asks())
    assert (state.state, state.on) == ("running", "")


def test_without_a_record_there_are_no_times(loop: LiveLoop) -> None:
    """Age, slices and busy time are unknown, the place is known."""
    suspended(loop, worker)
    [state] = survey_tasks(loop)
    assert (state.age, state.slices, state.busy) == (None, None, None)
    assert state.on == "asyncio.sleep(0.1)"
    assert state.source == "await asyncio.sleep(0.1)"


def test_with_a_record_age_and_slices_are_told(loop: LiveLoop, timeline: Timeline) -> None:
    """On a virtual clock a task has an age, but nothing takes time."""
    suspended(loop, lambda: worker(9))
    loop.run_until_complete(asyncio.sleep(0.25))
    [state] = survey_tasks(loop, timeline)
    assert (state.age, state.slices, state.busy) == (250 * MS, 3, 0)


def test_tasks_are_in_the_order_of_their_numbers(loop: LiveLoop) -> None:
    """Task-9 stands before Task-10, and a name of a thousand digits is no error."""
    for name in ("Task-10", "Task-9", "tick", "9" * 5000):
        suspended(loop, worker).set_name(name)
    assert [state.name for state in survey_tasks(loop)][1:] == ["Task-9", "Task-10", "tick"]
