"""Timers that keep their order.

asyncio keeps timers in a bare heap: eight with the same deadline fire as 0, 2,
6, 5, 7, 4, 1, 3. In real time nobody notices; on a virtual clock such ties are
the rule, and the order must be the one in which the timers were made.

Timers made in plain real time, where asyncio's own are in use, are older than all of
these. Among themselves nobody knows their ages: those that tie stay in asyncio's order.
"""

# ruff: noqa: SLF001 -- this is asyncio's own code, for a loop of asyncio's

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.frames import is_ours

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from asyncrepl.engine.loop import LiveLoop

    class _TimerHandle(asyncio.TimerHandle):
        """asyncio's, with what its type stubs leave out."""

        _when: float
        _scheduled: bool
else:
    _TimerHandle = asyncio.TimerHandle

__all__ = ["TimerHandle", "call_at", "hide_ours"]


class TimerHandle(_TimerHandle):
    """asyncio's timer, and called so in its ``repr``; of two equal ones the elder fires first.

    `rank` decides between equal ones. `set_at` and `set_by`, instant and task, are for
    `asyncrepl.engine.ties`, where anybody asks for those.
    """

    __slots__ = ("rank", "set_at", "set_by")

    _numbers = itertools.count()
    set_at: float
    set_by: str | None

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.rank = (0.0, next(self._numbers))

    def __lt__(self, other: object) -> bool:
        if isinstance(other, TimerHandle):
            return (self._when, self.rank) < (other._when, other.rank)
        if isinstance(other, asyncio.TimerHandle):  # one of asyncio's own: it is older
            return self._when < other.when()
        return NotImplemented

    def __gt__(self, other: object) -> bool:
        if isinstance(other, TimerHandle):
            return (self._when, self.rank) > (other._when, other.rank)
        if isinstance(other, asyncio.TimerHandle):
            return self._when >= other.when()
        return NotImplemented


def call_at(
    loop: LiveLoop,
    when: float,
    callback: Callable[..., object],
    *args: Any,
    context: Context | None = None,
) -> asyncio.TimerHandle:
    """As asyncio's ``loop.call_at``, line by line, but for the timer and its exact deadline."""
    if when is None:
        msg = "when cannot be None"
        raise TypeError(msg)
    loop._check_closed()
    if loop._debug:
        loop._check_thread()
        loop._check_callback(callback, "call_at")
    clock = loop.live.clock
    timer = TimerHandle(clock.due(when), callback, args, loop, context)
    if clock.ties is not None:
        clock.ties.set(loop, timer, clock.time())
    hide_ours(timer)
    heapq.heappush(loop._scheduled, timer)
    timer._scheduled = True
    return timer


def hide_ours(made: Any) -> None:
    """Let "created at …" of a task or timer, in debug mode, name the user's line."""
    places = getattr(made, "_source_traceback", None)
    while places and is_ours(places[-1].filename):
        del places[-1]
