"""The formats of an export; and saving the typed session in one, to a file.

`export` is for a transcript, which is run, `save_session` for the session at the prompt, which is
taken from its tape. What makes a format is imported when that is asked for.
"""

from __future__ import annotations

import contextlib
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

from asyncrepl.export.format_registry import export_formats
from asyncrepl.export.recording import (
    has_idle_output,
    record_iterations,
    record_transcript,
    recording_of_tape,
)
from asyncrepl.runtime.files import unquoted, write_file
from asyncrepl.session.command_registry import CommandError
from asyncrepl.syntax.parsed_input import as_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.session.shell import Shell
    from asyncrepl.session.tape import RecordedInput
    from asyncrepl.transcript.grammar import Transcript


def export(transcript: Transcript, format: str) -> str:
    """The text of `transcript`, performed on its own clock, in the `format` of this name.

    The same bytes each time, if the clock is virtual. To be called in the main thread, where
    no loop runs. Raises ExportError where the transcript hangs.
    """
    made = export_formats()[format]
    if made.needs == "steps":
        return made.render(*record_iterations(transcript), transcript.title)
    return made.render(record_transcript(transcript))


def format_by_suffix(path: Path, command: str) -> str:
    """The format that the suffix of `path` names."""
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in export_formats():
        known = ", ".join(f".{name}" for name in export_formats())
        raise CommandError(f"{command} knows a file by its end: {known}; not {path.name!r}")
    return suffix


class TargetFile:
    """The file that `words` of `command` name; one that is there is replaced only after ``-f``.

    `path` is absolute: where the user goes afterwards changes nothing. Raises CommandError,
    as all of its methods, in one line.
    """

    def __init__(self, command: str, words: str) -> None:
        self.forced = words.startswith("-f ")
        self._command = command
        self._words = unquoted(words.removeprefix("-f ").strip())
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
            write_file(self.path, encoded_text(text), replace=self.forced)

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """What fails in the block is told in one line."""
        try:
            yield
        except FileExistsError:
            again = f"{self._command} -f {self}"
            raise CommandError(f"{self} is there already; to replace it: {again}") from None
        except (OSError, ValueError, RuntimeError) as error:
            raise CommandError(f"cannot write {self}: {failure_reason(error)}") from None


def encoded_text(text: str) -> bytes:
    """The bytes of `text` in a file; what has no encoding is spelled out."""
    return text.encode("utf-8", "backslashreplace")


def failure_reason(error: BaseException) -> str:
    """Why something failed, as the system says it."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def save_session(shell: Shell, target: TargetFile, name: str) -> int:
    """Write the session to `target`; how many inputs it has."""
    recorded_inputs = kept_inputs(shell, shell.tape.recorded_inputs)
    target.write(session_text(shell, [*recorded_inputs, shell.tape.ending()], name))
    return len(recorded_inputs)


def session_text(shell: Shell, recorded_inputs: list[RecordedInput], name: str) -> str:
    """The session that `recorded_inputs` are, but for the last one, in the format `name`.

    Raises CommandError for a trace where no task was recorded.
    """
    made = export_formats()[name]
    if made.needs == "steps":
        if (record := shell.observing.record) is None:
            raise CommandError("no task was recorded: :lanes on records them from then on")
        snapshot = record.snapshot()
        return made.render(snapshot, snapshot.iteration_events)
    width = shell.console.width
    return made.render(recording_of_tape(recorded_inputs, waits=made.waits, width=width))


def kept_inputs(shell: Shell, recorded_inputs: Sequence[RecordedInput]) -> list[RecordedInput]:
    """Those of `recorded_inputs` that are part of the session of `shell`.

    What came in the background after one that is none comes after the input before.
    """
    kept: list[RecordedInput] = []
    for recorded in recorded_inputs:
        if not is_about_saving(shell, recorded):
            kept.append(recorded)
        elif kept and has_idle_output(recorded):
            whole = kept[-1] = copy(kept[-1])
            whole.pieces = [*whole.pieces, *recorded.pieces[recorded.idle :]]
    return kept


def is_about_saving(shell: Shell, recorded: RecordedInput) -> bool:
    """Whether `recorded` is about keeping the session, and so no part of it."""
    command = as_command(recorded.text)
    found = None if command is None else shell.registry.get(command.name)
    return found is not None and not found.saved
