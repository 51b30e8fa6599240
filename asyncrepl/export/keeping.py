"""Keeping the session that is typed: writing it to a file, now or at its end."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from asyncrepl.commands.registry import CommandError
from asyncrepl.export.exporting import drawn
from asyncrepl.export.taped import recording, transcript_text
from asyncrepl.files import write_file
from asyncrepl.language.reading import as_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.commands.shell import Shell
    from asyncrepl.commands.tape import Scene

__all__ = [
    "FORMATS",
    "Target",
    "encoded",
    "format_of",
    "is_about_keeping",
    "keep",
    "reason",
    "session_text",
]

#: What a session can be kept as; a file's suffix says it too.
FORMATS = ("py", "pycon", "cast", "html", "svg", "trace")
#: Commands that are not kept: what was said to the person at the prompt, or only keeps.
NOT_KEPT = {"save", "record", "export", "tour"}


def format_of(path: Path, command: str) -> str:
    """The format that the suffix of `path` names."""
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise CommandError(f"{command} knows a file by its end: {known}; not {path.name!r}")
    return suffix


class Target:
    """The file that `words` of `command` name; one that is there is replaced only after ``-f``.

    `path` is absolute: where the user goes afterwards changes nothing. Raises CommandError,
    as all of its methods, in one line.
    """

    def __init__(self, command: str, words: str) -> None:
        self.forced = words.startswith("-f ")
        self._command = command
        self._words = words.removeprefix("-f ").strip()
        self.path = Path(self._words)
        with self.refusing():
            self.path = self.path.expanduser().absolute()

    def __str__(self) -> str:
        """As the user has called it, where that still means the same."""
        with contextlib.suppress(OSError, RuntimeError):
            if Path(self._words).expanduser().absolute() != self.path:
                return str(self.path)
        return self._words

    def write(self, text: str) -> None:
        """Write the file, whole or not at all."""
        with self.refusing():
            write_file(self.path, encoded(text), replace=self.forced)

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """What fails in the block is told in one line."""
        try:
            yield
        except FileExistsError:
            again = f"{self._command} -f {self}"
            raise CommandError(f"{self} is there already; to replace it: {again}") from None
        except (OSError, ValueError, RuntimeError) as error:
            raise CommandError(f"cannot write {self}: {reason(error)}") from None


def encoded(text: str) -> bytes:
    """The bytes of `text` in a file; what has no encoding is spelled out."""
    return text.encode("utf-8", "backslashreplace")


def reason(error: BaseException) -> str:
    """Why something failed, as the system says it."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def keep(shell: Shell, target: Target, name: str) -> int:
    """Write the session to `target`; how many inputs it has."""
    scenes = [scene for scene in shell.tape.scenes if not is_about_keeping(shell, scene)]
    target.write(session_text(shell, [*scenes, shell.tape.ending()], name))
    return len(scenes)


def session_text(shell: Shell, scenes: list[Scene], name: str) -> str:
    """The session that `scenes` are, but for the last one, in the format `name`.

    Raises CommandError for a trace where no task was recorded.
    """
    if name == "trace":
        return _trace(shell)
    kept = recording(scenes, waits=name in {"py", "pycon"})
    if name == "pycon":
        return transcript_text(kept, shell.console.width)
    return drawn(kept, name)


def _trace(shell: Shell) -> str:
    from asyncrepl.export.trace import trace

    timeline = shell.observing.timeline
    if timeline is None:
        raise CommandError("no task was recorded: :lanes on records them from then on")
    return trace(timeline.snapshot(), ())


def is_about_keeping(shell: Shell, scene: Scene) -> bool:
    """Whether `scene` is about keeping the session, and so no part of it."""
    command = as_command(scene.text)
    if command is None:
        return False
    with contextlib.suppress(CommandError):
        return shell.registry.find(command.name).name in NOT_KEPT
    return False
