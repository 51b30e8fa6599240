"""Mistakes that raise nothing are told when they can be known, and only then."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from explain.figures import snippets
from explain.harness import corrected, driver, load, result_of
from explain.silent import observed
from explain.test_unseen import mistakes
from support.shells import typed_shell

from asyncrepl.views.explanation_lines import MAX_LINES

if TYPE_CHECKING:
    from collections.abc import Callable

#: The correction closes the generator, of which the last input then asks for more.
CLOSED = ("generator-call-not-awaited#aclose",)
#: The correction runs and shows something else: numbers instead of a word, or the
#: reference changes another input as well.
OTHER_OUTPUT = (
    "never-suspends-starves-others",
    "await-always-switches",
    "anext-without-await#at-the-prompt",  # each of the two inputs is told for itself
    "contextvar-reset-in-generator",  # adds a print
    # A thread that computes gives the interpreter away every 5 ms: others run, but seldom.
    "blocking-call-in-async-for#computation-in-the-body",
)
#: Of a task that is cancelled, `await` raises the CancelledError: as it should.
CANCELLED = ("except-swallows-cancellation#except-baseexception-around-the-loop",)


#: Explained without a correction: what is to hold together, or be limited, can be written in ways.
NO_FIX = (
    "changed-while-it-waited#read-before-the-await",
    "limit-left-before-its-tasks#semaphore-around-create-task",
    "returned-out-of-its-block#stream-of-a-session",
    "returned-out-of-its-block#coroutine-of-a-session",
)


def mistake_reporter(shown: str) -> list[int]:
    """How many lines each explanation in `shown` takes."""
    lines = shown.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("why  ")]
    return [len(list(itertools.takewhile(_goes_on, lines[start + 1 :]))) + 1 for start in starts]


def _goes_on(line: str) -> bool:
    return line.startswith(("try  ", "     "))


def silent() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(entry, snippet) for entry, snippet in snippets() if result_of(snippet) != "error"]


@pytest.mark.parametrize("pair", silent(), ids=lambda pair: pair[1]["id"])
def test_a_silent_mistake_is_explained_and_its_fix_runs(
    pair: tuple[dict[str, Any], dict[str, Any]],
    record_property: Callable[[str, object], None],
) -> None:
    """The right cause and step; the correction is clean and prints what it should."""
    entry, snippet = pair
    found, shown = observed(snippet["inputs"])
    right = found is not None and (found.id, found.step) == (entry["id"], entry["step"])
    record_property("right silent cause", right)
    assert found is not None, shown
    assert right, found
    assert max(mistake_reporter(shown), default=0) <= MAX_LINES
    assert (found.fix is None) == (snippet["id"] in NO_FIX)
    if found.fix is None:
        return
    fixed = corrected(snippet["inputs"], found)
    again, printed = observed(fixed + driver(snippet["inputs"], snippet["fix"]["inputs"])[-1:])
    record_property("silent fix runs", "Error" not in printed and "Warning" not in printed)
    if not snippet["id"].startswith((*CANCELLED, *CLOSED, "anext-without-await#at-the-prompt")):
        assert "Error" not in printed
        assert "Warning" not in printed
    if not snippet["id"].startswith((*OTHER_OUTPUT, *CANCELLED, *CLOSED)):
        assert (snippet["fix"]["must_print"] or "") in printed
    if snippet["id"] != "anext-without-await#at-the-prompt":
        assert again is None or again.id != entry["id"]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("wanted", "inputs"), mistakes("unseen_silent"))
def test_other_shapes_of_silent_mistakes_are_told(wanted: str, inputs: list[str]) -> None:
    """In methods, under other names, in comprehensions, through attributes and arguments."""
    found, shown = observed(inputs)
    assert found is not None, shown
    assert found.id == wanted
    if found.fix is not None:
        again, printed = observed(corrected(inputs, found))
        assert again is None or again.id != wanted
        assert "Error" not in printed or "anext" in wanted  # then the item is taken twice


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "control",
    [control for control in load("controls") if not control["incomplete"]],
    ids=lambda control: control["id"],
)
def test_controls_are_met_with_silence_while_all_is_observed(control: dict[str, Any]) -> None:
    """Neither right code nor an ordinary error makes anything be told."""
    found, shown = observed(control["inputs"])
    assert found is None, shown


#: Each text is inputs, a blank line between them.
GOOD = {
    "two loops one after the other over a class": """\
class Up:
    def __init__(s, n): s.n, s.i = n, 0
    def __aiter__(s): return s
    async def __anext__(s):
        if s.i == s.n: raise StopAsyncIteration
        s.i += 1
        return s.i

async for a in Up(2): print(a)

async for a in Up(2): print(a)
""",
    "a head and the rest": """\
async def lines():
    for n in range(3): yield n

async def main():
    source = lines()
    async for line in source:
        if line == 0: break
    async for line in source: print(line)

await main()
""",
    "a generator or what was kept of it": """\
async def rows():
    yield 1

kept = None

print([r async for r in (kept or rows())])
""",
    "pairs": """\
async def nums():
    for n in range(4): yield n

it = nums()

async for a in it:
    b = await anext(it)
    print(a, b)
""",
    "a generator tested for None": """\
async def nums():
    yield 1

gen = nums()

print(gen is None)

if gen: print([n async for n in gen])
""",
    "tasks kept": """\
async def job(n): await asyncio.sleep(0.01)

async def nums():
    for n in range(3): yield n

async def main():
    tasks = []
    async for n in nums():
        tasks.append(asyncio.create_task(job(n)))
    await asyncio.gather(*tasks)

await main()
""",
    "tasks that are done when the loop is": """\
async def job(n): pass

async def nums():
    for n in range(3):
        yield n
        await asyncio.sleep(0)

async for n in nums(): asyncio.create_task(job(n))

await asyncio.sleep(0)
""",
    "a cancellation let through": """\
async def work():
    try: await asyncio.sleep(9)
    except asyncio.CancelledError: print('bye'); raise

task = asyncio.create_task(work())

await asyncio.sleep(0); task.cancel(); await asyncio.wait([task]); None
""",
    "a timeout": """\
async def slow():
    try:
        async with asyncio.timeout(0.01): await asyncio.sleep(9)
    except TimeoutError: return 'late'

print(await asyncio.create_task(slow()))
""",
    "a group that fails": """\
async def bad(): raise ValueError

async def good(): await asyncio.sleep(9)

async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(bad()); group.create_task(good())
    except* ValueError: print('caught')

await asyncio.create_task(main())
""",
    "a break from a generator without cleanup": """\
async def nums():
    for n in range(3): yield n

async for n in nums(): break
""",
    "a break inside aclosing": """\
from contextlib import aclosing

async def nums():
    try:
        for n in range(3): yield n
    finally: print('closed')

async with aclosing(nums()) as s:
    async for n in s: break
""",
    "time.sleep in a thread": """\
import time

await asyncio.to_thread(time.sleep, 0.001)

def f(): time.sleep(0.001)

await asyncio.to_thread(f)
""",
    "asyncio.sleep under the name of another": """\
from asyncio import sleep

async def f(): await sleep(0)

await f()
""",
    "a step handled by hand": """\
async def nums():
    yield 1

it = nums()

try: print(await anext(it)); print(await anext(it))
except StopAsyncIteration: print('end')
""",
    "coroutines collected and gathered": """\
async def f(n): return n

jobs = [f(n) for n in range(3)]

print(await asyncio.gather(*jobs))
""",
    "an endless class": """\
class Beat:
    n = 0
    def __aiter__(s): return s
    async def __anext__(s):
        s.n += 1
        return s.n

async for n in Beat():
    if n > 3: break
""",
    "a class that hands the end on": """\
class Over:
    def __init__(s, it): s.it = aiter(it)
    def __aiter__(s): return s
    async def __anext__(s): return await anext(s.it)

async def nums():
    yield 1

print([n async for n in Over(nums())])
""",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_what_only_looks_like_a_mistake_is_met_with_silence(text: str) -> None:
    """Patterns that are right, and near to each of the mistakes."""
    found, shown = observed([each + "\n" for each in text.split("\n\n")])
    assert found is None, shown


NUMS = "async def nums():\n    yield 1\n"


def test_it_is_told_once() -> None:
    """A place that makes the same mistake again is not told again."""
    with typed_shell() as type_in:
        type_in(NUMS)
        type_in("async def main(g):\n    async for n in g: pass\n")
        type_in("g = nums(); await main(g)")
        assert type_in("await main(g)").startswith("why  `g` is at its end")
        assert type_in("await main(g)") == ""


def test_an_error_that_is_explained_is_told_alone() -> None:
    """What else went wrong in the same statement would only distract."""
    with typed_shell() as type_in:
        type_in(NUMS)
        type_in("async def main():\n    nums()\n    for n in nums(): pass\n")
        assert type_in("await main()").count("why  ") == 1


def test_the_story_of_a_silent_mistake_is_told_to_who_asks() -> None:
    """`:why` knows it as it knows an error's."""
    with typed_shell() as type_in:
        type_in(NUMS)
        type_in("if nums(): print('some')\n")
        assert "every object is true" in type_in(":why")


def test_who_asks_after_a_trace_is_told_that_one_comes_after_the_other() -> None:
    """Nothing is said by itself: a loop may be meant to take its time."""
    with typed_shell() as type_in:
        type_in("async def nums():\n    for n in range(3): yield n\n")
        type_in("async def fetch(n): await asyncio.sleep(0.1)\n")
        shown = type_in(":trace async for n in nums(): await fetch(n)")
        assert "why" not in shown
        assert "takes one item at a time" in type_in(":why")


def test_what_cannot_be_woken_is_told_while_it_waits() -> None:
    """A statement that waits for ever says so, before anybody interrupts it."""
    found, shown = observed(["await asyncio.Event().wait()"])
    assert found is not None
    assert found.id == "endless-generator-hangs"
    assert shown.index("Nothing can wake") < shown.index("KeyboardInterrupt")


def test_what_a_thread_may_wake_is_not_called_stuck() -> None:
    """The user's own thread counts as somebody who can."""
    wake = "threading.Timer(0.05, lambda: loop.call_soon_threadsafe(event.set)).start()"
    found, shown = observed(
        [
            "import threading; event = asyncio.Event(); loop = asyncio.get_running_loop()",
            f"{wake}; await event.wait()",
        ]
    )
    assert found is None, shown
