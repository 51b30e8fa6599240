"""The table of tasks, from plain facts."""

from __future__ import annotations

from asyncrepl.engine.tasks.task_survey import TaskState
from asyncrepl.views.styled_lines import plain
from asyncrepl.views.task_table import task_lines

MS, S = 1_000_000, 1_000_000_000
TICK = TaskState("tick", "waiting", "", "", "asyncio.sleep(0.2)", 12_300 * MS, 62, MS)
INPUT = TaskState(
    "input 3", "ready", "<input 3>:1", "await jobs.get()", "Queue.get", 1_200 * MS, 2, 412_000
)


def shown(*states: TaskState, width: int | None = None, rows: int = 40) -> list[str]:
    return [plain(line) for line in task_lines(states, width, rows=rows)]


def test_names_are_aligned_and_places_follow() -> None:
    """A row a task; a task that waits in no user code has no place, and no times no columns."""
    tick = TaskState("tick", "waiting")
    other = TaskState("input 12", "running", "<input 1>:2", "f()")
    assert shown(tick, other) == [
        "tick      waiting",
        "input 12  running  <input 1>:2: f()",
    ]


def test_times_are_columns_with_a_head() -> None:
    """Age, slices, busy and waiting time, numbers to the right."""
    assert shown(TICK, INPUT) == [
        "task     state       age  slices     busy  waited",
        "tick     waiting  12.3 s      62   1.0 ms  12.3 s  asyncio.sleep(0.2)",
        "input 3  ready     1.2 s       2  0.41 ms   1.2 s  <input 3>:1: await jobs.get()  (Queue.get)",
    ]


def test_what_it_waits_on_is_told_once() -> None:
    """A source line that says it already needs no repetition."""
    state = TaskState("a", "waiting", "<input 1>:2", "await asyncio.sleep(9)", "asyncio.sleep(9)")
    assert shown(state) == ["a  waiting  <input 1>:2: await asyncio.sleep(9)"]


def test_on_80_columns_a_long_place_goes_below() -> None:
    """All places go below, so that the columns stay columns."""
    assert shown(TICK, INPUT, width=80) == [
        "task     state       age  slices     busy  waited",
        "tick     waiting  12.3 s      62   1.0 ms  12.3 s",
        "    asyncio.sleep(0.2)",
        "input 3  ready     1.2 s       2  0.41 ms   1.2 s",
        "    <input 3>:1: await jobs.get()  (Queue.get)",
    ]


def test_on_40_columns_some_go() -> None:
    """What can be done without is left out, and no line is longer than the screen."""
    assert shown(TICK, INPUT, width=40) == [
        "task     state       age     busy",
        "tick     waiting  12.3 s   1.0 ms",
        "    asyncio.sleep(0.2)",
        "input 3  ready     1.2 s  0.41 ms",
        "    <input 3>:1: await jobs.get()",
        "    (Queue.get)",
    ]


def test_many_tasks_are_summed_up() -> None:
    """Beyond the rows, only the numbers by state are told."""
    many = [TaskState(f"Task-{n}", "waiting") for n in range(9)]
    lines = shown(*many, TaskState("z", "ready"), rows=3)
    assert len(lines) == 4
    assert lines[-1] == "+ 7 more: 1 ready, 6 waiting"


def test_a_long_name_is_cut() -> None:
    """It does not push the columns out of sight; the cut has a form in ASCII."""
    state = TaskState("n" * 50, "waiting")
    assert shown(state) == ["n" * 23 + "…  waiting"]
    assert plain(task_lines([state], ascii=True)[0]) == "n" * 23 + "~  waiting"


def test_a_name_cannot_move_the_cursor() -> None:
    """Control characters and newlines in a task's name are spelled out."""
    [line] = shown(TaskState("\x1b[2J\n", "waiting"))
    assert line == "\\x1b[2J\\n  waiting"


def test_no_task_is_no_line() -> None:
    """Without tasks there is no table."""
    assert task_lines([]) == []
