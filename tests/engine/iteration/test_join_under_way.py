"""Iterations that were under way before anybody looked are told from there on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.traced_iteration import Traced, told, traced

from asyncrepl.events.iteration_events import (
    AwaitableGiven,
    IterationBegan,
    IterationEnded,
    IterationJoined,
)

if TYPE_CHECKING:
    from asyncrepl.engine.iteration.tracer import Tracer

MONITORING = sys.version_info >= (3, 12)


def joined(text: str, after: float, *before: str) -> tuple[Traced, list[bool]]:
    """Run `text` untraced for so many seconds, then trace it and join its iterations."""
    seen: list[bool] = []

    def later(tracer: Tracer) -> None:
        task, timeline = tracer._only, tracer.timeline
        tracer.stop()

        def join() -> None:
            tracer.start(timeline, task)
            seen.extend(tracer.join())

        tracer._loop.call_later(after, join)

    return traced(*before, text, only=True, begun=later), seen


def test_the_rest_of_an_iteration_is_told() -> None:
    """The round under way in one, then each step; rounds are counted from where it was joined."""
    result, seen = joined("async for n in naps(4): await asyncio.sleep(0.25)", 0.6)
    assert seen == [True]
    assert [told(event)[:3] for event in result.events] == [
        ("IterationJoined", 600),
        ("AwaitableGiven", 2, 750),
        ("StepSuspended", 2, 750),
        ("ValueBound", 2, 1250),
        ("BodyFinished", 2, 1500),
        ("RoundsSummary", 3, 3),
        ("RoundsSummary", 4, 4),
        ("IterationEnded", 3000, "exhausted"),
    ]


def test_the_round_under_way_is_told_with_its_value() -> None:
    """Joined while it waits: when the value comes, and which it is."""
    result, _ = joined("async for n in naps(3): pass", 0.7)
    assert [told(event)[0] for event in result.events][:2] == ["IterationJoined", "RoundsSummary"]
    assert result.events[1].values == "n = 1"
    assert result.events[1].waited == 300_000_000


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("async for n in naps(3): pass", "exhausted"),
        ("async for n in naps(9):\n    if n == 2: break\n", "break"),
        ("async for n in naps(9): 1 / (n < 2)", "body"),
        ("async for n in failing(2): pass", "source"),
        ("[n async for n in naps(3)]", "exhausted"),
        ("async for a, b in pairs(3): pass", "exhausted"),
        (f"async for n in naps(3):\n    {'n + n; ' * 300}", "exhausted"),
        (
            f"{'; '.join(f'v{n} = 0' for n in range(300))}\nasync for w in naps(3): w + v0",
            "exhausted",
        ),
        ("async for box.n in naps(3): pass", "exhausted"),
    ],
    ids=lambda text: text[:36],
)
def test_how_a_joined_iteration_ended(text: str, how: str) -> None:
    """As far as can be known, it is said as of any other; nothing of it is left."""
    pairs = "async def pairs(n):\n    async for i in naps(n):\n        yield i, -i\n"
    result, seen = joined(text, 0.3, pairs, "class box: pass")
    assert all(seen)
    assert result.of(IterationEnded)[-1].how == how
    assert result.held == 0


def test_nested_iterations_are_joined_each() -> None:
    """The outer one first; an inner one that begins later is told as ever."""
    text = "async for a in naps(2):\n    async for b in naps(2): pass\n"
    result, seen = joined(text, 0.7)
    assert seen == [True, True]
    assert [event.iteration.site.target for event in result.of(IterationJoined)] == ["a", "b"]
    assert [
        (event.iteration.site.target, event.iteration.depth) for event in result.of(IterationBegan)
    ] == [("b", 1)]
    ended = [(event.iteration.site.target, event.how) for event in result.of(IterationEnded)]
    assert ended == [("b", "exhausted"), ("b", "exhausted"), ("a", "exhausted")]


def test_an_iteration_that_is_told_is_not_joined() -> None:
    """Nothing is told twice."""

    def begun(tracer: Tracer) -> None:
        tracer._loop.call_later(0.7, lambda: seen.extend(tracer.join()))

    seen: list[bool] = []
    result = traced("async for n in naps(3): pass", only=True, begun=begun)
    assert seen == [True]
    assert result.of(IterationJoined) == []
    assert [event.round for event in result.of(AwaitableGiven)] == [1, 2]


def test_only_the_frame_that_was_joined_is_told() -> None:
    """Another call of the same function is not."""
    iteration = "async def walk():\n    async for n in naps(2): pass\n"
    text = "t = asyncio.create_task(walk()); await asyncio.sleep(0.2); await walk(); await t"
    result, seen = joined(text, 0.1, iteration)
    assert seen == [True]
    assert (
        len(result.of(IterationJoined))
        == len({event.iteration.number for event in result.of(IterationJoined)})
        == 1
    )
    assert len(result.of(IterationBegan)) == 1


def test_afterwards_nothing_is_left() -> None:
    """No tool watches any code any more, nor does a function that traces."""
    joined("async for n in naps(3): pass", 0.7)
    assert sys.gettrace() is None
    if MONITORING:
        assert [sys.monitoring.get_tool(number) for number in (3, 4)] == [None, None]


def test_a_taken_tool_number_is_left_alone() -> None:
    """Where both are taken, iterations under way are not told, and that is known."""
    if not MONITORING:
        pytest.skip("before Python 3.12 there are none")
    for number in (3, 4):
        sys.monitoring.use_tool_id(number, "somebody")
    try:
        result, seen = joined("async for n in naps(3): pass", 0.7)
    finally:
        for number in (3, 4):
            sys.monitoring.free_tool_id(number)
    assert (seen, result.of(IterationJoined)) == ([False], [])


@pytest.mark.skipif(MONITORING, reason="from Python 3.12 on nothing is traced")
def test_a_trace_function_of_somebody_else_is_left_alone() -> None:
    """A debugger's, or that of a coverage tool: then iterations under way are not told."""
    before = sys.gettrace()
    theirs: Any = lambda *_: None  # noqa: E731
    sys.settrace(theirs)
    try:
        result, seen = joined("async for n in naps(3): pass", 0.7)
        assert sys.gettrace() is theirs
    finally:
        sys.settrace(before)
    assert (seen, result.of(IterationJoined)) == ([False], [])


@pytest.mark.parametrize("end", ["return", "break"])
def test_nothing_of_a_frame_that_is_over_is_kept(end: str) -> None:
    """What its names refer to dies with it, also while others are told."""
    text = (
        "class Kept: pass\n"
        "async def walk(seen):\n"
        "    kept = Kept(); seen.append(weakref.ref(kept))\n"
        f"    async for n in naps(2): {end}\n"
        "async def main():\n"
        "    seen = []\n"
        "    t = asyncio.create_task(walk(seen))\n"
        "    async for n in naps(4):\n"
        "        if n == 2: await asyncio.wait([t]); t = None; return seen[0]()\n"
    )
    result, seen = joined("alive = await main()", 0.3, "import weakref", text)
    assert seen == [True, True]
    assert result.session is not None
    assert result.session.namespace["alive"] is None
