"""`:tasks` and `:tree`, on tasks that were typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.shells import Typed

FETCH = "async def fetch(seconds):\n    await asyncio.sleep(seconds)\n"
WORKER = "async def worker():\n    while True:\n        await jobs.get()\n"
MAIN = """async def main():
    get, work = [asyncio.create_task(c) for c in (fetch(3), worker())]
    get.set_name('get'); work.set_name('work')
    await asyncio.gather(get, work)
"""


@pytest.fixture
def family(type_in: Typed) -> Typed:
    """A ticker, and a task that gathers two."""
    for text in (":ticker tick 0.2", FETCH, "jobs = asyncio.Queue()", WORKER, MAIN):
        type_in(text)
    return type_in


def test_tasks_tells_age_slices_and_times_where_there_is_a_record(family: Typed) -> None:
    """On the virtual clock the table is the same in every run."""
    family.shell.observing.want("a test")
    family("main_task = asyncio.create_task(main(), name='main')")
    family(":wait 0.5")
    head, get, main, tick, _ = family(":tasks").splitlines()
    assert head == "task  state       age  slices  busy  waited"
    assert get == (
        "get   waiting  0.50 s       1   0 s  0.50 s"
        "  <input 1>:2: await asyncio.sleep(seconds)  (asyncio.sleep(3))"
    )
    assert main == (
        "main  waiting  0.50 s       1   0 s  0.50 s"
        "  <input 4>:4: await asyncio.gather(get, work)  (gather of 2)"
    )
    assert tick == "tick  waiting  0.50 s       2   0 s  0.50 s  asyncio.sleep(0.2)"


def test_tasks_tells_no_times_without_a_record(family: Typed) -> None:
    """With nobody looking, the columns are absent."""
    family(":wait 0")
    assert family(":tasks") == "tick  waiting  asyncio.sleep(0.2)\n"


def test_tree_goes_down_to_the_line_each_waits_at(family: Typed) -> None:
    """What is gathered stands below; the queue is told by the name it has here."""
    family("main_task = asyncio.create_task(main(), name='main')")
    family(":wait 0")
    assert family(":tree").splitlines() == [
        "main  main() waits on gather of 2 at <input 4>:4: await asyncio.gather(get, work)",
        "├─ get   fetch() waits on asyncio.sleep(3) at <input 1>:2: await asyncio.sleep(seconds)",
        "└─ work  worker() waits on Queue.get (jobs) at <input 3>:3: await jobs.get()",
        "tick  waits on asyncio.sleep(0.2)",
    ]


def test_tree_shows_a_deadlock(type_in: Typed) -> None:
    """Two tasks that await each other are a cycle, and the session goes on."""
    type_in("async def wait_for_the(name):\n    await asyncio.shield(globals()[name])\n")
    type_in("a, b = [asyncio.create_task(wait_for_the(n), name=m) for n, m in ['ba', 'ab']]")
    type_in(":wait 0")
    assert [line.split(" at ")[0] for line in type_in(":tree").splitlines()] == [
        "a  wait_for_the() waits on task 'b'",
        "└─ b  wait_for_the() waits on task 'a'",
        "   └─ a  again: a cycle, each waits for the next",
    ]
    assert type_in("1") == "1\n"


def test_what_cannot_be_cancelled_is_told(type_in: Typed) -> None:
    """A cancellation is handed on to the awaited task, here in a circle for ever: one line."""
    type_in("async def wait_for_the(name):\n    await globals()[name]\n")
    type_in("a, b = [asyncio.create_task(wait_for_the(n), name=m) for n, m in ['ba', 'ab']]")
    type_in(":wait 0")
    assert type_in(":cancel a") == (
        "'a' awaits itself in the end, so asyncio cannot cancel it; :tree shows how\n"
    )
    type_in("for task in (a, b): task.get_coro().close()")


def test_an_empty_session_has_no_tree(type_in: Typed) -> None:
    """It is said in one line."""
    assert type_in(":tree") == "no task is running\n"
