"""How often a loop that is blocked again and again is told of."""

from __future__ import annotations

from asyncrepl.engine.blocking.blocking_reports import ReportThrottle
from asyncrepl.events import Blocked, BlockingReport


def block(task: str | None = "tick", line: int = 2, seconds: float = 0.2) -> Blocked:
    return Blocked(task, "<input 3>", line, "time.sleep(0.2)", seconds)


def counts(told: list[BlockingReport]) -> list[int]:
    return [blocks.times for blocks in told]


def told_over(
    gathering: ReportThrottle, seconds: int, until: int | None = None
) -> dict[int, list[int]]:
    """Of a block each second, up to `until`, the seconds at which lines come, and of how many."""
    told = {}
    for now in range(seconds):
        blocks = gathering.due(now)
        if until is None or now < until:
            blocks += gathering.add(block(), now)
        if blocks:
            told[now] = counts(blocks)
    return told


def test_the_first_are_told_one_by_one_then_sums_further_and_further_apart() -> None:
    """A block each second: three lines, and sums after 5, 10, 20, 40, 60, 60 … seconds."""
    told = told_over(ReportThrottle(), 210)
    assert told == {
        0: [1], 1: [1], 2: [1], 7: [4], 17: [10], 37: [20], 77: [40], 137: [60], 197: [60],
    }  # fmt: skip


def test_the_last_sum_comes_soon_after_the_last_block() -> None:
    """Nothing stays untold: 5 s after the last block the rest is summed up."""
    assert told_over(ReportThrottle(), 60, until=10) == {0: [1], 1: [1], 2: [1], 7: [4], 14: [3]}


def test_after_a_pause_a_place_is_new() -> None:
    """Blocks 5 s apart are told one by one, however many."""
    gathering = ReportThrottle()
    for now in range(0, 100, 5):
        assert gathering.due(now) == []
        assert counts(gathering.add(block(), now)) == [1]


def test_a_place_is_known_until_it_has_been_quiet() -> None:
    """Whoever shows a block can ask whether it is one more of many."""
    gathering = ReportThrottle()
    assert not gathering.knows(block())
    gathering.add(block(), 0)
    gathering.due(4.9)
    assert gathering.knows(block("another task"))
    assert not gathering.knows(block(line=5))
    gathering.due(5)
    assert not gathering.knows(block())


def test_places_are_counted_each_for_itself() -> None:
    """One place that blocks often doesn't silence another."""
    gathering = ReportThrottle(at_once=1)
    assert counts(gathering.add(block(line=2), 0)) == [1]
    assert counts(gathering.add(block(line=2), 1)) == []
    assert counts(gathering.add(block(line=5), 1)) == [1]


def test_a_sum_tells_times_total_and_tasks() -> None:
    """Many tasks at one line are one place."""
    gathering = ReportThrottle(at_once=1)
    gathering.add(block("a"), 0)
    gathering.add(block("b", seconds=0.25), 1)
    gathering.add(block("c", seconds=0.5), 2)
    (total,) = gathering.due(5)
    assert (total.times, total.seconds, total.tasks) == (2, 0.75, {"b", "c"})
    assert total.last.task == "c"


def test_what_a_task_left_is_told_when_it_is_over() -> None:
    """A sum doesn't come seconds after its statement has ended."""
    gathering = ReportThrottle(at_once=1)
    for now, task in enumerate(["input 1", "input 1", "input 1"]):
        gathering.add(block(task), now)
    assert gathering.rest("another") == []
    assert counts(gathering.rest("input 1")) == [2]
    assert gathering.due(60) == []
