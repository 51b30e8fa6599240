"""How ``asyncrepl explain`` looks: Python's own words, why, and what to change.

It is a patch, between sentences that ``patch`` skips; or, if that is wished or there is no
file to patch, the whole corrected program.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asyncrepl.language.compiling import needs_loop
from asyncrepl.views.explanations import why_lines
from asyncrepl.views.highlight import code_lines
from asyncrepl.views.patch import unified_diff
from asyncrepl.views.styled import flowed, one_line, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from asyncrepl.explain.explanation import Explanation, Fix
    from asyncrepl.views.styled import Line

__all__ = ["Subject", "diagnosis_lines"]

_STYLES = {"+": "code", "-": "error", "@": "label"}


@dataclass(frozen=True, slots=True)
class Subject:
    """The program that was run: its `text` as Python has read it.

    `contents` are what stands in the files that are to change, with their own line ends.
    """

    filename: str
    text: str
    contents: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_file(self) -> bool:
        """Whether there is something to patch."""
        return not self.filename.startswith("<")


def diagnosis_lines(
    error: Sequence[Line],
    explanations: Sequence[Explanation],
    subject: Subject,
    width: int | None = None,
    *,
    whole: bool = False,
    interrupted: bool = False,
    problem: str | None = None,
) -> list[Line]:
    """What is told of a program; `error` are the lines of its error, if it had one.

    The last correction, which has the others in it, is shown as a patch, or as the `whole`
    corrected program. Without a `width` it may go to a program, and the lines of the patch are
    those very ones. `problem` says what is still wrong with the corrected program; empty if
    nothing is, None if nobody has tried.
    """
    if not explanations:
        about = "this error is not about async iteration" if error else "it ran without an error"
        about = "it was interrupted" if interrupted else about
        return [*error, *_prose(f"nothing to explain: {about}", width, "dim")]
    lines = [*error, *(line for each in explanations for line in why_lines(each, width))]
    fixes = [each.fix for each in explanations if each.fix is not None]
    if not fixes:
        return lines
    fix = fixes[-1]
    if problem is not None:
        lines += _verdict(problem, width)
    if set(fix.texts) != {subject.filename}:
        return [*lines, *_try("these changes", width), *_diffs(fix, subject, width)]
    show = _whole if whole or not subject.is_file else _patch
    return [*lines, *show(fix, subject, width)]


def _verdict(problem: str, width: int | None) -> list[Line]:
    """Whether the corrected program is right."""
    text = f"the corrected program is not right yet: {problem}" if problem else (
        "the corrected program was run, and ends well"
    )  # fmt: skip
    return flowed([("label", "run  "), ("", printable(text))], width, indent=5)


def _patch(fix: Fix, subject: Subject, width: int | None) -> list[Line]:
    """What changes, and how to change it."""
    name = shlex.quote(one_line(subject.filename))
    apply = ("apply it", f"asyncrepl explain {name} | patch {name}")
    lines = [*_try("this change", width), *_diffs(fix, subject, width)]
    return [*lines, *_hints([apply, *_how_to_run(fix, subject)])]


def _whole(fix: Fix, subject: Subject, width: int | None) -> list[Line]:
    """The whole corrected program."""
    name = one_line(subject.filename)
    what = f"this, all of {name} corrected" if subject.is_file else "this, all of it corrected"
    code = code_lines(fix.text.rstrip("\n"))
    return [*_try(what, width), [], *code, *_hints(_how_to_run(fix, subject))]


def _how_to_run(fix: Fix, subject: Subject) -> list[tuple[str, str]]:
    """A hint where ``python`` can no longer run the file."""
    name = shlex.quote(one_line(subject.filename))
    needed = subject.is_file and _needs_ours(subject.text, fix.text)
    return [("run it", f"asyncrepl {name}")] if needed else []


def _needs_ours(before: str, after: str) -> bool:
    """Whether ``python`` can no longer run the program, because it awaits at its top."""
    return needs_loop(after) and not needs_loop(before)


def _hints(hints: Sequence[tuple[str, str]]) -> list[Line]:
    """What to do with the correction: commands for a shell."""
    lines: list[Line] = [[("label", f"{what:<10}"), ("code", command)] for what, command in hints]
    return [[], *lines] if lines else []


def _diffs(fix: Fix, subject: Subject, width: int | None) -> Iterator[Line]:
    """The changes of each file, an empty line before each."""
    for changed, after in fix.texts.items():
        yield []
        own = subject.text if changed == subject.filename else ""
        for line in unified_diff(changed, subject.contents.get(changed, own), after):
            shown = line if width is None else printable(line.removesuffix("\r"))
            yield [(_STYLES.get(line[0], ""), shown)]


def _try(what: str, width: int | None) -> list[Line]:
    return flowed([("label", "try  "), ("", f"{what}:")], width, indent=5)


def _prose(text: str, width: int | None, style: str) -> list[Line]:
    return flowed([(style, text)], width)
