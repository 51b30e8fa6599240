"""Leasing the terminal to code that uses it itself: `input`, pdb, pagers, programs.

``with lease.terminal():`` takes the layout off the screen, stops reading keys, puts the terminal
into the modes it had before us and gives descriptors 0, 1, 2 back; afterwards everything is as it
was. Without that two readers share one keyboard, and each gets half of the keys.

It can be nested (help → pager → subprocess), and used from any thread but the terminal's own: all
of the switching is done in that one, so that a KeyboardInterrupt in the leasing thread cannot
leave it half done.
"""

from __future__ import annotations

import os
import select
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from asyncrepl.engine.loop.interrupts import shield

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LeasedTerminal", "TerminalLease"]

_SWITCH_TIMEOUT = 3.0  # seconds a thread waits for the terminal's own thread
_POLL = 0.1
_READ_SIZE = 64 * 1024


class LeasedTerminal(Protocol):
    """The terminal's side of a lease; called in the terminal's thread."""

    def release(self) -> None:
        """Leave the terminal to somebody else."""

    def reclaim(self) -> None:
        """Go on where it was left."""

    def typed_line(self) -> str | None:
        """A whole line that was typed before it was asked for, empty for Ctrl-D, or None."""


class TerminalLease:
    """Who has the terminal; `call` runs a function in the terminal's thread."""

    def __init__(
        self, terminal: LeasedTerminal, call: Callable[[Callable[[], None]], bool], fd: int
    ) -> None:
        self._terminal = terminal
        self._call = call
        self._fd = fd
        self._lock = threading.RLock()
        self._depth = 0
        self._recalled = False
        self._process = os.getpid()

    @contextmanager
    def terminal(self) -> Iterator[None]:
        """The block has the terminal; in a child that was forked nobody has."""
        if os.getpid() != self._process:
            yield
            return
        while not self._lock.acquire(timeout=_POLL):
            pass  # another thread has it; the time limit lets Ctrl-C through
        try:
            self._depth += 1
            if self._depth == 1:
                self._wait(self._terminal.release)
            yield
        finally:
            with shield:
                self._depth -= 1
                if self._depth == 0:
                    self._recalled = False
                    self._wait(self._terminal.reclaim)
                self._lock.release()

    def read_line(self) -> str:
        """A line from the keyboard with its newline, edited by the terminal itself.

        Empty at the end of input (Ctrl-D), when the line was recalled, and in a child that
        was forked: two readers of one keyboard get half of the keys each.
        """
        if os.getpid() != self._process:
            return ""
        with self.terminal():
            early: list[str | None] = [None]
            self._wait(lambda: early.append(self._terminal.typed_line()))
            line = early[-1]
            if line is None:
                line = self._read().decode("utf-8", "surrogateescape")
            # Enter is \r if it was pressed just before the modes were changed.
            return line.replace("\r", "\n")

    def recall(self) -> None:
        """The statement is over: the terminal is the prompt's again.

        A `read_line` of another thread, whose asker is gone, ends.
        """
        if self._depth:
            self._recalled = True
        else:
            self._call(self._terminal.reclaim)

    def _read(self) -> bytes:
        line = b""
        while not line.endswith((b"\n", b"\r")):
            # Not a plain read: a line asked for in another thread can be recalled.
            if not select.select([self._fd], [], [], _POLL)[0]:
                if self._recalled:
                    return b""
                continue
            piece = os.read(self._fd, _READ_SIZE)
            if not piece:
                break
            line += piece
        return line

    def _wait(self, action: Callable[[], None]) -> None:
        """Run `action` in the terminal's thread and wait until it is done."""
        done = threading.Lock()
        done.acquire()

        def act() -> None:
            try:
                action()
            finally:
                done.release()

        if self._call(act):
            done.acquire(timeout=_SWITCH_TIMEOUT)
