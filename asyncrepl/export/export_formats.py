"""The formats of an export; and saving the typed session in one, to a file.

`export` is for a transcript, which is run, `save_session` for the session at the prompt, which is
taken from its tape. What makes a format is imported when that is asked for.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from asyncrepl.export.recording import record_iterations, record_transcript
from asyncrepl.export.tape_transcript import recording_of_tape, transcript_text
from asyncrepl.runtime.atomic_files import write_file
from asyncrepl.session.command_registry import CommandError
from asyncrepl.syntax.parsed_input import as_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncrepl.export.recording import Recording
    from asyncrepl.session.shell import Shell
    from asyncrepl.session.tape import RecordedInput
    from asyncrepl.transcript.grammar import Transcript

__all__ = [
    "SAVE_FORMATS",
    "TargetFile",
    "encoded_text",
    "export",
    "failure_reason",
    "format_by_suffix",
    "is_about_saving",
    "render_recording",
    "save_session",
    "session_text",
]


def export(transcript: Transcript, format: str) -> str:  # noqa: A002  says it best
    """The text of `transcript`, performed on its own clock, in `format`: `options.FORMATS`.

    The same bytes each time, if the clock is virtual. To be called in the main thread, where
    no loop runs. Raises ExportError where the transcript hangs.
    """
    if format == "trace":
        from asyncrepl.export.perfetto_trace import trace_json

        return trace_json(*record_iterations(transcript), transcript.title)
    return render_recording(record_transcript(transcript), format)


def render_recording(recording: Recording, format: str) -> str:  # noqa: A002
    """The text of `recording` in `format`; a trace needs more than a recording."""
    return _RENDERERS[format](recording)


def _render_script(recording: Recording) -> str:
    from asyncrepl.export.python_script import python_script

    return python_script(recording)


def _render_cast(recording: Recording) -> str:
    from asyncrepl.export.asciinema_cast import cast_text

    return cast_text(recording)


def _render_html(recording: Recording) -> str:
    from asyncrepl.export.html_page import html_page

    return html_page(recording)


def _render_svg(recording: Recording) -> str:
    from asyncrepl.export.svg_picture import recording_picture

    return recording_picture(recording)


_RENDERERS: dict[str, Callable[[Recording], str]] = {
    "py": _render_script,
    "cast": _render_cast,
    "html": _render_html,
    "svg": _render_svg,
}


#: What a session can be kept as; a file's suffix says it too.
SAVE_FORMATS = ("py", "pycon", "cast", "html", "svg", "trace")


def format_by_suffix(path: Path, command: str) -> str:
    """The format that the suffix of `path` names."""
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in SAVE_FORMATS:
        known = ", ".join(f".{name}" for name in SAVE_FORMATS)
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
    recorded_inputs = [
        recorded for recorded in shell.tape.recorded_inputs if not is_about_saving(shell, recorded)
    ]
    target.write(session_text(shell, [*recorded_inputs, shell.tape.ending()], name))
    return len(recorded_inputs)


def session_text(shell: Shell, recorded_inputs: list[RecordedInput], name: str) -> str:
    """The session that `recorded_inputs` are, but for the last one, in the format `name`.

    Raises CommandError for a trace where no task was recorded.
    """
    if name == "trace":
        return _trace_text(shell)
    kept = recording_of_tape(recorded_inputs, waits=name in {"py", "pycon"})
    if name == "pycon":
        return transcript_text(kept, shell.console.width)
    return render_recording(kept, name)


def _trace_text(shell: Shell) -> str:
    from asyncrepl.export.perfetto_trace import trace_json

    record = shell.observing.record
    if record is None:
        raise CommandError("no task was recorded: :lanes on records them from then on")
    snapshot = record.snapshot()
    return trace_json(snapshot, snapshot.iteration_events)


def is_about_saving(shell: Shell, recorded: RecordedInput) -> bool:
    """Whether `recorded` is about keeping the session, and so no part of it."""
    command = as_command(recorded.text)
    if command is None:
        return False
    with contextlib.suppress(CommandError):
        return not shell.registry.find(command.name).saved
    return False
