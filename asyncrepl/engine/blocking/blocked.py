"""Who blocks the loop, asked from another thread while it happens.

The frames of the loop's thread are looked at from outside: nothing in the loop
needs to have been prepared, and it costs nothing until somebody asks. What
another thread can't see: code in C that holds the interpreter's lock (a
regular expression, ``sum(range(10**9))``) keeps that thread from asking, too.

Only a name and two numbers come out, and the frame is let go of before
anything else is done: whoever holds it last would have to run the user's
``__del__`` in the wrong thread.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.engine.frames import calls_back, imports, owner, shows
from asyncrepl.engine.lives import current_task, name_of

if TYPE_CHECKING:
    from types import FrameType

    from asyncrepl.engine.loop import LiveLoop

__all__ = ["Culprit", "culprit"]


class Culprit(NamedTuple):
    """A line that runs on the loop, and the name of its task; None for a plain callback."""

    task: str | None
    filename: str
    line: int


def culprit(loop: LiveLoop, thread_id: int) -> Culprit | None:
    """The user's line that `loop` is running; None if it waits, or runs none of the user's.

    `thread_id` is the thread that runs the loop. Call it from another one. None
    also if the loop went on while it was looked at.
    """
    turn = loop.live.turn
    number = turn.number
    if not turn.busy:
        return None
    frame = _place(sys._current_frames().get(thread_id))  # noqa: SLF001  the documented way
    if frame is None:
        return None
    filename, line = frame.f_code.co_filename, frame.f_lineno
    del frame
    task = current_task(loop)
    name = None if task is None else name_of(task)
    return Culprit(name, filename, line) if (turn.number, turn.busy) == (number, True) else None


def _place(frame: FrameType | None) -> FrameType | None:
    """The frame to blame: the user's own innermost one, else a library's that asyncio called.

    None while we work: while we show or explain something, or import what we need, also where
    a line of the user's was the occasion; and where only we have called a library. And None
    between two callbacks: the line that runs the loop blocks nothing.
    """
    called_by_us = importing = False
    library = None
    while frame is not None and not calls_back(frame.f_code):
        filename = frame.f_code.co_filename
        whose = owner(filename)
        if whose == "user":
            return frame if _in_a_callback(frame) else None
        if whose == "ours":
            # The innermost of ours decides: it calls for itself, or for the user.
            if not called_by_us and (importing or shows(filename)):
                return None
            called_by_us = True
        elif imports(filename):
            importing = True
        elif whose == "library":
            library = library or frame
        frame = frame.f_back
    return None if frame is None or called_by_us else library


def _in_a_callback(frame: FrameType | None) -> bool:
    while frame is not None and not calls_back(frame.f_code):
        frame = frame.f_back
    return frame is not None
