"""A program that would never end: who goes on though cancelled is told, and nobody beside it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast

from asyncrepl.cli.endless_programs import TICKS, EndlessRun
from asyncrepl.engine.loop.live_loop import LiveLoop


async def stubborn() -> None:
    """Swallow two cancellations."""
    for _ in range(2):
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


def test_who_was_cancelled_just_now_may_still_clean_up() -> None:
    """Of two tasks that go on, only the one that has done so for long is told, and once."""
    loop = LiveLoop()
    told: list[set[int]] = []
    reporter = SimpleNamespace(note_survivors=told.append, loop_sleeps_on=lambda: None)
    shell = SimpleNamespace(loop=loop, mistake_reporter=reporter, first=None)
    waits = SimpleNamespace(note=bool)
    run = EndlessRun(
        cast("Any", shell), cast("Any", SimpleNamespace(current=None)), cast("Any", waits)
    )

    async def main() -> None:
        first, second = asyncio.create_task(stubborn()), asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        first.cancel()
        for _ in range(TICKS - 1):
            assert not run.is_to_end()
        second.cancel()
        for _ in range(2):
            assert not run.is_to_end()
        assert told == [{id(first)}]
        shell.first = object()  # it was explained: now it is time
        assert run.is_to_end()
        await asyncio.sleep(0)
        first.cancel()
        second.cancel()
        await asyncio.wait([first, second])

    loop.run_until_complete(main())
    loop.close()
