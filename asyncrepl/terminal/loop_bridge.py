"""From the terminal's thread to the main thread and its loop, also before there is one.

The prompt is drawn before the rest of the program is imported, so a text can be typed and sent
before anything is there to run it: it is kept until then.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.terminal.output_queue import OutputQueue, Piece
    from asyncrepl.terminal.session_signals import SessionExit

__all__ = ["LoopBridge", "to_standard_output"]


class LoopBridge:
    """What the terminal asks of the main thread; each call returns at once.

    A Ctrl-C that comes after a text is sent and before it runs is for that text.
    """

    def __init__(self, session_exit: SessionExit, queue: OutputQueue) -> None:
        self._expecting = self._interrupted = False
        self._session_exit = session_exit
        self._queue = queue
        self._lock = threading.Lock()
        self._kept: list[str] = []
        self._run: Callable[[str], None] = self._kept.append
        self._loop: LiveLoop | None = None
        self._run_scripted: Callable[[str, float | None], None] = _not_connected

    def connect(
        self,
        loop: LiveLoop,
        run: Callable[[str], None],
        run_scripted: Callable[[str, float | None], None],
    ) -> None:
        """From now on texts are given to `run`, on `loop`; first those kept so far.

        Those of a replay are given to `run_scripted`, with the time after which to
        interrupt them.
        """
        self._loop, self._run_scripted = loop, run_scripted

        def post(text: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the session ends
                loop.call_soon_threadsafe(run, text)

        with self._lock:
            self._run = post
            for text in self._kept:
                post(text)
            self._kept.clear()

    def prepare(self) -> None:
        """A text comes: a Ctrl-C that finds nothing running is for it."""
        self._expecting = True

    def keep_interrupt(self) -> bool:
        """Keep a Ctrl-C for the text on its way; False where none is."""
        self._interrupted = self._expecting
        return self._expecting

    def arrived(self) -> bool:
        """The text is running; whether a Ctrl-C was kept for it."""
        interrupted, self._interrupted = self._interrupted, False
        self._expecting = False
        return interrupted

    def submit(self, text: str) -> None:
        """Have `text` run; the terminal prompts again when it is done."""
        with self._lock:
            self._run(text)

    def run_scripted(self, text: str, interrupt_after: float | None) -> None:
        """Have `text` of a replay run while the user's clock is released."""
        self._post(self._run_scripted, text, interrupt_after)

    def set_pace(self, pace: float) -> None:
        """Let the user's clock run at `pace`; a real one can't jump."""
        self._post(self._set_pace, pace)

    def _set_pace(self, pace: float) -> None:
        clock = None if self._loop is None else self._loop.live.clock
        if clock is not None and (clock.mode == "virtual" or pace < math.inf):
            clock.pace = pace

    def _post(self, action: Callable[..., None], *args: object) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the session ends
                self._loop.call_soon_threadsafe(action, *args)

    def interrupt(self) -> None:
        """Ctrl-C, for whatever the main thread does."""
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def leave(self, code: int) -> None:
        """End the session."""
        self._session_exit.request(code)

    def gone(self) -> None:
        """The terminal's thread has ended: so does the session, if it was not to."""
        self._queue.bypass(to_standard_output)
        if not self._session_exit.requested():
            self._session_exit.hung_up()


def _not_connected(_text: str, _interrupt_after: float | None) -> None:
    """No session is connected yet."""


def to_standard_output(pieces: Iterable[Piece]) -> None:
    """Where text goes when there is no terminal's thread any more."""
    text = "".join(piece.text for piece in pieces)
    with contextlib.suppress(OSError):
        os.write(1, text.encode("utf-8", "backslashreplace"))
