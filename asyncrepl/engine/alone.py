"""Programs that bring their own loop: run as ``python FILE`` runs them, and yet observed.

A text that awaits at its top needs a loop that runs already. Most files don't: they
end in ``asyncio.run(main())``, which a running loop refuses. So a text without a top-level
``await`` is run with no loop running, by Python's own rules: it may call ``asyncio.run``,
and ``asyncio.create_task`` outside of that is the error it is for ``python FILE``. The
loops it makes are ours, the first is the session's: what is traced, noticed and explained
for a statement is so for a program, too.

What does not work: asking whether the text calls ``asyncio.run`` (``uvicorn.run``,
``anyio.run`` and ``loop.run_until_complete`` are no less common, and called from
modules that are not read); and hiding the running loop from a statement that runs on it
(``asyncio.get_event_loop()`` still finds it, and Ctrl-C would be for the wrong loop).
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncrepl.engine.loop import LiveLoop, new_loop

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["awaits", "loops_of_ours"]


def awaits(text: str, filename: str) -> bool:
    """Whether `text` awaits at its top, so that only a running loop can run it."""
    import ast

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are given when it is compiled to be run
        try:
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(text, filename, "exec", flags, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return False  # it will not run at all
    return bool(code.co_flags & inspect.CO_COROUTINE)


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
