"""Who blocks the loop, asked from another thread while it happens.

The frames of the loop's thread are looked at from outside: nothing in the loop
needs to have been prepared, and it costs nothing until somebody asks. What
another thread can't see: code in C that holds the interpreter's lock (a
regular expression, ``sum(range(10**9))``) keeps that thread from asking, too.
"""

from __future__ import annotations

import asyncio
import linecache
import sys
from time import monotonic
from typing import TYPE_CHECKING

from asyncrepl.engine.frames import innermost_user_frame, is_library
from asyncrepl.events import Blocked

if TYPE_CHECKING:
    from types import FrameType

    from asyncrepl.engine.loop import LiveLoop

__all__ = ["blocked"]


def blocked(loop: LiveLoop, thread_id: int, threshold: float = 0.1) -> Blocked | None:
    """What has held `loop` for more than `threshold` seconds; None if nothing does.

    `thread_id` is the thread that runs the loop. Call it from another one. None
    also if the loop went on while it was looked at, or if no user code runs.
    """
    turn = loop.live.turn
    number, busy = turn.number, turn.busy
    seconds = monotonic() - _since(loop)
    if not busy or seconds <= threshold:
        return None
    frame = _place(sys._current_frames().get(thread_id))  # noqa: SLF001  the documented way
    task = asyncio.current_task(loop)
    if frame is None or (turn.number, turn.busy) != (number, True):
        return None
    name = None if task is None else task.get_name()
    filename, line = frame.f_code.co_filename, frame.f_lineno
    source = linecache.getline(filename, line).strip()
    return Blocked(name, filename, line, source, seconds)


def _since(loop: LiveLoop) -> float:
    """When what runs now began to: this very slice, where slices are recorded in real time.

    Otherwise the turn. A turn of a thousand quick callbacks has no one to blame.
    """
    live = loop.live
    timeline, since = live.timeline, live.turn.since
    if timeline is None or not live.clock.untouched:
        return since
    return max(since, timeline.current()[1] / 1e9)


def _place(frame: FrameType | None) -> FrameType | None:
    """The user's own frame if there is one, else that of a library."""
    innermost = outer = innermost_user_frame(frame)
    while outer is not None and is_library(outer.f_code.co_filename):
        outer = innermost_user_frame(outer.f_back)
    return outer or innermost
