"""A program's loop, for as long as it is borrowed, and when it is given back."""

from __future__ import annotations

import asyncio
import contextvars
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from asyncrepl.engine.loop.borrowed_loop import BorrowedLoop, borrowed, loop_to_borrow
from asyncrepl.engine.loop.interrupts import in_session
from asyncrepl.engine.loop.loop_iteration import Breakpoint, LoopIteration
from asyncrepl.engine.tasks.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable


def raise_exit(status: int) -> None:
    """Leave with `status`."""
    raise SystemExit(status)


def in_a_session(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    """Have `callback` called as code of the prompt's is."""
    context = contextvars.copy_context()
    context.run(in_session.set, True)
    loop.call_soon(callback, context=context)


async def tasks_turn(count: int) -> list[int]:
    """What tasks give that let each other run."""

    async def one(number: int) -> int:
        for _ in range(3):
            await asyncio.sleep(0)
        return number

    return [*await asyncio.gather(*map(one, range(count)))]


@pytest.mark.parametrize("observed", [False, True])
def test_what_the_prompt_raises_does_not_leave_the_loop(observed: bool) -> None:
    """It is told; all else that was to run runs."""
    escaped: list[BaseException] = []

    async def main() -> list[int]:
        with borrowed(loop_to_borrow(), (), lambda: None, escaped.append) as loop:
            if observed:
                loop.observe(Timeline())
            in_a_session(loop, partial(raise_exit, 3))
            in_a_session(loop, partial(signal.raise_signal, signal.SIGINT))
            return await tasks_turn(4)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert asyncio.new_event_loop().run_until_complete(main()) == [0, 1, 2, 3]
    finally:
        signal.signal(signal.SIGINT, before)
    assert [type(error) for error in escaped] == [SystemExit, KeyboardInterrupt]


@pytest.mark.parametrize("observed", [False, True])
def test_what_the_program_raises_does(observed: bool) -> None:
    """First it is said that the loop stops."""
    heard: list[str] = []

    async def main() -> None:
        with borrowed(loop_to_borrow(), (), lambda: heard.append("stops"), print) as loop:
            if observed:
                loop.observe(Timeline())
            loop.call_soon(raise_exit, 4)
            await asyncio.sleep(60)

    with pytest.raises(SystemExit, match="4"):
        asyncio.run(main())
    assert heard[0] == "stops"


def test_given_back_it_is_what_it_was() -> None:
    """Also what was set, and who is served; what the session still had to do is dropped."""

    async def main() -> None:
        loop: Any = loop_to_borrow()
        loop.slow_callback_duration = 0.25
        loop.add_signal_handler(signal.SIGUSR1, print)
        served = asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        server = await served
        names = sorted(vars(loop)), sorted(vars(loop._selector)), sorted(loop._selector.get_map())
        with borrowed(loop, (signal.SIGUSR1,), lambda: None, print) as live:
            assert isinstance(loop, BorrowedLoop)
            assert live.slow_callback_duration == 0.25
            assert not loop._signal_handlers
            assert await tasks_turn(3) == [0, 1, 2]
            late = Breakpoint(LoopIteration(), loop.call_soon)
            late.post(lambda: pytest.fail("nobody is there any more"))
        assert type(loop) is asyncio.SelectorEventLoop
        assert names == (
            sorted(vars(loop)), sorted(vars(loop._selector)), sorted(loop._selector.get_map())
        )  # fmt: skip
        assert loop.slow_callback_duration == 0.25
        assert [*loop._signal_handlers] == [signal.SIGUSR1]
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.close()
        server.close()

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(main())
