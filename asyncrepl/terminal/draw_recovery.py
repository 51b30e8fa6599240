"""What the terminal's thread does when drawing fails: it tries again, for a while.

A key or a frame may fail for reasons of the main thread's: no memory for a moment, a recursion
limit of 40, a module of the interpreter's that user code has emptied. Nobody else can draw, so
`DrawRecovery` tries again and again: as long as a statement runs, since what it does may be over
with it, and for a moment after that. Then the terminal is given back and the process ends; better
no prompt than one that is deaf.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from asyncrepl.views.error_lines import describe_error

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_RETRY_DELAY = 0.1  # seconds between two tries
_IDLE_LIMIT = 1.0  # seconds without a statement that may be the reason


class DrawRecovery:
    """What the terminal's thread does about errors of its callbacks; for that thread.

    `redraw` draws the whole layout, `running` says whether a statement runs, `show` shows
    a line, `give_up` ends the thread for the given error.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        redraw: Callable[[], object],
        running: Callable[[], bool],
        show: Callable[[str], object],
        give_up: Callable[[BaseException], object],
    ) -> None:
        self._loop = loop
        self._redraw = redraw
        self._running = running
        self._show = show
        self._give_up = give_up
        self._shown: set[str] = set()
        self._trying = False
        self._idle_since: float | None = None

    def failed(self, error: BaseException) -> None:
        """A callback has raised `error`: say so once, and draw again soon."""
        text = describe_error(error)
        if text not in self._shown:
            self._shown.add(text)
            self._show(f"the terminal has failed, and goes on: {text}")
        if not self._trying:
            self._trying, self._idle_since = True, None
            self._loop.call_later(_RETRY_DELAY, self._try)

    def _try(self) -> None:
        try:
            self._redraw()
        except BaseException as error:
            if self._is_over():
                self._give_up(error)
            else:
                self._loop.call_later(_RETRY_DELAY, self._try)
        else:
            self._trying = False

    def _is_over(self) -> bool:
        """Whether no statement is the reason, and that for too long."""
        if self._running():
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = monotonic()
        return self._idle_since is not None and monotonic() - self._idle_since > _IDLE_LIMIT
