"""Whether anything can still wake a loop that is about to wait with no time limit.

With no timer set and nothing ready, only the outside can: I/O, a thread, a process, a
signal. If none of these is there either, what waits will wait for ever.
"""

from __future__ import annotations

import threading
from types import NoneType
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.awaiting.chains import links
from asyncrepl.engine.frames import is_library, is_plumbing
from asyncrepl.language.sightings import Sighting
from asyncrepl.language.suspects import Facts

if TYPE_CHECKING:
    from asyncrepl.engine.loop import LiveLoop

__all__ = ["nothing_wakes", "waits_for_ever"]

#: Threads that wake nobody by themselves: ours, and those of the loop's idle executor.
_HARMLESS = ("asyncrepl", "asyncio_")


def nothing_wakes(loop: LiveLoop) -> bool:
    """Whether `loop`, whose thread this is, has nothing that could wake it."""
    if loop._ready or loop._scheduled or len(loop.live.selector.get_map()) > 1:  # noqa: SLF001
        return False  # its own pipe is the one
    if loop.live.outside.pending() or getattr(loop, "_signal_handlers", None):
        return False
    here = threading.current_thread()
    return all(
        thread is here or thread.name.startswith(_HARMLESS) for thread in threading.enumerate()
    )


def waits_for_ever(task: Any) -> Sighting | None:
    """The sighting of `task` where the user's innermost code waits; None if none does."""
    for link in reversed(links(task)):
        code, frame = link.code, link.frame
        if code is None or frame is None:
            continue
        if not is_plumbing(code.co_filename) and not is_library(code.co_filename):
            return Sighting("stuck", Facts(NoneType), code, frame.f_lasti)
    return None
