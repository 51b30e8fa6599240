"""Which tasks have a lane, of a few and of thousands: the same as if all were looked at, for less."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
from types import MethodType
from typing import TYPE_CHECKING, Any

import pytest
from support.timelines import MS, worker

from asyncrepl.engine.tasks.living_tasks import LaneWindow, LivingTasks
from asyncrepl.engine.tasks.task_records import TaskRecord, TaskRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.engine.tasks.timeline import Timeline

MANY = 2000
#: Bytes: its record, the reference to it, its name, the numbers of these, its place in a dict.
MOST_FOR_A_TASK = 400
OWN_TYPES = {TaskRecord, TaskRef, int, str, tuple, MethodType}


def window(now: int, *, brief: int = 200 * MS, rows: int = 8) -> LaneWindow:
    """What is shown at the instant `now`."""
    return LaneWindow(now - 9000 * MS, now - brief, brief, now - 3000 * MS, now - 1000 * MS, rows)


def record(
    number: int, *, born: int = 0, parent: int | None = None, name: str = "t"
) -> TaskRecord:
    made = TaskRecord(number, born, parent)
    made.name = name
    return made


def chosen_by_looking_at_all(
    records: list[TaskRecord], born_by: int | None, rows: int
) -> tuple[list[int], set[int]]:
    """The numbers of those shown, and of the others, by what the rule says."""
    alive = [
        each
        for each in sorted(records, key=lambda each: each.number)
        if not each.name.startswith(":") and (born_by is None or each.born <= born_by)
    ]
    if len(alive) <= rows:
        return [each.number for each in alive], set()
    roots = [each for each in alive if each.parent is None]
    kept = {each.number for each in [*roots[-1:], *alive][: max(rows - 1, 0)]}
    return sorted(kept), {each.number for each in alive} - kept


@pytest.mark.parametrize("seed", range(40))
def test_the_choice_is_that_of_who_looks_at_all(seed: int) -> None:
    """Tasks come, get names, go, and make others before they are added themselves."""
    dice, living = random.Random(seed), LivingTasks()
    born: list[TaskRecord] = []
    for number in range(1, dice.choice([5, 40, 200])):
        parent = dice.choice([None, 1, number - 1])
        born.append(record(number, born=number * dice.choice([MS, MS, 0]), parent=parent))
        born[-1].born = max(each.born for each in born)
    if dice.random() < 0.3:
        at = dice.randrange(len(born))
        born.insert(dice.randrange(len(born)), born.pop(at))
    for each in born:
        living.add(id(each), each)
        living.rename(each, dice.choice(["t", "t", ":wait"]))
        if dice.random() < 0.2:
            living.rename(each, "renamed")
    for each in dice.sample(born, len(born) // 3):
        living.remove(id(each))
        born.remove(each)
    ran = dice.sample(range(-1, 210), dice.choice([3, 150]))
    for rows in (0, 1, 2, 8):
        for born_by in (None, 0, 20 * MS, 10**12):
            shown, others = chosen_by_looking_at_all(born, born_by, rows)
            choice = living.chosen(born_by, rows)
            users = [each.number for each in choice.shown if each.name != ":wait"]
            assert (users, choice.others) == (shown, len(others))
            assert living.count_among(choice, ran) == len(others.intersection(ran))


def test_the_statement_just_typed_is_among_the_few() -> None:
    """Of too many tasks, the youngest that no other task made is shown, with the eldest."""
    living = LivingTasks()
    crowd = [record(number) for number in range(1, 11)]
    for each in [*crowd, record(11), record(12, parent=11)]:
        living.add(id(each), each)
    assert [each.number for each in living.chosen(None, 8).shown] == [1, 2, 3, 4, 5, 6, 11]


async def many_tasks(count: int) -> list[asyncio.Task[None]]:
    """So many tasks, each of which has begun to wait."""
    tasks = [asyncio.create_task(worker(99)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


def test_a_frame_touches_what_it_shows(
    loop: LiveLoop, timeline: Timeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many tasks live: of eight lanes seven are made, and no more tasks are asked."""
    touched: list[int] = []
    lane = TaskRecord.lane

    def counted(self: TaskRecord) -> Any:
        touched.append(self.number)
        return lane(self)

    monkeypatch.setattr(TaskRecord, "lane", counted)
    tasks = loop.run_until_complete(many_tasks(MANY))
    loop.run_until_complete(asyncio.sleep(0.3))
    seen, calls = calls_of_python(lambda: timeline.recent(window(timeline.ns())))
    assert len(touched) == len(seen.lanes) == 7
    assert (seen.others, seen.others_ran) == (MANY - 7, MANY - 7)
    assert calls < 100
    for task in tasks:
        task.cancel()


def calls_of_python(action: Callable[[], Any]) -> tuple[Any, int]:
    """What `action` gives, and how many functions in Python it has called."""
    calls = 0

    def note(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        return action(), calls
    finally:
        sys.setprofile(before)


def test_what_has_ended_is_shown_for_a_while(loop: LiveLoop, timeline: Timeline) -> None:
    """If it lived long enough, and no task is without a lane because of it."""

    async def main() -> None:
        await asyncio.gather(
            *(asyncio.create_task(worker(steps), name=f"{steps}") for steps in (1, 30))
        )

    loop.run_until_complete(main())
    now = timeline.ns()
    seen = timeline.recent(window(now))
    assert [lane.name for lane in seen.lanes if lane.coro == "worker"] == ["30"]
    assert {seen.ended[lane.id].how for lane in seen.lanes} == {"done"}
    assert timeline.recent(window(now + 5000 * MS)).lanes == ()
    tasks = loop.run_until_complete(many_tasks(9))
    assert [lane.id for lane in timeline.recent(window(now, brief=0)).lanes if lane.id < 4] == []
    for task in tasks:
        task.cancel()


def test_thousands_of_tasks_take_little(loop: LiveLoop, timeline: Timeline) -> None:
    """All that is kept of them, each object counted once: a limit in bytes for each task."""
    tasks = loop.run_until_complete(many_tasks(MANY))
    timeline.snapshot()  # keeps nothing of what it has made
    kept: dict[int, object] = {id(timeline.records): timeline.records}
    found = list(kept.values())
    while found:
        new = {id(each): each for each in gc.get_referents(*found) if type(each) in OWN_TYPES}
        found = [each for key, each in new.items() if key not in kept]
        kept |= new
    assert len(timeline.records) == MANY
    assert sum(map(sys.getsizeof, kept.values())) / MANY < MOST_FOR_A_TASK
    for task in tasks:
        task.cancel()
