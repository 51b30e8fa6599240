"""Ctrl-C: which code it reaches.

The signal handler runs in the main thread, between two byte codes of whatever
runs there, and decides by one question: is the loop stuck in a turn, or waiting?

Things that do not work, each tried:

- *cancelling the statement's task, always.* ``while True: pass`` never comes back
  to the loop to be cancelled.
- *raising KeyboardInterrupt, always.* It would end whatever happens to run,
  often asyncio's own code, and a background task instead of the statement.
- *asking the terminal's thread.* Its loop may be writing, and code that holds the
  interpreter lock (a regular expression, a big power) keeps it from running,
  though the signal would get through.
- *raising inside our own output stream.* The stream's lock would stay taken; such
  a section is a `shield`, and the exception comes when it is left.
- *only one signal.* The turn may begin to hog the loop just after the decision to
  cancel; so the handler looks again, every 60 ms, until the cancellation is through.
- *trusting that the handler runs.* A signal that comes just before the loop waits is
  handled only when something else wakes it. So signals wake the loop's own socket,
  as asyncio does for a program that handles signals with it.
- *trusting the clock at once.* A thread that was not scheduled for 50 ms, just as a ticker
  ran, looks like a ticker that hogs the loop: the ticker was ended, and the statement, for
  which the Ctrl-C was, went on (on 3.11, with many idle threads, 1 in 100). So what runs in
  the background is hit at the second look, if the same turn is still under way.
- *trusting that what is raised is heard.* Out of a ``__del__`` or the callback of a weak
  reference, which asyncio's tasks have in plenty, it does not come: Python tells that it
  was ignored, and the statement goes on. So what is ignored so is pressed again.
- *looking again, only.* The timer for it is a thread, which code that holds the
  interpreter lock keeps from running. So where the statement itself is just now
  running user code, KeyboardInterrupt is raised at once, as Python would.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from asyncrepl.engine.frames import innermost_user_frame, is_plumbing
from asyncrepl.engine.insisting import Insistence
from asyncrepl.engine.lives import current_task
from asyncrepl.engine.traces import reached_place

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from types import FrameType

    from asyncrepl.engine.loop import LiveLoop

__all__ = ["Foreground", "Interrupter", "Shield", "shield"]

#: A turn of the loop older than this many seconds is stuck, not just busy.
STUCK = 0.05
#: One older than this is, whatever else the machine may have had to do.
SURELY_STUCK = 0.5


class Shield:
    """A section of the main thread in which Ctrl-C waits until the section is left."""

    def __init__(self) -> None:
        self._depth = 0
        self._pending = False

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._depth += 1

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._depth -= 1
        if self._pending and not self._depth:
            self._pending = False
            raise KeyboardInterrupt

    def postpone(self) -> bool:
        """Keep a Ctrl-C for later; false outside of a shielded section."""
        self._pending = self._depth > 0
        return self._pending


#: The one shield: there is one main thread.
shield = Shield()


class Foreground(Protocol):
    """What a Ctrl-C is for: the statement that runs, if one does."""

    @property
    def task(self) -> asyncio.Task[Any] | None:
        """The task of the statement."""

    def interrupt(self) -> bool:
        """Interrupt the statement; False where nothing runs. Called on the loop."""


class Interrupter:
    """Handles SIGINT for the loop that runs on the main thread.

    Where nothing runs in the `foreground`, `idle` is called, on the loop; `gave_up`, in a
    thread, where code cannot be interrupted by any number of Ctrl-C.
    """

    def __init__(
        self,
        loop: LiveLoop,
        foreground: Foreground,
        idle: Callable[[], object],
        gave_up: Callable[[], object] | None = None,
    ) -> None:
        self._insistence = Insistence(loop.live.turn, gave_up)
        #: Called in the signal handler, once for each Ctrl-C, whatever that will reach.
        self.heard: Callable[[], object] = bool
        self._loop = loop
        self._foreground = foreground
        self._idle = idle
        self._looking_again = False
        #: The turn that was under way at the last Ctrl-C, but for those of the statement itself.
        self._pressed_in = -1
        #: The cancellation on its way through the loop.
        self._coming: asyncio.Handle | None = None
        self._previous: Any = None
        self._hit: asyncio.Task[Any] | None = None

    def install(self) -> None:
        """Take SIGINT. Also call it before each statement: user code may have changed it."""
        self._insistence.calm()
        if sys.unraisablehook is sys.__unraisablehook__:
            sys.unraisablehook = self._ignored
        waker = self._loop._csock  # type: ignore[attr-defined]  # noqa: SLF001
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        current = signal.getsignal(signal.SIGINT)
        if current == self.on_sigint:
            return
        if self._previous is None:
            self._previous = current
        # pdb leaves its own handler behind when a program goes on.
        forgotten = getattr(current, "__module__", None) == "pdb"
        if forgotten or current in (signal.default_int_handler, self._previous):
            signal.signal(signal.SIGINT, self.on_sigint)

    def uninstall(self) -> None:
        """Give SIGINT back."""
        self._insistence.calm()
        self._forget_cancellation()
        signal.set_wakeup_fd(-1)
        if sys.unraisablehook == self._ignored:
            sys.unraisablehook = sys.__unraisablehook__
        if signal.getsignal(signal.SIGINT) == self.on_sigint:
            signal.signal(signal.SIGINT, self._previous or signal.default_int_handler)

    def stuck(self) -> bool:
        """Whether one turn of the loop has been running for too long. Any thread may ask."""
        turn = self._loop.live.turn
        return turn.busy and time.monotonic() - turn.since > STUCK

    def on_sigint(self, _signum: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt in a stuck turn; else interrupt the statement."""
        again, self._looking_again = self._looking_again, False
        if not again:
            self.heard()
        if self._reaches(frame):
            self._hit = current_task(self._loop)
            self._forget_cancellation()
            if not shield.postpone():
                self._insistence.press(frame)
                raise KeyboardInterrupt
            return
        self._interrupt_soon(cancel=not again)

    def _interrupt_soon(self, *, cancel: bool = True) -> None:
        self._loop.live.let_go()
        if cancel and self._coming is None:
            self._coming = self._loop.call_soon_threadsafe(self._cancel)
        self._look_again_soon()

    def _ignored(self, unraisable: sys.UnraisableHookArgs, /) -> None:
        """Python could not raise something: where that was a Ctrl-C, it is pressed again."""
        step = unraisable.exc_traceback
        while step is not None and step.tb_next is not None:
            step = step.tb_next
        if step is not None and step.tb_frame.f_code is Interrupter.on_sigint.__code__:
            self._interrupt_soon()
        else:
            sys.__unraisablehook__(unraisable)

    def _reaches(self, frame: FrameType | None) -> bool:
        """Whether KeyboardInterrupt is to be raised in `frame`, where the main thread is."""
        live, task = self._loop.live, self._foreground.task
        stands = live.stand is not None and live.stand.on
        if not (live.turn.busy or stands) or frame is None:
            return False
        if task is not None and current_task(self._loop) is task:
            return stands or not is_plumbing(frame.f_code.co_filename) or self._stuck_in(frame)
        # Nobody has asked for the end of what runs in the background.
        return self._surely_stuck() and self._stuck_in(frame)

    def _stuck_in(self, frame: FrameType) -> bool:
        return self.stuck() and innermost_user_frame(frame) is not None

    def _surely_stuck(self) -> bool:
        """Whether the turn under way is long also on a machine that has stood still for a moment.

        It lasts since the Ctrl-C before this one, or for very long.
        """
        turn = self._loop.live.turn
        before, self._pressed_in = self._pressed_in, turn.number
        return before == turn.number or time.monotonic() - turn.since > SURELY_STUCK

    def victim(self, error: KeyboardInterrupt) -> str:
        """What the Ctrl-C that came out of the loop as `error` has ended, in one line."""
        self._insistence.calm()
        task, self._hit = self._hit, None
        where = reached_place(error.__traceback__)
        if task is None or not task.done():
            return f"KeyboardInterrupt: a callback at {where or 'an unknown place'}"
        if not task.cancelled():
            task.exception()  # it is being told: asyncio need not log it later
        return f"KeyboardInterrupt: task {task.get_name()!r} ended at {where}"

    def _cancel(self) -> None:
        self._coming = None
        if not self._foreground.interrupt():
            self._idle()

    def _forget_cancellation(self) -> None:
        """What raised KeyboardInterrupt must not interrupt the next statement too."""
        if self._coming is not None:
            self._coming.cancel()
            self._coming = None

    def _look_again_soon(self) -> None:
        timer = threading.Timer(STUCK + 0.01, self._look_again)
        timer.daemon = True
        timer.start()

    def _look_again(self) -> None:
        if self._coming is not None:
            self._looking_again = True
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
