"""From the terminal's thread to the main thread and its loop, also before there is one.

The prompt is drawn before the rest of the program is imported, so a text can be typed and sent
before anything is there to run it: it is kept until then.

Signals: which get through to a session, and which end it.

A shell's background job has SIGINT ignored, whoever starts a program from a thread may have
signals blocked in it, and both are handed on to all children. Python leaves that as it is: right
for a program that nobody attends, but a person at a prompt presses Ctrl-C to be heard. So what a
terminal sends gets through here, and to programs that are started here: a handler becomes the
default in them, and what is not blocked stays so. What is meant to be ignored stays so: SIGHUP
under ``nohup``, SIGTERM, and SIGTSTP where no shell could continue the job.

A session ends from outside by SIGTERM, by SIGHUP, by a terminal that is gone. The exit status is
that of a shell: 143 for SIGTERM, 129 for SIGHUP. A signal that finds the loop waiting stops it;
one that finds user code in a long loop iteration raises SystemExit there. Code that catches even
that gets a time limit: a timer in a thread ends the process (one on a loop would die with the
loop). A terminal that is gone ends the session even where SIGHUP is ignored: who could type?
At last the interpreter waits for the user's threads, and one of them may wait for a key for ever.
Under plain Python they die with the process, at once; so here they get half a second.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.code_owner import innermost_user_frame
from asyncrepl.engine.loop.interrupt_shields import is_uninterrupted
from asyncrepl.engine.loop.repeated_interrupt import REPEAT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.terminal.output_queue import OutputQueue, Piece


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
        self._run: Callable[[str, float | None], None]
        self._loop: LiveLoop | None = None

    def connect(self, loop: LiveLoop, run: Callable[[str, float | None], None]) -> None:
        """From now on texts are given to `run`, on `loop`; first those kept so far.

        With each comes the time after which to interrupt it, that of a replay's, or None.
        """
        with self._lock:
            self._run, self._loop = run, loop
            for text in self._kept:
                self._post(run, text, None)
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
            if self._loop is None:
                self._kept.append(text)
            else:
                self._post(self._run, text, None)

    def run_scripted(self, text: str, interrupt_after: float | None) -> None:
        """Have `text` of a replay run while the user's clock is released."""
        if self._loop is not None:
            self._post(self._run, text, interrupt_after)

    def set_pace(self, pace: float) -> None:
        """Let the user's clock run at `pace`; a real one can't jump."""
        clock = None if self._loop is None else self._loop.live.clock
        if clock is not None and (clock.mode == "virtual" or pace < math.inf):
            self._post(setattr, clock, "pace", pace)

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


def to_standard_output(pieces: Iterable[Piece]) -> None:
    """Where text goes when there is no terminal's thread any more."""
    text = "".join(piece.text for piece in pieces)
    with contextlib.suppress(OSError):
        os.write(1, text.encode("utf-8", "backslashreplace"))


_UNBLOCKED = {
    signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP,
    signal.SIGCONT, signal.SIGWINCH, signal.SIGCHLD, signal.SIGALRM, REPEAT,
}  # fmt: skip


@contextmanager
def signals_unblocked() -> Iterator[None]:
    """Let signals through within the block; for the main thread.

    SIGCHLD, if it was ignored, is not: the system would keep no status of a child.
    """
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, _UNBLOCKED)
    childless = is_ignored(signal.SIGCHLD)
    if childless:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        if childless:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def signal_handled(number: signal.Signals, handler: Any) -> Iterator[None]:
    """Within the block the signal `number` goes to `handler`; for the main thread."""
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before or signal.SIG_DFL)


def is_ignored(number: signal.Signals) -> bool:
    """Whether the process ignores the signal; any thread."""
    return signal.getsignal(number) is signal.SIG_IGN


_CLEANUP_LIMIT = 2.5  # seconds: the cleanup of a session may take 2
_THREADS_LIMIT = 0.5  # seconds that the user's threads have from then on
_RECHECK = 0.1


class SessionExit:
    """Whether the session is to end, and with which status.

    `on_forced_exit` is called right before the process is ended by force.
    """

    def __init__(self, on_forced_exit: Callable[[], None]) -> None:
        self.code: int | None = None
        self._on_forced_exit = on_forced_exit
        self._loop: LiveLoop | None = None
        self._end: Callable[[], object] = bool
        self._stuck: Callable[[], bool] = bool
        self._timers: list[threading.Timer] = []

    def connect(
        self, loop: LiveLoop, stuck: Callable[[], bool], end: Callable[[], object] | None = None
    ) -> None:
        """From now on `loop` is to be stopped, or `end` to be called on it, if that is given.

        `stuck` says whether it is in a long iteration.
        """
        self._loop, self._stuck, self._end = loop, stuck, end or loop.stop

    def request(self, code: int) -> None:
        """End the session with `code`, if it does not end already; from any thread."""
        if self.code is None:
            self.code = code
        if self._loop is not None:
            self._loop.live.let_go()
            with contextlib.suppress(RuntimeError):  # the loop is closed: it ends already
                self._loop.call_soon_threadsafe(self._end)

    def hung_up(self) -> None:
        """End the session, for its terminal is gone, also a long iteration; from any thread."""
        number = signal.SIGHUP
        if is_ignored(number):
            self._call_after(_CLEANUP_LIMIT, lambda: self._force(128 + number))
        else:
            signal.pthread_kill(threading.main_thread().ident or 0, number)
        self.request(128 + number)

    @contextlib.contextmanager
    def signals_handled(self) -> Iterator[None]:
        """Handle the signals within the block; after one the process waits for no thread."""
        with contextlib.ExitStack() as stack:
            for number in (signal.SIGTERM, signal.SIGHUP):
                if not is_ignored(number):
                    stack.enter_context(signal_handled(number, self._on_signal))
            try:
                yield
            finally:
                for timer in self._timers:
                    timer.cancel()
                if self.is_from_outside():
                    self._call_after(_THREADS_LIMIT, self.end_process)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._timers:
            self._call_after(_CLEANUP_LIMIT, lambda: self._force(128 + number))
        self.request(128 + number)
        if not self._stuck():
            self._call_after(_RECHECK, lambda: self._repeat_signal(number))
        elif innermost_user_frame(frame) is not None and not is_uninterrupted(frame):
            raise SystemExit(128 + number)

    def _repeat_signal(self, number: int) -> None:
        """A long iteration has begun before the loop could see that it is to stop."""
        if self._stuck():
            signal.pthread_kill(threading.main_thread().ident or 0, number)

    def _call_after(self, seconds: float, action: Callable[[], Any]) -> None:
        timer = threading.Timer(seconds, action)
        timer.name, timer.daemon = "asyncrepl leaving", True
        timer.start()
        self._timers.append(timer)

    def is_from_outside(self) -> bool:
        """Whether a signal ends the session, or that its terminal is gone."""
        return bool(self._timers)

    def requested(self) -> bool:
        """Whether the session is to end."""
        return self.code is not None

    def end_process(self, code: int = 0) -> None:
        """End the process now, with the status that was asked for, or `code`; any thread."""
        self._force(self.code or code)

    def _force(self, code: int) -> None:
        self._on_forced_exit()
        os._exit(code)


class ProgramExit(SessionExit):
    """The end of a session in a program that goes on; nothing of it ends that.

    What the system does to a process by SIGTERM or SIGHUP is done to it all the same: at once
    where the program has no handler, and else when the prompt is gone (`pass_on`).
    """

    def __init__(self, on_forced_exit: Callable[[], None]) -> None:
        super().__init__(on_forced_exit)
        self._before: dict[int, Any] = {}
        self._received: list[int] = []

    @contextlib.contextmanager
    def signals_handled(self) -> Iterator[None]:
        """Handle the signals within the block."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.getsignal(number)
        with super().signals_handled():
            yield

    def hung_up(self) -> None:
        """End the session, for its terminal is gone; from any thread."""
        self.request(128 + signal.SIGHUP)

    def pass_on(self) -> None:
        """Let the program have the signals that have ended the session; its handlers are back."""
        for number in self._received:
            os.kill(os.getpid(), number)
        self._received.clear()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._received.append(number)
        if self._before.get(number) is signal.SIG_DFL:
            self._on_forced_exit()
            signal.signal(number, signal.SIG_DFL)
            self.pass_on()
        self.request(128 + number)

    def _force(self, code: int) -> None:
        """No process is ended here."""
        self.request(code)
