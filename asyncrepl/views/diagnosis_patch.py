r"""How ``asyncrepl explain`` looks: Python's own words, why, and what to change, as a patch.

The patch comes between sentences that ``patch`` skips; if that is wished or there is no file to
patch, the whole corrected program is shown.

The diff is one that ``patch`` and ``git apply`` take. Python reads ``\r\n`` as ``\n`` and leaves
a mark at the beginning (BOM) away, and so do the rules; ``patch`` compares bytes. So what is
compared here are lines without their ends, and what is written are the lines of the file: those
that stay as they are, and new ones with the ends that the others have. What does not work: to
take the text that was run for the file.
"""

from __future__ import annotations

import difflib
import io
import shlex
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.instrument.compilation import needs_loop
from asyncrepl.syntax.source_rewriter import line_opcodes
from asyncrepl.views.explanation_lines import why_lines
from asyncrepl.views.styled_lines import code_lines, flowed, one_line, printable, prose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from asyncrepl.explain.explanation import Explanation, Fix
    from asyncrepl.views.styled_lines import Line

_BOM = "\ufeff"
_NO_END = "\\ No newline at end of file"


def unified_diff(filename: str, before: str, after: str) -> Iterator[str]:
    r"""The lines of the diff that makes `after` of the file `filename`, without their ``\n``.

    `before` is the file's content with its own line ends and mark; `after` has neither.
    """
    old = before.removeprefix(_BOM)
    mark = before[: len(before) - len(old)]
    # Python ends a line with \n, \r\n or \r, ``patch`` with \n alone.
    new = mark + "".join(_with_line_ends_of(list(io.StringIO(old, newline="")), after))
    name = _diff_name(filename)
    old_lines, new_lines = (list(io.StringIO(text, newline="\n")) for text in (before, new))
    diff = difflib.unified_diff(old_lines, new_lines, name, name, lineterm="")
    for number, line in enumerate(diff):
        yield line.removesuffix("\n")
        if number > 1 and line[0] in "-+ " and not line.endswith("\n"):
            yield _NO_END


def _with_line_ends_of(old: list[str], text: str) -> list[str]:
    """The lines of `text`: where they are those of `old`, with the line ends they have there."""
    windows = sum(line.endswith("\r\n") for line in old) * 2 > len(old)
    ends = "\r\n" if windows else "\n"
    bare = [line.rstrip("\r\n") for line in old]
    lines = text.split("\n")
    new = [line + ends for line in lines[:-1]] + lines[-1:]
    for tag, i, j, start, end in line_opcodes(bare, lines):
        if tag == "equal":
            new[start:end] = old[i:j]
        elif tag == "replace":  # each with the end of the one in whose place it comes
            for number in range(start, min(end, len(lines) - 1)):
                replaced = old[min(i + number - start, j - 1)]
                new[number] = lines[number] + replaced[len(replaced.rstrip("\r\n")) :]
    # The file's last line may have no end, and is perhaps no longer the last.
    return [line if line[-1:] in "\r\n" else line + ends for line in new[:-1]] + new[-1:]


def _diff_name(filename: str) -> str:
    """What the diff calls the file: seen from here, if it is below."""
    path = Path(filename)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    name = str(path)
    return f"{name}\t" if " " in name else name  # where it ends


_STYLES = {"+": "code", "-": "error", "@": "label"}


class DiagnosedProgram(NamedTuple):
    """The program that was run: its `text` as Python has read it.

    `contents` are the texts of the files that are to change, with their own line ends; `status` is
    what it ended with, as pytest does with 1 when a test has failed. `waits` say where its tasks
    waited then.
    """

    filename: str
    text: str
    contents: Mapping[str, str] = MappingProxyType({})
    status: int = 0
    waits: Sequence[str] = ()

    @property
    def is_file(self) -> bool:
        """Whether there is something to patch."""
        return not self.filename.startswith("<")


def diagnosis_lines(
    error: Sequence[Line],
    explanations: Sequence[Explanation],
    subject: DiagnosedProgram,
    width: int | None = None,
    *,
    whole: bool = False,
    interrupted: bool = False,
    problem: str | None = None,
) -> list[Line]:
    """What is shown of the program `subject`; `error` are the lines of its error, if any.

    Without `explanations` it says why there are none, also where it was `interrupted`, and where
    its tasks waited. The
    last correction, which has the others in it, is shown as a patch, or as the `whole`
    corrected program. Lines have at most `width` cells; without a `width` it may go to a
    program, and the lines of the patch are those very ones. `problem` says what is still wrong
    with the corrected program; empty if nothing is, None if nobody has tried.
    """
    if not explanations:
        ended = "it ran without an error"
        if subject.status:
            ended = f"it ended with exit status {subject.status}"
        about = "this error is not about async iteration" if error else ended
        about = "it was interrupted" if interrupted else about
        nothing = prose(f"nothing to explain: {about}", width, "dim")
        return [*error, *nothing, *_waits_at_the_end(subject.waits, width)]
    lines = [*error, *(line for each in explanations for line in why_lines(each, width))]
    fixes = [each.fix for each in explanations if each.fix is not None]
    if not fixes:
        return lines
    fix = fixes[-1]
    if problem is not None:
        lines += _verdict(problem, width)
    if set(fix.texts) != {subject.filename}:
        return [*lines, *_try_line("these changes", width), *_diffs(fix, subject, width)]
    show = _whole_program if whole or not subject.is_file else _patch
    return [*lines, *show(fix, subject, width)]


#: So many of the places where tasks wait are told.
_MOST_WAITS, _AT_END = 5, "when it ended  "


def _waits_at_the_end(waits: Sequence[str], width: int | None) -> list[Line]:
    """Where its tasks were: no mistake perhaps, but all there is to say."""
    shown, more = waits[:_MOST_WAITS], len(waits) - _MOST_WAITS
    texts = [*shown, *([f"and {more} more"] if more > 0 else ())]
    return [
        line
        for place, text in enumerate(texts)
        for line in flowed(
            [("label", " " * 15 if place else _AT_END), ("", text)], width, indent=15
        )
    ]


def _verdict(problem: str, width: int | None) -> list[Line]:
    """Whether the corrected program is right."""
    text = f"the corrected program is not right yet: {problem}" if problem else (
        "the corrected program was run, and ends well"
    )  # fmt: skip
    return flowed([("label", "run  "), ("", printable(text))], width, indent=5)


def _patch(fix: Fix, subject: DiagnosedProgram, width: int | None) -> list[Line]:
    """What changes, and how to change it."""
    name = shlex.quote(one_line(subject.filename))
    apply = ("apply it", f"asyncrepl explain {name} | patch {name}")
    lines = [*_try_line("this change", width), *_diffs(fix, subject, width)]
    return [*lines, *_hints([apply, *_how_to_run(fix, subject)])]


def _whole_program(fix: Fix, subject: DiagnosedProgram, width: int | None) -> list[Line]:
    """The whole corrected program."""
    name = one_line(subject.filename)
    what = f"this, all of {name} corrected" if subject.is_file else "this, all of it corrected"
    code = code_lines(fix.text.rstrip("\n"))
    return [*_try_line(what, width), [], *code, *_hints(_how_to_run(fix, subject))]


def _how_to_run(fix: Fix, subject: DiagnosedProgram) -> list[tuple[str, str]]:
    """A hint where ``python`` can no longer run the file, because it awaits at its top."""
    name = shlex.quote(one_line(subject.filename))
    needed = subject.is_file and needs_loop(fix.text) and not needs_loop(subject.text)
    return [("run it", f"asyncrepl {name}")] if needed else []


def _hints(hints: Sequence[tuple[str, str]]) -> list[Line]:
    """What to do with the correction: commands for a shell."""
    lines: list[Line] = [[("label", f"{what:<10}"), ("code", command)] for what, command in hints]
    return [[], *lines] if lines else []


def _diffs(fix: Fix, subject: DiagnosedProgram, width: int | None) -> Iterator[Line]:
    """The changes of each file, an empty line before each."""
    for changed, after in fix.texts.items():
        yield []
        own = subject.text if changed == subject.filename else ""
        for line in unified_diff(changed, subject.contents.get(changed, own), after):
            shown = line if width is None else printable(line.removesuffix("\r"))
            yield [(_STYLES.get(line[0], ""), shown)]


def _try_line(what: str, width: int | None) -> list[Line]:
    return flowed([("label", "try  "), ("", f"{what}:")], width, indent=5)
