"""How ``asyncrepl explain`` looks: Python's own words, why, and the corrected program.

Of a short program the whole is shown, to be read at a glance; of a longer file what
changes, in the form that ``patch`` takes.
"""

from __future__ import annotations

import difflib
import linecache
from typing import TYPE_CHECKING

from asyncrepl.language.compiling import needs_loop
from asyncrepl.views.explanations import why_lines
from asyncrepl.views.highlight import code_lines
from asyncrepl.views.styled import flowed, one_line, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.explain.explanation import Explanation, Fix
    from asyncrepl.views.styled import Line

__all__ = ["diagnosis_lines"]

#: A program of more lines than this is not shown whole.
SHORT = 15
_STYLES = {"+": "code", "-": "error", "@": "label"}


def diagnosis_lines(
    error: Sequence[Line],
    explanation: Explanation | None,
    filename: str,
    text: str,
    width: int | None = None,
    *,
    interrupted: bool = False,
) -> list[Line]:
    """What is told of the program `text`; `error` are the lines of its error, if it had one."""
    if explanation is None:
        about = "this error is not about async iteration" if error else "it ran without an error"
        about = "it was interrupted" if interrupted else about
        return [*error, *_prose(f"nothing to explain: {about}", width, "dim")]
    lines = [*error, *why_lines(explanation, width)]
    if explanation.fix is None:
        return lines
    return [*lines, *_fix_lines(explanation.fix, filename, text, width)]


def _fix_lines(fix: Fix, filename: str, text: str, width: int | None) -> list[Line]:
    """The corrected program, and how to make it of the old one."""
    name = one_line(filename)
    is_file = not filename.startswith("<")
    if set(fix.texts) != {filename}:
        return [*_try("these changes", width), *_diffs(fix, filename, text)]
    after = fix.texts[filename]
    run = [("run it", f"asyncrepl {name}")] if is_file and _needs_ours(text, after) else []
    if is_file and text.count("\n") > SHORT:
        apply = [("apply it", f"asyncrepl explain {name} | patch {name}")]
        lines = [*_try("this change", width), *_diffs(fix, filename, text)]
        return [*lines, *_hints([*apply, *run])]
    what = f"this, all of {name} corrected" if is_file else "this, all of it corrected"
    return [*_try(what, width), [], *code_lines(after.rstrip("\n")), *_hints(run)]


def _needs_ours(before: str, after: str) -> bool:
    """Whether ``python`` can no longer run the program, because it awaits at its top."""
    return needs_loop(after) and not needs_loop(before)


def _hints(hints: Sequence[tuple[str, str]]) -> list[Line]:
    """What to do with the correction: commands for a shell."""
    lines: list[Line] = [[("label", f"{what:<10}"), ("code", command)] for what, command in hints]
    return [[], *lines] if lines else []


def _diffs(fix: Fix, filename: str, text: str) -> Iterator[Line]:
    """The changes of each file, an empty line before each."""
    for changed, after in fix.texts.items():
        before = text if changed == filename else "".join(linecache.getlines(changed))
        yield []
        old, new = before.splitlines(), after.splitlines()
        for line in difflib.unified_diff(old, new, changed, changed, lineterm=""):
            yield [(_STYLES.get(line[0], ""), printable(line))]


def _try(what: str, width: int | None) -> list[Line]:
    return flowed([("label", "try  "), ("", f"{what}:")], width, indent=5)


def _prose(text: str, width: int | None, style: str) -> list[Line]:
    return flowed([(style, text)], width)
