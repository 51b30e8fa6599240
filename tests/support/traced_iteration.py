"""Running typed code with its iterations traced, on a virtual clock."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from support.instruments import EventList

from asyncrepl.engine.iteration.tracer import Tracer
from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.statements import Session
from asyncrepl.engine.tasks.timeline import Timeline
from asyncrepl.events.iteration_events import Iteration, IterationEnded, IterationEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.statements import Outcome

__all__ = ["SOURCES", "Traced", "told", "traced"]

#: Sources to iterate over.
SOURCES = """\
async def naps(n, seconds=0.5):
    for i in range(n):
        await asyncio.sleep(seconds)
        yield i

async def eager(n):
    for i in range(n):
        yield i

async def failing(n):
    for i in range(n):
        yield i
    await asyncio.sleep(0.5)
    raise ValueError("broken")
"""


@dataclass
class Traced:
    """What was told, and how the last statement ended."""

    events: list[IterationEvent] = field(default_factory=list)
    outcome: Outcome | None = None
    session: Session | None = None
    #: How many iterations the tracer still held when the statement was over.
    held: int = 0

    def of(self, kind: type) -> list[Any]:
        """The events of one kind."""
        return [event for event in self.events if type(event) is kind]

    @property
    def ends(self) -> list[str]:
        """How the iterations ended, in the order in which they did."""
        return [event.how for event in self.of(IterationEnded)]


def traced(
    *texts: str, only: bool = False, begun: Callable[[Tracer], object] | None = None
) -> Traced:
    """Run `texts` one after the other, all traced, and say what was told of the last one.

    With `only`, the iterations of the last statement alone. `has_begun` is called with the
    tracer when the last one begins.
    """
    result = Traced()
    loop = LiveLoop(Clock.virtual())
    timeline = Timeline()
    loop.observe(timeline)
    tracer = Tracer(loop)
    loop.live.instruments.add(EventList(result.events))
    session = result.session = Session(loop)

    async def everything() -> None:
        for text in (SOURCES, *texts[:-1]):
            assert (await session.run(text)).error is None
        result.events.clear()
        ended: asyncio.Future[Outcome] = loop.create_future()
        if not only:
            tracer.start(timeline)
        run = session.start(texts[-1], ended.set_result)
        assert run is not None
        if only:
            tracer.start(timeline, run.task)
        if begun is not None:
            begun(tracer)
        result.outcome = await ended
        tracer.finish(result.outcome.error)
        open_iterations = tracer.open_iterations
        result.held = (
            len(open_iterations._frames)
            + len(open_iterations._waiting_to_suspend)
            + len(open_iterations.dropped)
        )
        tracer.stop()

    try:
        loop.run_until_complete(everything())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        tracer.stop()
        loop.close()
        session.sources.forget()
    return result


def told(event: IterationEvent) -> tuple[Any, ...]:
    """An event as a tuple: its name and its fields, without the iteration; times in ms."""
    fields = {name: getattr(event, name) for name in event._fields if name != "iteration"}
    times = {"at", "waited", "took", "body", "last"} - ({"last"} if "first" in fields else set())
    shown = (
        value // 1_000_000 if name in times and value is not None else value
        for name, value in fields.items()
    )
    assert isinstance(event.iteration, Iteration)
    return type(event).__name__, *shown
