"""Time moved by hand: from timer to timer, and standing still in between.

A step goes to the next instant for which a timer is set, and all timers of that instant
fire. Firing only the first of several would show what never happens: where two tasks
wake at the same instant, asyncio readies both before either runs, and the first cannot
cancel the second's sleep any more. So a step is never less than an instant, and stepping
shows the very interleaving that running shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncrepl.engine.steering import running_loop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from asyncrepl.engine.loop import LiveLoop

__all__ = ["Stepped", "next_timers", "step_timers"]

#: Turns of the loop after which a step is over even if the program never rests
#: (``while True: await asyncio.sleep(0)``).
PATIENCE = 10_000


@dataclass(frozen=True, slots=True)
class Stepped:
    """What a step did: `fired` timers fired, now it is `at` (loop time, seconds).

    `fired` is more than was asked for where timers tie, and less where no more are set;
    `more` says whether any are set still.
    """

    fired: int
    at: float
    more: bool


async def next_timers(count: int = 1) -> Stepped:
    """Freeze time, then fire the next `count` timers of the running loop; it stays frozen.

    Time moves exactly to their deadlines, and what they wake runs to its next wait.
    Timers that tie with the last one fire, too. What is due already when it is called
    runs first and does not count. Raises RuntimeError where the loop is none of asyncrepl's.
    """
    loop = running_loop()
    ended: asyncio.Future[Stepped] = loop.create_future()
    step_timers(loop, count, ended.set_result, given_up=ended.done)
    return await ended


def step_timers(
    loop: LiveLoop,
    count: int,
    done: Callable[[Stepped], object],
    *,
    given_up: Callable[[], bool] = lambda: False,
) -> None:
    """`next_timers` for a callback on the thread of `loop`: returns at once, calls `done` later.

    Once `given_up` says so, nothing more fires and `done` is not called.
    """
    clock, fired = loop.live.clock, 0

    def step() -> None:
        nonlocal fired
        if given_up():
            return
        due = _next_instant(loop)
        if fired >= count or due == math.inf:
            done(Stepped(fired, clock.time(), due < math.inf))
            return
        clock.move_to(due)
        end = clock.time() + clock.resolution
        fired += sum(timer.when() < end for timer in _set_timers(loop))
        loop.when_settled(step, patience=PATIENCE)

    clock.freeze()
    loop.when_settled(step, patience=PATIENCE)


def _set_timers(loop: LiveLoop) -> list[asyncio.TimerHandle]:
    return [timer for timer in loop._scheduled if not timer.cancelled()]  # noqa: SLF001


def _next_instant(loop: LiveLoop) -> float:
    return min((timer.when() for timer in _set_timers(loop)), default=math.inf)
