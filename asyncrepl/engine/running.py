"""Keeping a loop running, whatever user code does to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from asyncrepl.engine.forking import leave_child

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.interrupts import Interrupter
    from asyncrepl.engine.loop import LiveLoop

__all__ = ["EndsSessionError", "keep_running"]

#: So often a loop is started again that fails before its next turn: its selector is closed,
#: say. A handler's error comes once.
_TRIES = 3


class EndsSessionError(BaseException):
    """Raised by ours, where user code cannot catch it, to end `keep_running`."""


def keep_running(
    loop: LiveLoop,
    interrupter: Interrupter,
    ended: Callable[[], bool],
    hit: Callable[[str], object],
    failed: Callable[[BaseException], bool],
) -> SystemExit | None:
    """Run `loop` until `ended` says so; whoever ends it also stops the loop.

    A user's ``loop.stop()`` ends nothing. A Ctrl-C that hit a background task or a
    callback is given to `hit` as one line (what, and where). SystemExit from one
    of these ends it, too, and is what is returned. What a signal handler of the user's
    raises while the loop waits is given to `failed`, which says whether it could show it.
    The error of a loop that cannot run any more comes out of here.
    """
    fruitless = 0
    process = os.getpid()
    while not ended():
        turn = loop.live.turn.number
        try:
            _run(loop, process)
        except KeyboardInterrupt as error:
            hit(interrupter.victim(error))
        except SystemExit as leaving:
            return leaving
        except EndsSessionError:
            raise
        except BaseException as error:
            shown = failed(error)
            fruitless = fruitless + 1 if loop.live.turn.number == turn or not shown else 0
            if fruitless > _TRIES:
                raise
    return None


def _run(loop: LiveLoop, process: int) -> None:
    """Run `loop`; whatever comes out of it in a process that was forked meanwhile, ends that."""
    try:
        loop.run_forever()
    except BaseException as error:
        if os.getpid() != process:
            leave_child(error)
        raise
    if os.getpid() != process:
        leave_child(None)
