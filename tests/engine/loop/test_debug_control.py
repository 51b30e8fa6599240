"""Pausing a loop and stepping it; everything in virtual time, which stands when nobody steps."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest
from support.timelines import settle

from asyncrepl.engine.loop.debug_control import DebugControl
from asyncrepl.engine.loop.interrupts import Interrupter
from asyncrepl.engine.loop.loop_iteration import Breakpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.engine.loop.debug_control import StepResult
    from asyncrepl.engine.loop.live_loop import LiveLoop


@pytest.fixture
def control(loop: LiveLoop) -> DebugControl:
    return DebugControl(loop)


def run_until(loop: LiveLoop, instant: float) -> None:
    loop.call_at(instant, loop.stop)
    loop.run_forever()


def tick(loop: LiveLoop, seconds: float = 1.0) -> list[float]:
    """A task that notes the time each so many seconds."""
    seen: list[float] = []

    async def ticking() -> None:
        while True:
            await asyncio.sleep(seconds)
            seen.append(loop.time())

    loop.call_soon(lambda: setattr(loop, "ticking", loop.create_task(ticking())))
    return seen


def test_a_pause_stops_time_where_it_is(loop: LiveLoop, control: DebugControl) -> None:
    """No timer fires any more; what needs none still runs."""
    seen, ran = tick(loop), []
    loop.call_at(2.5, control.pause)
    run_until(loop, 2.5)
    loop.call_soon(ran.append, "soon")
    settle(loop)
    assert (seen, loop.time(), ran, control.mode) == ([1, 2], 2.5, ["soon"], "paused")


def test_going_on_loses_no_time_and_catches_up_with_none(
    loop: LiveLoop, control: DebugControl
) -> None:
    """Time runs on from the instant of the pause: each timer fires at its own."""
    seen = tick(loop)
    loop.call_at(2.5, control.pause)
    run_until(loop, 2.5)
    control.resume_all()
    run_until(loop, 4.5)
    assert (seen, control.mode) == ([1, 2, 3, 4], "off")


def test_a_step_goes_exactly_to_the_next_timer(loop: LiveLoop, control: DebugControl) -> None:
    """It fires, what it wakes runs, and time stands still again."""
    seen, steps = tick(loop), []
    control.pause()

    def stepped(step: StepResult) -> None:
        steps.append(step)
        loop.stop()

    for instant in (1.0, 2.0):
        control.next_timer(stepped)
        loop.run_forever()
        assert (seen[-1], loop.time()) == (instant, instant)
    assert [step.fired for step in steps] == [1, 1]
    assert loop.live.clock.frozen


def test_steps_asked_for_at_once_come_one_after_the_other(
    loop: LiveLoop, control: DebugControl
) -> None:
    """Three presses of a key are three steps, however quickly they come."""
    seen, steps = tick(loop), []
    control.pause()
    for _ in range(3):
        control.next_timer(lambda step: (steps.append(step.at), len(steps) == 3 and loop.stop()))
    loop.run_forever()
    assert (seen, steps) == ([1, 2, 3], [1, 2, 3])


def test_steps_of_both_kinds_keep_their_order(loop: LiveLoop, control: DebugControl) -> None:
    """To a timer, to the second ``__anext__`` from there, to a timer."""
    seen, told = tick(loop), []

    async def asks() -> None:
        for _ in range(3):
            await asyncio.sleep(0.75)
            told.append(loop.time())
            control.reached()

    loop.call_soon(lambda: setattr(loop, "asking", loop.create_task(asks())))
    control.next_timer(lambda _: told.append("timer"))
    control.next_anext(lambda: told.append("on"))
    control.next_anext(lambda: told.append("on from a step"))
    control.next_timer(lambda _: loop.stop())
    loop.run_forever()
    assert told == [0.75, "timer", "on", 1.5, 2.25]
    assert (seen, loop.time(), control.mode) == ([1, 2, 3], 3, "paused")


def test_going_on_gives_up_a_step(loop: LiveLoop, control: DebugControl) -> None:
    """A step that has not come to its timer is forgotten, and nobody is told of it."""
    seen, steps = tick(loop), []
    control.pause()
    control.next_timer(steps.append)
    control.resume_all()
    run_until(loop, 1.5)
    assert (seen, steps) == ([1], [])


def test_where_no_timer_is_set_the_step_says_so(loop: LiveLoop, control: DebugControl) -> None:
    """What is awaited comes from elsewhere then."""
    fired: list[int] = []
    control.next_timer(lambda step: (fired.append(step.fired), loop.stop()))
    loop.run_forever()
    assert fired == [0]


def test_a_pause_leaves_a_frozen_clock_frozen(loop: LiveLoop, control: DebugControl) -> None:
    """Who has frozen time thaws it."""
    loop.live.clock.freeze()
    control.pause()
    control.next_anext(lambda: None)
    assert not loop.live.clock.frozen
    control.resume_all()
    assert loop.live.clock.frozen


def test_at_a_step_nothing_runs_but_what_is_posted(loop: LiveLoop, control: DebugControl) -> None:
    """The thread stands inside the program's call: no task, no callback, no time."""
    seen: list[object] = []

    async def asks() -> None:
        asyncio.get_running_loop().call_soon(seen.append, "callback")
        control.post(lambda: seen.append((control.mode, loop.live.loop_iteration.busy)))
        control.post(control.resume_all)
        control.next_anext(lambda: None)
        control.reached()
        seen.append("went on")

    loop.run_until_complete(asks())
    settle(loop)
    assert seen == [("step", False), "went on", "callback"]
    assert loop.live.loop_iteration.busy is False


def test_who_does_not_step_does_not_stand(control: DebugControl) -> None:
    """An iteration that asks for its next value goes on, unless that was waited for."""
    control.reached()
    control.pause()
    control.reached()
    assert control.mode == "paused"


class Foreground:
    """What a Ctrl-C is for."""

    task: asyncio.Task[None] | None = None

    def interrupt(self) -> bool:
        assert self.task is not None
        return self.task.cancel()


@pytest.fixture
def foreground(loop: LiveLoop) -> Iterator[Foreground]:
    foreground = Foreground()
    interrupter = Interrupter(loop, foreground, lambda: None)
    interrupter.install()
    yield foreground
    interrupter.uninstall()


def test_a_ctrl_c_at_a_step_reaches_the_statement_there(
    loop: LiveLoop, control: DebugControl, foreground: Foreground
) -> None:
    """As in any code of its own; and time goes on, for its cleanup."""

    async def asks() -> None:
        control.post(lambda: signal.raise_signal(signal.SIGINT))
        control.next_anext(lambda: None)
        try:
            control.reached()
        except KeyboardInterrupt:
            await asyncio.sleep(60)
            foreground.task = None

    foreground.task = loop.create_task(asks())
    loop.run_until_complete(foreground.task)
    assert (foreground.task, loop.time(), control.mode) == (None, 60, "off")


def test_a_ctrl_c_while_another_task_stands_lets_that_go(
    loop: LiveLoop, control: DebugControl, foreground: Foreground
) -> None:
    """It hits the statement only, which is cancelled."""

    async def asks() -> str:
        control.post(lambda: signal.raise_signal(signal.SIGINT))
        control.next_anext(lambda: None)
        control.reached()
        return "went on"

    foreground.task = loop.create_task(asyncio.sleep(60))  # type: ignore[arg-type]
    assert loop.run_until_complete(asks()) == "went on"
    assert control.mode == "paused"
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(foreground.task)


def test_what_is_posted_runs_once(loop: LiveLoop) -> None:
    """In the stand or in the loop, whichever comes first, and in order."""
    loop_breakpoint, ran = Breakpoint(loop.live.loop_iteration, loop.call_soon_threadsafe), []
    loop_breakpoint.post(lambda: ran.append(1))
    loop_breakpoint.post(loop_breakpoint.leave)
    loop_breakpoint.here()
    loop_breakpoint.post(lambda: ran.append(2))
    settle(loop)
    assert ran == [1, 2]


def test_leaving_where_nobody_stands_is_forgotten(loop: LiveLoop) -> None:
    """The next stand does not end at once because of it."""
    loop_breakpoint, ran = Breakpoint(loop.live.loop_iteration, loop.call_soon_threadsafe), []
    loop_breakpoint.leave()
    loop_breakpoint.post(lambda: ran.append(1))
    loop_breakpoint.post(loop_breakpoint.leave)
    loop_breakpoint.here()
    assert ran == [1]
