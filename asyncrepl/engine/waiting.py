"""What the tasks of a loop are at: their state, and the user's line where each waits."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncrepl.engine.frames import is_plumbing
from asyncrepl.engine.traces import place

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["TaskState", "survey", "waiting_frame"]


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task as it was when asked: `state` is "running", "waiting" or "stopping".

    `where` is the place at which it waits, empty where that is not in user code.
    """

    name: str
    state: str
    where: str


def survey(loop: asyncio.AbstractEventLoop) -> list[TaskState]:
    """The tasks of `loop` that are not done, by number or name; in the loop's thread."""
    states = [_state(task) for task in asyncio.all_tasks(loop)]
    return sorted(states, key=lambda state: (_number(state.name), state.name))


def _state(task: asyncio.Task[object]) -> TaskState:
    state = "running" if task is asyncio.current_task(task.get_loop()) else "waiting"
    if task.cancelling():
        state = "stopping"
    frame = waiting_frame(task)
    where = "" if frame is None else place(frame.f_code.co_filename, frame.f_lineno)
    return TaskState(task.get_name(), state, where)


def _number(name: str) -> int:
    return int("".join(filter(str.isdecimal, name)) or 0)


def waiting_frame(task: asyncio.Task[object]) -> FrameType | None:
    """The user's frame that waits, or None where the task shows none.

    An async generator that is being stepped hides behind an awaitable that does
    not tell which generator it belongs to; then the frame that walks it is given.
    """
    found = None
    awaitable: object = task.get_coro()
    while awaitable is not None:
        frame, awaitable = _step(awaitable)
        if frame is not None and not is_plumbing(frame.f_code.co_filename):
            found = frame
    return found


def _step(awaitable: object) -> tuple[FrameType | None, object]:
    """The frame of `awaitable` and what it awaits."""
    if inspect.iscoroutine(awaitable):
        return awaitable.cr_frame, awaitable.cr_await
    if inspect.isgenerator(awaitable):
        return awaitable.gi_frame, awaitable.gi_yieldfrom
    if inspect.isasyncgen(awaitable):
        return awaitable.ag_frame, awaitable.ag_await
    return None, None
