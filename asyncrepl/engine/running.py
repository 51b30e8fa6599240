"""Keeping a loop running, whatever user code does to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asyncrepl.engine.shutdown import finish

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.interrupts import Interrupter
    from asyncrepl.engine.loop import LiveLoop

__all__ = ["close", "keep_running"]

#: How often cleanup goes on that user code has left by SystemExit.
_ROUNDS = 10


def keep_running(
    loop: LiveLoop,
    interrupter: Interrupter,
    ended: Callable[[], bool],
    hit: Callable[[str], object],
) -> SystemExit | None:
    """Run `loop` until `ended` says so; whoever ends it also stops the loop.

    A user's ``loop.stop()`` ends nothing. A Ctrl-C that hit a background task or a
    callback is given to `hit` as one line (what, and where). SystemExit from one
    of these ends it, too, and is what is returned.
    """
    while not ended():
        try:
            loop.run_forever()
        except KeyboardInterrupt as error:
            hit(interrupter.victim(error))
        except SystemExit as leaving:
            return leaving
    return None


def close(
    loop: LiveLoop, leave: Callable[[SystemExit], object], patience: float = 1.0
) -> list[str]:
    """End all that runs on `loop` and close it; the names of the tasks that were running.

    Ctrl-C while user code cleans up ends the cleanup. A SystemExit in it is given to
    `leave`, and the rest is cleaned up all the same.
    """
    clock = loop.live.clock
    clock.release()
    clock.thaw()
    clock.rate = max(clock.rate, 1.0)  # slow motion must not make leaving slow
    left: list[str] = []
    try:
        for _ in range(_ROUNDS):
            if loop.is_closed():  # a program that ran on it may have done so
                break
            try:
                left += loop.run_until_complete(finish(patience))
                break
            except SystemExit as leaving:
                leave(leaving)
    except (KeyboardInterrupt, RuntimeError):
        pass  # user code in its cleanup: interrupted, or stopping the loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return left
