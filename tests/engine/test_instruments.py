"""What the engine tells who looks: the story of a program, and nothing to whom does not listen."""

from __future__ import annotations

import ast
import asyncio
import threading
from typing import TYPE_CHECKING, Any

from support.shells import typed_shell

from asyncrepl.engine.iteration.tracer import Tracer
from asyncrepl.engine.tasks.timeline import Timeline
from asyncrepl.events.finding_log import install
from asyncrepl.events.findings import Finding
from asyncrepl.events.instrument import Instrument, Instruments
from asyncrepl.events.iteration_events import (
    NO_TASKS,
    Iteration,
    IterationEnded,
    IterationEvent,
    LoopSite,
)
from asyncrepl.events.object_info import describe
from asyncrepl.instrument.compilation import compile_source
from asyncrepl.syntax.sources import Source

if TYPE_CHECKING:
    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.events import Blocked, BlockingReport, Ending
    from asyncrepl.events.findings import Leak

PROGRAM = """\
async def numbers():
    await asyncio.sleep(0.5)
    yield 1

async def main():
    async for n in numbers(): pass
"""


class Story(Instrument):
    """Writes down all it is told."""

    def __init__(self, loop: LiveLoop) -> None:
        self.told: list[object] = []
        self._loop = loop

    def task_made(self, lane: int, parent: int | None) -> None:
        self.told.append(("made", lane, parent))

    def task_suspended(self, task: asyncio.Task[Any]) -> None:
        self.told.append(("suspended", task.get_name(), self._loop.time()))

    def task_ended(self, lane: int, how: Ending, slices: int) -> None:
        self.told.append(("ended", lane, how, slices))

    def loop_waits(self) -> None:
        self.told.append("waits")

    def iteration_event(self, event: IterationEvent) -> None:
        self.told.append(type(event).__name__)

    def finding(self, finding: Finding) -> None:
        self.told.append(finding.what)

    def blocked(self, found: Blocked) -> None:
        self.told.append(found)

    def blocking_report(self, report: BlockingReport) -> None:
        self.told.append(report)

    def leak(self, leak: Leak) -> None:
        self.told.append(leak)


def space(text: str) -> dict[str, Any]:
    """The names of `text`, compiled as the prompt does."""
    names: dict[str, Any] = {"asyncio": asyncio}
    exec(compile_source(Source("<program>", text, ast.parse(text)), "exec"), names)
    return names


def test_the_story_of_a_traced_program(loop: LiveLoop) -> None:
    """Tasks, what suspends them, and the six steps come in the order in which they happen."""
    loop.observe(timeline := Timeline())
    loop.live.instruments.add(story := Story(loop))
    tracer, names = Tracer(loop), space(PROGRAM)
    tracer.start(timeline)
    loop.run_until_complete(loop.create_task(names["main"](), name="main"))
    tracer.stop()
    assert story.told == [
        ("made", 1, None),
        *("IterationBegan", "AwaitableGiven"),
        ("suspended", "main", 0.0),
        "StepSuspended",
        *("ValueBound", "BodyFinished", "AwaitableGiven", "IterationEnded"),
        ("ended", 1, "done", 2),
    ]


def test_a_task_that_another_makes_and_cancels_never_runs(loop: LiveLoop) -> None:
    """Who made it is told, and that its only slice is the one that ends it."""
    loop.observe(Timeline())
    loop.live.instruments.add(story := Story(loop))

    async def main() -> None:
        loop.create_task(asyncio.sleep(1)).cancel()
        await asyncio.sleep(0)

    loop.run_until_complete(loop.create_task(main(), name="main"))
    assert [each for each in story.told if each[0] != "suspended"] == [  # type: ignore[index]
        ("made", 1, None),
        ("made", 2, 1),
        ("ended", 2, "cancelled", 1),
        ("ended", 1, "done", 2),
    ]


class EndsWaits(Instrument):
    """Ends what the loop waits for, as soon as it does; notes when that was."""

    def __init__(self, loop: LiveLoop) -> None:
        self.over = threading.Event()
        self.at: list[float] = []
        self._loop = loop

    def loop_waits(self) -> None:
        self.at.append(self._loop.time())
        self.over.set()


def test_a_wait_that_only_the_outside_can_end_is_told_without_a_record(loop: LiveLoop) -> None:
    """Not one that a timer ends."""
    loop.live.instruments.add(story := EndsWaits(loop))

    async def main() -> None:
        await asyncio.sleep(1)
        assert await asyncio.to_thread(story.over.wait, 20)

    loop.run_until_complete(main())
    assert story.at
    assert set(story.at) == {1.0}


def test_a_finding_is_told_once_at_its_place_and_kept_in_the_record(loop: LiveLoop) -> None:
    """In the record of the loop to which the log belongs, bounded, and nowhere else."""
    loop.observe(timeline := Timeline(past=3))
    loop.live.instruments.add(story := Story(loop))
    code = compile("", "<program>", "exec")
    for offset in (0, 0, 1, 2, 3, 3):
        loop.live.findings.add(Finding("blocks", describe(None), code, offset))
    assert story.told == ["blocks"] * 4
    assert [found.offset for found in timeline.snapshot().findings] == [1, 2, 3]


def test_probes_tell_the_log_that_is_installed(loop: LiveLoop) -> None:
    """What a program does wrong stands in the record; with nobody installed it goes unnoticed."""
    loop.observe(timeline := Timeline())
    text = "async def numbers():\n    yield 1\n\nasync def main():\n    numbers()\n"
    before = install(None)
    try:
        loop.run_until_complete(space(text)["main"]())
        assert timeline.snapshot().findings == ()
        install(loop.live.findings)
        loop.run_until_complete(space(text)["main"]())
    finally:
        install(before)
    (found,) = timeline.snapshot().findings
    assert (found.what, found.code.co_name) == ("lost", "main")


def test_without_a_listener_nothing_is_noted(loop: LiveLoop) -> None:
    """A log to which no instrument listens does not even look."""
    code = compile("", "<program>", "exec")
    loop.live.findings.add(Finding("blocks", describe(None), code, 0))
    assert loop.live.findings.take() == []
    assert not loop.live.findings.is_heard


def test_of_very_many_steps_the_last_are_kept() -> None:
    """The record of iterations is bounded."""
    timeline = Timeline(steps=4)
    iteration = Iteration(1, 1, "", 0, LoopSite("", 1, "", "", "async for", (1, 0)))
    for at in range(10):
        timeline.iteration_event(
            IterationEnded(iteration, at, "break", "", 0, 0, 0, 0, None, NO_TASKS)
        )
    assert [event.at for event in timeline.snapshot().iteration_events] == [6, 7, 8, 9]


def test_only_what_is_overridden_is_called_and_what_is_removed_no_more(loop: LiveLoop) -> None:
    """An instrument that adds itself twice is told once; others stay when one goes."""

    class Waits(Instrument):
        def loop_waits(self) -> None:
            """Do nothing."""

    instruments, waits, story = Instruments(), Waits(), Story(loop)
    instruments.add(waits)
    instruments.add(story)
    instruments.add(waits)
    assert [hear.__self__ for hear in instruments.loop_waits] == [story, waits]  # type: ignore[attr-defined]
    assert [hear.__self__ for hear in instruments.leak] == [story]  # type: ignore[attr-defined]
    instruments.remove(story)
    instruments.remove(story)
    assert len(instruments.loop_waits) == 1
    assert instruments.leak == ()


def test_every_event_has_its_hook() -> None:
    """The protocol and the lists of who listens name the same things."""
    hooks = {name for name in vars(Instrument) if not name.startswith("_")}
    assert hooks == set(Instruments.__slots__)


def test_an_open_shell_is_the_only_one_that_probes_tell() -> None:
    """The slot is given back to whoever had it."""
    before = install(None)
    try:
        with typed_shell() as outer:
            with typed_shell():
                pass
            assert install(outer.shell.loop.live.findings) is outer.shell.loop.live.findings
    finally:
        assert install(before) is None
