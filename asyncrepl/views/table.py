"""Two columns: names and what they mean; on a narrow screen, one below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.views.styled import Line, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["meaning_lines"]


def meaning_lines(
    rows: Sequence[tuple[str, str]],
    width: int | None = None,
    others: Sequence[tuple[str, str]] = (),
) -> list[Line]:
    """A line a row; where `width` columns do not hold the longest, the meaning goes below.

    `others` are rows of tables that are to look alike.
    """
    every = [*rows, *others]
    column = max((len(name) for name, _ in every), default=0)
    if width is None or max((column + len(text) + 2 for _, text in every), default=0) < width:
        return [[("label", f"{name:<{column}}"), ("", f"  {text}")] for name, text in rows]
    lines: list[Line] = []
    for name, text in rows:
        lines.append([("label", name)])
        lines += [[("", "    " + line.lstrip())] for line in wrapped(text, width - 4)]
    return lines
