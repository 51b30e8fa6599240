"""The six steps of each iteration are told as events, exactly as they happen."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from support.traced_iteration import told, traced

from asyncrepl.events.iteration_events import (
    NO_TASKS,
    AwaitableGiven,
    BodyFinished,
    ConcurrentTasks,
    IterationBegan,
    IterationEnded,
    IterationsSummary,
    RoundsSummary,
    StepSuspended,
    ValueBound,
)

if TYPE_CHECKING:
    from asyncrepl.engine.iteration.tracer import Tracer


def test_an_iteration_is_told_step_by_step() -> None:
    """Two rounds that suspend: each of the six steps, with its time."""
    result = traced("async for n in naps(2): await asyncio.sleep(0.25)")
    where = "<input 1>:3"
    assert [told(event) for event in result.events] == [
        ("IterationBegan", 0, "async_generator", "async_generator", True),
        ("AwaitableGiven", 1, 0, "async_generator_asend", "step"),
        ("StepSuspended", 1, 0, "asyncio.sleep(0.5)", where),
        ("ValueBound", 1, 500, 500, True, NO_TASKS, "n = 0"),
        ("BodyFinished", 1, 750, 250),
        ("AwaitableGiven", 2, 750, "async_generator_asend", "step"),
        ("StepSuspended", 2, 750, "asyncio.sleep(0.5)", where),
        ("ValueBound", 2, 1250, 500, True, NO_TASKS, "n = 1"),
        ("BodyFinished", 2, 1500, 250),
        ("IterationEnded", 1500, "exhausted", "", 2, 1500, 1000, 2, None, NO_TASKS),
    ]


def test_a_value_that_is_there_at_once_did_not_suspend() -> None:
    """A source that never awaits is told to be one, in each round and in the end."""
    result = traced("async for n in eager(2): pass")
    assert [event.suspended for event in result.of(ValueBound)] == [False, False]
    assert result.of(StepSuspended) == []
    assert result.of(IterationEnded)[0].suspended == 0


def test_a_bare_yield_to_the_loop_suspends() -> None:
    """``sleep(0)`` takes no time, and yet others could run."""
    result = traced("async for n in naps(1, 0): pass")
    (got,) = result.of(ValueBound)
    assert (got.suspended, got.waited) == (True, 0)


def test_an_eager_task_in_the_source_is_no_suspension() -> None:
    """A task that runs inside the source's own slice does not make it suspend."""
    if sys.version_info < (3, 12):
        pytest.skip("there are no eager tasks before Python 3.12")
    source = (
        "async def source():\n"
        "    loop = asyncio.get_running_loop()\n"
        "    loop.set_task_factory(asyncio.eager_task_factory)\n"
        "    loop.create_task(asyncio.sleep(0.1))\n"
        "    yield 1\n"
    )
    result = traced(source, "async for n in source(): pass")
    assert [event.suspended for event in result.of(ValueBound)] == [False]


def test_who_ran_meanwhile_is_counted() -> None:
    """Other tasks are named with the number of their slices; the iterating task itself is not."""
    beat = "async def beat():\n    while True: await asyncio.sleep(0.2)\n"
    start = "t = asyncio.create_task(beat(), name='beat'); await asyncio.sleep(0)"
    result = traced(beat, start, "async for n in naps(2): pass")
    assert [event.others.named for event in result.of(ValueBound)] == [
        (("beat", 2),),
        (("beat", 2),),
    ]
    assert result.of(IterationEnded)[0].others == ConcurrentTasks((("beat", 4),))


def test_tasks_of_one_name_are_counted_as_one() -> None:
    """Else it would be told twice how often "beat" ran."""
    beat = "async def beat():\n    while True: await asyncio.sleep(0.2)\n"
    start = (
        "ts = [asyncio.create_task(beat(), name='beat') for _ in range(2)]; await asyncio.sleep(0)"
    )
    result = traced(beat, start, "async for n in naps(2): pass")
    assert result.of(IterationEnded)[0].others == ConcurrentTasks((("beat", 8),))


@pytest.mark.parametrize(
    ("text", "how", "error"),
    [
        ("async for n in naps(1): pass", "exhausted", ""),
        ("async for n in naps(1): break", "break", ""),
        ("async for n in naps(1):\n    if True:\n        break\n", "break", ""),
        ("async for n in failing(1): pass", "source", "ValueError"),
        ("async for n in naps(1): 1/0", "body", "ZeroDivisionError"),
        ("async for a, b in naps(1): pass", "bind", "TypeError"),
        ("async for (lambda: 0).x in naps(1): 1/0", "body", "ZeroDivisionError"),
        ("async for naps(0).x in naps(1): pass", "bind", "AttributeError"),
        ("async for n in [1]: pass", "refused", "TypeError"),
        ("async for n in naps(2): asyncio.current_task().cancel()", "cancelled", "CancelledError"),
        ("async with asyncio.timeout(0.7):\n    async for n in naps(2): pass\n", "timeout", "CancelledError"),
        ("async with asyncio.timeout(0.7):\n    async for n in naps(2):\n        await asyncio.sleep(9)\n", "timeout", "CancelledError"),
        ("async for n in naps(1): raise asyncio.CancelledError", "body", "CancelledError"),
        ("[n async for n in naps(1)]", "exhausted", ""),
        ("{n async for n in naps(1)}", "exhausted", ""),
        ("{n: 1 async for n in naps(1) if n}", "exhausted", ""),
        ("[n async for n in failing(1)]", "source", "ValueError"),
        ("[1/0 async for n in naps(1)]", "body", None),
        ("async with asyncio.timeout(0.7):\n    [n async for n in naps(2)]\n", "timeout", None),
    ],
)  # fmt: skip
def test_the_ways_out_are_told_apart(text: str, how: str, error: str | None) -> None:
    """Exhausted, left, failed in this or that step, cancelled, out of time."""
    result = traced(text)
    assert result.ends == [how]
    if error is not None:
        assert result.of(IterationEnded)[0].error == error


def test_return_out_of_a_loop_is_told_apart() -> None:
    """A ``return`` in the body is neither a ``break`` nor the end of the source."""
    iteration = "async def first():\n    async for n in naps(2): return n\n"
    result = traced(iteration, "await first()")
    assert result.ends == ["return"]


def test_wait_for_that_gives_up_is_a_timeout() -> None:
    """``wait_for`` cancels as ``timeout`` does, on each Python."""
    iteration = "async def walk():\n    async for n in naps(9): pass\n"
    assert traced(iteration, "await asyncio.wait_for(walk(), 0.7)").ends == ["timeout"]


def test_a_generator_that_is_closed_ends_the_iteration_in_it() -> None:
    """Closing a generator that stands at its ``yield`` ends the loop around the ``yield``."""
    through = "async def through():\n    async for n in naps(3): yield n\n"
    steps = "g = through(); await anext(g); await g.aclose()"
    assert traced(through, steps).ends == ["closed"]


def test_an_iteration_inside_a_source_is_nested() -> None:
    """A generator that iterates over another one: its iteration is one deeper, and told to be a step."""
    through = "async def through():\n    async for n in naps(1): yield n\n"
    result = traced(through, "async for n in through(): pass")
    assert [(type(event), event.iteration.depth) for event in result.events] == [
        (IterationBegan, 0), (AwaitableGiven, 0), (IterationBegan, 1), (AwaitableGiven, 1), (StepSuspended, 1), (StepSuspended, 0),
        (ValueBound, 1), (ValueBound, 0), (BodyFinished, 0), (AwaitableGiven, 0), (BodyFinished, 1), (AwaitableGiven, 1), (IterationEnded, 1),
        (IterationEnded, 0),
    ]  # fmt: skip
    assert [event.on for event in result.of(StepSuspended)] == [
        "asyncio.sleep(0.5)",
        "a step of naps",
    ]


def test_an_iteration_in_a_body_is_nested() -> None:
    """A loop in the body of another one is one deeper, also in a function that it calls."""
    inner = "async def inner():\n    return [m async for m in eager(1)]\n"
    result = traced(inner, "async for n in eager(1): await inner()")
    assert [event.iteration.depth for event in result.of(IterationBegan)] == [0, 1]


def test_iterations_of_several_tasks_are_told_apart() -> None:
    """Each iteration says which task began it."""
    iteration = "async def walk():\n    async for n in naps(1): pass\n"
    result = traced(iteration, "await asyncio.gather(walk(), walk())")
    assert len({event.iteration.lane for event in result.of(IterationBegan)}) == 2
    assert [event.iteration.depth for event in result.of(IterationBegan)] == [0, 0]


def test_clauses_of_a_comprehension_are_iterations_of_their_own() -> None:
    """The inner clause is iterated over once a value of the outer one, and each time to its end."""
    result = traced("[m async for n in eager(2) async for m in eager(n + 1)]")
    ended = [
        (event.iteration.depth, event.how, event.items) for event in result.of(IterationEnded)
    ]
    assert ended == [(1, "exhausted", 1), (1, "exhausted", 2), (0, "exhausted", 2)]


def test_a_generator_expression_is_told_where_it_is_iterated_over() -> None:
    """Its steps come when it is asked for values, nested in the iteration that asks."""
    result = traced("g = (n async for n in eager(1))\nasync for n in g: pass\n")
    asked = [event.iteration.depth for event in result.of(AwaitableGiven)]
    assert asked == [0, 1, 0, 1]
    assert result.ends == ["exhausted", "exhausted"]


def test_a_thousand_rounds_are_told_in_few_events() -> None:
    """The first in full, some in one line, then sums that double, and nothing is left out."""
    result = traced("async for n in naps(1000, 0.001): pass")
    assert len(result.events) < 35
    rounds = [(event.first, event.last) for event in result.of(RoundsSummary)]
    assert rounds == [
        *((n, n) for n in range(3, 9)),
        (9, 16), (17, 32), (33, 64), (65, 128), (129, 256), (257, 512), (513, 1000),
    ]  # fmt: skip
    sums = result.of(RoundsSummary)
    assert sum(event.suspended for event in sums) == 998
    (end,) = result.of(IterationEnded)
    assert end.waited == sum(event.waited for event in (*sums, *result.of(ValueBound)))


def test_a_thousand_iterations_are_told_in_few_events() -> None:
    """A loop that is entered again and again is summed up like rounds."""
    result = traced("for k in range(1000):\n    async for n in eager(3): pass\n")
    open_iterations = [event.more for event in result.of(IterationsSummary)]
    assert len(result.events) < 50
    assert sum(open_iterations) + len(result.of(IterationEnded)) == 1000
    assert sum(event.items for event in result.of(IterationsSummary)) == 3 * sum(open_iterations)


def test_iterations_in_a_round_that_is_not_told_are_not_told() -> None:
    """A loop in the body of a long loop does not flood."""
    result = traced("async for k in eager(300):\n    async for n in eager(300):\n        pass\n")
    assert len(result.events) < 100


def test_only_one_statement_and_its_tasks_can_be_told() -> None:
    """With `only`, iterations of other tasks go on unseen."""
    iteration = "async def walk(n):\n    async for _ in naps(n): pass\n"
    other = "t = asyncio.create_task(walk(3)); await asyncio.sleep(0.1)"
    result = traced(iteration, other, "await asyncio.create_task(walk(1))\nawait t\n", only=True)
    assert [event.items for event in result.of(IterationEnded)] == [1]


def test_the_tasks_of_its_tasks_are_told_too() -> None:
    """With `only`, an iteration of a task that a task of the statement made is told."""
    iteration = "async def walk():\n    async for _ in naps(1): pass\n"
    between = "async def between(): await asyncio.create_task(walk())\n"
    result = traced(iteration, between, "await asyncio.create_task(between())", only=True)
    assert result.ends == ["exhausted"]


def test_an_iteration_under_way_when_the_trace_ends_goes_on_unseen() -> None:
    """After `stop` nothing is told, and the iteration comes to its end."""

    def stop_soon(tracer: Tracer) -> None:
        tracer._loop.live.instruments.remove(tracer.open_iterations)
        tracer._loop.call_later(0.7, tracer.stop)

    result = traced("async for n in naps(4): pass\nlast = n\n", begun=stop_soon)
    assert result.ends == []
    assert result.outcome is not None
    assert result.outcome.error is None
    assert result.session is not None
    assert result.session.namespace["last"] == 3


def test_values_are_told_without_running_the_users_code() -> None:
    """Exact builtin values are shown; anything else by its type, its ``repr`` is not asked."""
    nasty = (
        "class Nasty:\n"
        "    def __repr__(self): raise SystemExit\n"
        "    __eq__ = __len__ = __bool__ = __repr__\n"
        "class Text(str):\n"
        "    def __repr__(self): raise SystemExit\n"
        "async def values():\n"
        "    for value in (1, 'a', [Nasty()], Nasty(), Text('x'), {'k': (1, 2)}): yield value\n"
    )
    result = traced(nasty, "async for v in values(): pass")
    told_values = [
        event.values for event in result.events if type(event) in {ValueBound, RoundsSummary}
    ]
    assert told_values == [
        "v = 1", "v = 'a'", "v = <list>", "v = <Nasty>", "v = <Text>", "v = {'k': (1, 2)}",
    ]  # fmt: skip


def test_nothing_is_left_of_iterations_that_are_over() -> None:
    """However many iterations were told, and however they ended, nothing of them is kept."""
    text = (
        "async for n in eager(30): pass\n"
        "[n async for n in naps(30, 0)]\n"
        "async for n in eager(3): break\n"
        "[1 / 0 async for n in naps(3)]\n"
    )
    assert traced(text).held == 0
