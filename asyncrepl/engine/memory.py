"""Room for the end of a statement that has used up all memory.

The failed code's variables live on in the traceback, for ``:why`` and for a debugger; then
nothing of ours can be done any more, not even to call the loop's next callback, which is lost,
and with it the prompt. So where no room is left, a reserve is given up, and what the failed
code holds is let go of: its error and its stack stay.

The reserve is address space: no page of it is ever touched.
"""

from __future__ import annotations

import traceback
from contextlib import suppress

__all__ = ["keep_reserve", "make_room"]

_ROOM = 4 << 20  # bytes: a few arenas of the interpreter's allocator
#: Of a chain of errors so many are looked at: the user may have made it a ring.
_CHAIN = 100

_reserve: list[bytes] = []


def keep_reserve() -> None:
    """Have a reserve from now on, if there is room for one."""
    if not _reserve:
        with suppress(MemoryError):
            _reserve.append(bytes(_ROOM))


def make_room(error: BaseException | None) -> None:
    """Give up the reserve, and what the stack of `error` holds, if there is no memory else."""
    try:
        bytes(_ROOM)
    except MemoryError:
        _reserve.clear()
        for _ in range(_CHAIN):
            if error is not None:
                traceback.clear_frames(error.__traceback__)
                error = error.__context__
