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

from asyncrepl.engine.frames import calls_back, explains, is_library, is_plumbing
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
    """The user's own innermost frame if there is one, else that of a library.

    None while we explain a value that a line has shown: that is not the line's doing. And
    None between two callbacks: the line that runs the loop blocks nothing.
    """
    own = library = None
    while frame is not None:
        if calls_back(frame.f_code):
            return own or library
        filename = frame.f_code.co_filename
        if explains(filename) and own is None:
            return None
        if own is None and not is_plumbing(filename):
            if is_library(filename):
                library = library or frame
            else:
                own = frame
        frame = frame.f_back
    return None
