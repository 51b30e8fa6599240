"""What the tasks of a loop are at: their state, what each waits on and where, how long it ran."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from asyncrepl.engine.awaiting.waits import describe_wait
from asyncrepl.engine.lives import all_tasks, current_task, name_of
from asyncrepl.engine.traces import spot
from asyncrepl.events import Totals

if TYPE_CHECKING:
    import asyncio

    from asyncrepl.engine.timeline import Timeline

__all__ = ["State", "TaskState", "in_order", "state_of", "survey"]

State = Literal["running", "ready", "waiting", "stopping"]


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task as it was when asked.

    A task is "ready" that waits for nothing but its turn, and "stopping" once it
    was cancelled. `where` is the user's line at which it is, as "FILE:LINE", `source`
    its text, `on` what it waits on; they are empty where that is not known. `age` (ns
    of the loop's clock), `slices` and `busy` (ns that it ran) are None without a record.
    """

    name: str
    state: State
    where: str = ""
    source: str = ""
    on: str = ""
    age: int | None = None
    slices: int | None = None
    busy: int | None = None


def survey(loop: asyncio.AbstractEventLoop, timeline: Timeline | None = None) -> list[TaskState]:
    """The tasks of `loop` that are not done, by name; in the loop's thread."""
    record = _Record(timeline)
    return [_task_state(task, record) for task in in_order(all_tasks(loop))]


def in_order(tasks: set[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    """Tasks by name, numbers in it as numbers: Task-9 comes before Task-10."""
    return sorted(tasks, key=lambda task: _natural(name_of(task)))


def state_of(task: Any) -> State:
    """What a task that is not done is at."""
    if task.cancelling():
        return "stopping"
    if task is current_task(task.get_loop()):
        return "running"
    return "ready" if task._fut_waiter is None else "waiting"  # noqa: SLF001


class _Record:
    """What is told of tasks: source lines, and what a timeline knows, if there is one."""

    def __init__(self, timeline: Timeline | None) -> None:
        self.spot = cache(spot)
        self._timeline = timeline
        self._now = 0 if timeline is None else timeline.ns()
        self._totals = {} if timeline is None else timeline.totals()
        lanes = () if timeline is None else timeline.snapshot().lanes
        self._born = {lane.id: lane.born for lane in lanes}

    def times(self, task: object) -> dict[str, int]:
        """Age, slices and busy time of `task`."""
        lane = None if self._timeline is None else self._timeline.lane_of(task)
        if lane is None or lane not in self._born:
            return {}
        total = self._totals.get(lane, Totals(0, 0))
        return {
            "age": self._now - self._born[lane],
            "slices": total.slices,
            "busy": total.busy,
        }


def _task_state(task: asyncio.Task[Any], record: _Record) -> TaskState:
    waits = describe_wait(task)
    where, source = record.spot(waits.filename, waits.line) if waits.filename else ("", "")
    return TaskState(name_of(task), state_of(task), where, source, waits.on, **record.times(task))


def _natural(name: str) -> list[str | tuple[int, str]]:
    """Text and numbers in turns; a number of so many digits is not worked out."""
    parts = re.split(r"([0-9]+)", name)
    return [(len(part.lstrip("0")), part) if at % 2 else part for at, part in enumerate(parts)]
