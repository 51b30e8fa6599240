"""Drawing again after something has failed in the terminal's thread.

A key or a frame may fail for reasons of the main thread's: no memory for a moment, a
recursion limit of 40, a module of the interpreter's that user code has emptied. Nobody
else can draw, so it is tried again and again: as long as a statement runs, since what it
does may be over with it, and for a moment after that. Then the terminal is given back and
the process ends; better no prompt than one that is deaf.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from asyncrepl.views.errors import describe_error

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["Recovery"]

_AGAIN = 0.1  # seconds between two tries
_PATIENCE = 1.0  # seconds without a statement that may be the reason


class Recovery:
    """What the terminal's thread does about errors of its callbacks; for that thread.

    `redraw` draws the whole layout, `running` says whether a statement runs, `tell` shows
    a line, `give_up` ends the thread for the given error.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        redraw: Callable[[], object],
        running: Callable[[], bool],
        tell: Callable[[str], object],
        give_up: Callable[[BaseException], object],
    ) -> None:
        self._loop = loop
        self._redraw = redraw
        self._running = running
        self._tell = tell
        self._give_up = give_up
        self._told: set[str] = set()
        self._trying = False
        self._idle_since: float | None = None

    def failed(self, error: BaseException) -> None:
        """A callback has raised `error`: say so once, and draw again soon."""
        text = describe_error(error)
        if text not in self._told:
            self._told.add(text)
            self._tell(f"the terminal has failed, and goes on: {text}")
        if not self._trying:
            self._trying, self._idle_since = True, None
            self._loop.call_later(_AGAIN, self._try)

    def _try(self) -> None:
        try:
            self._redraw()
        except BaseException as error:
            if self._is_over():
                self._give_up(error)
            else:
                self._loop.call_later(_AGAIN, self._try)
        else:
            self._trying = False

    def _is_over(self) -> bool:
        """Whether no statement is the reason, and that for too long."""
        if self._running():
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = monotonic()
        return self._idle_since is not None and monotonic() - self._idle_since > _PATIENCE
