"""Which async generators were left by a loop: those and no others."""

from __future__ import annotations

import gc
import sys
import warnings
import weakref
from typing import TYPE_CHECKING

import pytest

from asyncrepl.engine.leaks.open_generators import (
    LeftGenerator,
    LeftGeneratorFinder,
    open_generators,
)
from asyncrepl.engine.loop.loop_shutdown import LoopShutdown
from asyncrepl.engine.statements import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.engine.tasks.timeline import Timeline

READINGS = (
    "import contextlib\n"
    "async def readings(n=9):\n"
    "    for i in range(n):\n"
    "        await asyncio.sleep(1)\n"
    "        yield i\n"
)


class Typing:
    """Statements typed one after the other, with a look after each."""

    def __init__(self, loop: LiveLoop) -> None:
        self.loop = loop
        self.session = Session(loop)
        self.leftovers = LeftGeneratorFinder(loop, self.session.namespace)

    def __call__(self, *texts: str) -> list[LeftGenerator]:
        found = []
        for text in texts:
            self.loop.run_until_complete(self.session.run(text))
            found += self.leftovers.find()
        return found


@pytest.fixture
def typing(loop: LiveLoop, timeline: Timeline) -> Iterator[Typing]:
    assert loop.live.timeline is timeline
    typing = Typing(loop)
    typing(READINGS)
    yield typing
    LoopShutdown(loop, print, print).run()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # steps that nobody awaited, from Python 3.13 on
        typing.session.namespace.clear()
        gc.collect()


LEFT = {
    "by break": ["g = readings()", "async for x in g: break"],
    "by an exception": ["g = readings()", "async for x in g: 1/0"],
    "by return": [
        "async def first(g):\n    async for x in g: return x\n",
        "g = readings()",
        "await first(g)",
    ],
    "by a helper that stops early": [
        "async def take(g):\n    async for x in g:\n        yield x\n        return\n",
        "g = readings()",
        "async for x in take(g): pass",
    ],
    "by a comprehension that failed": ["g = readings()", "[1/x async for x in g]"],
    "by a task in the background": [
        "async def first(g):\n    async for x in g: return x\n",
        "g = readings(); t = asyncio.create_task(first(g))",
        "await t",
    ],
    "a generator expression": ["g = (x async for x in readings())", "async for x in g: break"],
    "under two names": ["g = readings(); h = g", "async for x in h: break"],
    "also in a list": ["g = readings(); all = [g, g]", "async for x in g: break"],
}


@pytest.mark.parametrize("case", LEFT)
def test_a_generator_that_a_loop_left_is_found_once(typing: Typing, case: str) -> None:
    """However the loop was left; and never again."""
    found = typing(*LEFT[case])
    assert [left.name for left in found] == ["g"]
    assert typing("1", "2") == []


HELD = {
    "an item": ["held = [readings()]", "async for x in held[0]: break"],
    "a value": ["held = {1: readings()}", "async for x in held[1]: break"],
    "an attribute": [
        "class Source:\n    def __init__(self): self.stream = readings()\n",
        "held = Source()",
        "async for x in held.stream: break",
    ],
}


@pytest.mark.parametrize("case", HELD)
def test_a_generator_that_lies_deeper_has_no_name(typing: Typing, case: str) -> None:
    """What holds it counts as well as a name, but isn't one."""
    assert [left.name for left in typing(*HELD[case])] == [""]


SILENT = {
    "nobody holds it: the loop closes it": ["async for x in readings(): break"],
    "it ended": ["g = readings(2)", "async for x in g: pass"],
    "it was closed": ["g = readings()", "async for x in g: break\nawait g.aclose()"],
    "aclosing closed it": [
        "g = readings()",
        "async with contextlib.aclosing(g) as s:\n    async for x in s: break\n",
    ],
    "it failed": [
        "async def bad():\n    yield 1\n    1/0\n",
        "g = bad()",
        "async for x in g: pass",
    ],
    "stepped by hand": ["g = readings()", "await anext(g)", "await anext(g)"],
    "stepped by hand, then by a loop": [
        "g = readings()",
        "await anext(g)\nasync for x in g: break",
    ],
    "by its methods": ["g = readings()", "await g.__anext__()", "await g.asend(None)"],
    "never begun": ["g = readings()", "h = aiter(g)"],
    "iterated on in the same statement": [
        "g = readings(3)",
        "async for x in g: break\nasync for x in g: pass",
    ],
    "a class that steps its source": [
        (
            "class Peek:\n"
            "    def __init__(self, it): self.it = it\n"
            "    def __aiter__(self): return self\n"
            "    async def __anext__(self): return await self.it.__anext__()\n"
        ),
        "p = Peek(readings())",
        "async for x in p: break",
    ],
    "a context manager": [
        "@contextlib.asynccontextmanager\nasync def room():\n    yield 1\n",
        "c = room()",
        "x = await c.__aenter__()",
    ],
    "a task in the middle of a step": [
        "async def walk(g):\n    async for x in g: pass\n",
        "g = readings(); t = asyncio.create_task(walk(g))",
        "await asyncio.sleep(1.5)",
    ],
    "a task between two steps": [
        "async def walk(g):\n    async for x in g: await asyncio.sleep(50)\n",
        "g = readings(); t = asyncio.create_task(walk(g))",
        "await asyncio.sleep(10)",
    ],
    "a task that may go on with it": [
        (
            "async def walk(g):\n"
            "    async for x in g: break\n"
            "    await asyncio.sleep(50)\n"
            "    async for x in g: pass\n"
        ),
        "g = readings(); t = asyncio.create_task(walk(g))",
        "await asyncio.sleep(10)",
    ],
    "two tasks, of which one has left": [
        "async def first(g):\n    async for x in g: return x\n",
        "async def walk(g):\n    async for x in g: await asyncio.sleep(50)\n",
        "g = readings(); t = asyncio.create_task(first(g))",
        "await t; u = asyncio.create_task(walk(g)); await asyncio.sleep(10)",
    ],
    "an awaitable of its next step": [
        "g = readings()",
        "async for x in g: break\nstep = anext(g)",
    ],
    "a generator that iterates over it": [
        "async def doubled(g):\n    async for x in g: yield 2 * x\n",
        "g = readings(); d = doubled(g)",
        "await anext(d)",
    ],
    "a merge": [
        (
            "async def merge(*sources):\n"
            "    steps = {asyncio.ensure_future(anext(s)): s for s in sources}\n"
            "    while steps:\n"
            "        done, _ = await asyncio.wait(steps, return_when='FIRST_COMPLETED')\n"
            "        for step in done:\n"
            "            source = steps.pop(step)\n"
            "            steps[asyncio.ensure_future(anext(source))] = source\n"
            "            yield step.result()\n"
        ),
        "a, b = readings(), readings()",
        "m = merge(a, b)",
        "x = await anext(m)",
    ],
    "a bound method of it": ["g = readings()", "async for x in g: break\nstep = g.asend"],
    "in an exception's frame": [
        "async def f():\n    g = readings()\n    async for x in g: 1/0\n",
        "try: await f()\nexcept ZeroDivisionError as e: kept = e\n",
    ],
}


@pytest.mark.parametrize("case", SILENT)
def test_a_generator_somebody_may_iterate_over_is_not_found(typing: Typing, case: str) -> None:
    """A false alarm is worse than none."""
    assert typing(*SILENT[case]) == []


def test_it_is_found_once_its_iterating_task_has_gone(typing: Typing) -> None:
    """What was not certain at first is told when it is."""
    texts = (
        "async def walk(g):\n    async for x in g: break\n    await asyncio.sleep(9)\n",
        "g = readings(); t = asyncio.create_task(walk(g))",
        "await asyncio.sleep(5)",
    )
    assert typing(*texts) == []
    assert [left.name for left in typing("await t")] == ["g"]


def test_the_place_is_that_of_the_loop(typing: Typing) -> None:
    """File and position of the ``async for`` that began to iterate over it."""
    typing("g = readings()")
    (left,) = typing("x = 1\nif x:\n    async for x in g: break\n")
    assert (left.what, left.defined, left.filename) == ("readings", "<input 1>", "<input 3>")
    assert (left.place.lineno, left.place.column) == (3, 4)


def test_looking_leaves_everything_as_it_was(typing: Typing) -> None:
    """No reference stays: the generator dies with its last name, and its id may be used anew."""
    typing("g = readings()", "async for x in g: break")
    generator = typing.session.namespace["g"]
    count, born = sys.getrefcount(generator), weakref.ref(generator)
    typing.leftovers.find()
    open_generators(typing.loop)
    assert sys.getrefcount(generator) == count
    del generator
    typing("del g")
    gc.collect()
    assert born() is None
    for _ in range(50):
        assert len(typing("g = readings()", "async for x in g: break")) == 1


def test_no_code_of_the_users_is_run(typing: Typing) -> None:
    """Objects are looked through without a method of theirs."""
    found = typing(
        "class Touchy:\n"
        "    def no(self, *args): raise SystemExit('touched')\n"
        "    __len__ = __iter__ = __getattribute__ = __eq__ = __hash__ = __repr__ = no\n"
        "    __class__ = property(no)\n",
        "touchy, g = Touchy(), readings()",
        "async for x in g: break",
    )
    assert [left.name for left in found] == ["g"]


def test_what_was_iterated_over_is_not_remembered_for_ever(typing: Typing) -> None:
    """The notes are dropped with the generators."""
    typing("kept = [readings() for _ in range(300)]")
    typing("for each in kept:\n    async for x in each: break\n")
    assert len(typing.loop.live.first_steps) >= 300
    typing("del kept, each", "1")
    assert len(typing.loop.live.first_steps) < 40


def test_a_large_namespace_is_not_looked_through_for_ever(typing: Typing) -> None:
    """Names always are, what lies in them up to a limit; then nothing is said."""
    typing("many = {n: [n] * 900 for n in range(900)}", "g, held = readings(), [readings()]")
    assert [left.name for left in typing("async for x in g: break")] == ["g"]
    assert typing("async for x in held[0]: break") == []


def test_with_nobody_looking_nothing_is_noted(loop: LiveLoop) -> None:
    """Without a timeline no iteration is noted, and nothing is found."""
    typing = Typing(loop)
    assert typing(READINGS, "g = readings()", "async for x in g: break") == []
    assert loop.live.first_steps == {}


def test_open_generators_say_where_they_wait_and_who_began(typing: Typing) -> None:
    """Those that were begun and have not ended, also while a step is under way."""
    typing("g = readings()", "async for x in g: break", "ended = [x async for x in readings(1)]")
    typing("h = readings(); step = asyncio.ensure_future(anext(h)); await asyncio.sleep(0)")
    waits, runs = sorted(open_generators(typing.loop), key=lambda each: each.running)
    assert (waits.what, waits.at, waits.begun) == ("readings", ("<input 1>", 5), ("<input 3>", 1))
    assert (runs.at, runs.running) == (("<input 1>", 4), True)
