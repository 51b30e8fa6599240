"""How a session ends from outside: SIGTERM, SIGHUP, a terminal that is gone.

The exit status is that of a shell: 143 for SIGTERM, 129 for SIGHUP. A signal
that finds the loop waiting stops it; one that finds user code in a long turn
raises SystemExit there. Code that catches even that gets a time limit: a timer in
a thread ends the process (one on a loop would die with the loop).

A signal that was ignored when the session began, as SIGHUP under ``nohup``, still is. A
terminal that is gone ends the session all the same: who could type?
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.frames import innermost_user_frame
from asyncrepl.terminal.inherited import is_ignored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from asyncrepl.engine.loop import LiveLoop

__all__ = ["Exits"]

_GRACE = 2.5  # seconds: the cleanup of a session may take 2
_AGAIN = 0.1


class Exits:
    """Whether the session is to end, and with which status.

    `last_words` is called right before the process is ended by force.
    """

    def __init__(self, last_words: Callable[[], None]) -> None:
        self.code: int | None = None
        self._last_words = last_words
        self._loop: LiveLoop | None = None
        self._stuck: Callable[[], bool] = bool
        self._timers: list[threading.Timer] = []

    def connect(self, loop: LiveLoop, stuck: Callable[[], bool]) -> None:
        """From now on `loop` is to be stopped; `stuck` says whether it is in a long turn."""
        self._loop, self._stuck = loop, stuck

    def request(self, code: int) -> None:
        """End the session with `code`, if it does not end already; from any thread."""
        if self.code is None:
            self.code = code
        if self._loop is not None:
            self._loop.live.let_go()
            with contextlib.suppress(RuntimeError):  # the loop is closed: it ends already
                self._loop.call_soon_threadsafe(self._loop.stop)

    def hung_up(self) -> None:
        """End the session, for its terminal is gone; from any thread. A long turn ends, too."""
        number = signal.SIGHUP
        if is_ignored(number):
            self._after(_GRACE, lambda: self._force(128 + number))
        else:
            signal.pthread_kill(threading.main_thread().ident or 0, number)
        self.request(128 + number)

    def requested(self) -> bool:
        """Whether the session is to end."""
        return self.code is not None

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Handle the signals within the block."""
        numbers = [each for each in (signal.SIGTERM, signal.SIGHUP) if not is_ignored(each)]
        before = [signal.signal(number, self._on_signal) for number in numbers]
        try:
            yield
        finally:
            for timer in self._timers:
                timer.cancel()
            for number, handler in zip(numbers, before, strict=True):
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

    def _after(self, seconds: float, action: Callable[[], Any]) -> None:
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        timer.start()
        self._timers.append(timer)

    def end_process(self, code: int = 0) -> None:
        """End the process now, with the status that was asked for, or `code`; any thread."""
        self._force(self.code or code)

    def _force(self, code: int) -> None:
        self._last_words()
        os._exit(code)
