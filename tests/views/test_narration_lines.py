"""Each event of an iteration, in words."""

from __future__ import annotations

import pytest

from asyncrepl.events.iteration_events import (
    NO_TASKS,
    AwaitableGiven,
    BodyFinished,
    ConcurrentTasks,
    Iteration,
    IterationBegan,
    IterationEnded,
    IterationEvent,
    IterationsSummary,
    LoopSite,
    RoundsSummary,
    StepSuspended,
    ValueBound,
)
from asyncrepl.views.narration_lines import narration_lines
from asyncrepl.views.styled_lines import plain

MS = 1_000_000
SITE = LoopSite("<input 1>", 1, "readings(3)", "r", "async for", (1, 10))
ITERATION = Iteration(1, 3, "input 1", 0, SITE)
CLAUSE = Iteration(1, 3, "input 1", 0, SITE._replace(kind="comprehension"))
INNER = Iteration(2, 3, "input 1", 1, SITE)
TICK = ConcurrentTasks((("tick", 2),))


def lines(
    event: IterationEvent, width: int | None = 80, task: str | None = "input 1"
) -> list[str]:
    """The text of the lines for `event`, of a statement that began at 1 s."""
    return [plain(line) for line in narration_lines(event, 1000 * MS, width, task)]


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            IterationBegan(ITERATION, 1000 * MS, "async_generator", "async_generator", True),
            ["  0.000  1 __aiter__  readings(3): an async_generator, its own iterator"],
        ),
        (
            IterationBegan(ITERATION, 1000 * MS, "Stream", "Cursor", False),
            ["  0.000  1 __aiter__  readings(3): a Stream, gives a Cursor"],
        ),
        (
            IterationBegan(CLAUSE, 1000 * MS, "Stream", "Stream", True),
            ["  0.000  1 __aiter__  readings(3) in a comprehension: a Stream, its own iterator"],
        ),
        (
            AwaitableGiven(ITERATION, 2, 1330 * MS, "coroutine", "coroutine"),
            ["  0.330  2 __anext__  round 2: a coroutine"],
        ),
        (
            AwaitableGiven(ITERATION, 1, 1000 * MS, "async_generator_asend", "step"),
            ["  0.000  2 __anext__  round 1: an async_generator_asend, one step to await"],
        ),
        (
            AwaitableGiven(ITERATION, 1, 1000 * MS, "Step"),
            ["  0.000  2 __anext__  round 1: a Step, which has `__await__`"],
        ),
        (
            StepSuspended(ITERATION, 1, 1000 * MS, "asyncio.sleep(0.33)", "<input 1>:3"),
            ["  0.000  3 await      suspends on asyncio.sleep(0.33) at <input 1>:3"],
        ),
        (
            ValueBound(ITERATION, 1, 1330 * MS, 330 * MS, True, TICK, "r = 0"),
            [
                "  0.330  3 await      suspended for 0.33 s; tick ran twice",
                "  0.330  4 bind       r = 0",
            ],
        ),
        (
            ValueBound(ITERATION, 1, 1330 * MS, 330 * MS, True, NO_TASKS, "r = 0"),
            [
                "  0.330  3 await      suspended for 0.33 s; nobody else ran",
                "  0.330  4 bind       r = 0",
            ],
        ),
        (
            ValueBound(ITERATION, 1, 1000 * MS, 0, False, NO_TASKS, "r = 0"),
            [
                "  0.000  3 await      did not suspend: nobody else could run",
                "  0.000  4 bind       r = 0",
            ],
        ),
        (
            ValueBound(ITERATION, 1, 3000 * MS, 2000 * MS, False, NO_TASKS, "r = 0"),
            [
                "  2.000  3 await      did not suspend for 2.0 s: nobody else could run",
                "  2.000  4 bind       r = 0",
            ],
        ),
        (BodyFinished(ITERATION, 1, 1500 * MS, 250 * MS), ["  0.500  5 body       took 0.25 s"]),
        (
            RoundsSummary(ITERATION, 3, 3, 1990 * MS, 1, 330 * MS, 0, TICK, "asyncio.sleep(0.33)", "r = 20"),
            ["  0.990  2-5          round 3: r = 20; suspended for 0.33 s; tick ran twice"],
        ),
        (
            RoundsSummary(ITERATION, 3, 3, 1000 * MS, 0, 0, 0, NO_TASKS, "", "r = 2"),
            ["  0.000  2-5          round 3: r = 2; did not suspend"],
        ),
        (
            RoundsSummary(ITERATION, 9, 16, 2000 * MS, 8, 800 * MS, 0, NO_TASKS, "Queue.get", "r = 15"),
            [
                "  1.000  2-5          rounds 9-16: r = 15; all suspended, 0.80 s in all, last on",
                "           Queue.get; nobody else ran",
            ],
        ),
        (
            RoundsSummary(ITERATION, 9, 16, 2000 * MS, 3, 800 * MS, 0, NO_TASKS, "", ""),
            [
                "  1.000  2-5          rounds 9-16: 3 of 8 suspended, 0.80 s in all; nobody else",
                "           ran",
            ],
        ),
        (
            RoundsSummary(ITERATION, 9, 16, 2000 * MS, 0, 0, 0, NO_TASKS, "", "r = 15"),
            ["  1.000  2-5          rounds 9-16: r = 15; none suspended"],
        ),
        (
            IterationEnded(ITERATION, 1990 * MS, "exhausted", "", 3, 990 * MS, 990 * MS, 3, None, TICK),
            [
                "  0.990  6 stop       StopAsyncIteration",
                "           3 items in 0.99 s, suspended 3 times (100 %); tick ran twice",
            ],
        ),
        (
            IterationEnded(ITERATION, 1000 * MS, "exhausted", "", 1000, 0, 0, 0, None, NO_TASKS),
            [
                "  0.000  6 stop       StopAsyncIteration",
                "           1000 items in 0 s, never suspended: nobody else could run",
            ],
        ),
        (
            IterationEnded(ITERATION, 1000 * MS, "refused", "TypeError", 0, 0, 0, 0, None, NO_TASKS),
            ["  0.000  1 __aiter__  readings(3): no iterator to be had: TypeError"],
        ),
        (
            IterationsSummary(ITERATION, 1, 1000 * MS, 3, 0),
            ["  0.000  1-6          one more iteration of readings(3): 3 items in 0 s"],
        ),
        (
            IterationsSummary(ITERATION, 8, 1000 * MS, 24, 500 * MS),
            ["  0.000  1-6          8 more iterations of readings(3): 24 items in 0.50 s"],
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, tuple) else None,
)  # fmt: skip
def test_an_event_in_words(event: IterationEvent, told: list[str]) -> None:
    """The time since the statement began, the step as Python spells it, and what happened."""
    assert lines(event) == told


@pytest.mark.parametrize(
    ("how", "error", "told"),
    [
        ("break", "", "break"),
        ("return", "", "return"),
        ("source", "ValueError", "the source raised ValueError"),
        ("source", "", "the source raised an exception"),
        ("bind", "TypeError", "the value does not fit `r`: TypeError"),
        ("body", "KeyError", "the body raised KeyError"),
        ("cancelled", "CancelledError", "cancelled"),
        ("timeout", "CancelledError", "cancelled: the time is up"),
        ("closed", "GeneratorExit", "closed, before it came to its end"),
        ("unknown", "", "over"),
    ],
)
def test_each_way_out_has_its_words(how: str, error: str, told: str) -> None:
    """One can tell from the text alone how an iteration ended."""
    event = IterationEnded(
        ITERATION, 1500 * MS, how, error, 1, 500 * MS, 500 * MS, 1, None, NO_TASKS
    )  # type: ignore[arg-type]
    assert lines(event)[0] == f"  0.500  6 stop       {told}"


def test_an_end_after_a_suspension_says_how_long() -> None:
    """A last step 3 that suspended and gave no item is told with the end."""
    event = IterationEnded(
        ITERATION, 1500 * MS, "cancelled", "", 0, 500 * MS, 500 * MS, 1, 500 * MS, NO_TASKS
    )
    assert lines(event)[0].endswith("cancelled, after 0.50 s")


def test_an_iteration_inside_another_is_indented() -> None:
    """Two columns a level; deep ones stop moving."""
    assert lines(BodyFinished(INNER, 1, 1000 * MS, 0)) == ["  0.000    5 body       took 0 s"]
    deep = Iteration(2, 3, "input 1", 50, SITE)
    assert lines(BodyFinished(deep, 1, 1000 * MS, 0)) == ["  0.000          5 body       took 0 s"]


def test_an_iteration_of_another_task_says_whose_it_is() -> None:
    """Whoever is not in the foreground is named."""
    (line,) = lines(BodyFinished(ITERATION, 1, 1000 * MS, 0), task="input 2")
    assert line == "  0.000  input 1: 5 body       took 0 s"


def test_many_others_are_summed_up() -> None:
    """Three are named, the rest is counted."""
    others = ConcurrentTasks((("a", 4), ("b", 3), ("c", 2)), 2, 2)
    text = lines(ValueBound(ITERATION, 1, 1000 * MS, 0, True, others, "r = 0"), None)[0]
    assert text.endswith("a ran 4 times, b ran 3 times, c ran twice, 2 others twice")


def test_a_narrow_screen_gets_no_columns() -> None:
    """At 40 columns every line fits, and what is wrapped is indented."""
    event = IterationEnded(
        ITERATION, 1990 * MS, "exhausted", "", 3, 990 * MS, 990 * MS, 3, None, TICK
    )
    assert lines(event, 40) == [
        "  0.990  6 stop StopAsyncIteration",
        "           3 items in 0.99 s, suspended",
        "           3 times (100 %); tick ran",
        "           twice",
    ]
    assert all(len(line) <= 40 for line in lines(event, 40))


def test_nothing_of_the_users_reaches_the_screen_raw() -> None:
    """An escape sequence in a task's name or a value is spelled out."""
    iteration = Iteration(1, 3, "a\x1b[31m", 0, SITE)
    text = "\n".join(
        lines(ValueBound(iteration, 1, 1000 * MS, 0, True, NO_TASKS, "r = \x1b"), None)
    )
    assert "\x1b" not in text
    assert "\\x1b" in text
