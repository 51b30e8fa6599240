"""How a session ends from outside: SIGTERM, SIGHUP, a terminal that is gone.

The exit status is that of a shell: 143 for SIGTERM, 129 for SIGHUP. A signal
that finds the loop waiting stops it; one that finds user code in a long turn
raises SystemExit there. Code that catches even that gets a time limit: a timer in
a thread ends the process (one on a loop would die with the loop).
"""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.frames import innermost_user_frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from asyncrepl.engine.loop import LiveLoop

__all__ = ["Exits"]

_GRACE = 2.5  # seconds: the cleanup of a session may take 2
_AGAIN = 0.1


class Exits:
    """Whether the session is to end, and with which status.

    `stuck` says whether the loop is in a long turn; `last_words` is called right
    before the process is ended by force.
    """

    def __init__(
        self, loop: LiveLoop, stuck: Callable[[], bool], last_words: Callable[[], None]
    ) -> None:
        self.code: int | None = None
        self._loop = loop
        self._stuck = stuck
        self._last_words = last_words
        self._previous: dict[signal.Signals, Any] = {}
        self._timers: list[threading.Timer] = []

    def request(self, code: int) -> None:
        """End the session with `code`, if it does not end already; from any thread."""
        if self.code is None:
            self.code = code
        try:
            self._loop.call_soon_threadsafe(self._loop.stop)
        except RuntimeError:
            return  # the loop is closed: it ends already

    def requested(self) -> bool:
        """Whether the session is to end."""
        return self.code is not None

    def install(self) -> None:
        """Handle the signals."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._previous[number] = signal.signal(number, self._on_signal)

    def uninstall(self) -> None:
        """Give the signals back, and call the time limits off."""
        for timer in self._timers:
            timer.cancel()
        for number, handler in self._previous.items():
            signal.signal(number, handler or signal.SIG_DFL)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._timers:
            self._after(_GRACE, lambda: self._force(128 + number))
        self.request(128 + number)
        if not self._stuck():
            self._after(_AGAIN, lambda: self._again(number))
        elif innermost_user_frame(frame) is not None:
            raise SystemExit(128 + number)

    def _again(self, number: int) -> None:
        """A long turn has begun before the loop could see that it is to stop."""
        if self._stuck():
            signal.pthread_kill(threading.main_thread().ident or 0, number)

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        timer.start()
        self._timers.append(timer)

    def _force(self, code: int) -> None:
        self._last_words()
        os._exit(code)
