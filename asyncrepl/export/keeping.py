"""Keeping the session that is typed: writing it to a file, now or at its end."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from asyncrepl.commands.registry import CommandError
from asyncrepl.export.exporting import drawn
from asyncrepl.export.taped import recording, transcript_text
from asyncrepl.language.reading import as_command

if TYPE_CHECKING:
    from asyncrepl.commands.shell import Shell
    from asyncrepl.commands.tape import Scene

__all__ = ["FORMATS", "Recorder", "Target", "format_of", "keep"]

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
    """The file that `words` of `command` name; one that is there is replaced only after ``-f``."""

    def __init__(self, command: str, words: str) -> None:
        self._forced = words.startswith("-f ")
        self._command = command
        self.path = Path(words.removeprefix("-f ").strip()).expanduser()

    def write(self, text: str) -> None:
        """Write the file; from then on it may be written again."""
        path = self.path
        try:
            with path.open("wb" if self._forced else "xb") as file:
                file.write(text.encode("utf-8", "backslashreplace"))
        except FileExistsError:
            again = f"{self._command} -f {path}"
            raise CommandError(f"{path} is there already; to replace it: {again}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise CommandError(f"cannot write {path}: {reason}") from None
        self._forced = True


def keep(shell: Shell, target: Target, name: str, after: Scene | None = None) -> int:
    """Write the session, or what came `after` that input; how many inputs it has."""
    every = shell.tape.scenes
    first = next((at + 1 for at, scene in enumerate(every) if scene is after), 0)
    scenes = [scene for scene in every[first:] if not _keeps(shell, scene)]
    target.write(_text(shell, [*scenes, shell.tape.ending()], name))
    return len(scenes)


def _text(shell: Shell, scenes: list[Scene], name: str) -> str:
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


def _keeps(shell: Shell, scene: Scene) -> bool:
    """Whether the scene is about keeping the session, and so no part of it."""
    command = as_command(scene.text)
    if command is None:
        return False
    with contextlib.suppress(CommandError):
        return shell.registry.find(command.name).name in NOT_KEPT
    return False


class Recorder:
    """Writes a session, from now on, to `target` when it is over; the file is made at once."""

    def __init__(self, shell: Shell, target: Target, name: str) -> None:
        target.write("")
        self.path = target.path
        self._shell = shell
        self._target = target
        self._name = name
        self._after = next(reversed(shell.tape.scenes), None)

    def end(self) -> int:
        """Write the file; how many inputs it has."""
        return keep(self._shell, self._target, self._name, self._after)
