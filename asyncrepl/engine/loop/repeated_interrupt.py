"""A Ctrl-C that code swallows, again and again.

``while True: try: … except BaseException: pass`` swallows each KeyboardInterrupt. At the
third Ctrl-C within a second, in one iteration of the loop, the user has said it clearly enough:
KeyboardInterrupt is then raised also where user code handles the last one, so that it
leaves the handler, and with it the loop around it (`RepeatedInterrupt`). Code that gets away even
so, by handlers within handlers, gets another every 20 ms, and after two seconds `gave_up` is
called. It is a trace function, set for that moment only: nothing else runs between the handler
and the next round. What does not work: to send more signals (they hit the body, which is
guarded, nearly always), and to raise at each line (it hits the body first, and Python
removes a trace function that has raised).
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.code_owner import is_plumbing

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from asyncrepl.engine.loop.loop_iteration import LoopIteration

#: The signal by which a thread insists on a Ctrl-C that has been pressed. Nobody sends it, and
#: whom it does not concern ignores it; Go interrupts its threads with it for the same reasons.
REPEAT = signal.SIGURG

PRESSES, WITHIN = 3, 1.0
_REPEAT_INTERVAL, _GIVE_UP_AFTER = 0.02, 2.0


class RepeatedInterrupt:
    """Counts what is pressed while one loop iteration lasts; for the main thread.

    `repeat` is called in a thread, again and again, to have the main thread interrupted;
    `gave_up` there, too, if it lasts even so; without it nothing more is done.
    """

    def __init__(
        self,
        iteration: LoopIteration,
        repeat: Callable[[], object],
        gave_up: Callable[[], object] | None,
    ) -> None:
        self._iteration = iteration
        self._send = repeat
        self._gave_up = gave_up
        self._interrupted_at: list[float] = []
        self._number = -1
        self._before: Any = None
        self._on = False

    def interrupted(self, frame: FrameType | None) -> None:
        """Ctrl-C reaches `frame`, in which KeyboardInterrupt is about to be raised."""
        if self._on:  # our own, or one more
            self._trace(frame)
            return
        now = time.monotonic()
        if self._iteration.number != self._number:
            self._number = self._iteration.number
            self._interrupted_at.clear()
        self._interrupted_at = [at for at in self._interrupted_at if now - at < WITHIN] + [now]
        if len(self._interrupted_at) >= PRESSES:
            self._on, self._before = True, sys.gettrace()
            self._trace(frame)
            threading.Thread(target=self._repeat, name="asyncrepl insists", daemon=True).start()

    def end(self) -> None:
        """What was to be interrupted is over."""
        if self._on:
            self._on = False
            sys.settrace(self._before)

    def _trace(self, frame: FrameType | None) -> None:
        while frame is not None:
            if not is_plumbing(frame.f_code.co_filename):
                frame.f_trace = self._trace_function
            frame = frame.f_back
        sys.settrace(self._trace_function)

    def _trace_function(
        self, frame: FrameType, _event: str, _arg: object
    ) -> Callable[..., Any] | None:
        if self._iteration.number != self._number:
            self.end()
            return None
        if is_plumbing(frame.f_code.co_filename):
            return None
        if isinstance(sys.exception(), KeyboardInterrupt):
            raise KeyboardInterrupt
        return self._trace_function

    def _repeat(self) -> None:
        until = time.monotonic() + _GIVE_UP_AFTER
        while time.monotonic() < until:
            time.sleep(_REPEAT_INTERVAL)
            if not self.goes_on():
                return
            self._send()
        if self.goes_on() and self._gave_up is not None:
            self._gave_up()

    def goes_on(self) -> bool:
        """Whether what is interrupted again and again still runs. Any thread may ask."""
        return self._on and self._iteration.busy and self._iteration.number == self._number
