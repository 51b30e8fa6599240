"""Time: real, virtual, held."""

from __future__ import annotations

import asyncio
import math
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.timelines import settle

from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

YEAR = 365 * 24 * 3600.0


@pytest.fixture
def loop() -> Iterator[LiveLoop]:
    loop = LiveLoop(Clock.virtual())
    yield loop
    loop.close()


def run(main: Callable[[], Coroutine[Any, Any, Any]], clock: Clock | None = None) -> Any:
    """What `main` returns on a virtual clock."""
    with asyncio.Runner(loop_factory=lambda: LiveLoop(clock or Clock.virtual())) as runner:
        return runner.run(main())


def now() -> float:
    return asyncio.get_running_loop().time()


class KnownState:
    """A loop with one timer at `at`, waiting for the outside or not."""

    def __init__(self, at: float = math.inf, *, waits: bool = False) -> None:
        self.at = at
        self.waits = waits
        self.polled: list[float | None] = []

    def deadline(self) -> float:
        """The timer's instant."""
        return self.at

    def outside(self) -> bool:
        """Whether it waits for the outside."""
        return self.waits

    def poll(self, timeout: float | None) -> list[Any]:
        """Nothing comes; note how long one would have waited."""
        self.polled.append(timeout)
        return []


# -- the virtual clock -----------------------------------------------------------


def test_a_virtual_clock_starts_at_zero_or_where_told() -> None:
    """A virtual clock starts at 0.0, or at `start`."""
    assert Clock.virtual().time() == 0.0
    assert Clock.virtual(start=12.5).time() == 12.5


def test_equal_deadlines_fire_in_order_of_creation(loop: LiveLoop) -> None:
    """Eight timers for the same instant fire in the order they were made."""
    fired: list[int] = []
    for number in range(8):
        loop.call_at(1.0, fired.append, number)
    loop.call_at(1.0, loop.stop)
    loop.run_forever()
    assert fired == list(range(8))


def test_sums_of_floats_are_true_ties() -> None:
    """Three times 0.1 s is 0.3 s: the timer made first fires first."""

    async def main() -> list[str]:
        order: list[str] = []

        async def thrice() -> None:
            for _ in range(3):
                await asyncio.sleep(0.1)
            order.append("thrice")

        async def once() -> None:
            await asyncio.sleep(0.3)
            order.append("once")

        await asyncio.gather(thrice(), once())
        assert now() == 0.3
        return order

    assert run(main) == ["once", "thrice"]


async def a_minute_of_tickers() -> tuple[tuple[float, str], ...]:
    seen: list[tuple[float, str]] = []

    async def tick(name: str, period: float) -> None:
        while True:
            await asyncio.sleep(period)
            seen.append((now(), name))

    periods = zip("abcde", (0.1, 0.2, 0.3, 0.5, 0.7), strict=True)
    tasks = [asyncio.create_task(tick(*one)) for one in periods]
    await asyncio.sleep(60.05)
    for task in tasks:
        task.cancel()
    return tuple(seen)


def test_every_run_is_the_same() -> None:
    """A minute of five tickers gives one output in twenty runs."""
    runs = {run(a_minute_of_tickers) for _ in range(20)}
    assert len(runs) == 1
    assert len(runs.pop()) == 600 + 300 + 200 + 120 + 85


def test_the_pace_changes_nothing_but_the_waiting() -> None:
    """A paced clock shows the same instants in the same order as one that jumps."""
    assert run(a_minute_of_tickers, Clock.virtual(pace=20_000)) == run(a_minute_of_tickers)


@pytest.mark.parametrize("delay", [0.1, 1 / 3, 3600.0, YEAR, 1000 * YEAR])
def test_time_moves_exactly_to_the_deadline(delay: float) -> None:
    """After a sleep it is exactly so much later, to the nanosecond, however long it was."""

    async def main() -> float:
        await asyncio.sleep(delay)
        return now()

    assert run(main) == round(delay, 9)


def test_the_shortest_delay_takes_time() -> None:
    """Even a delay below a nanosecond moves the clock, so that waiting for an instant ends."""

    async def main() -> bool:
        end = now() + 5e-9
        while now() < end:
            await asyncio.sleep(1e-10)
        return True

    assert run(main)


def test_a_timer_for_infinity_does_not_move_the_clock(loop: LiveLoop) -> None:
    """A task that sleeps for ever lets the others go on at their own instants."""
    loop.call_at(math.inf, print)
    loop.call_at(2.0, loop.stop)
    loop.run_forever()
    assert loop.time() == 2.0


# -- holding -----------------------------------------------------------------------


def test_no_timer_fires_after_the_instant_of_holding(loop: LiveLoop) -> None:
    """The callback that holds the clock sees no later timer; callbacks still run."""
    seen: list[str] = []
    loop.call_at(1.0, lambda: (loop.live.clock.hold(), loop.call_soon(seen.append, "soon")))
    loop.call_at(1.0, seen.append, "same instant")
    loop.call_at(1.0 + 1e-9, seen.append, "later")
    loop.call_at(1.0, loop.stop)
    loop.run_forever()
    settle(loop)
    assert seen == ["same instant", "soon"]
    assert loop.time() == 1.0


def test_release_goes_on_from_the_same_instant(loop: LiveLoop) -> None:
    """After a release the timers come in their order, each at its own instant."""
    seen: list[float] = []
    for at in (1.0, 2.0):
        loop.call_at(at, lambda: seen.append(loop.time()))
    loop.live.clock.hold()
    settle(loop)
    assert (seen, loop.time(), loop.live.clock.held) == ([], 0.0, True)
    loop.live.clock.release()
    loop.call_at(2.0, loop.stop)
    loop.run_forever()
    assert seen == [1.0, 2.0]


def test_another_thread_gets_through_to_a_held_loop(loop: LiveLoop) -> None:
    """call_soon_threadsafe runs while time stands still."""
    loop.live.clock.hold()
    loop.call_at(1.0, print)
    threading.Thread(target=loop.call_soon_threadsafe, args=(loop.stop,)).start()
    loop.run_forever()
    assert loop.time() == 0.0


def test_a_held_virtual_clock_asks_for_no_time() -> None:
    """While held, the loop waits for I/O without a limit, whatever timers there are."""
    clock, state = Clock.virtual(), KnownState(at=1.0)
    clock.hold()
    clock.wait(state.poll, 1.0, state)
    assert state.polled == [None]
    assert clock.time() == 0.0


# -- waiting for the outside ----------------------------------------------------------


def test_the_outside_makes_time_pass_as_it_really_does() -> None:
    """With something outside pending, the clock waits for its deadline in real seconds."""
    clock, state = Clock.virtual(), KnownState(at=5.0, waits=True)
    clock.wait(state.poll, 5.0, state)
    assert sum(seconds or 0.0 for seconds in state.polled) == pytest.approx(5.0)
    assert clock.time() == 5.0


def test_a_pace_divides_the_waiting() -> None:
    """At pace 10, ten seconds take one; with the outside pending they take ten."""
    clock, state = Clock.virtual(pace=10), KnownState(at=10.0)
    clock.wait(state.poll, 10.0, state)
    state.at, state.waits = 20.0, True
    clock.wait(state.poll, 10.0, state)
    assert clock.time() == 20.0
    assert state.polled == [1.0, pytest.approx(10.0, abs=0.1)]


def test_a_quick_answer_takes_no_time() -> None:
    """What comes from outside at once comes at the instant at which it was asked for."""
    clock, state = Clock.virtual(), KnownState(at=5.0, waits=True)
    assert clock.wait(lambda _: ["answer"], 5.0, state) == ["answer"]
    assert clock.time() == 0.0


# -- the real clock ----------------------------------------------------------------------


def test_an_untouched_real_clock_leaves_the_loop_alone() -> None:
    """In real time the loop's time and timers are asyncio's own."""
    loop = LiveLoop()
    assert loop.live.clock.mode == "real"
    assert {"time", "call_at", "create_task", "call_soon", "_run_once"}.isdisjoint(vars(loop))
    loop.close()


def test_a_held_real_clock_stands_still() -> None:
    """Held, real time does not pass; released, it goes on from there."""
    loop = LiveLoop()
    clock = loop.live.clock
    clock.hold()
    instant = loop.time()
    assert loop.time() == clock.time() == instant
    loop.call_later(0, loop.stop)
    loop.run_forever()
    clock.release()
    assert clock.held is False
    assert loop.time() >= instant
    loop.close()


def test_a_held_real_clock_fires_no_timer() -> None:
    """While real time is held the loop waits for I/O only."""
    clock, state = Clock.real(), KnownState()
    clock.hold()
    clock.wait(state.poll, 0.5, state)
    clock.release()
    clock.pace = 10
    clock.wait(state.poll, 0.5, state)
    assert state.polled == [None, 0.05]


@pytest.mark.parametrize("pace", [0, -1, math.nan])
def test_a_pace_is_above_zero(pace: float) -> None:
    """A pace that stops or turns time is refused, with the way out."""
    with pytest.raises(
        ValueError, match=r"above 0, not .*; to stop time, hold or freeze the clock"
    ):
        Clock.virtual(pace)


def test_real_time_cannot_jump() -> None:
    """Only a virtual clock may have an infinite pace."""
    clock = Clock.real()
    with pytest.raises(ValueError, match="below infinity, not inf"):
        clock.pace = math.inf


def test_the_shown_instant_lies_between_the_clock_and_its_next_deadline() -> None:
    """What is drawn while a paced clock waits is never behind it and never past its deadline."""
    clock, shown = Clock.virtual(pace=1.0), []
    state = KnownState(at=3.0)

    def poll(_: float | None) -> list[Any]:
        shown.append(clock.shown_ns())
        return []

    clock.wait(poll, 3.0, state)
    assert 0 <= shown[0] <= 3_000_000_000
    assert clock.shown_ns() == clock.time_ns() == 3_000_000_000
