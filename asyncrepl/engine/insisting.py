"""Ctrl-C for code that catches it, again and again.

``while True: try: … except BaseException: pass`` swallows each KeyboardInterrupt. At the
third Ctrl-C within a second, in one turn of the loop, the user has said it clearly enough:
KeyboardInterrupt is then raised also where user code handles the last one, so that it
leaves the handler, and with it the loop around it. Code that gets away even so, by handlers
within handlers, is told again every 20 ms, and after two seconds somebody gives up.

It is a trace function, set for that moment only: nothing else runs between the handler and
the next round. What does not work: to send more signals (they hit the body, which is
guarded, nearly always), and to raise at each line (it hits the body first, and Python
removes a trace function that has raised).
"""

from __future__ import annotations

import sys
import threading
import time
from signal import SIGINT, pthread_kill
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.frames import is_plumbing

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from asyncrepl.engine.turns import Turn

__all__ = ["Insistence"]

PRESSES, WITHIN = 3, 1.0
_AGAIN, _PATIENCE = 0.02, 2.0


class Insistence:
    """Counts what is pressed while one turn of a loop lasts; for the main thread.

    `gave_up` is called, in a thread, if the turn lasts even so; without it nothing more
    is done.
    """

    def __init__(self, turn: Turn, gave_up: Callable[[], object] | None) -> None:
        self._turn = turn
        self._gave_up = gave_up
        self._pressed: list[float] = []
        self._number = -1
        self._before: Any = None
        self._on = False

    def press(self, frame: FrameType | None) -> None:
        """Ctrl-C reaches `frame`, in which KeyboardInterrupt is about to be raised."""
        if self._on:  # our own, or one more
            self._trace(frame)
            return
        now = time.monotonic()
        if self._turn.number != self._number:
            self._number = self._turn.number
            self._pressed.clear()
        self._pressed = [at for at in self._pressed if now - at < WITHIN] + [now]
        if len(self._pressed) >= PRESSES:
            self._on, self._before = True, sys.gettrace()
            self._trace(frame)
            threading.Thread(target=self._repeat, name="asyncrepl insists", daemon=True).start()

    def calm(self) -> None:
        """What was to be interrupted is over."""
        if self._on:
            self._on = False
            sys.settrace(self._before)

    def _trace(self, frame: FrameType | None) -> None:
        while frame is not None:
            if not is_plumbing(frame.f_code.co_filename):
                frame.f_trace = self._see
            frame = frame.f_back
        sys.settrace(self._see)

    def _see(self, frame: FrameType, _event: str, _arg: object) -> Callable[..., Any] | None:
        if self._turn.number != self._number:
            self.calm()
            return None
        if is_plumbing(frame.f_code.co_filename):
            return None
        if isinstance(sys.exception(), KeyboardInterrupt):
            raise KeyboardInterrupt
        return self._see

    def _repeat(self) -> None:
        main = threading.main_thread().ident or 0
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            time.sleep(_AGAIN)
            if not self._lasts():
                return
            pthread_kill(main, SIGINT)
        if self._lasts() and self._gave_up is not None:
            self._gave_up()

    def _lasts(self) -> bool:
        return self._on and self._turn.busy and self._turn.number == self._number
