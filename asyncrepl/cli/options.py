"""The options of the command line, one parser a program."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from asyncrepl import __version__
from asyncrepl.cli.plain_words import SWITCHES
from asyncrepl.runtime.configuration import CLOCKS, COLORS, rate_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_PROGRAMS = """\
programs:
  asyncrepl demos                list the demos with their titles
  asyncrepl replay DEMO…         type a scripted demo out live
  asyncrepl check PATH…          run transcripts and compare what they print
  asyncrepl explain [FILE|-]     run code, explain the first error or misuse
  asyncrepl explain -m MODULE    the same of a module: -m pytest tests
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
        # Shortened options are not taken: argparse would look for them in a program's words, too.
        super().__init__(prog, formatter_class=_HelpFormatter, allow_abbrev=False, **given)

    def error(self, message: str) -> NoReturn:
        # What was typed is in it: control characters are spelled out.
        shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in message)
        self.exit(2, f"{self.prog}: {shown} (-h for help)\n")


def session_options(words: Sequence[str]) -> argparse.Namespace:
    """The options of a session: at the prompt, or with a program.

    What follows the module of ``-m`` is the program's; one behind a FILE is no option.
    """
    parser = _OneLineErrorParser(
        "asyncrepl",
        description="A terminal REPL that shows async iteration live.",
        epilog=_PROGRAMS,
    )
    parser.add_argument("-V", "--version", action="version", version=f"asyncrepl {__version__}")
    parser.add_argument("-c", dest="code", metavar="CODE", help="run CODE, then exit")
    _add_module(parser, "run a module by its name, then exit; what follows are its words")
    _add_switches(parser, "-i", "-q", "--trace")
    parser.add_argument("--rate", type=_rate, metavar="N", help="let N seconds pass in a real one")
    parser.add_argument(
        "--clock", choices=CLOCKS, help="virtual: time jumps, and only while a statement runs"
    )
    _add_switches(parser, "--vi", "--audience", "--print-config")
    parser.add_argument("--config", metavar="FILE", help="the configuration file")
    _add_switches(parser, "--no-startup")
    _add_color_option(parser)
    parser.add_argument("file", nargs="?", metavar="FILE", help="run FILE; - is standard input")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARG")
    own, theirs = _split_at(("-m",), words)
    options = parser.parse_args(own)
    if not theirs or options.file or options.code:
        return parser.parse_args(words)
    options.module, options.arguments = _module(parser, theirs)
    return options  # fmt: skip


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
    _add_flag(parser, "--audience", "pause longer, and show keys and steps")
    parser.add_argument("demos", nargs="+", metavar="DEMO", help="a demo's name, or a path")
    parser.add_argument(
        "--speed", type=_positive, default=1.0, metavar="N", help="type N times as fast"
    )
    _add_flag(parser, "--no-pause", "do not wait for keys", "no_pause")
    _add_color_option(parser)
    return parser.parse_args(words)  # fmt: skip


def check_options(words: Sequence[str]) -> argparse.Namespace:
    """The options of ``asyncrepl check``."""
    parser = _OneLineErrorParser(
        "asyncrepl check", description="Run transcripts and compare their output."
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a transcript, or a folder")
    _add_flag(parser, "--accept", "write the actual output in")
    _add_color_option(parser)
    return parser.parse_args(words)


def explain_options(words: Sequence[str]) -> argparse.Namespace:
    """The options of ``asyncrepl explain``.

    Those of ours may stand after FILE as well. What follows ``--``, or the module of ``-m``, is
    the program's, whatever it looks like.
    """
    parser = _OneLineErrorParser(
        "asyncrepl explain",
        description="Run code, and explain its first error or misuse of async iteration.",
        epilog="A program's own options come after --: asyncrepl explain serve.py -- --port 80",
    )
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="run FILE; - (or nothing) is standard input"
    )
    parser.add_argument("arguments", nargs="*", metavar="ARG", help="what sys.argv has after it")
    _add_module(parser, "run a module by its name; what follows are its words: -m pytest tests")
    printed = "print one JSON object; what the program prints goes to standard error"
    _add_flag(parser, "--json", printed)
    _add_flag(parser, "--whole", "show the whole corrected program, not a patch")
    goes_on = "go on after the first mistake: run the corrected program for the next one"
    _add_flag(parser, "--all", goes_on, "every")
    _add_flag(parser, "--verify", "run the corrected program, and say whether it is right now")
    _add_color_option(parser)
    own, theirs = _split_at(("--", "-m"), words)
    options = parser.parse_intermixed_args(own)
    words = [*filter(None, [options.file]), *options.arguments]
    if not theirs or theirs[0] == "--":
        words += theirs[1:]
        options.file, options.arguments = words[0] if words else None, words[1:]
    elif words:
        parser.error(f"-m runs a module, {words[0]!r} is a file: a program's own -m is after --")
    else:
        options.module, options.arguments = _module(parser, theirs)
    return options


def _add_module(parser: argparse.ArgumentParser, meaning: str) -> None:
    parser.add_argument("-m", dest="module", metavar="MODULE", help=meaning)


def _split_at(marks: Sequence[str], words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words that are ours, and those from one of `marks` on, of which none is.

    Not left to argparse, which takes a ``--`` out wherever it stands.
    """
    for place, word in enumerate(words):
        if word in marks:
            return [*words[:place]], [*words[place:]]
        if word.startswith("-m"):  # ``-mpytest``
            return [*words[:place]], ["-m", word[2:], *words[place + 1 :]]
    return [*words], []


def _module(parser: argparse.ArgumentParser, words: Sequence[str]) -> tuple[str, list[str]]:
    """The module that ``-m``, the first of `words`, is given, and the words of that."""
    if len(words) < 2:
        parser.error("argument -m: which module?")
    return words[1], [*words[2:]]


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
    _add_flag(parser, "--force", "replace OUT if it is there")
    return parser.parse_args(words)


def _add_switches(parser: argparse.ArgumentParser, *words: str) -> None:
    for switch in SWITCHES:
        if switch.word in words:
            _add_flag(parser, switch.word, switch.meaning, switch.name)


def _add_flag(
    parser: argparse.ArgumentParser, word: str, meaning: str, name: str | None = None
) -> None:
    parser.add_argument(word, dest=name or word[2:], action="store_true", help=meaning)


def _add_color_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--color", choices=COLORS, default="auto", help="colour the output")


def _rate(word: str) -> float:
    try:
        return rate_of(word, jumps=True)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _positive(word: str) -> float:
    with suppress(ValueError):
        if 0 < (number := float(word)) < float("inf"):
            return number
    raise argparse.ArgumentTypeError(f"{word!r} is not a speed: try 2")
