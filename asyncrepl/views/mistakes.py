"""How the known mistakes look when nobody has made one: as a list, and each by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.views.explanations import story_lines
from asyncrepl.views.styled import flowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from asyncrepl.explain.rule import Rule
    from asyncrepl.views.styled import Line

__all__ = ["by_step", "catalogue_lines", "mistake_lines"]

#: What the mistakes of each step have in common.
_HEADINGS = (
    "before anything runs",
    "1 __aiter__: is there anything to walk?",
    "2 __anext__: the next step",
    "3 await: waiting for it",
    "4 bind: the value",
    "5 body",
    "6 stop: the end",
)


def by_step(rules: Iterable[Rule]) -> Iterator[tuple[str, list[Rule]]]:
    """The mistakes of each step under its heading; several rules of one id are one mistake."""
    every = {rule.id: rule for rule in reversed(list(rules))}
    for step, heading in enumerate(_HEADINGS):
        found = [rule for rule in reversed(every.values()) if rule.step == step]
        if found:
            yield heading, found


def catalogue_lines(rules: Sequence[Rule], width: int | None = None) -> list[Line]:
    """All mistakes that can be explained, by the step that breaks, with their ids."""
    lines: list[Line] = []
    for heading, found in by_step(rules):
        lines.append([("bold", heading)])
        for rule in found:
            lines += _row(rule, width)
        lines.append([])
    return [*lines, [("dim", ":why ID tells more of one")]]


def _row(rule: Rule, width: int | None) -> list[Line]:
    """The title and the id: in two columns, or where they are too long below each other."""
    column = 36 if width is None or width >= 80 else 4
    if len(rule.title) + 4 <= column:
        return [[("", f"  {rule.title:<{column - 2}}"), ("label", rule.id)]]
    title = flowed([("", "  " + rule.title)], width, indent=4)
    return [*title, [("", " " * column), ("label", rule.id)]]


def mistake_lines(rule: Rule, width: int | None = None) -> list[Line]:
    """One mistake: what it is, how things are, and the step that breaks."""
    title = flowed([("bold", rule.title)], width)
    return [*title, [], *story_lines(rule.account(broke=False), width)]
