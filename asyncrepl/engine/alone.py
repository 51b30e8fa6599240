"""Programs that bring their own loop: run as ``python FILE`` runs them, and yet observed.

A text that awaits at its top (or makes a task there) needs a loop that runs already. Most
files don't: they end in ``asyncio.run(main())``, which a running loop refuses. So where
nothing at the top needs a loop, a text is run with none, by Python's own rules. The loops
it makes are ours, the first is the session's: what is traced, noticed and explained for a
statement is so for a program, too.

Loops are asked of a policy up to Python 3.13. Those are deprecated since and go in 3.16:
there ``asyncio.new_event_loop`` is ours meanwhile, and a policy of the program's own is
still obeyed.

What does not work: asking whether the text calls ``asyncio.run`` (``uvicorn.run``,
``anyio.run`` and ``loop.run_until_complete`` are no less common, and called from
modules that are not read); and hiding the running loop from a statement that runs on it
(``asyncio.get_event_loop()`` still finds it, and Ctrl-C would be for the wrong loop).
"""

from __future__ import annotations

import asyncio
import functools
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.loop import LiveLoop, new_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    _Give = Callable[[Callable[[], asyncio.AbstractEventLoop]], asyncio.AbstractEventLoop]

__all__ = ["loops_of_ours"]


@contextmanager
def loops_of_ours(first: LiveLoop) -> Iterator[None]:
    """Let asyncio make loops of ours in the main thread: `first`, if it is asked for one."""
    give = _Loops(first).give
    if sys.version_info < (3, 14):
        asyncio.set_event_loop_policy(_policy(give))
        try:
            yield
        finally:
            asyncio.set_event_loop_policy(None)
    else:
        with _replaced(give):
            yield


class _Loops:
    """Gives out `first`, then more on its clock, which report what they notice as it does."""

    def __init__(self, first: LiveLoop) -> None:
        self._first = first
        self._given = False

    def give(self, new: Callable[[], asyncio.AbstractEventLoop]) -> asyncio.AbstractEventLoop:
        """The next loop; by `new` where it cannot be one of ours."""
        if threading.current_thread() is not threading.main_thread():
            return new()
        if not self._given:
            self._given = True
            return self._first
        loop = new_loop(self._first.live.clock)
        loop.set_exception_handler(self._first.get_exception_handler())
        return loop


if sys.version_info < (3, 14):

    def _policy(give: _Give) -> asyncio.AbstractEventLoopPolicy:
        class _Policy(asyncio.DefaultEventLoopPolicy):
            def new_event_loop(self) -> asyncio.AbstractEventLoop:
                return give(super().new_event_loop)

        return _Policy()


@contextmanager
def _replaced(give: _Give) -> Iterator[None]:
    """Let ``asyncio.new_event_loop`` give loops of ours."""
    asyncios = asyncio.new_event_loop

    @functools.wraps(asyncios)
    def new_event_loop() -> asyncio.AbstractEventLoop:
        made = asyncios()
        if type(made) is not asyncio.SelectorEventLoop or not replaced:
            return made  # that of a policy; or whoever has kept this function calls it later
        made.close()
        return give(asyncios)

    replaced: list[Any] = [asyncio, asyncio.events]
    for module in replaced:
        module.new_event_loop = new_event_loop
    try:
        yield
    finally:
        while replaced:
            module = replaced.pop()
            if module.new_event_loop is new_event_loop:
                module.new_event_loop = asyncios
