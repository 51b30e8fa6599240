"""``:record``: the session in a file, as it goes.

The file is opened once: where the user's program goes afterwards, its name means the same.
It has each input with what that printed as soon as the input is over, and what comes later,
in the background, a second after it at most, if anything more comes. At each moment it can
be replayed: what `kill -9` leaves is a recording.

A transcript and a cast grow at their end. All other formats are drawn anew, each time into a
new file that takes the name of the one before; where that takes long, less often.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from asyncrepl.engine.loop.interrupt_shields import shield
from asyncrepl.export.format_registry import export_formats
from asyncrepl.export.saved_session import (
    encoded_text,
    failure_reason,
    is_about_saving,
    kept_inputs,
    session_text,
)
from asyncrepl.runtime.files import is_special, reserve, write_all, write_file
from asyncrepl.session.command_registry import CommandError
from asyncrepl.session.tape import RecordedInput
from asyncrepl.views.styled_lines import prose

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncrepl.export.format_registry import GrowingFormat
    from asyncrepl.export.saved_session import TargetFile
    from asyncrepl.session.shell import Shell

_PAUSE = 1.0  # seconds between two writings of what the background prints
_REST_FACTOR = 20  # times as long as drawing all took, where that was not quick
_QUICK_DRAWING = 0.05  # seconds


class SessionRecorder:
    """Writes a session, from now on, to `target`; for the thread of the shell's loop.

    The file is a recording at each moment. One that cannot be written, now or later, is told in
    one line; the latter ends the recording, and what was written until then stays.
    """

    def __init__(self, shell: Shell, target: TargetFile, name: str) -> None:
        self._shell = shell
        self._target = target
        #: What is written, as ``:export`` calls it.
        self.format_name = name
        self._thread = threading.get_ident()
        self._process = os.getpid()
        self._count = 0
        #: The last input that is kept; another one, about recording, may run after it.
        self._last_input: RecordedInput | None = None
        self._keeps_input = False
        self._next_writing = 0.0
        if is_special(target.path):
            raise CommandError(f"cannot record to {target}: it is no regular file")
        with target.refusing():
            self._file: _RedrawnFile | _GrowingFile
            if (growing := export_formats()[name].growing) is not None:
                self._file = _GrowingFile(target, growing(shell))
            else:
                self._file = _RedrawnFile(shell, target, name)
        shell.tape.recorder = self

    @property
    def name(self) -> str:
        """The file, as the user has called it if that still means the same."""
        return str(self._target)

    def end(self) -> int:
        """Write what is missing, and record no more; how many inputs the file has."""
        self._detach()
        if os.getpid() != self._process:
            return self._count  # that of our parent goes on
        try:
            with shield, self._target.refusing():
                self._file.end(self._last_input_as_it_is())
        finally:
            self._file.close()
        return self._count

    # -- of the tape ----------------------------------------------------------------------

    def began(self, recorded: RecordedInput) -> None:
        """An input begins."""
        self._keeps_input = not is_about_saving(self._shell, recorded)
        if not self._keeps_input:
            return
        before, self._last_input = self._last_input_as_it_is(), recorded
        self._count += 1
        if before is not None:
            self._try(lambda: self._file.settle(before, recorded))

    def ended(self) -> None:
        """The input is over."""
        if self._keeps_input:
            self._write_last()

    def printed(self) -> None:
        """Something was printed in the background."""
        if time.monotonic() >= self._next_writing:
            self._write_last()

    def _write_last(self) -> None:
        if (recorded := self._last_input_as_it_is()) is not None:
            self._try(lambda: self._file.last(recorded))

    def _last_input_as_it_is(self) -> RecordedInput | None:
        """The last input that is kept, with what came in the background after later ones."""
        every = self._shell.tape.recorded_inputs
        at = next((at for at, each in enumerate(every) if each is self._last_input), len(every))
        return next(iter(kept_inputs(self._shell, every[at:])), self._last_input)

    def _try(self, action: Callable[[], None]) -> None:
        if threading.get_ident() != self._thread or os.getpid() != self._process:
            return  # what the thread prints is written with the next of ours
        try:
            with shield:
                action()
        except Exception as error:
            self._fail(error)
        self._next_writing = time.monotonic() + _PAUSE

    def _fail(self, error: Exception) -> None:
        self._detach()
        with suppress(OSError):
            self._file.close()
        told = f"recording to {self.name} has ended: {failure_reason(error)}"
        self._shell.console.complain(*prose(told, self._shell.console.width, "error", 2))

    def _detach(self) -> None:
        self._shell.tape.recorder = None


class _RedrawnFile:
    """A file of a format that is made of the whole session.

    It is held open, though nothing is written that way: the identity of a file that is gone
    may be given to the next one.
    """

    def __init__(self, shell: Shell, target: TargetFile, name: str) -> None:
        self._shell = shell
        self._path = target.path
        self._name = name
        self._after = next(reversed(shell.tape.recorded_inputs), None)
        self._due = 0.0
        self._held = -1
        write_file(self._path, self._drawn(), replace=target.forced)
        self._hold()

    def settle(self, recorded: RecordedInput, following: RecordedInput) -> None:
        """Draw nothing: there is nothing new since `last`, but what runs in the background."""

    def last(self, recorded: RecordedInput) -> None:  # noqa: ARG002  the protocol's
        """Draw all, if that is not too soon."""
        if time.monotonic() >= self._due:
            self._draw()

    def end(self, recorded: RecordedInput | None) -> None:  # noqa: ARG002
        """Draw all."""
        self._draw()

    def close(self) -> None:
        """Hold the file no more, if what is open is still that."""
        with suppress(OSError):
            if _file_identity(os.fstat(self._held)) == self._identity:
                os.close(self._held)

    def _hold(self) -> None:
        self._held = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        self._identity = _file_identity(os.fstat(self._held))

    def _draw(self) -> None:
        began = time.monotonic()
        _check_identity(self._path, self._identity)
        write_file(self._path, self._drawn(), replace=True)
        self.close()
        self._hold()
        now = time.monotonic()
        took = now - began
        self._due = now + took * _REST_FACTOR if took > _QUICK_DRAWING else now

    def _drawn(self) -> bytes:
        every = self._shell.tape.recorded_inputs
        first = next((at + 1 for at, recorded in enumerate(every) if recorded is self._after), 0)
        kept = kept_inputs(self._shell, every[first:])
        ending = RecordedInput("", self._shell.loop.time())
        return encoded_text(session_text(self._shell, [*kept, ending], self._name))


class _GrowingFile:
    """A file whose end grows: up to `_settled` nothing changes any more."""

    def __init__(self, target: TargetFile, format: GrowingFormat) -> None:
        self._path = target.path
        self._format = format
        head = encoded_text(format.head())
        if target.forced:
            write_file(self._path, head, replace=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        else:
            self._fd = reserve(self._path)
        self._identity = _file_identity(os.fstat(self._fd))
        self._settled, self._tail = 0, b""
        try:
            self._write(head)
        except OSError:
            os.close(self._fd)
            self._path.unlink()
            raise
        self._settled, self._tail = len(head), b""

    def settle(self, recorded: RecordedInput, following: RecordedInput) -> None:
        """Write the end of `recorded` as it is now: nothing more comes of it."""
        self._write(encoded_text(self._format.settled(recorded, following)))
        self._settled, self._tail = self._settled + len(self._tail), b""

    def last(self, recorded: RecordedInput) -> None:
        """Write `recorded` as far as it goes, to be written again when there is more of it."""
        _check_identity(self._path, self._identity)
        self._write(encoded_text(self._format.unsettled(recorded)))

    def end(self, recorded: RecordedInput | None) -> None:
        """Write the last `recorded`."""
        if recorded is None:
            _check_identity(self._path, self._identity)
        else:
            self.last(recorded)

    def close(self) -> None:
        """Close the file, if it is still ours."""
        with suppress(OSError):
            if self._is_open():
                os.close(self._fd)

    def _is_open(self) -> bool:
        return _file_identity(os.fstat(self._fd)) == self._identity

    def _write(self, tail: bytes) -> None:
        """Let the file end in `tail`, or as before where there is no room for that.

        What is beyond the end comes first: on a full disk that fails, and nothing has changed.
        """
        if not self._is_open():
            raise CommandError("somebody has closed the file")  # and opened another in its place
        before, start = len(self._tail), self._settled
        try:
            write_all(self._fd, tail[before:], start + before)
        except OSError:
            os.ftruncate(self._fd, start + before)
            raise
        if tail[:before] != self._tail[: len(tail)]:
            write_all(self._fd, tail[:before], start)
        if len(tail) < before:
            os.ftruncate(self._fd, start + len(tail))
        self._tail = tail


def _file_identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _check_identity(path: Path, identity: tuple[int, int]) -> None:
    """Raise CommandError if `path` is not the file that we write any more."""
    try:
        same = _file_identity(path.stat()) == identity
    except OSError:
        same = False
    if not same:
        raise CommandError("somebody has removed or replaced the file")
