"""A transcript's session without a terminal: for the check, and for a replay into a pipe.

Ctrl-C during either is the user's who started it, not the transcript's: it ends
the player. The transcript's own come from `#: key` and never through a signal.
"""

from __future__ import annotations

import asyncio
import math
import signal
import sys
import threading
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

from asyncrepl.commands.opening import open_shell
from asyncrepl.commands.status import Status
from asyncrepl.engine.clock import Clock
from asyncrepl.engine.interrupts import Interrupter
from asyncrepl.engine.lives import current_task
from asyncrepl.engine.running import keep_running
from asyncrepl.transcript.marking import Marking
from asyncrepl.transcript.performing import perform
from asyncrepl.transcript.watch import Limits, Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from asyncrepl.commands.shell import Shell
    from asyncrepl.engine.ties import Ties
    from asyncrepl.transcript.grammar import Input, Transcript
    from asyncrepl.views.console import Console

__all__ = ["HungError", "Player", "open_player"]


class HungError(Exception):
    """A statement that will not end; its text is the reason."""


class Player:
    """Performs inputs one after the other on a shell; in the thread that runs its loop."""

    def __init__(self, shell: Shell, limits: Limits | None) -> None:
        #: For who looks at what was performed.
        self.shell = shell
        self._loop = shell.loop
        self._interrupter = Interrupter(shell.loop, shell, lambda: None)
        self._watch = None if limits is None else Watch(shell.loop, shell.loop.stop, limits)
        #: Whether a Ctrl-C is none of this player's business.
        self.deaf = False
        self._ctrl_c = False
        #: The task that a Ctrl-C has reached.
        self._reached: asyncio.Task[Any] | None = None
        self._status: Status | None = None

    def play(self, entry: Input) -> Status:
        """Perform `entry`: how it ended.

        Raises HungError if the watch gave it up, KeyboardInterrupt for a real Ctrl-C.
        """
        self._status = None
        self._loop.call_soon(self._start, entry)
        if self._watch is not None:
            self._watch.begin()
        try:
            leaving = keep_running(
                self._loop, self._interrupter, self._ended, self._hit, self.shell.report_lost
            )
            if leaving is not None:
                self._status = Status("exit", self.shell.exit_code(leaving))
        finally:
            if self._watch is not None:
                self._watch.end()
        reached, self._reached = self._reached, None
        if type(reached) is asyncio.Task and reached.done() and not reached.cancelled():
            reached.exception()  # it is known: asyncio need not log it
        if self._ctrl_c:
            raise KeyboardInterrupt
        if self._reason is not None:
            raise HungError(self._reason)
        assert self._status is not None
        return self._status

    def set_pace(self, pace: float) -> None:
        """Let the user's clock run at `pace`; a real clock can't run at an infinite one."""
        clock = self._loop.live.clock
        if clock.mode == "virtual" or pace < math.inf:
            clock.pace = pace

    def close(self) -> None:
        """End the watch; the shell is closed by who opened it."""
        if self._watch is not None:
            self._watch.close()

    def on_sigint(self, _signum: int, _frame: FrameType | None) -> None:
        """Take SIGINT: a statement given up by the watch, or the user's Ctrl-C.

        The user's does nothing where it was ignored before, as in a shell's background job.
        """
        if self._reason is None and self.deaf:
            return
        self._ctrl_c = self._reason is None
        self._reached = current_task(self._loop)
        raise KeyboardInterrupt

    @property
    def _reason(self) -> str | None:
        return None if self._watch is None else self._watch.reason

    def _start(self, entry: Input) -> None:
        perform(self.shell, entry.text, self._done, interrupt_after=entry.interrupt_after)

    def _done(self, status: Status) -> None:
        self._status = status
        self._loop.stop()

    def _ended(self) -> bool:
        return self._status is not None or self._ctrl_c or self._reason is not None

    def _hit(self, line: str) -> None:
        """A KeyboardInterrupt that user code raised in the background."""
        if not self._ended():
            self.shell.console.complain([("error", line)])


@contextmanager
def open_player(
    transcript: Transcript,
    console: Console,
    pace: float,
    limits: Limits | None = None,
    ties: Ties | None = None,
) -> Iterator[Player]:
    """A player in a fresh session on the clock that `transcript` asks for, held.

    `pace` is its pace (see `Player.set_pace`). `limits` say when a statement is given
    up; None means never. `ties` takes note of timers that tie, if the clock is virtual.
    """
    clock = Clock.virtual() if transcript.clock == "virtual" else Clock.real()
    if clock.mode == "virtual":
        clock.ties = ties
    clock.hold()
    with open_shell(console, clock=clock) as shell:
        shell.sleeps.wanted = lambda: True
        shell.observing.want("demo")  # from the start: any of its statements may look back
        player = Player(shell, limits)
        player.set_pace(pace)
        try:
            with (
                _sigint(player),
                redirect_stdout(Marking(sys.stdout, shell.printed)),
                redirect_stderr(Marking(sys.stderr, shell.tape.write)),
            ):
                yield player
        finally:
            player.close()


@contextmanager
def _sigint(player: Player) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers, and gets signals
        return
    previous = signal.signal(signal.SIGINT, player.on_sigint)
    player.deaf = previous is signal.SIG_IGN
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
