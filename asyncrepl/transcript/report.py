"""What a check found in one transcript, and how that is told: as a unified diff.

The diff is a patch: it changes the file into what `--accept` would write. The
heading of each hunk names the `FILE:LINE` of its first difference, which editors
and terminals make a link of, and what was typed there.

One hunk a statement, with what is typed as its context, would be prettier and
is no patch: a hunk with more context above than below means the file's end.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, TypeAlias

from asyncrepl.transcript.matching import merged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.transcript.grammar import Input, Transcript

#: A piece of a diff: what happens, with the lines of the old text and of the new one.
Opcode: TypeAlias = tuple[str, int, int, int, int]

__all__ = ["Difference", "Report", "accepted", "diff_lines"]


@dataclass(frozen=True, slots=True)
class Difference:
    """An input whose output was not as written, and the lines that it printed."""

    input: Input
    actual: tuple[str, ...]

    @property
    def output(self) -> list[str]:
        """What `--accept` writes in its place."""
        return merged(self.input.expected, self.actual)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one transcript.

    `ran` counts the statements that were run to their end. `trouble` is a line
    on why not all of them were, `skipped` on why none was; both may be None. `warning`
    is a line on what passes and yet is not certain.
    """

    transcript: Transcript
    ran: int = 0
    differences: tuple[Difference, ...] = ()
    trouble: str | None = None
    skipped: str | None = None
    warning: str | None = None

    @property
    def passed(self) -> bool:
        """Whether everything was run and printed what is written."""
        return not self.differences and self.trouble is None


def accepted(report: Report) -> Transcript:
    """The transcript with the output it really had."""
    return report.transcript.accepting(
        {difference.input.line: difference.output for difference in report.differences}
    )


def diff_lines(report: Report) -> Iterator[str]:
    """The differences of `report` as the lines of a unified diff, none if there are none."""
    if not report.differences:
        return
    filename = report.transcript.filename
    yield f"--- {filename}\tas written"
    yield f"+++ {filename}\tas run"
    old, new = report.transcript.lines, accepted(report).lines
    for hunk in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes():
        yield f"{_ranges(hunk)} {_place(report, hunk)}"
        for tag, old_start, old_end, new_start, new_end in hunk:
            if tag == "equal":
                yield from (f" {line}" for line in old[old_start:old_end])
            else:
                yield from (f"-{line}" for line in old[old_start:old_end])
                yield from (f"+{line}" for line in new[new_start:new_end])


def _ranges(hunk: list[Opcode]) -> str:
    _, old_start, _, new_start, _ = hunk[0]
    _, _, old_end, _, new_end = hunk[-1]
    old, new = old_end - old_start, new_end - new_start
    return f"@@ -{old_start + 1},{old} +{new_start + 1},{new} @@"


def _place(report: Report, hunk: list[Opcode]) -> str:
    """The first line of a hunk that differs, and what is typed above it."""
    line = next(old_start for tag, old_start, *_ in hunk if tag != "equal") + 1
    above = [entry for entry in report.transcript.inputs if entry.line < line]
    typed = above[-1].typed[0].strip() if above else ""
    return f"{report.transcript.filename}:{line}: {typed}"
