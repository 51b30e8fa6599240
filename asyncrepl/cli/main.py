"""The command line: which program is meant, and with what.

Imports stand inside the functions: ``asyncrepl -V`` does not pay for a terminal,
nor the prompt for a check.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from asyncrepl import __version__
from asyncrepl.cli.plain_words import check_words, session_words, with_options
from asyncrepl.runtime.configuration import (
    Program,
    Settings,
    closest_match,
    config_path,
    default_file,
    has_terminal,
    load_settings,
    rate_of,
    use_ascii,
    use_color,
)
from asyncrepl.runtime.isolation import add_user_folder
from asyncrepl.runtime.process import (
    FAILED,
    INTERRUPTED,
    PIPE_CLOSED,
    USAGE,
    flush_output,
    is_output_error,
    open_streams,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from asyncrepl.cli import diagnosis
    from asyncrepl.session.frontend import Console, Frontend
    from asyncrepl.session.shell import Shell


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with `argv` (the process's own if not given); its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    open_streams()
    failure: OSError | None = None
    try:
        program = _programs().get(words[0]) if words else None
        status = _session(words) if program is None else program(words[1:])
    except KeyboardInterrupt:
        status = INTERRUPTED
    except SystemExit as leaving:  # argparse, which has said why
        status = leaving.code if isinstance(leaving.code, int) else USAGE
    except OSError as error:
        if not is_output_error(error):
            raise
        status, failure = 0, error
    failure = flush_output() or failure
    return status if failure is None else _output_failure_status(failure, status)


def _programs() -> dict[str, Callable[[list[str]], int]]:
    """What does something else than a session, by the first word."""
    return {
        "demos": _demos, "replay": _replay, "check": _check,
        "explain": _explain, "export": _export,
    }  # fmt: skip


def _output_failure_status(failure: OSError, status: int) -> int:
    """The exit status where the output could not be written: of a closed pipe, a full disk."""
    if isinstance(failure, BrokenPipeError):
        return PIPE_CLOSED
    if status != FAILED:  # else something is said already
        _print_error(f"cannot write the output: {failure.strerror}")
    return status or FAILED


def _session(words: list[str]) -> int:
    """A session: at the prompt, or with a file, a string or standard input."""
    options: Any = session_words(words)
    if options is None:
        from asyncrepl.cli.options import session_options

        options = session_options(words)
    if options.print_config:
        sys.stdout.write(default_file(config_path(options.config)))
        return 0
    settings = with_options(load_settings(options.config), options)
    for warning in settings.warnings:
        _print_error(warning)
    if settings.rate is not None:
        try:
            rate_of(f"{settings.rate:g}", jumps=settings.clock == "virtual")
        except ValueError as error:
            _print_error(f"argument --rate: {error} (-h for help)")
            return USAGE
    program = _given_program(options)
    if isinstance(program, int):
        return program
    if program is not None and not (options.stay and sys.stdin.isatty()):
        return _program(settings, program)
    if program is None and (options.file == "-" or not sys.stdin.isatty()):
        return _lines(settings, sys.stdin)
    return _prompt(settings, [*_startup(settings), *filter(None, [program])])


def _given_program(options: Any) -> Program | int | None:
    """The program of ``-c`` or FILE with its name, or an exit status if it cannot be read."""
    if options.code is not None:
        sys.argv = ["-c", *filter(None, [options.file]), *options.arguments]
        add_user_folder("")
        return Program(options.code, "<string>", stays=options.stay)
    sys.argv = [options.file or "", *options.arguments]
    if options.module is not None:
        return _module(options)
    if options.file in {None, "-"}:
        add_user_folder("")
        return None
    from pathlib import Path

    path = Path(options.file)
    add_user_folder(str(path.resolve().parent))
    a_word = options.file.isalpha() and not os.path.exists(path)  # noqa: PTH110 - raises nothing
    if a_word and (meant := closest_match(options.file, _programs())):
        _print_error(f"no file {options.file!r}; did you mean asyncrepl {meant}?")
        return USAGE
    return _read(path, stays=options.stay)


def _module(options: Any) -> Program | int:
    from asyncrepl.session.user_modules import MODULE_RUNNER, LoadError, text_to_run

    add_user_folder("")
    try:
        return Program(text_to_run(options.module), MODULE_RUNNER, options.stay)
    except LoadError as error:
        _print_error(error)
        return USAGE


def _read(path: Path, *, stays: bool = False) -> Program | int:
    from asyncrepl.session.user_modules import LoadError, NotSourceError, read_text

    try:
        return Program(read_text(path), str(path.absolute()), stays)
    except NotSourceError as wrong:
        sys.stderr.writelines(traceback.format_exception_only(wrong.error))
        return FAILED
    except LoadError as error:
        _print_error(error)
        return USAGE


def _startup(settings: Settings) -> list[Program]:
    if settings.startup is None:
        return []
    from pathlib import Path

    program = _read(Path(settings.startup))
    return [] if isinstance(program, int) else [program]


def _program(settings: Settings, program: Program) -> int:
    from asyncrepl.cli.plain_session import run_program
    from asyncrepl.syntax.parsed_input import as_command

    text, filename, _ = program
    if filename == "<string>" and as_command(text):
        return _lines(settings, io.StringIO(text))
    return _run_with_shell(settings, lambda shell: run_program(shell, text, filename))


def _lines(settings: Settings, stream: TextIO) -> int:
    from asyncrepl.cli.plain_session import PipeFrontend, run_lines

    return _run_with_shell(settings, lambda shell: run_lines(shell, stream), PipeFrontend())


def _prompt(settings: Settings, first: list[Program]) -> int:
    """The prompt, in the terminal if it is one that can move its cursor."""
    if not has_terminal():
        from asyncrepl.cli.typed_session import LineFrontend, run_typed

        front = LineFrontend()
        return _run_with_shell(
            settings,
            lambda shell: run_typed(shell, front, sys.stdin, first, banner=settings.banner),
            front,
        )
    from asyncrepl.terminal.run_terminal import run_terminal

    return run_terminal(settings, first, version=__version__)


def _run_with_shell(
    settings: Settings, run: Callable[[Shell], int], frontend: Frontend | None = None
) -> int:
    """Run with a shell that writes to standard output and error."""
    from asyncrepl.session.shell import clock_for_settings, open_shell

    clock = clock_for_settings(settings.clock, settings.rate)
    with open_shell(_console(settings.color), frontend=frontend, clock=clock) as shell:
        shell.narrator.turn(on=settings.trace)
        status = run(shell)
    cleanup = shell.outcomes.cleanup_exit_status
    return status if cleanup is None else cleanup


def _demos(words: list[str]) -> int:
    from asyncrepl.cli.options import demos_options
    from asyncrepl.commands.demo_commands import course_lines

    options = demos_options(words)
    _console(options.color).show(*course_lines(replay="asyncrepl replay"))
    return 0


def _replay(words: list[str]) -> int:
    from asyncrepl.cli.options import replay_options
    from asyncrepl.runtime.shipped_demos import DemoNotFoundError
    from asyncrepl.transcript.grammar import TranscriptError
    from asyncrepl.transcript.transcript_parser import named_transcript

    options = replay_options(words)
    add_user_folder("")
    try:
        transcripts = [named_transcript(name) for name in options.demos]
    except (DemoNotFoundError, TranscriptError) as error:
        _print_error(error)
        return USAGE
    if not has_terminal():
        from asyncrepl.transcript.replay import replay_plain

        console = _console(options.color)
        return max(replay_plain(each, console, speed=options.speed) for each in transcripts)
    from asyncrepl.terminal.run_terminal import run_terminal
    from asyncrepl.terminal.terminal_setup import ReplayPlan

    settings = load_settings()
    audience = settings.audience or options.audience
    settings = settings._replace(banner=False, color=options.color, audience=audience)
    plans = [ReplayPlan(each, options.speed, not options.no_pause) for each in transcripts]
    return run_terminal(settings, replays=plans)


def _check(words: list[str]) -> int:
    from asyncrepl.transcript.transcript_check import check

    options: Any = check_words(words)
    if options is None:
        from asyncrepl.cli.options import check_options

        options = check_options(words)
    add_user_folder("")
    return check(options.paths, accept=options.accept, color=use_color(options.color))


def _export(words: list[str]) -> int:
    from pathlib import Path

    from asyncrepl.cli.options import export_options
    from asyncrepl.export.recording import ExportError
    from asyncrepl.export.saved_session import export
    from asyncrepl.runtime.files import write_file
    from asyncrepl.runtime.shipped_demos import DemoNotFoundError
    from asyncrepl.transcript.grammar import TranscriptError
    from asyncrepl.transcript.transcript_parser import named_transcript

    options = export_options(words)
    out = None if options.out in {None, Path("-")} else options.out.absolute()
    add_user_folder("")
    try:
        text = export(named_transcript(options.transcript), options.format)
    except (DemoNotFoundError, TranscriptError, ExportError) as error:
        _print_error(error)
        return FAILED if isinstance(error, ExportError) else USAGE
    if out is None:
        sys.stdout.buffer.write(text.encode())
        return 0
    try:
        write_file(out, text.encode(), replace=options.force)
    except FileExistsError:
        _print_error(f"{options.out} is there already; to replace it: --force")
        return USAGE
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        _print_error(f"cannot write {options.out}: {reason}")
        return USAGE
    return 0


def _explain(words: list[str]) -> int:
    from asyncrepl.cli.diagnosis import explain_program
    from asyncrepl.cli.options import explain_options
    from asyncrepl.session.user_modules import LoadError

    options = explain_options(words)
    try:
        program = _program_to_explain(options)
    except LoadError as error:
        _print_error(error)
        return USAGE
    sys.argv = program.argv
    go_on = None
    if options.every or options.verify:
        from functools import partial

        from asyncrepl.cli.corrected_run import continue_with_fix

        go_on = partial(continue_with_fix, every=options.every, verify=options.verify)
    return explain_program(
        program,
        as_json=options.json,
        color=use_color(options.color),
        whole=options.whole,
        every=options.every,
        continue_with_fix=go_on,
    )


def _program_to_explain(options: Any) -> diagnosis.Program:
    """What `options` name, which imports from its folder first; raises LoadError."""
    from asyncrepl.cli.diagnosis import Program, read_program
    from asyncrepl.session.user_modules import text_to_run

    if options.module:
        add_user_folder("")
        text = text_to_run(options.module)
        return Program(text, arguments=tuple(options.arguments), module=options.module)
    program = read_program(options.file, options.arguments)
    add_user_folder(program.folder)
    return program


def _console(color: str) -> Console:
    from asyncrepl.session.frontend import Console

    width = (lambda: os.get_terminal_size(1).columns) if os.isatty(1) else None
    return Console(
        sys.stdout,
        sys.stderr,
        color=use_color(color),
        width=width,
        ascii=use_ascii(),
        pretty=width is not None,
    )


def _print_error(message: object) -> None:
    """A mistake, or what cannot be done, as one line."""
    from asyncrepl.views.styled_lines import one_line

    with suppress(OSError):  # nobody hears of it, but the status tells
        print(f"asyncrepl: {one_line(str(message))}", file=sys.stderr)
