"""A table of tasks: name, state, and the line where each waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.views.styled import Line, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.engine.waiting import TaskState

__all__ = ["task_lines"]


def task_lines(states: Sequence[TaskState]) -> list[Line]:
    """One line a task, names aligned."""
    width = max((len(printable(state.name)) for state in states), default=0)
    return [_row(state, width) for state in states]


def _row(state: TaskState, width: int) -> Line:
    where = f"  {printable(state.where)}" if state.where else ""
    doing = f"{state.state:<8}" if where else state.state
    return [("name", printable(state.name).ljust(width)), ("", "  " + doing), ("dim", where)]
