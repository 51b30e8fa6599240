"""Commands that save the session: ``:save``, ``:record``, ``:export``.

They stand here because what they do builds on transcripts. What they need is imported when they
run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.runtime.files import paths_beginning_with
from asyncrepl.session.command_registry import CommandError, command
from asyncrepl.views.styled_lines import prose, two_columns

if TYPE_CHECKING:
    from asyncrepl.export.saved_session import TargetFile
    from asyncrepl.session.command_registry import CompletionWords
    from asyncrepl.session.shell import Shell
    from asyncrepl.views.styled_lines import Line


#: How the end of a file's name says what it is to be.
_FORMAT_HELP = (
    "FILE says the format by its end. A file that is there stays, unless -f is put before it."
)


def _format_lines(shell: Shell) -> list[Line]:
    from asyncrepl.export.format_registry import export_formats

    rows = [(f"  .{each.name}", each.title) for each in export_formats().values()]
    return two_columns(rows, shell.console.width)


def _file_words(_shell: Shell, typed: str) -> CompletionWords:
    return paths_beginning_with(typed.removeprefix("-f").lstrip())


@command(
    ":save FILE",
    "keep the session so far, as a script or a page",
    group="keeping",
    rank=10,
    example=":save session.py",
    complete=_file_words,
    details=_FORMAT_HELP,
    more=_format_lines,
    saved=False,
)
def _save(shell: Shell, rest: str) -> list[Line]:
    if not rest:
        raise CommandError(":save takes a file: try :save session.py")
    return _saved_lines(shell, ":save", rest, None)


def _format_words(_shell: Shell, typed: str) -> CompletionWords:
    from asyncrepl.export.format_registry import export_formats

    _name, blank, path = typed.partition(" ")
    if blank:
        return _file_words(_shell, path)
    return {each.name: each.title for each in export_formats().values()}


@command(
    ":export FORMAT FILE",
    "the same as :save, the format named",
    group="keeping",
    rank=30,
    example=":export html session.html",
    complete=_format_words,
    details="FORMAT is one of the formats below, without the dot.",
    more=_format_lines,
    saved=False,
)
def _export(shell: Shell, rest: str) -> list[Line]:
    from asyncrepl.export.format_registry import export_formats

    name, _, words = rest.partition(" ")
    if name not in export_formats():
        known = ", ".join(export_formats())
        wrong = f"not {name!r}" if name else "try :export html session.html"
        raise CommandError(f":export takes a format and a file: {known}; {wrong}")
    if not words.strip():
        raise CommandError(f":export {name} takes a file: try :export {name} session.{name}")
    return _saved_lines(shell, f":export {name}", words.strip(), name)


def _saved_lines(shell: Shell, command: str, words: str, name: str | None) -> list[Line]:
    from asyncrepl.export.saved_session import save_session

    target, name = _target(command, words, name)
    return _kept_lines(shell, save_session(shell, target, name), str(target), name)


def _kept_lines(shell: Shell, count: int, target: str, name: str) -> list[Line]:
    """What is in the file now: the session's inputs, or what its format makes of them."""
    from asyncrepl.export.format_registry import export_formats

    kept = export_formats()[name]
    told = f"{count} input{'s' * (count != 1)} saved in {target}"
    if kept.needs != "recording":
        told = f"saved in {target}: {kept.title}"
    return prose(told, shell.console.width)


def _target(command: str, words: str, name: str | None) -> tuple[TargetFile, str]:
    """The file to write and its format, which its suffix says if `name` is None."""
    from asyncrepl.export.saved_session import TargetFile, format_by_suffix

    target = TargetFile(command, words)
    return target, name or format_by_suffix(target.path, command)


@command(
    ":record FILE|off",
    "the same from now on, until off or the end",
    group="keeping",
    rank=20,
    example=":record talk.cast",
    complete=lambda _shell, typed: {"off": "end the recording"} | paths_beginning_with(typed),
    details=_FORMAT_HELP,
    more=_format_lines,
    saved=False,
)
def _record(shell: Shell, rest: str) -> list[Line]:
    from asyncrepl.export.session_recorder import SessionRecorder

    recorder = shell.tape.recorder
    if rest == "off":
        if recorder is None:
            raise CommandError("nothing is recorded; :record FILE begins")
        return _kept_lines(shell, recorder.end(), recorder.name, recorder.format_name)
    if not rest:
        now = "nothing is recorded" if recorder is None else f"recording to {recorder.name}"
        return [[("", now), ("dim", "; :record FILE begins, :record off ends")]]
    if recorder is not None:
        raise CommandError(f"already recording to {recorder.name}: :record off ends that")
    begun = SessionRecorder(shell, *_target(":record", rest, None))
    return [[("", f"recording to {begun.name}"), ("dim", "; :record off ends")]]
