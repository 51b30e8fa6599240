"""`asyncrepl check`: which transcripts, what is told of each, what is written back.

Nothing that is told depends on how long anything took, so two checks of the
same files give the same bytes.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from asyncrepl.files import write_file
from asyncrepl.language.shipped import ShippedError, find_transcript
from asyncrepl.transcript.grammar import TranscriptError
from asyncrepl.transcript.report import accepted, diff_lines
from asyncrepl.transcript.trial import check_file
from asyncrepl.views.console import Console
from asyncrepl.views.styled import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from asyncrepl.transcript.report import Report
    from asyncrepl.transcript.watch import Limits
    from asyncrepl.views.styled import Line

__all__ = ["check"]

#: Exit statuses.
PASSED, DIFFERS, UNUSABLE = 0, 1, 2
#: Styles of a diff's lines, by their first character.
_DIFF = {"-": "error", "+": "code", "@": "label"}


def check(
    paths: Iterable[str | Path],
    *,
    accept: bool = False,
    out: TextIO | None = None,
    err: TextIO | None = None,
    limits: Limits | None = None,
    color: bool = False,
) -> int:
    """Check the transcripts at `paths`; with `accept`, write what they print into them.

    A path is a file (`.pycon`, or Markdown with ```` ```pycon ```` fences), a directory
    of `.pycon` files, or the name of a shipped demo. Differences and a summary go to
    `out`, what can't be used to `err`, one line each (the process's own, if not given);
    differences in `color`, if wanted. Returns 0 if all is as written, 1 if something
    differs, 2 if a path can't be used.
    """
    console = Console(out or sys.stdout, err or sys.stderr, color=color)
    check = _Check(console, limits, accept=accept)
    for path in paths:
        check.add(Path(path))
    return check.summed_up()


class _Check:
    """The transcripts checked so far, and what came of them."""

    def __init__(self, console: Console, limits: Limits | None, *, accept: bool) -> None:
        self._console = console
        self._limits = limits
        self._accept = accept
        self._seen: set[str] = set()
        self._reports: list[Report] = []
        self._unusable = 0

    def add(self, path: Path) -> None:
        """Check what is at `path`, but no file twice."""
        for found in self._found(path):
            file = os.path.realpath(found)
            if file not in self._seen:
                self._seen.add(file)
                self._check(found)

    def summed_up(self) -> int:
        """Tell the result in one line; the exit status."""
        skipped = sum(report.skipped is not None for report in self._reports)
        checked = len(self._reports) - skipped
        differing = sum(not report.passed for report in self._reports)
        ran = sum(report.ran for report in self._reports)
        if differing:
            verb = "differs" if differing == 1 else "differ"
            told = f"{differing} of {_count(checked, 'transcript')} {verb}"
        else:
            told = f"{_count(checked, 'transcript')}, {_count(ran, 'statement')}: all as written"
        if self._reports:
            self._tell(told + (f", {skipped} skipped" if skipped else ""))
        return UNUSABLE if self._unusable else DIFFERS if differing else PASSED

    def _found(self, path: Path) -> list[Path]:
        if not path.is_dir():
            return [path]
        found = sorted(file for file in path.rglob("*.pycon") if not _hidden(file, path))
        if not found:
            self._refuse(f"{path}: no transcript in this directory (*.pycon)")
        return found

    def _check(self, path: Path) -> None:
        try:
            report = check_file(self._file(path), limits=self._limits)
        except (TranscriptError, ShippedError) as error:
            self._refuse(str(error))
        except OSError as error:
            self._refuse(f"{path}: {error.strerror or error}")
        else:
            self._report(report)

    def _file(self, path: Path) -> Path:
        return path if path.exists() else find_transcript(str(path))

    def _report(self, report: Report) -> None:
        self._reports.append(report)
        if report.skipped is not None:
            self._tell(report.skipped)
        if self._accept and report.differences:
            self._rewrite(report)
        else:
            self._console.show(*map(_painted, diff_lines(report)))
        for line in filter(None, (report.trouble, report.warning)):
            self._tell(line)

    def _rewrite(self, report: Report) -> None:
        filename = report.transcript.filename
        try:
            new = accepted(report)
            write_file(Path(new.filename), new.render().encode(), replace=True)
        except OSError as error:
            self._refuse(f"{filename}: can't be rewritten: {error.strerror or error}")
            return
        self._reports[-1] = replace(report, differences=())
        self._tell(f"{filename}: {_count(len(report.differences), 'output')} rewritten")

    def _tell(self, *lines: str) -> None:
        self._console.show(*([("", printable(line))] for line in lines))

    def _refuse(self, line: str) -> None:
        self._unusable += 1
        self._console.complain([("error", one_line(line))])


def _painted(line: str) -> Line:
    """A line of a diff."""
    return [(_DIFF.get(line[:1], ""), printable(line))]


def _hidden(file: Path, folder: Path) -> bool:
    """Whether `file` lies in a directory like `.venv`, which holds other people's files."""
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
