"""The options of the command line, one parser a program."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from asyncrepl import __version__
from asyncrepl.runtime.configuration import CLOCKS, COLORS, Settings, rate_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "check_options",
    "demos_options",
    "explain_options",
    "export_options",
    "replay_options",
    "session_options",
    "with_options",
]

_PROGRAMS = """\
programs:
  asyncrepl demos                list the demos with their titles
  asyncrepl replay DEMO…         type a scripted demo out live
  asyncrepl check PATH…          run transcripts and compare what they print
  asyncrepl explain [FILE|-]     run code, explain the first error or misuse
  asyncrepl export TRANSCRIPT    make a script, a recording, a page, a picture, a trace of it
"""


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal; argparse asks that already when an option is added.

    It asks `shutil`, which loads what packs archives: 3 ms.
    """

    def __init__(self, prog: str, **given: Any) -> None:
        super().__init__(prog, **{"width": _columns() - 2, **given})


def _columns() -> int:
    try:
        return int(os.environ.get("COLUMNS", "")) or os.get_terminal_size(1).columns or 80
    except (ValueError, OSError):
        return 80


class _OneLineErrorParser(argparse.ArgumentParser):
    """A parser whose errors are one line, with exit status 2."""

    def __init__(self, prog: str, **given: Any) -> None:
        super().__init__(prog, formatter_class=_HelpFormatter, **given)

    def error(self, message: str) -> NoReturn:
        # What was typed is in it: control characters are spelled out.
        shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in message)
        self.exit(2, f"{self.prog}: {shown} (-h for help)\n")


def session_options(words: Sequence[str]) -> argparse.Namespace:
    """The options of a session: at the prompt, or with a program."""
    parser = _OneLineErrorParser(
        "asyncrepl",
        description="A terminal REPL that shows async iteration live.",
        epilog=_PROGRAMS,
    )
    parser.add_argument("-V", "--version", action="version", version=f"asyncrepl {__version__}")
    parser.add_argument("-c", dest="code", metavar="CODE", help="run CODE, then exit")
    parser.add_argument(
        "-i", dest="stay", action="store_true", help="stay at the prompt after FILE or CODE"
    )
    parser.add_argument("-q", dest="quiet", action="store_true", help="no banner")
    parser.add_argument(
        "--trace", action="store_true", help="tell the six steps of each async for"
    )
    parser.add_argument("--rate", type=_rate, metavar="N", help="let N seconds pass in a real one")
    parser.add_argument(
        "--clock", choices=CLOCKS, help="virtual: time jumps, and only while a statement runs"
    )
    parser.add_argument("--vi", action="store_true", help="vi keys")
    parser.add_argument(
        "--audience", action="store_true", help="show keys and steps to those who watch"
    )
    parser.add_argument(
        "--print-config", action="store_true", help="print a commented configuration file"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration file")
    parser.add_argument("--no-startup", action="store_true", help="do not run startup.py")
    _add_color_option(parser)
    parser.add_argument("file", nargs="?", metavar="FILE", help="run FILE; - is standard input")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARG")
    return parser.parse_args(words)  # fmt: skip


def demos_options(words: Sequence[str]) -> argparse.Namespace:
    """The options of ``asyncrepl demos``."""
    parser = _OneLineErrorParser(
        "asyncrepl demos", description="List the demos with their titles."
    )
    _add_color_option(parser)
    return parser.parse_args(words)


def replay_options(words: Sequence[str]) -> argparse.Namespace:
    """The options of ``asyncrepl replay``."""
    parser = _OneLineErrorParser("asyncrepl replay", description="Type scripted demos out live.")
    parser.add_argument(
        "--audience", action="store_true", help="pause longer, and show keys and steps"
    )
    parser.add_argument("demos", nargs="+", metavar="DEMO", help="a demo's name, or a path")
    parser.add_argument(
        "--speed", type=_positive, default=1.0, metavar="N", help="type N times as fast"
    )
    parser.add_argument("--no-pause", action="store_true", help="do not wait for keys")
    _add_color_option(parser)
    return parser.parse_args(words)  # fmt: skip


def check_options(words: Sequence[str]) -> argparse.Namespace:
    """The options of ``asyncrepl check``."""
    parser = _OneLineErrorParser(
        "asyncrepl check", description="Run transcripts and compare their output."
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a transcript, or a folder")
    parser.add_argument("--accept", action="store_true", help="write the actual output in")
    _add_color_option(parser)
    return parser.parse_args(words)


def explain_options(words: Sequence[str]) -> argparse.Namespace:
    """The options of ``asyncrepl explain``."""
    parser = _OneLineErrorParser(
        "asyncrepl explain",
        description="Run code, and explain its first error or misuse of async iteration.",
    )
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="run FILE; - (or nothing) is standard input"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object; what the program prints goes to standard error",
    )
    parser.add_argument(
        "--whole", action="store_true", help="show the whole corrected program, not a patch"
    )
    parser.add_argument(
        "--all",
        action="store_true",
        dest="every",
        help="go on after the first mistake: run the corrected program for the next one",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="run the corrected program, and say whether it is right now",
    )
    _add_color_option(parser)
    return parser.parse_args(words)


def export_options(words: Sequence[str]) -> argparse.Namespace:
    """The options of ``asyncrepl export``."""
    from asyncrepl.export.format_registry import export_formats

    formats = [each.name for each in export_formats().values() if each.exported]
    parser = _OneLineErrorParser(
        "asyncrepl export",
        description="Run a transcript on the virtual clock and make something else of it.",
    )
    parser.add_argument("transcript", metavar="TRANSCRIPT", help="a demo's name, or a path")
    parser.add_argument(
        "--to", required=True, choices=formats, dest="format", help="what to make of it"
    )
    parser.add_argument(
        "-o", dest="out", type=Path, metavar="OUT", help="the file to write (standard output)"
    )
    parser.add_argument("--force", action="store_true", help="replace OUT if it is there")
    return parser.parse_args(words)


def with_options(settings: Settings, options: argparse.Namespace) -> Settings:
    """`settings`, with what the command line says instead."""
    rate = None if options.clock else settings.rate
    return settings._replace(
        audience=settings.audience or options.audience,
        banner=settings.banner and not options.quiet,
        clock=options.clock or settings.clock,
        color=settings.color if options.color == "auto" else options.color,
        rate=rate if options.rate is None else options.rate,
        trace=settings.trace or options.trace,
        vi=settings.vi or options.vi,
        startup=None if options.no_startup else settings.startup,
    )


def _add_color_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--color", choices=COLORS, default="auto", help="colour the output")


def _rate(word: str) -> float:
    try:
        return rate_of(word, jumps=True)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _positive(word: str) -> float:
    number = float(word)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{word} is not a speed: try 2")
    return number
