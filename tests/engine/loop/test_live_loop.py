"""The live loop: asyncio's own in all but what can be asked of it."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import hashlib
import inspect
import os
import signal
import socket
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from support.timelines import settle

from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.tasks.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture(params=["real", "virtual", "observed", "virtual and observed"])
def loop(request: pytest.FixtureRequest) -> Iterator[LiveLoop]:
    loop = LiveLoop(Clock.virtual() if "virtual" in request.param else None)
    if "observed" in request.param:
        loop.observe(Timeline())
    yield loop
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


async def nothing() -> None:
    """Is done at once."""


# -- as asyncio's ------------------------------------------------------------------


def test_it_runs_in_a_runner() -> None:
    """A Runner takes `LiveLoop` as its factory and runs on it."""

    async def main() -> bool:
        return isinstance(asyncio.get_running_loop(), LiveLoop)

    with asyncio.Runner(loop_factory=LiveLoop) as runner:
        assert runner.run(main())


def test_it_goes_on_after_a_keyboard_interrupt(loop: LiveLoop) -> None:
    """A KeyboardInterrupt that escapes from a callback loses nothing that was due."""
    seen: list[str] = []

    def interrupted() -> None:
        seen.append("interrupted")
        raise KeyboardInterrupt

    loop.call_soon(interrupted)
    loop.call_soon(seen.append, "after")
    loop.call_later(0.001, loop.stop)
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    assert loop.live.loop_iteration.busy is False
    loop.run_forever()
    assert seen == ["interrupted", "after"]


def test_it_handles_signals(loop: LiveLoop) -> None:
    """add_signal_handler works as on asyncio's loop."""
    loop.add_signal_handler(signal.SIGUSR1, loop.stop)
    loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
    loop.run_forever()
    assert loop.remove_signal_handler(signal.SIGUSR1)


def test_it_closes_async_generators(loop: LiveLoop) -> None:
    """shutdown_asyncgens runs the ``finally`` of a generator left open."""
    closed: list[bool] = []

    async def values() -> Any:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    async def begin() -> int:
        return await anext(generator)

    generator = values()
    assert loop.run_until_complete(begin()) == 1
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert closed == [True]


def test_debug_mode_names_the_users_line(loop: LiveLoop) -> None:
    """In debug mode "created at" of tasks and timers names the line of user code."""

    async def main() -> tuple[str, str]:
        timer = loop.call_later(9, print)
        direct = loop.call_at(9, print)
        timer.cancel(), direct.cancel()
        soon = loop.call_soon(int)
        return repr(loop.create_task(nothing())) + repr(soon), repr(timer) + repr(direct)

    loop.set_debug(True)
    task, timers = loop.run_until_complete(main())
    assert task.count(f"created at {__file__}") == 2
    assert timers.count(f"created at {__file__}") == 2
    assert timers.count("<TimerHandle cancelled") == 2


def test_call_at_refuses_what_asyncio_refuses(loop: LiveLoop) -> None:
    """No deadline, a coroutine function, a closed loop: the same errors as asyncio's."""
    loop.set_debug(True)
    with pytest.raises(TypeError, match="when cannot be None"):
        loop.call_at(None, print)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="coroutines cannot be used with call_at"):
        loop.call_at(1, nothing)
    other = LiveLoop(loop.live.clock)
    other.close()
    with pytest.raises(RuntimeError, match="closed"):
        other.call_at(1, print)


def test_timers_run_in_the_context_given(loop: LiveLoop) -> None:
    """call_later's ``context`` is the one the callback sees."""
    name = contextvars.ContextVar("name", default="outside")
    context = contextvars.copy_context()
    context.run(name.set, "inside")
    seen: list[str] = []
    loop.call_later(0, lambda: seen.append(name.get()), context=context)
    loop.call_later(0.001, loop.stop)
    loop.run_forever()
    assert seen == ["inside"]


def test_the_order_of_callbacks_is_asyncios(loop: LiveLoop) -> None:
    """Watched or not, on any clock: callbacks, tasks and wakeups come in asyncio's order."""

    async def main() -> list[str]:
        order: list[str] = []

        async def worker(name: str) -> None:
            for _ in range(3):
                order.append(name)
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(worker(name)) for name in "abc"]
        asyncio.get_running_loop().call_soon(order.append, "soon")
        await asyncio.gather(*tasks)
        return order

    stock = asyncio.SelectorEventLoop()
    expected = stock.run_until_complete(main())
    stock.close()
    assert loop.run_until_complete(main()) == expected


def test_debug_mode_complains_of_no_callback_of_ours(
    loop: LiveLoop, caplog: pytest.LogCaptureFixture
) -> None:
    """A slow callback is the user's, or it is not reported."""

    def slow() -> None:
        seen.append(loop.slow_callback_duration)

    seen: list[float] = []
    loop.set_debug(True)
    loop.slow_callback_duration = -1
    loop.call_soon(loop.when_settled, loop.stop)
    loop.run_forever()
    loop.call_soon(slow)
    loop.call_soon(functools.partial(slow))
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert sum("slow" in message for message in caplog.messages) == 2
    assert "asyncrepl" not in "".join(caplog.messages)
    assert seen == [-1, -1]


# -- what is ours -------------------------------------------------------------------


def test_nothing_of_ours_takes_the_room_of_asyncios(loop: LiveLoop) -> None:
    """The loop has so few attributes that CPython keeps them inline, unless it is steered."""
    stock = asyncio.SelectorEventLoop()
    stock.close()
    ours = set(vars(loop)) - set(vars(stock))
    assert ours <= {
        "time",
        "call_at",
        "create_task",
        "call_soon",
        "_run_once",
        "_slow_callback_duration",
    }
    assert len(vars(loop)) <= 29 + (2 if "time" in ours else 0)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="nothing tells of inline values")
@pytest.mark.parametrize("observed", [False, True])
def test_its_attributes_are_kept_inline(observed: bool) -> None:
    """As CPython itself says, also once the loop was observed; else each step is slower."""
    tells = pytest.importorskip("_testinternalcapi", reason="CPython's test modules are missing")
    loop = LiveLoop()
    loop.observe(Timeline())
    if not observed:
        loop.unobserve()
    loop.run_until_complete(nothing())
    loop.close()
    assert tells.has_inline_values(loop)


def test_a_turn_is_busy_inside_callbacks_only(loop: LiveLoop) -> None:
    """`live.loop_iteration` is busy while a callback runs, and not before, after or between."""
    iteration, seen = loop.live.loop_iteration, []
    assert iteration.busy is False
    loop.call_soon(lambda: seen.append((iteration.busy, iteration.number)))
    loop.call_soon(lambda: loop.call_soon(lambda: seen.append((iteration.busy, iteration.number))))
    loop.call_soon(lambda: loop.call_soon(loop.stop))
    loop.run_forever()
    assert [busy for busy, _ in seen] == [True, True]
    assert seen[1][1] == seen[0][1] + 1
    assert iteration.busy is False


def test_settle_runs_all_that_needs_no_time(loop: LiveLoop) -> None:
    """settle() runs chains of callbacks to their end, and no timer of a later instant."""
    seen: list[object] = []

    async def chain() -> None:
        for number in range(5):
            await asyncio.sleep(0)
            seen.append(number)
        await asyncio.sleep(3600)
        seen.append("later")

    task = loop.create_task(chain())
    settle(loop)
    assert seen == list(range(5))
    assert loop.live.clock.held is False
    task.cancel()
    settle(loop)
    assert task.cancelled()


def test_settle_lets_in_what_has_arrived(loop: LiveLoop) -> None:
    """What one task writes into a socket, another reads before the loop has settled."""
    one, other = socket.socketpair()
    one.setblocking(False)
    other.setblocking(False)

    async def write() -> None:
        await loop.sock_sendall(one, b"hello")

    reading = loop.create_task(loop.sock_recv(other, 9))
    loop.create_task(write())
    settle(loop)
    assert reading.result() == b"hello"
    one.close()
    other.close()


def test_when_settled_calls_back_in_a_running_loop(loop: LiveLoop) -> None:
    """when_settled(callback) does the same inside a loop that runs on."""
    seen: list[int] = []

    async def chain() -> None:
        for number in range(5):
            await asyncio.sleep(0)
            seen.append(number)

    task = loop.create_task(chain())
    loop.live.clock.hold()
    loop.when_settled(loop.stop)
    loop.run_forever()
    loop.live.clock.release()
    assert task.done()
    assert seen == list(range(5))


#: The Pythons on which asyncio's own was read, line by line.
READ = [(3, 11, 7), (3, 12, 1), (3, 13, 0), (3, 14, 10), (3, 15, 2)]


@pytest.mark.skipif(
    sys.version_info[:3] not in READ,
    reason="another Python: compare asyncio's with engine/turning.py and engine/timers.py",
)
@pytest.mark.parametrize(
    ("function", "known"),
    [
        (asyncio.BaseEventLoop._run_once, "26970ce6 26970ce6 22aebfb8 22aebfb8 1a268688"),
        (asyncio.BaseEventLoop.call_soon, "53775c63 53775c63 53775c63 53775c63 53775c63"),
        (asyncio.BaseEventLoop._call_soon, "cd417299 cd417299 cd417299 cd417299 cd417299"),
        (asyncio.BaseEventLoop.call_at, "f0c8e924 f0c8e924 f0c8e924 f0c8e924 f0c8e924"),
        (asyncio.BaseEventLoop.create_task, "56548d4f 56548d4f 76746856 4afbc1ee 4afbc1ee"),
        (
            asyncio.BaseEventLoop._asyncgen_firstiter_hook,  # type: ignore[attr-defined]
            "73b4f6e4 73b4f6e4 73b4f6e4 73b4f6e4 73b4f6e4",
        ),
        (asyncio.Handle.__init__, "30d3624f 30d3624f 30d3624f 30d3624f 30d3624f"),
        (asyncio.Handle._run, "53f60446 53f60446 494fe4ec 494fe4ec 494fe4ec"),
    ],
)
def test_what_is_repeated_has_not_changed(function: Any, known: str) -> None:
    """What the engine repeats of asyncio is as it was on the Pythons it was read on."""
    digest = hashlib.sha256(inspect.getsource(function).encode()).hexdigest()
    assert digest[:8] == known.split()[READ.index(sys.version_info[:3])]


@pytest.mark.parametrize("resolution", [0.0, 1e-9, 1e-3])
def test_a_coarse_clock_fires_the_same_timers_observed(resolution: float) -> None:
    """After months of uptime 1 ns vanishes beside the time; Python 3.15 takes care of that."""

    def fired(loop: Any) -> list[str]:
        names: list[str] = []
        loop._clock_resolution = resolution
        loop.time = lambda: 1e9
        for name, when in ("past", 1e9 - 1), ("now", 1e9), ("soon", 1e9 + 5e-4), ("later", 2e9):
            loop.call_at(when, names.append, name)
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.call_soon(loop.stop)
        loop.run_forever()
        del loop.time
        loop.close()
        return names

    observed = LiveLoop()
    observed.observe(Timeline())
    assert fired(observed) == fired(asyncio.SelectorEventLoop())


def test_wrong_calls_meet_asyncios_errors(loop: LiveLoop) -> None:
    """call_soon and create_task called wrongly raise what asyncio's own raise."""
    stock = asyncio.SelectorEventLoop()
    for name, args, options in (
        ("call_soon", (), {}),
        ("call_soon", (print,), {"contexts": None}),
        ("create_task", (), {}),
        ("create_task", (nothing,), {}),
        ("create_task", (), {"name": "x"}),
    ):
        with pytest.raises(TypeError) as theirs:
            getattr(stock, name)(*args, **options)
        with pytest.raises(TypeError) as ours:
            getattr(loop, name)(*args, **options)
        assert str(ours.value) == str(theirs.value)
    stock.close()


# -- observing while it runs ------------------------------------------------------------


def test_observing_may_begin_and_end_in_a_callback(loop: LiveLoop) -> None:
    """Switched on and off within one loop iteration, observation loses no handle and keeps the order."""
    seen: list[int] = []
    for number in range(9):
        loop.call_soon(seen.append, number)
        if number % 3 == 1:
            loop.call_soon(loop.observe, Timeline())
        elif number % 3 == 2:
            loop.call_soon(loop.unobserve)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert seen == list(range(9))


def test_observing_loses_nothing_from_other_threads(loop: LiveLoop) -> None:
    """Handles that threads add while observation goes on and off all run."""
    seen: list[int] = []
    timeline = Timeline()

    def post(first: int) -> None:
        for number in range(first, first + 500):
            loop.call_soon_threadsafe(seen.append, number)

    threads = [threading.Thread(target=post, args=(first,)) for first in (0, 1000)]

    async def toggle() -> None:
        while len(seen) < 1000:
            loop.observe(timeline)
            await asyncio.sleep(0)
            loop.unobserve()
            await asyncio.sleep(0)

    for thread in threads:
        thread.start()
    loop.run_until_complete(toggle())
    for thread in threads:
        thread.join()
    assert sorted(seen) == [*range(500), *range(1000, 1500)]


def test_unobserve_gives_everything_back() -> None:
    """After unobserve the loop's methods are asyncio's own again."""
    loop = LiveLoop()
    loop.observe(Timeline())
    loop.unobserve()
    loop.unobserve()
    assert {"create_task", "call_soon", "_run_once"}.isdisjoint(vars(loop))
    assert loop.live.timeline is None
    loop.close()


@pytest.mark.parametrize("factory", [None, "lazy"])
def test_a_wrong_create_task_fails_in_asyncio(factory: str | None) -> None:
    """Observed or not, the traceback has the caller and asyncio, and nobody between."""

    async def generator() -> AsyncIterator[int]:
        yield 1

    def files() -> list[str]:
        loop = LiveLoop()
        loop.observe(Timeline())
        if factory is not None:
            loop.set_task_factory(
                lambda loop, coro, **options: asyncio.Task(coro, loop=loop, **options)
            )
        try:
            loop.create_task(generator())  # type: ignore[arg-type]
        except TypeError as error:
            return [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        finally:
            loop.close()
        return []

    here, below, *_ = files()
    assert here == __file__
    assert below == asyncio.base_events.__file__
