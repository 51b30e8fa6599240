"""What the live loop costs beside asyncio's own: ``python tests/benchmarks/loop_cost.py``.

Prints medians of ratios of thread CPU time. The two sides of a ratio run right
after each other in every round, so that a busy machine slows both.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.tasks.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    Work = Callable[[], Coroutine[object, object, None]]
    MakeLoop = Callable[[], asyncio.AbstractEventLoop]


async def one_task() -> None:
    """1e5 rounds of a single task: nearly all of it is the loop itself."""
    for _ in range(100_000):
        await asyncio.sleep(0)


async def thousands_of_tasks() -> None:
    """1e4 tasks of 100 slices each: what is known of them no longer fits into the cache."""
    await many_tasks(10_000)


async def no_suspension() -> None:
    """1e6 rounds of a generator that never suspends: the loop has nothing to do."""

    async def numbers() -> AsyncGenerator[int, None]:
        for number in range(1_000_000):
            yield number

    async for _ in numbers():
        pass


async def many_tasks(tasks: int = 1000) -> None:
    """1e3 tasks of 100 slices each."""

    async def rounds() -> None:
        for _ in range(100):
            await asyncio.sleep(0)

    await asyncio.gather(*(rounds() for _ in range(tasks)))


async def short_tasks() -> None:
    """5e4 tasks that end in their first slice: making them is the work."""
    for _ in range(50_000):
        await asyncio.create_task(asyncio.sleep(0))


async def timers() -> None:
    """2e4 timers in real time."""
    loop = asyncio.get_running_loop()
    for _ in range(20_000):
        loop.call_later(0, int)
        await asyncio.sleep(0)


def observed() -> LiveLoop:
    loop = LiveLoop()
    loop.observe(Timeline())
    return loop


def once_observed() -> LiveLoop:
    loop = observed()
    loop.unobserve()
    return loop


def cost(make_loop: MakeLoop, work: Work) -> float:
    loop = make_loop()
    try:
        gc.collect()
        begin = time.thread_time()
        loop.run_until_complete(work())
        return time.thread_time() - begin
    finally:
        loop.close()


def ratio(one: MakeLoop, other: MakeLoop, work: Work, rounds: int) -> tuple[float, float]:
    """The median of `one` to `other`, and `one` in seconds."""
    pairs = [(cost(one, work), cost(other, work)) for _ in range(rounds)]
    return median(a / b for a, b in pairs), median(a for a, _ in pairs)


def main(rounds: int = 9) -> None:
    comparisons: list[tuple[str, MakeLoop, MakeLoop]] = [
        ("stock / stock", asyncio.SelectorEventLoop, asyncio.SelectorEventLoop),
        ("live / stock", LiveLoop, asyncio.SelectorEventLoop),
        ("live once observed / stock", once_observed, asyncio.SelectorEventLoop),
        ("observed / live", observed, LiveLoop),
    ]
    print(sys.version.split()[0])
    works = (one_task, many_tasks, thousands_of_tasks, no_suspension, short_tasks, timers)
    for work in works:
        for label, one, other in comparisons:
            value, seconds = ratio(one, other, work, rounds)
            print(f"{work.__name__:18} {label:28} {value:5.2f}x  ({seconds:.3f} s)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
