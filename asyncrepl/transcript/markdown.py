"""The ```` ```pycon ```` fences of a Markdown text.

Fences may stand in lists (indented) and be made of backticks or tildes of any
length from three; a fence inside another fence is text, as in CommonMark.
Fences in block quotes (`> `) are not seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from asyncrepl.transcript.grammar import closes

__all__ = ["Fence", "fences"]

_FENCE = re.compile(r"(?P<indent> *)(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^`\s]*)")


@dataclass(frozen=True, slots=True)
class Fence:
    """One fence: the number of its first inner line (from 1), its indent, its inner lines.

    The lines are as in the file, indent included; `inner` takes it off. `mark` are the
    backticks or tildes that opened it.
    """

    line: int
    indent: str
    mark: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The transcript in the fence."""
        return "".join(self.inner(line) + "\n" for line in self.lines)

    def inner(self, line: str) -> str:
        """`line` without the fence's indent (or as much of it as is there)."""
        return line[len(self.indent) :] if line.startswith(self.indent) else line.lstrip(" ")


def fences(text: str) -> list[Fence]:
    """The `pycon` fences of `text`, in order; one that isn't closed goes on to the end."""
    found: list[Fence] = []
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        opening = _FENCE.match(lines[at])
        at += 1
        if opening is None:
            continue
        end = _closing(lines, at, opening["mark"])
        if opening["info"].lower() == "pycon":
            found.append(Fence(at + 1, opening["indent"], opening["mark"], tuple(lines[at:end])))
        at = end + 1
    return found


def _closing(lines: list[str], start: int, mark: str) -> int:
    """Where the fence opened with `mark` ends: the index of its last line, or of the end."""
    for at in range(start, len(lines)):
        if closes(lines[at], mark):
            return at
    return len(lines) - (lines[-1] == "")
