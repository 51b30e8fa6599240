"""Time in the user's hands, as functions: what ``:rate``, ``:freeze``, ``:clock`` … do.

All act on the running loop and are to be called in its thread; that is where user
code runs. A loop that is none of asyncrepl's has no clock to steer: RuntimeError.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Literal

from asyncrepl.engine.clock import Clock
from asyncrepl.engine.loop import LiveLoop
from asyncrepl.settings import rate_of

if TYPE_CHECKING:
    Mode = Literal["real", "virtual"]

__all__ = ["clock", "freeze", "rate", "running_loop", "thaw"]


def rate(seconds: float | str | None = None) -> float:
    """Let so many seconds pass in a real one, from now on; the rate that holds.

    0.1 is slow motion. Raises ValueError for what is no rate; nor is infinity: to jump
    from timer to timer is what the virtual clock does, until it is given a rate.
    """
    steered = running_loop().live.clock
    if seconds is not None:
        steered.rate = rate_of(seconds)
    return steered.rate


def freeze() -> None:
    """Let time stand still: no timer fires any more. I/O and ``call_soon`` go on."""
    running_loop().live.clock.freeze()


def thaw() -> None:
    """Let time go on from where it was frozen."""
    running_loop().live.clock.thaw()


def clock(mode: Mode | None = None) -> Mode:
    """Live on the "real" or on the "virtual" clock from now on; the one that holds.

    Time goes on from the same instant and pending timers stay set for theirs. The virtual
    clock jumps, also if it was given a rate before. Raises ValueError for any other mode.
    """
    loop = running_loop()
    if mode is not None and mode not in {"real", "virtual"}:
        raise ValueError(f"a clock is 'real' or 'virtual', not {mode!r}")
    if mode is not None and mode != loop.live.clock.mode:
        loop.use_clock(_turned(loop.live.clock))
    elif mode == "virtual":
        loop.live.clock.rate = math.inf
    return loop.live.clock.mode


def _turned(before: Clock) -> Clock:
    """A clock of the other kind at the same instant, standing still if `before` does."""
    now, finite = before.time(), before.rate < math.inf
    if before.mode == "real":
        after = Clock.virtual(before.pace, rate=math.inf, start=now)
        after.move_to(now)  # the start was rounded
    else:
        after = Clock.real(rate=before.rate if finite else 1.0, start=now)
        after.pace = before.pace if before.pace < math.inf else 1.0
    if before.held:
        after.hold()
    if before.frozen:
        after.freeze()
    return after


def running_loop() -> LiveLoop:
    """The running loop, if it is one of asyncrepl's; else RuntimeError."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, LiveLoop):
        raise RuntimeError("time can be steered only on a loop of asyncrepl's")
    return loop
