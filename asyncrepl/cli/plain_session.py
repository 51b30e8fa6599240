"""The session without a terminal: a file, a string, a pipe.

Lines are read in a thread, so that the loop goes on while it waits for one.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections import deque
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, TextIO

from asyncrepl.engine.loop.interrupts import Interrupter
from asyncrepl.engine.loop.loop_runner import (
    EndsSessionError,
    asyncio_makes_live_loops,
    keep_running,
)
from asyncrepl.instrument.compilation import needs_loop, starts_loop
from asyncrepl.runtime.process import FAILED, INTERRUPTED
from asyncrepl.session.frontend import Frontend
from asyncrepl.session.input_run import Status, run_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncrepl.session.shell import Shell
    from asyncrepl.syntax.input_splitter import InputSplitter


class PipeFrontend(Frontend):
    """Lines that come down a pipe: nobody sees them, nor a prompt."""

    prompt_width = 0


def run_program(shell: Shell, text: str, filename: str) -> int:
    """Run `text` as ``python FILE`` does, but with top-level ``await``; the exit status.

    It is 0, 1 after an error, 130 after Ctrl-C, or what SystemExit says. Where nothing at
    its top needs a running loop, or it starts its own, none runs, and Python's rules hold.
    """
    shell.name_main_module(filename)
    if needs_loop(text) and not starts_loop(text):
        return _exit_status(shell, run_source(shell, text, filename))
    shell.loop.live.clock.release()
    with asyncio_makes_live_loops(shell.loop):
        return _exit_status(shell, shell.run_alone(text, filename))


def run_source(shell: Shell, text: str, filename: str, *, alone: bool = False) -> Status:
    """Run `text` on the shell's loop, or `alone`, if it needs none; how it ended."""
    statuses: list[Status] = []

    def done(status: Status) -> None:
        statuses.append(status)
        shell.loop.stop()

    run = partial(run_input, scripted=lambda: False, filename=filename, alone=alone)
    shell.loop.call_soon(run, shell, text, done)
    left = _run_loop(shell, lambda: bool(statuses), idle=lambda: None)
    return left or statuses[0]


def run_lines(shell: Shell, stream: TextIO) -> int:
    """Run the inputs from `stream` up to the first error; the exit status as above."""
    from asyncrepl.syntax.input_splitter import InputSplitter

    return read_and_run(shell, stream, LineRunner(shell, InputSplitter()))


def read_and_run(shell: Shell, stream: TextIO, lines: LineRunner) -> int:
    """Run what `lines` reads from `stream`; the exit status as above."""
    from asyncrepl.transcript.transcript_output import TeeStream

    threading.Thread(
        target=lines.read, args=(stream,), name="asyncrepl input", daemon=True
    ).start()
    shell.loop.call_soon(lines.next)
    with (
        redirect_stdout(TeeStream(sys.stdout, shell.printed)),
        redirect_stderr(TeeStream(sys.stderr, shell.tape.write)),
    ):
        left = _run_loop(shell, lambda: lines.ended, idle=lines.interrupted, typed=lines.typed)
        if left is not None:
            # No ``loop.stop()`` now: it would be for the next run, that of the cleanup.
            lines.ended, lines.exit_status = True, left.exit_code
    return lines.exit_status


class LineRunner:
    """Feeds a shell with lines, one input at a time."""

    typed = False

    def __init__(self, shell: Shell, splitter: InputSplitter) -> None:
        self.ended = False
        self.exit_status = 0
        self.shell = shell
        self.splitter = splitter
        self._waiting: deque[str] = deque()
        self._closed = False

    def read(self, stream: TextIO) -> None:
        """Read to the end of `stream`; in a thread of its own."""
        loop = self.shell.loop
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
            try:
                for line in self.lines(stream):
                    loop.call_soon_threadsafe(self.take, line)
            except (OSError, ValueError) as error:  # closed, or not text
                line = f"cannot read the input: {error}"
                loop.call_soon_threadsafe(self.shell.console.complain, [("error", line)])
                loop.call_soon_threadsafe(self._end, FAILED)
            loop.call_soon_threadsafe(self.take, None)

    def lines(self, stream: TextIO) -> Iterator[str]:
        """The lines of a program; one may say in which encoding it is."""
        from asyncrepl.syntax.parsed_input import decoded_lines

        octets = getattr(stream, "buffer", None)
        if octets is not None:
            return decoded_lines(octets)
        return (line.rstrip("\n") for line in stream)

    def next(self) -> None:
        """Run the next input, if nothing runs and there is one."""
        if self.ended or self.shell.busy:
            return
        if self._waiting:
            text = self._waiting.popleft()
            self.begin(text)
            run_input(self.shell, text, self.done, scripted=lambda: False)
        elif self._closed:
            self._end(0)
        else:
            self.wait()

    def interrupted(self) -> None:
        """Ctrl-C while nothing runs."""
        self._end(INTERRUPTED)

    def begin(self, text: str) -> None:
        """The input `text` is about to run."""

    def wait(self) -> None:
        """Nothing is to be run: a line must come first."""

    def take(self, line: str | None) -> None:
        """A line was read, or None for the end."""
        self._closed = line is None
        self._waiting.extend(self.splitter.end() if line is None else self.splitter.feed(line))
        self.next()

    def done(self, status: Status) -> None:
        """An input has ended."""
        if status.kind == "ok":
            self.shell.loop.call_soon(self.next)
        else:
            self._end(_exit_status(self.shell, status))

    def _end(self, status: int) -> None:
        self.ended, self.exit_status = True, status
        self.shell.loop.stop()


def _exit_status(shell: Shell, status: Status) -> int:
    if status.kind == "exit":
        return status.exit_code
    if status.kind == "ok":
        return 0
    interrupted = shell.last is not None and shell.last.interrupted
    return INTERRUPTED if interrupted else FAILED


class _HandlerFailedError(EndsSessionError):
    """A signal handler has raised: that ends a program, as under `python`."""


def _run_loop(
    shell: Shell, ended: Callable[[], bool], idle: Callable[[], None], *, typed: bool = False
) -> Status | None:
    """Run the loop until it has `ended`; how it ended where that was by SystemExit."""

    def hit(line: str) -> None:
        shell.console.complain([("error", line)])

    def failed(error: BaseException) -> bool:
        shell.outcomes.report_lost(error)
        raise _HandlerFailedError

    interrupter = Interrupter(shell.loop, shell, idle)
    # A program that was started with Ctrl-C ignored, as a shell's background job is, goes
    # on ignoring it, as under `python`; who types wants to be heard.
    if typed or signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        interrupter.install()
    try:
        leaving = keep_running(shell.loop, interrupter, ended, hit, failed)
    except _HandlerFailedError:
        return Status("exit", FAILED)
    else:
        return None if leaving is None else Status("exit", shell.outcomes.exit_code(leaving))
    finally:
        interrupter.uninstall()
