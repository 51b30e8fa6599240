"""What tracing iterations costs: ``python tests/benchmarks/iteration_cost.py [ROUNDS]``.

Prints medians of ratios of thread CPU time to the same code as Python compiles it,
on the same loop. *off* is code that could be traced and is not; *traced* tells
every event to a listener that does nothing. The sides of a ratio run right
after each other in every round, so that a busy machine slows both.
"""

from __future__ import annotations

import ast
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.iteration.tracer import Tracer
from asyncrepl.engine.loop.live_loop import LiveLoop, ObservationRequests
from asyncrepl.events.instrument import Instrument
from asyncrepl.instrument.compilation import compile_source
from asyncrepl.syntax.sources import Source

if TYPE_CHECKING:
    from asyncrepl.events.iteration_events import IterationEvent

PROGRAM = """\
import asyncio

async def eager(n):
    for i in range(n): yield i

async def polite(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i

class Count:
    def __init__(self, n): self.left = n
    def __aiter__(self): return self
    async def __anext__(self):
        if not self.left: raise StopAsyncIteration
        self.left -= 1
        return self.left

async def generator_never_suspends():
    async for i in eager(1_000_000): pass

async def class_never_suspends():
    async for i in Count(1_000_000): pass

async def comprehension_never_suspends():
    [i async for i in eager(1_000_000)]

async def each_round_suspends():
    async for i in polite(100_000): pass

async def many_tasks():
    async def walk():
        async for i in polite(100): pass
    await asyncio.gather(*(walk() for _ in range(1000)))
"""
WORKS = [name for name in PROGRAM.split() if name.endswith(("suspends():", "tasks():"))]


def spaces() -> tuple[dict[str, Any], dict[str, Any]]:
    """The program as Python compiles it, and as we do."""
    plain: dict[str, Any] = {}
    ours: dict[str, Any] = {}
    exec(compile(PROGRAM, "<program>", "exec"), plain)
    source = Source("<program>", PROGRAM, ast.parse(PROGRAM))
    exec(compile_source(source, "exec"), ours)
    return plain, ours


class _Listener(Instrument):
    """What a view would be."""

    def iteration_event(self, event: IterationEvent) -> None:
        """Do nothing."""


def cost(work: Any, *, observe: bool = False, trace: bool = False) -> float:
    """Seconds of thread CPU time that `work` takes."""
    loop = LiveLoop()
    observing, tracer = ObservationRequests(loop), Tracer(loop)
    loop.live.instruments.add(_Listener())
    if observe:
        observing.want("lanes")
    if trace:
        tracer.start(observing.want("trace"))
    try:
        begin = time.thread_time()
        loop.run_until_complete(work())
        return time.thread_time() - begin
    finally:
        tracer.stop()
        loop.close()


def main(rounds: int = 5) -> None:
    plain, ours = spaces()
    print(sys.version.split()[0], " ratios to plain code: itself, off, lanes, traced")
    for name in (work.removesuffix("():") for work in WORKS):
        ratios: list[list[float]] = [[], [], [], []]
        for _ in range(rounds):
            base = cost(plain[name])
            ratios[0].append(cost(plain[name]) / base)
            ratios[1].append(cost(ours[name]) / base)
            ratios[2].append(cost(ours[name], observe=True) / base)
            ratios[3].append(cost(ours[name], trace=True) / base)
        print(f"{name:30}", *(f"{median(values):6.2f}x" for values in ratios))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
