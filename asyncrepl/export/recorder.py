"""``:record``: the session in a file, as it goes.

The file is opened once: where the user's program goes afterwards, its name means the same.
It has each input with what that printed as soon as the input is over, and what comes later,
in the background, a second after it at most, if anything more comes. At each moment it can
be replayed: what `kill -9` leaves is a recording.

A transcript and a cast grow at their end. All other formats are drawn anew, each time into a
new file that takes the name of the one before; where that takes long, less often.
"""

from __future__ import annotations

import asyncio
import math
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from asyncrepl.commands.registry import CommandError
from asyncrepl.commands.tape import Scene
from asyncrepl.engine.interrupts import shield
from asyncrepl.export.cast import Film, header
from asyncrepl.export.keeping import encoded, is_about_keeping, reason, session_text
from asyncrepl.export.taped import HEAD, has_idle_output, scene_text, with_wait
from asyncrepl.files import is_special, reserve, write_all, write_file
from asyncrepl.views.styled import prose

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncrepl.commands.shell import Shell
    from asyncrepl.export.keeping import Target

__all__ = ["Recorder"]

_PAUSE = 1.0  # seconds between two writings of what the background prints
_REST = 20  # times as long as drawing all took, where that was not quick
_QUICK = 0.05  # seconds


class Recorder:
    """Writes a session, from now on, to `target`; for the thread of the shell's loop.

    A file that cannot be written, now or later, is told in one line; the latter ends the
    recording, and what was written until then stays.
    """

    def __init__(self, shell: Shell, target: Target, name: str) -> None:
        self._shell = shell
        self._target = target
        self._thread = threading.get_ident()
        self._process = os.getpid()
        self._count = 0
        #: The last input that is kept; another one, about recording, may run after it.
        self._scene: Scene | None = None
        self._hears = False
        self._next = 0.0
        if is_special(target.path):
            raise CommandError(f"cannot record to {target}: it is no regular file")
        with target.refusing():
            self._file: _File = (
                _Redrawn(shell, target, name)
                if name not in _GROWING
                else _Growing(target, _GROWING[name](shell))
            )
        shell.recorder, shell.tape.listener = self, self

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
                self._file.end(self._scene)
        finally:
            self._file.close()
        return self._count

    # -- of the tape ----------------------------------------------------------------------

    def began(self, scene: Scene) -> None:
        """An input begins."""
        self._hears = not is_about_keeping(self._shell, scene)
        if not self._hears:
            return
        before, self._scene = self._scene, scene
        self._count += 1
        if before is not None:
            self._try(lambda: self._file.settle(before, scene))

    def ended(self) -> None:
        """The input is over."""
        if self._hears and self._scene is not None:
            scene = self._scene
            self._try(lambda: self._file.last(scene))

    def printed(self) -> None:
        """Something was printed in the background."""
        if self._hears and self._scene is not None and time.monotonic() >= self._next:
            scene = self._scene
            self._try(lambda: self._file.last(scene))

    def _try(self, action: Callable[[], None]) -> None:
        if threading.get_ident() != self._thread or os.getpid() != self._process:
            return  # what the thread prints is written with the next of ours
        try:
            with shield:
                action()
        except Exception as error:
            self._fail(error)
        self._next = time.monotonic() + _PAUSE

    def _fail(self, error: Exception) -> None:
        self._detach()
        with suppress(OSError):
            self._file.close()
        told = f"recording to {self.name} has ended: {reason(error)}"
        self._shell.console.complain(*prose(told, self._shell.console.width, "error", 2))

    def _detach(self) -> None:
        self._shell.recorder = self._shell.tape.listener = None


class _File(Protocol):
    """A file that is a recording at each moment; all may raise OSError or CommandError."""

    def settle(self, scene: Scene, following: Scene) -> None:
        """What came of `scene` is complete: the `following` one begins."""

    def last(self, scene: Scene) -> None:
        """`scene` is the last one so far."""

    def end(self, scene: Scene | None) -> None:
        """`scene` was the last one, if there was any."""

    def close(self) -> None:
        """Write no more."""


class _Redrawn:
    """A file of a format that is made of the whole session."""

    def __init__(self, shell: Shell, target: Target, name: str) -> None:
        self._shell = shell
        self._path = target.path
        self._name = name
        self._after = next(reversed(shell.tape.scenes), None)
        self._due = 0.0
        write_file(self._path, self._drawn(), replace=target.forced)
        self._identity = _identity(self._path.stat())

    def settle(self, scene: Scene, following: Scene) -> None:
        """Draw nothing: there is nothing new since `last`, but what runs in the background."""

    def last(self, scene: Scene) -> None:  # noqa: ARG002  the protocol's
        """Draw all, if that is not too soon."""
        if time.monotonic() >= self._due:
            self._draw()

    def end(self, scene: Scene | None) -> None:  # noqa: ARG002
        """Draw all."""
        self._draw()

    def close(self) -> None:
        """Do nothing: the file is never open for long."""

    def _draw(self) -> None:
        began = time.monotonic()
        _check(self._path, self._identity)
        write_file(self._path, self._drawn(), replace=True)
        self._identity = _identity(self._path.stat())
        now = time.monotonic()
        took = now - began
        self._due = now + took * _REST if took > _QUICK else now

    def _drawn(self) -> bytes:
        every = self._shell.tape.scenes
        first = next((at + 1 for at, scene in enumerate(every) if scene is self._after), 0)
        scenes = [each for each in every[first:] if not is_about_keeping(self._shell, each)]
        ending = Scene("", self._shell.loop.time())
        return encoded(session_text(self._shell, [*scenes, ending], self._name))


class _Growing:
    """A file whose end grows: up to `_settled` nothing changes any more."""

    def __init__(self, target: Target, format: _Format) -> None:  # noqa: A002  says it best
        self._path = target.path
        self._format = format
        head = encoded(format.head())
        if target.forced:
            write_file(self._path, head, replace=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        else:
            self._fd = reserve(self._path)
        self._identity = _identity(os.fstat(self._fd))
        self._settled, self._tail = 0, b""
        try:
            self._write(head)
        except OSError:
            os.close(self._fd)
            self._path.unlink()
            raise
        self._settled, self._tail = len(head), b""

    def settle(self, scene: Scene, following: Scene) -> None:
        """Write the end of `scene` as it is now: nothing more comes of it."""
        self._write(encoded(self._format.settled(scene, following)))
        self._settled, self._tail = self._settled + len(self._tail), b""

    def last(self, scene: Scene) -> None:
        """Write `scene` as far as it goes, to be written again when there is more of it."""
        _check(self._path, self._identity)
        self._write(encoded(self._format.unsettled(scene)))

    def end(self, scene: Scene | None) -> None:
        """Write the last `scene`."""
        if scene is None:
            _check(self._path, self._identity)
        else:
            self.last(scene)

    def close(self) -> None:
        """Close the file, if it is still ours."""
        with suppress(OSError):
            if self._is_open():
                os.close(self._fd)

    def _is_open(self) -> bool:
        return _identity(os.fstat(self._fd)) == self._identity

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


class _Format(Protocol):
    """A format that grows at its end."""

    def head(self) -> str:
        """The beginning."""

    def settled(self, scene: Scene, following: Scene) -> str:
        """All that came of `scene` until the `following` one began."""

    def unsettled(self, scene: Scene) -> str:
        """What has come of `scene` so far."""


class _Transcript:
    """Input after input on paper.

    Where something runs in the background, a ``:wait`` stands for the time until the next
    input, as in a session that is saved, which knows what was printed later.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._waits = False

    def head(self) -> str:
        """The clock."""
        return HEAD

    def settled(self, scene: Scene, following: Scene) -> str:
        """The input and a ``:wait``."""
        text = self._text(scene, following)
        self._waits = False
        return text

    def unsettled(self, scene: Scene) -> str:
        """The input, and a ``:wait`` for what came later."""
        return self._text(scene, Scene("", self._shell.loop.time()))

    def _text(self, scene: Scene, following: Scene) -> str:
        loop = self._shell.loop
        alive = bool(asyncio.all_tasks(loop)) or loop.deadline() < math.inf
        self._waits = self._waits or alive or has_idle_output(scene)
        scenes = with_wait(scene, following) if self._waits else [scene]
        return "".join(scene_text(each, self._shell.console.width) for each in scenes)


class _Cast:
    """Event after event of a screen."""

    def __init__(self, _shell: Shell) -> None:
        self._film = Film()

    def head(self) -> str:
        """The header, and the first prompt."""
        return header() + self._film.taken()

    def settled(self, scene: Scene, following: Scene) -> str:  # noqa: ARG002  the protocol's
        """The events of `scene`."""
        self._film.play(scene)
        return self._film.taken()

    def unsettled(self, scene: Scene) -> str:
        """The events of `scene` so far."""
        film = self._film.fork()
        film.play(scene)
        return film.taken()


_GROWING: dict[str, Callable[[Shell], _Format]] = {"pycon": _Transcript, "cast": _Cast}


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _check(path: Path, identity: tuple[int, int]) -> None:
    """Raise CommandError if `path` is not the file that we write any more."""
    try:
        same = _identity(path.stat()) == identity
    except OSError:
        same = False
    if not same:
        raise CommandError("somebody has removed or replaced the file")
