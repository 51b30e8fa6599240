"""`asyncrepl check`: run transcripts on the virtual clock, show what differs as a diff.

The same shell and clock as in a replay run a transcript; only nobody waits for the typing. Nothing
that is shown depends on how long anything took, so two checks of the same files give the same
bytes.

The diff is a patch: it changes the file into what `--accept` would write. The heading of each hunk
names the `FILE:LINE` of its first difference, which editors and terminals make a link of, and what
was typed there. One hunk a statement, with what is typed as its context, would be prettier and is
no patch: a hunk with more context above than below means the file's end.

Where timers tie (see `asyncrepl.engine.loop.timers`) the transcript is run again, with ties the
other way round. If it prints something else, there is a warning; unless it prints something else
each time. To warn of each tie would cry wolf: most matter to nobody. To look who prints at that
instant misses queues, and all that shows later.
"""

from __future__ import annotations

import os
import sys
from difflib import SequenceMatcher
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from asyncrepl.runtime.files import write_file
from asyncrepl.runtime.shipped_demos import DemoNotFoundError, find_transcript
from asyncrepl.session.frontend import Console
from asyncrepl.transcript.grammar import TranscriptError
from asyncrepl.transcript.transcript_output import merged_output, output_matches
from asyncrepl.transcript.transcript_parser import load_transcript, missing_requirement
from asyncrepl.transcript.transcript_run import TimeLimits, TranscriptRun, run_transcript
from asyncrepl.views.styled_lines import code_unhighlighted, one_line, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import TextIO

    from asyncrepl.transcript.grammar import Input, Transcript

#: A piece of a diff: what happens, with the lines of the old text and of the new one.
Opcode: TypeAlias = tuple[str, int, int, int, int]


class OutputDifference(NamedTuple):
    """An input whose output was not as written, and the lines that it printed."""

    input: Input
    actual: tuple[str, ...]

    @property
    def output(self) -> list[str]:
        """What `--accept` writes in its place."""
        return merged_output(self.input.expected, self.actual)


class CheckReport(NamedTuple):
    """What came of one transcript.

    `ran` counts the statements that were run to their end. `trouble` is a line
    on why not all of them were, `skipped` on why none was; both may be None. `warning`
    is a line on what passes and yet is not certain.
    """

    transcript: Transcript
    ran: int = 0
    differences: tuple[OutputDifference, ...] = ()
    trouble: str | None = None
    skipped: str | None = None
    warning: str | None = None

    @property
    def passed(self) -> bool:
        """Whether everything was run and printed what is written."""
        return not self.differences and self.trouble is None


def accepted_transcript(report: CheckReport) -> Transcript:
    """The transcript with the output it really had."""
    return report.transcript.accepting(
        {difference.input.line: difference.output for difference in report.differences}
    )


def diff_lines(report: CheckReport) -> Iterator[str]:
    """The differences of `report` as the lines of a unified diff, none if there are none."""
    if not report.differences:
        return
    filename = report.transcript.filename
    yield f"--- {filename}\tas written"
    yield f"+++ {filename}\tas run"
    old, new = report.transcript.lines, accepted_transcript(report).lines
    for hunk in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes():
        yield _hunk_head(report, hunk)
        for tag, old_start, old_end, new_start, new_end in hunk:
            if tag == "equal":
                yield from (f" {line}" for line in old[old_start:old_end])
            else:
                yield from (f"-{line}" for line in old[old_start:old_end])
                yield from (f"+{line}" for line in new[new_start:new_end])


def _hunk_head(report: CheckReport, hunk: list[Opcode]) -> str:
    """The ranges of a hunk, its first line that differs, and what is typed above that."""
    (_, old_start, _, new_start, _), (_, _, old_end, _, new_end) = hunk[0], hunk[-1]
    ranges = f"-{old_start + 1},{old_end - old_start} +{new_start + 1},{new_end - new_start}"
    line = next(start for tag, start, *_ in hunk if tag != "equal") + 1
    above = [entry for entry in report.transcript.inputs if entry.line < line]
    typed = above[-1].typed[0].strip() if above else ""
    return f"@@ {ranges} @@ {report.transcript.filename}:{line}: {typed}"


def check_file(path: str | Path, *, limits: TimeLimits | None = None) -> CheckReport:
    """Run the transcript in the file at `path` and say what differed.

    As `check_transcript`. Raises `OSError` and `TranscriptError` for a file that can't be used.
    """
    return check_transcript(load_transcript(path), limits=limits)


def check_transcript(transcript: Transcript, *, limits: TimeLimits | None = None) -> CheckReport:
    """Run `transcript` in a fresh session and say what differed.

    A statement that passes `limits` (those of `TimeLimits` if not given) counts as hanging. To be
    called where no loop runs; hanging synchronous code can only be stopped in the main thread.
    """
    if missing := missing_requirement(transcript):
        skipped = f"{transcript.filename}: skipped, it needs {missing}"
        return CheckReport(transcript, skipped=skipped)
    limits = limits or TimeLimits()
    with code_unhighlighted():
        run = run_transcript(transcript, limits)
        warning = _tie_warning(transcript, run, limits)
    differences = tuple(
        OutputDifference(entry, printed)
        for entry, printed in zip(transcript.inputs, run.outputs, strict=False)
        if not output_matches(entry.expected, printed)
    )
    return CheckReport(transcript, len(run.outputs), differences, run.trouble, warning=warning)


def _tie_warning(transcript: Transcript, run: TranscriptRun, limits: TimeLimits) -> str | None:
    """A warning, if what is printed depends on which of two timers goes first."""
    if run.outside or not any(run.ties):
        return None
    other = run_transcript(transcript, limits, youngest_first=True)
    if run.same_as(other):
        return None
    # Other lines may come of chance, which a second run shows; another order does not.
    if not run.has_lines_of(other) and not run.same_as(run_transcript(transcript, limits)):
        return None
    at = run.first_difference(other)
    ties = [tie for ties in run.ties[: at + 1] for tie in ties]
    shown = run.ties[at][0] if at < len(run.ties) and run.ties[at] else ties[-1]
    setters = dict.fromkeys(name or "a callback" for name in (shown.first, shown.second))
    place = f"{transcript.filename}:{transcript.inputs[at].line}"
    tie = f"timers tie at {shown.at:g} s ({' and '.join(setters)})"
    return f"{place}: warning: {tie}, and the output depends on which goes first"


#: Exit statuses.
PASSED, DIFFERS, UNUSABLE = 0, 1, 2
#: Styles of a diff's lines, by their first character.
_DIFF_STYLES = {"-": "error", "+": "code", "@": "label"}


def check(
    paths: Iterable[str | Path],
    *,
    accept: bool = False,
    out: TextIO | None = None,
    err: TextIO | None = None,
    limits: TimeLimits | None = None,
    color: bool = False,
) -> int:
    """Check the transcripts at `paths`; with `accept`, write what they print into them.

    A path is a file (`.pycon`, or Markdown with ```` ```pycon ```` fences), a directory
    of `.pycon` files, or the name of a shipped demo. Differences and a summary go to
    `out`, what can't be used to `err`, one line each (the process's own, if not given);
    differences in `color`, if wanted. `limits` are as in `check_transcript`. Returns 0 if all
    is as written, 1 if something differs, 2 if a path can't be used.
    """
    console = Console(out or sys.stdout, err or sys.stderr, color=color)
    check = _CheckRun(console, limits, accept=accept)
    for path in paths:
        check.add(Path(path))
    return check.summed_up()


class _CheckRun:
    """The transcripts checked so far, and what came of them."""

    def __init__(self, console: Console, limits: TimeLimits | None, *, accept: bool) -> None:
        self._console = console
        self._limits = limits
        self._accept = accept
        self._seen: set[str] = set()
        self._reports: list[CheckReport] = []
        self._unusable = 0

    def add(self, path: Path) -> None:
        """Check what is at `path`, but no file twice."""
        for found in self._found(path):
            file = os.path.realpath(found)
            if file not in self._seen:
                self._seen.add(file)
                self._check(found)

    def summed_up(self) -> int:
        """Show the result in one line; returns the exit status."""
        skipped = sum(report.skipped is not None for report in self._reports)
        checked = len(self._reports) - skipped
        differing = sum(not report.passed for report in self._reports)
        ran = sum(report.ran for report in self._reports)
        result = _counted(checked, "transcript")
        if differing:
            result = f"{differing} of {result} {'differs' if differing == 1 else 'differ'}"
        else:
            result += f", {_counted(ran, 'statement')}: all as written"
        if self._reports:
            self._show(result + (f", {skipped} skipped" if skipped else ""))
        return UNUSABLE if self._unusable else DIFFERS if differing else PASSED

    def _found(self, path: Path) -> list[Path]:
        if not path.is_dir():
            return [path]
        # Not in a directory like `.venv`, which holds other people's files.
        files = {file: file.relative_to(path).parts for file in path.rglob("*.pycon")}
        found = sorted(file for file in files if not any(part[0] == "." for part in files[file]))
        if not found:
            self._refuse(f"{path}: no transcript in this directory (*.pycon)")
        return found

    def _check(self, path: Path) -> None:
        try:
            report = check_file(
                path if path.exists() else find_transcript(str(path)), limits=self._limits
            )
        except DemoNotFoundError as error:
            self._refuse(f"asyncrepl: {error}")
        except TranscriptError as error:
            self._refuse(str(error))  # it begins with the place in the file
        except OSError as error:
            self._refuse(f"{path}: {error.strerror or error}")
        else:
            self._report(report)

    def _report(self, report: CheckReport) -> None:
        self._reports.append(report)
        if report.skipped is not None:
            self._show(report.skipped)
        if self._accept and report.differences:
            self._rewrite(report)
        else:
            self._show(*diff_lines(report), styles=_DIFF_STYLES)
        self._show(*filter(None, (report.trouble, report.warning)))

    def _rewrite(self, report: CheckReport) -> None:
        filename = report.transcript.filename
        try:
            new = accepted_transcript(report)
            write_file(Path(new.filename), new.render().encode(), replace=True)
        except OSError as error:
            self._refuse(f"{filename}: can't be rewritten: {error.strerror or error}")
            return
        self._reports[-1] = report._replace(differences=())
        self._show(f"{filename}: {_counted(len(report.differences), 'output')} rewritten")

    def _show(self, *lines: str, styles: Mapping[str, str] = MappingProxyType({})) -> None:
        self._console.show(*([(styles.get(line[:1], ""), printable(line))] for line in lines))

    def _refuse(self, line: str) -> None:
        self._unusable += 1
        self._console.complain([("error", one_line(line))])


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
