"""Ctrl-C: which code it reaches, also code that catches it again and again.

The signal handler runs in the main thread, between two byte codes of whatever
runs there, and decides by one question: is the loop stuck in an iteration, or waiting?

Things that do not work, each tried:

- *cancelling the statement's task, always.* ``while True: pass`` never comes back
  to the loop to be cancelled.
- *raising KeyboardInterrupt, always.* It would end whatever happens to run,
  often asyncio's own code, and a background task instead of the statement.
- *asking the terminal's thread.* Its loop may be writing, and code that holds the
  interpreter lock (a regular expression, a big power) keeps it from running,
  though the signal would get through.
- *raising in what begins a statement, or ends it.* Parts of the program are imported then, which
  takes longer on a busy machine than code that blocks the loop. The Ctrl-C ended what was to be
  noted of the statement, and not the statement. So such functions are `uninterrupted`.
- *raising inside our own output stream.* The stream's lock would stay taken; such
  a section is a `shield`, and the exception comes when it is left.
- *only one signal.* The iteration may begin to block just after the decision to
  cancel; so the handler looks again, every 60 ms, until the cancellation is through.
- *trusting that the handler runs.* A signal that comes just before the loop waits is
  handled only when something else wakes it. So signals wake the loop's own socket,
  as asyncio does for a program that handles signals with it.
- *trusting the clock at once.* A thread that was not scheduled for 50 ms, just as a ticker
  ran, looks like a ticker that blocks the loop: the ticker was ended, and the statement, for
  which the Ctrl-C was, went on (on 3.11, with many idle threads, 1 in 100). So what runs in
  the background is hit at the second look, if the same iteration is still under way.
- *trusting that what is raised arrives.* Out of a ``__del__`` or the callback of a weak
  reference, which asyncio's tasks have in plenty, it does not come: Python reports that it
  was ignored, and the statement goes on. So what is ignored so is pressed again.
- *repeating it as a SIGINT.* Nobody could tell it from one more Ctrl-C: two that come at once are
  one to Python, and one that comes late, or not at all since ``os.system`` ignores SIGINT
  meanwhile, was taken for the next that was pressed, or that for it. So the one is lost, or the
  other ends the next statement and drops what is typed. `REPEAT` is a signal of its own.
- *looking again, only.* The timer for it is a thread, which code that holds the
  interpreter lock keeps from running. So where the statement itself is just now
  running user code, KeyboardInterrupt is raised at once, as Python would.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from asyncio import unix_events
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from signal import SIGINT, pthread_kill
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from asyncrepl.engine.code_owner import (
    innermost_user_frame,
    is_plumbing,
    reached_location,
    traceback_entries,
)
from asyncrepl.engine.loop.interrupt_shields import is_uninterrupted, rows, shield
from asyncrepl.engine.loop.repeated_interrupt import REPEAT, RepeatedInterrupt
from asyncrepl.engine.tasks.task_records import current_task

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from types import FrameType

    from asyncrepl.engine.loop.live_loop import LiveLoop

    Function = TypeVar("Function", bound=Callable[..., object])

#: A loop iteration older than this many seconds is stuck, not just busy.
STUCK_AFTER = 0.05
#: One older than this is, whatever else the machine may have had to do.
SURELY_STUCK_AFTER = 0.5
#: Python's handler of a signal for which a loop has one, which reads of it in its pipe.
_LOOPS_HANDLER: Any = getattr(unix_events, "_sighandler_noop", None)
#: So many seconds a Ctrl-C waits for the end of a row.
ROW = 0.3


#: Set in the contexts of what was typed at a prompt, and of all that it has begun.
in_session: ContextVar[bool] = ContextVar("asyncrepl_session", default=False)


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
        self._repeated = RepeatedInterrupt(loop.live.loop_iteration, self._repeat, gave_up)
        #: Called in the signal handler, once for each Ctrl-C, whatever that will reach.
        self.heard: Callable[[], object] = bool
        self._loop = loop
        self._foreground = foreground
        self._idle = idle
        #: So many Ctrl-C were on their way to the loop at the last `wake`.
        self._seen = 0
        #: The iteration under way at the last Ctrl-C, but for those of the statement itself.
        self._interrupted_in = -1
        #: The cancellation on its way through the loop.
        self._pending_cancellation: asyncio.Handle | None = None
        self._previous: Any = None
        self._hit_task: asyncio.Task[Any] | None = None
        #: Whether what runs in the background may be hit; asked in the signal handler.
        self.may_hit: Callable[[], bool] = lambda: True
        self._wakeup_fd: int | None = None

    def install(self) -> None:
        """Take SIGINT. Also call it before each statement: user code may have changed it."""
        self._repeated.end()
        rows.forget()
        if sys.unraisablehook is sys.__unraisablehook__:
            sys.unraisablehook = self._unraisable
        waker = self._loop._csock  # type: ignore[attr-defined]  # noqa: SLF001
        before = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self._wakeup_fd = before if self._wakeup_fd is None else self._wakeup_fd
        if signal.getsignal(REPEAT) in (signal.SIG_DFL, signal.SIG_IGN):  # else it is the user's
            signal.signal(REPEAT, self._on_repeat)
        current = signal.getsignal(SIGINT)
        if current == self.on_sigint:
            return
        if self._previous is None:
            self._previous = current
        # pdb leaves its own handler behind when a program goes on.
        forgotten = getattr(current, "__module__", None) == "pdb"
        if forgotten or current in (signal.default_int_handler, self._previous):
            signal.signal(SIGINT, self.on_sigint)

    def uninstall(self) -> None:
        """Give SIGINT back."""
        self._repeated.end()
        rows.forget()
        self._forget_cancellation()
        with suppress(ValueError, OSError):  # it is closed by now
            signal.set_wakeup_fd(-1 if self._wakeup_fd is None else self._wakeup_fd)
        if sys.unraisablehook == self._unraisable:
            sys.unraisablehook = sys.__unraisablehook__
        if signal.getsignal(REPEAT) == self._on_repeat:
            signal.signal(REPEAT, signal.SIG_DFL)
        if signal.getsignal(SIGINT) == self.on_sigint:
            signal.signal(SIGINT, self._previous or signal.default_int_handler)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """SIGINT is Python's own in the block, which a program has to itself: the loop stands.

        ``asyncio.run`` takes it from Python only. A handler of the user's stays, but for one that
        only this loop would call.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handler, fd = signal.getsignal(SIGINT), signal.set_wakeup_fd(-1)
        pressed = self._pending_cancellation is not None
        self._loop.live.stands_by = True
        try:
            if handler == self.on_sigint:
                self.uninstall()
            if handler in (self.on_sigint, _LOOPS_HANDLER):
                signal.signal(SIGINT, signal.default_int_handler)
            if pressed:
                raise KeyboardInterrupt
            yield
        finally:
            self._loop.live.stands_by = False
            with suppress(KeyboardInterrupt):  # one more, at the very end
                self._take_back(handler, fd)
            self._take_back(handler, fd)

    def _take_back(self, handler: Any, fd: int) -> None:
        """Have SIGINT handled by `handler` again, and signals wake whoever reads `fd`."""
        shield.forget()
        with suppress(OSError):  # that of a Ctrl-C: the loop goes on without being woken
            self._loop._ssock.recv(4096)  # noqa: SLF001
        if handler == self.on_sigint:
            self.install()
        elif handler is _LOOPS_HANDLER:
            signal.signal(SIGINT, handler)
        signal.set_wakeup_fd(fd, warn_on_full_buffer=False)

    def stuck(self) -> bool:
        """Whether one loop iteration has been running for too long. Any thread may ask.

        So has what runs while the loop stands.
        """
        if self._loop.live.stands_by:
            return True
        current = self._loop.live.loop_iteration
        return current.busy and time.monotonic() - current.since > STUCK_AFTER

    def wake(self) -> None:
        """Interrupt what blocks the main thread, if another has taken a Ctrl-C; in a thread.

        SIGWINCH does it: a handler is there for it, and it means nothing if the size is the same.
        """
        seen = 0
        if self.stuck():
            seen = self._unread()
            if seen > self._seen:
                pthread_kill(threading.main_thread().ident or 0, signal.SIGWINCH)
        self._seen = seen

    def watch_beside(self) -> None:
        """Count what is pressed while SIGINT is lent, from now on.

        Unless the program's loop has a handler for it. Not from the start: trio, which has no
        loop of ours, warns of whoever reads signals besides it.
        """
        waker = self._loop._csock  # type: ignore[attr-defined]  # noqa: SLF001
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)

    def pressed_beside(self) -> int:
        """How often Ctrl-C has come since `watch_beside`; 0 if SIGINT is not lent. Any thread."""
        return self._unread() if self._loop.live.stands_by else 0

    def _unread(self) -> int:
        """So many Ctrl-C the loop has been sent and not heard of."""
        with suppress(OSError):  # nothing has come, or the loop is closed
            waker: socket.socket = self._loop._ssock  # noqa: SLF001
            return waker.recv(4096, socket.MSG_PEEK).count(SIGINT)
        return 0

    def on_sigint(self, _signum: int, frame: FrameType | None) -> None:
        """The handler of SIGINT, which comes once for each Ctrl-C.

        In the main thread; `frame` is where that is.
        """
        self.heard()
        self._interrupt(frame, pressed=True)

    def _on_repeat(self, _signum: int, frame: FrameType | None) -> None:
        """The handler of `REPEAT`; what is over when it comes needs no interrupt any more."""
        if self._insists():
            self._interrupt(frame, pressed=False)

    def _interrupt(self, frame: FrameType | None, *, pressed: bool) -> None:
        """Raise KeyboardInterrupt in a stuck loop iteration; else interrupt the statement."""
        if self._reaches(frame):
            self._hit_task = current_task(self._loop)
            self._forget_cancellation()
            if not (shield.postpone() or self._postponed(frame)):
                raise KeyboardInterrupt  # here: where it was noticed
            return
        self._interrupt_soon(cancel=rows.forget() or pressed)

    def _postponed(self, frame: FrameType | None) -> bool:
        """Whether a Ctrl-C that is for `frame` comes when the row that it writes is whole."""
        current = self._loop.live.loop_iteration
        number, hit = current.number, self._hit_task
        if rows.forget():
            return False  # it has waited for long enough
        self._repeated.interrupted(frame)

        def runs() -> bool:
            same = current.busy and current.number == number
            return same and current_task(self._loop) is hit

        if not rows.postpone(frame, runs):
            return False
        self._look_again_soon(ROW)
        return True

    def _interrupt_soon(self, *, cancel: bool = True) -> None:
        self._loop.live.let_go()
        if cancel and self._pending_cancellation is None:
            self._pending_cancellation = self._loop.call_soon_threadsafe(self._cancel)
        self._look_again_soon()

    def _unraisable(self, unraisable: sys.UnraisableHookArgs, /) -> None:
        """Python could not raise something: where that was a Ctrl-C, it is pressed again."""
        last = [*traceback_entries(unraisable.exc_traceback)][-1:]
        if last and last[0].tb_frame.f_code is Interrupter._interrupt.__code__:
            self._interrupt_soon()
        else:
            sys.__unraisablehook__(unraisable)

    def _reaches(self, frame: FrameType | None) -> bool:
        """Whether KeyboardInterrupt is to be raised in `frame`, where the main thread is."""
        live, task = self._loop.live, self._foreground.task
        at_breakpoint = live.loop_breakpoint is not None and live.loop_breakpoint.on
        if not (live.loop_iteration.busy or at_breakpoint) or frame is None:
            return False
        if is_uninterrupted(frame):
            return False
        if task is not None and current_task(self._loop) is task:
            ours = is_plumbing(frame.f_code.co_filename)
            return at_breakpoint or not ours or self._is_stuck_in(frame)
        # Nobody has asked for the end of what runs in the background.
        return self.may_hit() and self._is_surely_stuck() and self._is_stuck_in(frame)

    def _is_stuck_in(self, frame: FrameType) -> bool:
        return self.stuck() and innermost_user_frame(frame) is not None

    def _is_surely_stuck(self) -> bool:
        """Whether the loop iteration under way is long also on a machine that has been busy.

        It lasts since the Ctrl-C before this one, or for very long.
        """
        current = self._loop.live.loop_iteration
        before, self._interrupted_in = self._interrupted_in, current.number
        return before == current.number or time.monotonic() - current.since > SURELY_STUCK_AFTER

    def describe_interrupted(self, error: KeyboardInterrupt) -> str:
        """What the Ctrl-C that came out of the loop as `error` has ended, in one line."""
        self._repeated.end()
        task, self._hit_task = self._hit_task, None
        where = reached_location(error.__traceback__)
        if task is None or not task.done():
            return f"KeyboardInterrupt: a callback at {where or 'an unknown place'}"
        if not task.cancelled():
            task.exception()  # it is being reported: asyncio need not log it later
        return f"KeyboardInterrupt: task {task.get_name()!r} ended at {where}"

    def _cancel(self) -> None:
        self._pending_cancellation = None
        if not self._foreground.interrupt():
            self._idle()

    def _forget_cancellation(self) -> None:
        """What raised KeyboardInterrupt must not interrupt the next statement too."""
        if self._pending_cancellation is not None:
            self._pending_cancellation.cancel()
            self._pending_cancellation = None

    def _look_again_soon(self, seconds: float = STUCK_AFTER + 0.01) -> None:
        timer = threading.Timer(seconds, self._look_again)
        timer.name, timer.daemon = "asyncrepl insists", True
        timer.start()

    def _look_again(self) -> None:
        if self._insists():
            self._repeat()

    def _insists(self) -> bool:
        """Whether a Ctrl-C is not through yet."""
        waits = self._pending_cancellation is not None or rows.postponed
        return waits or self._repeated.goes_on()

    def _repeat(self) -> None:
        """Have the main thread look again; in a thread."""
        if signal.getsignal(REPEAT) == self._on_repeat:
            pthread_kill(threading.main_thread().ident or 0, REPEAT)
