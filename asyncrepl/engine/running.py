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

#: So often a loop is started again that fails before its next turn: its selector is closed,
#: say. A handler's error comes once.
_TRIES = 3


def keep_running(
    loop: LiveLoop,
    interrupter: Interrupter,
    ended: Callable[[], bool],
    hit: Callable[[str], object],
    failed: Callable[[BaseException], object],
) -> None:
    """Run `loop` until `ended` says so; whoever ends it also stops the loop.

    A user's ``loop.stop()`` ends nothing. A Ctrl-C that hit a background task or a
    callback is given to `hit` as one line (what, and where). What a signal handler of the
    user's raises while the loop waits is given to `failed`. SystemExit from one of these
    comes out of here, and so does the error of a loop that cannot run any more.
    """
    fruitless = 0
    while not ended():
        turn = loop.live.turn.number
        try:
            loop.run_forever()
        except KeyboardInterrupt as error:
            hit(interrupter.victim(error))
        except SystemExit:
            raise
        except BaseException as error:
            fruitless = fruitless + 1 if loop.live.turn.number == turn else 0
            if fruitless > _TRIES:
                raise
            failed(error)


def close(loop: LiveLoop, patience: float = 1.0) -> list[str]:
    """End all that runs on `loop` and close it; the names of the tasks that were running.

    Ctrl-C while user code cleans up ends the cleanup.
    """
    clock = loop.live.clock
    clock.release()
    clock.thaw()
    clock.rate = max(clock.rate, 1.0)  # slow motion must not make leaving slow
    left: list[str] = []
    try:
        if not loop.is_closed():  # a program that ran on it may have done so
            left = loop.run_until_complete(finish(patience))
    except (KeyboardInterrupt, SystemExit, RuntimeError):
        pass  # user code in its cleanup: interrupted, leaving, or stopping the loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return left
