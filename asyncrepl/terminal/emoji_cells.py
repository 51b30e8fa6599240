"""Joined emoji in prompt_toolkit's layout, which puts each character of a text into a cell.

Three things make a cell of a whole picture: the width of a string of several characters is that of
its pictures (`measure_joined_emoji`); a line gives a picture as one item, and an empty one for
each further character of it, so that the columns of the cursor still count characters
(`joined_cells`); and the cursor does not stop within one (`boundary`).

What does not work: a character for private use in the picture's place. It would come out of the
terminal's own selection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import prompt_toolkit.utils
from prompt_toolkit.layout.controls import BufferControl, UIContent

from asyncrepl.views.emoji_clusters import clusters, has_joined
from asyncrepl.views.styled_lines import cell_width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prompt_toolkit.formatted_text import StyleAndTextTuples

__all__ = [
    "JoinedBufferControl",
    "boundary",
    "joined_cells",
    "measure_joined_emoji",
    "picture_length",
]

_Widths: Any = prompt_toolkit.utils._CHAR_SIZES_CACHE.__class__  # noqa: SLF001 - no public way


class _PictureWidths(_Widths):  # type: ignore[misc]
    """prompt_toolkit's memory of widths, with those of joined emoji."""

    def __missing__(self, string: str) -> int:
        if len(string) > 1 and has_joined(string):
            return cell_width(string)
        width: int = super().__missing__(string)
        return width


def measure_joined_emoji() -> None:
    """Let prompt_toolkit measure joined emoji as the console does."""
    if not isinstance(prompt_toolkit.utils._CHAR_SIZES_CACHE, _PictureWidths):  # noqa: SLF001
        prompt_toolkit.utils._CHAR_SIZES_CACHE = _PictureWidths()  # noqa: SLF001


class _Cells(str):
    """A text that gives its pictures when it is gone through."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        for cluster in clusters(str(self)):
            yield cluster
            for _ in cluster[1:]:
                yield ""


def joined_cells(line: StyleAndTextTuples) -> StyleAndTextTuples:
    """`line` with a cell for each picture; a picture has the style of its first character."""
    text = "".join([fragment[1] for fragment in line])
    if not has_joined(text):
        return line
    # Fragments may part a picture: then all of it belongs to the first.
    ends, at = list[int](), 0
    for cluster in clusters(text):
        at += len(cluster)
        ends.append(at)
    joined: StyleAndTextTuples = []
    start = at = 0
    for style, piece, *_ in line:
        at += len(piece)
        end = next((each for each in ends if each >= at), at)
        joined.append((style, _Cells(text[start : max(end, start)])))
        start = max(end, start)
    return joined


def boundary(text: str, position: int, before: int) -> int:
    """Where the cursor stands that has come from `before` to `position`: not within a picture."""
    start = text.rfind("\n", 0, position) + 1
    line = text[start : text.find("\n", position) if "\n" in text[position:] else len(text)]
    if not has_joined(line):
        return position
    at = start
    for cluster in clusters(line):
        end = at + len(cluster)
        if at < position < end:
            return end if before <= at else at
        at = end
    return position


def picture_length(line: str, *, at_end: bool) -> int:
    """The characters of the last picture of `line`, or its first; 1 if it is no joined one."""
    if not has_joined(line):
        return 1
    return len(clusters(line)[-1 if at_end else 0])


class JoinedBufferControl(BufferControl):
    """The control of a buffer that gives each joined emoji a cell."""

    def create_content(self, width: int, height: int, preview_search: bool = False) -> UIContent:
        """The content, with a cell for each picture."""
        content = super().create_content(width, height, preview_search)
        get_line = content.get_line
        content.get_line = lambda number: joined_cells(get_line(number))
        return content
