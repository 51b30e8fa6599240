"""Reading what a timeline has recorded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.events import Lane, Snapshot

__all__ = ["MS", "named", "settle", "slices", "worker"]

MS = 1_000_000


def slices(snapshot: Snapshot) -> list[tuple[int, int]]:
    """The (lane, start) pairs."""
    return list(zip(snapshot.slices[::2], snapshot.slices[1::2], strict=True))


def named(snapshot: Snapshot) -> dict[str, Lane]:
    """The lanes by name."""
    return {lane.name: lane for lane in snapshot.lanes}


async def worker(naps: int = 1) -> None:
    """Sleep so often for 0.1 s."""
    for _ in range(naps):
        await asyncio.sleep(0.1)


def settle(loop: LiveLoop) -> None:
    """Run all that can run on `loop`, which does not run now, without time passing."""
    held = loop.live.clock.held
    loop.live.clock.hold()
    try:
        loop.when_settled(loop.stop)
        loop.run_forever()
    finally:
        if not held:
            loop.live.clock.release()
