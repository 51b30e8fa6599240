"""How an explanation looks: why, and what to write, in at most four lines."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from asyncrepl.views.highlight import code_lines
from asyncrepl.views.styled import printable, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asyncrepl.explain.explanation import Explanation, Fix
    from asyncrepl.language.sources import Source
    from asyncrepl.views.styled import Line

__all__ = ["changed_line", "explanation_lines", "fix_text", "story_lines"]

#: A correction of more lines than this is shown by its changed lines only.
SHORT = 2


def explanation_lines(
    explanation: Explanation,
    sources: Mapping[str, Source],
    width: int | None = None,
    place: str = "",
) -> list[Line]:
    """Why it failed, and the corrected code or the lines of it that change.

    `place` is said first: for what no traceback has told.
    """
    text = f"{place}: {explanation.why}" if place else explanation.why
    why = wrapped(printable(text).replace("\n", " "), width, indent=5)
    lines: list[Line] = [[("label", "why  "), ("why", why[0])]]
    lines += [[("why", line)] for line in why[1:]]
    if explanation.fix is not None:
        lines += _fix_lines(explanation.fix, sources)
    return lines


def story_lines(explanation: Explanation, width: int | None = None) -> list[Line]:
    """All there is to say: what happened, the rule behind it, the six steps."""
    return [
        [("", line)]
        for paragraph in printable(explanation.story).split("\n")
        for line in wrapped(paragraph, width)
    ]


def changed_line(fix: Fix, sources: Mapping[str, Source]) -> int:
    """The number of the first line of the source that `fix` takes away, or writes above."""
    before = sources[fix.filename].lines if fix.filename in sources else []
    matcher = difflib.SequenceMatcher(None, before, fix.text.split("\n"), autojunk=False)
    changes = [each for each in matcher.get_opcodes() if each[0] != "equal"]
    taken = [each for each in changes if each[0] != "insert"] or changes
    return taken[0][1] + 1 if taken else 1


def fix_text(fix: Fix) -> str:
    """All the corrected code, as one input."""
    return "\n".join(text.rstrip("\n") for text in fix.texts.values())


def _fix_lines(fix: Fix, sources: Mapping[str, Source]) -> list[Line]:
    whole = fix_text(fix).split("\n")
    shown = whole if len(whole) <= SHORT else list(_changed(fix, sources))[:SHORT]
    lines: list[Line] = [
        [("label", "try  " if not number else "     "), *code_lines(text)[0]]
        for number, text in enumerate(shown)
    ]
    if shown != whole and lines:
        lines[-1].append(("dim", "   (:fix writes it all)"))
    return lines


def _changed(fix: Fix, sources: Mapping[str, Source]) -> Iterator[str]:
    """The lines of the corrected code that the user's own does not have."""
    for filename, text in fix.texts.items():
        before = sources[filename].lines if filename in sources else []
        after = text.rstrip("\n").split("\n")
        matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
        for tag, _, _, start, end in matcher.get_opcodes():
            if tag != "equal":
                yield from filter(str.strip, after[start:end])
