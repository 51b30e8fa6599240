"""Time in the user's hands: rates, freezing, stepping, changing the clock."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import pytest
from support.timelines import settle

import asyncrepl
from asyncrepl.engine.loop.debug_control import StepResult, step_timers
from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def run(main: Callable[[], Coroutine[Any, Any, Any]], clock: Clock | None = None) -> Any:
    """What `main` returns, on a virtual clock if none is given."""
    with asyncio.Runner(loop_factory=lambda: LiveLoop(clock or Clock.virtual())) as runner:
        return runner.run(main())


def fired_at(loop: LiveLoop, *delays: float) -> list[tuple[int, float]]:
    """Sets timers; the list fills with the number and instant of those that fire."""
    fired: list[tuple[int, float]] = []

    def fire(number: int) -> None:
        fired.append((number, loop.time()))

    for number, delay in enumerate(delays):
        loop.call_later(delay, fire, number)
    return fired


# -- the two who steer -----------------------------------------------------------


def test_thawing_does_not_release_and_releasing_does_not_thaw() -> None:
    """Time goes on when neither the user nor who runs the inputs stops it."""
    clock = Clock.virtual()
    clock.freeze()
    clock.hold()
    clock.release()
    assert (clock.stands, clock.frozen, clock.held) == (True, True, False)
    clock.hold()
    clock.thaw()
    assert (clock.stands, clock.frozen, clock.held) == (True, False, True)
    clock.release()
    assert not clock.stands


def test_the_speed_is_the_rate_times_the_pace() -> None:
    """A replay at double speed shows half the rate at the speed of real time."""
    clock = Clock.virtual(2.0, rate=0.5)
    assert clock.speed == 1.0
    clock.pace = math.inf
    assert (clock.speed, clock.rate) == (math.inf, 0.5)


def test_rate_tells_and_sets() -> None:
    """rate() is the rate that holds, rate(N) sets it."""

    async def main() -> list[float]:
        rates = [asyncrepl.rate(), asyncrepl.rate(0.5), asyncrepl.rate()]
        asyncrepl.clock("virtual")  # it jumps again, whatever it was told before
        return [*rates, asyncrepl.rate()]

    assert run(main) == [1.0, 0.5, 0.5, math.inf]


@pytest.mark.parametrize(
    ("rate", "error"),
    [
        (0, "0 is not a rate: try 0.1; what stops time is :freeze"),
        (-1, "-1 is not a rate: try 0.5, or 2"),
        (math.nan, "nan is not a rate: try 0.5, or 2"),
        (math.inf, "inf is not a rate here: try 10; what jumps is :clock virtual"),
        (1e300, "1e+300 is not a rate: they go from 0.000001 to 1000000"),
        (1e-300, "1e-300 is not a rate: they go from 0.000001 to 1000000"),
    ],
)
def test_what_is_no_rate_is_refused(rate: float, error: str) -> None:
    """Rates that stop, turn or break time are refused, and nothing changes."""

    async def main() -> float:
        with pytest.raises(ValueError, match="is not a rate") as caught:
            asyncrepl.rate(rate)
        assert str(caught.value) == error
        return asyncrepl.rate()

    assert run(main, Clock.real()) == 1.0


def test_a_loop_of_another_make_cannot_be_steered() -> None:
    """On asyncio's own loop the functions say why they can do nothing."""

    async def main() -> None:
        with pytest.raises(RuntimeError, match="only on a loop of asyncrepl's"):
            asyncrepl.freeze()

    asyncio.run(main())


# -- changing the clock -----------------------------------------------------------


def test_changing_the_clock_keeps_the_instant_and_the_timers() -> None:
    """From real to virtual and back: timers stay set for their instants, and fire there."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, LiveLoop)
        plain = loop.time()
        fired = fired_at(loop, 3600.0, 3600.0, 7200.0)
        assert asyncrepl.clock() == "real"
        assert asyncrepl.clock("virtual") == "virtual"
        assert asyncrepl.rate() == math.inf
        begin = loop.time()
        assert 0 <= begin - plain < 60
        await asyncio.sleep(3600)
        assert [number for number, _ in fired] == [0, 1]
        assert all(plain + 3600 <= at <= begin + 3600 for _, at in fired)
        asyncrepl.clock("real")
        assert asyncrepl.rate() == 1.0
        assert begin + 3600 <= loop.time() < begin + 3660
        assert len(fired) == 2

    run(main, Clock.real())


def test_a_clock_that_stands_still_is_changed_for_one_that_does() -> None:
    """Frozen stays frozen, held stays held."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, LiveLoop)
        asyncrepl.freeze()
        loop.live.clock.hold()
        asyncrepl.clock("real")
        clock = loop.live.clock
        assert (clock.mode, clock.held, clock.frozen) == ("real", True, True)
        instant = loop.time()
        assert 0 <= instant < 60
        assert loop.time() == instant

    run(main)


def test_only_two_clocks_are_known() -> None:
    """Another word is refused."""

    async def main() -> None:
        with pytest.raises(ValueError, match="a clock is 'real' or 'virtual', not 'fast'"):
            asyncrepl.clock("fast")  # type: ignore[arg-type]

    run(main)


def test_a_changed_clock_steers_the_loop_no_more(loop: LiveLoop) -> None:
    """What is done to the old clock has no effect on the loop."""
    before = loop.live.clock
    loop.use_clock(Clock.virtual(start=5.0))
    before.freeze()
    before.move_to(100.0)
    assert loop.time() == 5.0
    assert not loop.live.clock.stands


@pytest.mark.parametrize("steered", [1, 3])
def test_ties_keep_their_order_on_a_real_clock_once_it_is_steered(steered: int) -> None:
    """Timers for one instant fire as they were made, those of plain real time first."""
    loop = LiveLoop()
    fired: list[int] = []
    for number in range(8):
        if number == steered:
            loop.live.clock.freeze()
        loop.call_at(1.0, fired.append, number)
    settle(loop)
    loop.close()
    assert sorted(fired[:steered]) == list(range(steered))
    assert fired[steered:] == list(range(steered, 8))


# -- stepping -----------------------------------------------------------------------


def test_a_step_goes_exactly_to_the_next_timer(loop: LiveLoop) -> None:
    """One timer fires, at its instant; then time stands still there."""
    fired = fired_at(loop, 1.0, 2.0)
    assert loop.run_until_complete(asyncrepl.next_timers()) == StepResult(1, 1.0, more=True)
    assert fired == [(0, 1.0)]
    assert loop.live.clock.frozen
    assert loop.run_until_complete(asyncrepl.next_timers()) == StepResult(1, 2.0, more=False)
    assert loop.run_until_complete(asyncrepl.next_timers()) == StepResult(0, 2.0, more=False)


def test_timers_that_tie_fire_in_one_step(loop: LiveLoop) -> None:
    """Both were ready before either ran: stepping shows what running would."""

    async def main() -> tuple[StepResult, list[str]]:
        seen: list[str] = []

        async def first() -> None:
            await asyncio.sleep(1)
            seen.append(f"second cancelled: {second.cancel()}")

        async def sleeper() -> None:
            try:
                await asyncio.sleep(1)
                seen.append("second woke")
            except asyncio.CancelledError:
                seen.append("second was cancelled")

        one = asyncio.create_task(first())
        second = asyncio.create_task(sleeper())
        stepped = await asyncrepl.next_timers()
        await one
        return stepped, seen

    stepped, stepping = loop.run_until_complete(main())
    loop.live.clock.thaw()
    assert stepped == StepResult(2, 1.0, more=False)
    assert stepping == ["second cancelled: True", "second was cancelled"]


def test_what_a_step_wakes_runs_to_its_next_wait(loop: LiveLoop) -> None:
    """Chains of callbacks and tasks are over before the step is, new timers are kept."""

    async def main() -> list[str]:
        seen: list[str] = []

        async def work() -> None:
            await asyncio.sleep(1)
            for _ in range(20):
                await asyncio.sleep(0)
            seen.append("worked")
            await asyncio.sleep(1)
            seen.append("too far")

        task = asyncio.create_task(work())
        done = await asyncrepl.next_timers()
        assert done == StepResult(1, 1.0, more=True)
        task.cancel()
        return seen

    assert loop.run_until_complete(main()) == ["worked"]


def test_cancelled_timers_are_no_steps(loop: LiveLoop) -> None:
    """A step passes over what was cancelled, also a timeout that was left."""

    async def main() -> StepResult:
        loop.call_later(1, print).cancel()
        async with asyncio.timeout(2):
            pass
        loop.call_later(3, print)
        return await asyncrepl.next_timers()

    assert loop.run_until_complete(main()) == StepResult(1, 3.0, more=False)


def test_several_steps_count_timers(loop: LiveLoop) -> None:
    """As many instants are passed as it takes; the last one is passed as a whole."""
    fired = fired_at(loop, 1.0, 2.0, 2.0, 3.0)
    assert loop.run_until_complete(asyncrepl.next_timers(2)) == StepResult(3, 2.0, more=True)
    assert [number for number, _ in fired] == [0, 1, 2]


def test_a_program_that_never_rests_can_be_stepped(loop: LiveLoop) -> None:
    """A step ends, though there is always something ready to run."""

    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    async def main() -> StepResult:
        task = asyncio.create_task(spin())
        loop.call_later(1, print)
        try:
            return await asyncrepl.next_timers()
        finally:
            task.cancel()

    assert loop.run_until_complete(main()) == StepResult(1, 1.0, more=False)


def test_a_step_that_was_given_up_fires_no_more(loop: LiveLoop) -> None:
    """Cancelling next_timers() ends it before its next instant."""
    fired = fired_at(loop, 1.0, 2.0, 3.0)

    async def main() -> None:
        task = asyncio.create_task(asyncrepl.next_timers(3))
        loop.call_later(2.0, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    loop.run_until_complete(main())
    settle(loop)
    assert [number for number, _ in fired] == [0, 1]


def test_a_step_may_be_asked_for_in_a_callback(loop: LiveLoop) -> None:
    """step_timers() returns at once and calls back when the step is over."""
    fired = fired_at(loop, 1.0, 2.0)
    done: list[StepResult] = []
    loop.call_soon(step_timers, loop, 1, done.append)
    loop.call_soon(lambda: loop.when_settled(loop.stop))
    loop.run_forever()
    settle(loop)
    assert (done, len(fired)) == ([StepResult(1, 1.0, more=True)], 1)


def test_time_can_be_moved_forward_but_not_back(loop: LiveLoop) -> None:
    """move_to() an earlier instant changes nothing; what is due after it fires."""
    fired = fired_at(loop, 1.0, 2.0, 3.0)
    loop.live.clock.freeze()
    loop.live.clock.move_to(2.5)
    loop.live.clock.move_to(1.5)
    settle(loop)
    assert fired == [(0, 2.5), (1, 2.5)]
