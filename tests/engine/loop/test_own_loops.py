"""Programs that bring their own loop get loops of ours, and asyncio is as before afterwards."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_runner import asyncio_makes_live_loops

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def first() -> Iterator[LiveLoop]:
    loop = LiveLoop()
    yield loop
    loop.close()


async def running() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_the_first_loop_is_the_one_given(first: LiveLoop) -> None:
    """asyncio.run runs on it; the next run on one more that reports as it does, unwarned."""
    first.set_exception_handler(lambda _loop, _context: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with asyncio_makes_live_loops(first):
            one, other = asyncio.run(running()), asyncio.run(running())
            third = asyncio.new_event_loop()
            third.close()
    assert one is first
    assert isinstance(other, LiveLoop)
    assert isinstance(third, LiveLoop)
    assert len({id(loop) for loop in (one, other, third)}) == 3
    assert other.get_exception_handler() is first.get_exception_handler()


def test_a_loop_dies_with_its_run(first: LiveLoop) -> None:
    """And its selector: neither waits for a collection, nor for the next loop."""
    seen: list[weakref.ref[object]] = []

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        seen.extend(map(weakref.ref, (loop, loop._selector)))
        await asyncio.sleep(0.001)

    with asyncio_makes_live_loops(first):
        asyncio.run(running())
        gc.collect()
        gc.disable()
        try:
            asyncio.run(main())
            left = [each() for each in seen]
        finally:
            gc.enable()
    assert left == [None, None]


def test_other_threads_get_asyncios_own(first: LiveLoop) -> None:
    """Only in the main thread are loops watched."""
    seen: list[type] = []
    with asyncio_makes_live_loops(first):
        thread = threading.Thread(target=lambda: seen.append(type(asyncio.run(running()))))
        thread.start()
        thread.join()
    assert seen == [asyncio.SelectorEventLoop]


def test_afterwards_asyncio_is_as_before(first: LiveLoop) -> None:
    """Also for a program that has kept the function by which it was given loops."""
    before = asyncio.new_event_loop
    with asyncio_makes_live_loops(first):
        kept = asyncio.new_event_loop
        assert kept.__name__ == "new_event_loop"
    assert asyncio.new_event_loop is asyncio.events.new_event_loop is before
    for make in (kept, asyncio.new_event_loop):
        loop = make()
        loop.close()
        assert type(loop) is asyncio.SelectorEventLoop


def test_a_loop_factory_is_obeyed(first: LiveLoop) -> None:
    """Who says which loop he wants gets that one."""
    with (
        asyncio_makes_live_loops(first),
        asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner,
    ):
        assert type(runner.run(running())) is asyncio.SelectorEventLoop


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(
    not hasattr(asyncio, "set_event_loop_policy"), reason="there are no policies any more"
)
def test_a_policy_of_the_programs_own_is_obeyed(first: LiveLoop) -> None:
    """Up to Python 3.15 a program may bring one, as that of uvloop."""

    class Own(asyncio.SelectorEventLoop):
        pass

    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            return Own()

    try:
        with asyncio_makes_live_loops(first):
            asyncio.set_event_loop_policy(Policy())
            assert type(asyncio.run(running())) is Own
    finally:
        asyncio.set_event_loop_policy(None)


def test_beside_a_loop_that_stands_all_are_new(first: LiveLoop) -> None:
    """Those who look at it hear of them; it keeps its clock; a policy that is left behind goes."""
    made: list[LiveLoop] = []
    before = vars(asyncio.events).get("_event_loop_policy")
    with asyncio_makes_live_loops(first, made.append):
        assert asyncio.run(running()) is made[0]
        asyncio.set_event_loop(asyncio.new_event_loop())
        made[1].close()
    assert first not in made
    assert not first.is_closed()
    assert {each.live.instruments for each in made} == {first.live.instruments}
    assert {each.live.clock for each in made} == {first.live.clock}
    assert vars(asyncio.events).get("_event_loop_policy") is before


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(
    not hasattr(asyncio, "set_event_loop_policy"), reason="there are no policies any more"
)
def test_a_policy_that_was_set_before_is_obeyed(first: LiveLoop) -> None:
    """By a statement, say; it is there afterwards."""

    class Own(asyncio.SelectorEventLoop):
        pass

    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            return Own()

    asyncio.set_event_loop_policy(policy := Policy())
    try:
        with asyncio_makes_live_loops(first, lambda _: None):
            assert type(asyncio.run(running())) is Own
        assert asyncio.get_event_loop_policy() is policy
    finally:
        asyncio.set_event_loop_policy(None)
