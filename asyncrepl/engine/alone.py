"""Programs that bring their own loop: run as ``python FILE`` runs them, and yet observed.

A text that awaits at its top (or makes a task there) needs a loop that runs already. Most
files don't: they end in ``asyncio.run(main())``, which a running loop refuses. So where
nothing at the top needs a loop, a text is run with none, by Python's own rules. The loops
it makes are ours, the first is the session's: what is traced, noticed and explained for a
statement is so for a program, too.

What does not work: asking whether the text calls ``asyncio.run`` (``uvicorn.run``,
``anyio.run`` and ``loop.run_until_complete`` are no less common, and called from
modules that are not read); and hiding the running loop from a statement that runs on it
(``asyncio.get_event_loop()`` still finds it, and Ctrl-C would be for the wrong loop).
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncrepl.engine.loop import LiveLoop, new_loop

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["loops_of_ours"]


@contextmanager
def loops_of_ours(first: LiveLoop) -> Iterator[None]:
    """Let asyncio make loops of ours in the main thread: `first`, if it is asked for one."""
    asyncio.set_event_loop_policy(_Policy(first))
    try:
        yield
    finally:
        asyncio.set_event_loop_policy(None)


class _Policy(asyncio.DefaultEventLoopPolicy):
    """Gives out `first`, then more of its kind, which report what they notice as it does."""

    def __init__(self, first: LiveLoop) -> None:
        super().__init__()
        self._first = first
        self._given = False

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        if threading.current_thread() is not threading.main_thread():
            return super().new_event_loop()
        if not self._given:
            self._given = True
            return self._first
        loop = new_loop()
        loop.set_exception_handler(self._first.get_exception_handler())
        return loop
