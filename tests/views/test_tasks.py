"""The table of tasks, from plain facts."""

from __future__ import annotations

from asyncrepl.engine.waiting import TaskState
from asyncrepl.views.styled import plain
from asyncrepl.views.tasks import task_lines


def test_names_are_aligned_and_places_follow() -> None:
    """A row a task; a task that waits in no user code has no place."""
    states = [
        TaskState("tick", "waiting", ""),
        TaskState("input 12", "running", "<input 1>:2: f()"),
    ]
    assert [plain(line) for line in task_lines(states)] == [
        "tick      waiting",
        "input 12  running   <input 1>:2: f()",
    ]


def test_a_name_cannot_move_the_cursor() -> None:
    """Control characters in a task's name are spelled out."""
    assert "\x1b" not in plain(task_lines([TaskState("\x1b[2J", "waiting", "")])[0])


def test_no_task_is_no_line() -> None:
    """Without tasks there is no table."""
    assert task_lines([]) == []
