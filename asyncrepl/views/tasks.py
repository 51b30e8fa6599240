"""A table of tasks: name, state, and the line where each waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asyncrepl.engine.traces import place
from asyncrepl.engine.waiting import waiting_frame
from asyncrepl.views.styled import Line, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["task_lines"]


def task_lines(tasks: Iterable[asyncio.Task[object]]) -> list[Line]:
    """One line a task, names aligned."""
    rows = [(printable(task.get_name()), _state(task), _where(task)) for task in tasks]
    width = max((len(name) for name, _, _ in rows), default=0)
    return [
        [("name", name.ljust(width)), ("", f"  {state:<8}"), ("dim", f"  {where}".rstrip())]
        for name, state, where in rows
    ]


def _state(task: asyncio.Task[object]) -> str:
    if task.cancelling():
        return "stopping"
    return "running" if task is _current(task) else "waiting"


def _current(task: asyncio.Task[object]) -> object:
    return asyncio.current_task(task.get_loop())


def _where(task: asyncio.Task[object]) -> str:
    frame = waiting_frame(task)
    return "" if frame is None else printable(place(frame.f_code.co_filename, frame.f_lineno))
