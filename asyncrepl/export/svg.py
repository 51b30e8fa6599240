"""A screen as a picture: text in SVG, so that it stays sharp and a program can read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.export.markup import BOLD, PALETTE, escaped
from asyncrepl.export.recording import COLUMNS
from asyncrepl.export.rows import folded, rows
from asyncrepl.views.cells import cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.export.recording import Recording
    from asyncrepl.views.styled import Line

__all__ = ["COLORS", "Run", "picture", "svg"]

#: The height of the screen.
ROWS = 30
#: The size of a cell of the picture, and the space around the screen.
WIDTH, HEIGHT, MARGIN = 8.4, 18, 14
#: The colours of a terminal, by the names of its palette.
COLORS = {
    "default": "#d6dbe0", "black": "#20262c", "red": "#ff7b72", "green": "#7ee787",
    "brown": "#e3b341", "blue": "#79c0ff", "magenta": "#d2a8ff", "cyan": "#76e3ea",
    "white": "#d6dbe0", "brightblack": "#7d8590", "dim": "#7d8590",
}  # fmt: skip


class Run(NamedTuple):
    """Cells of one look in a row: the first one's column, their text and colour."""

    column: int
    text: str
    color: str
    bold: bool = False


def svg(recording: Recording) -> str:
    """The last screen of the session."""
    screen = [row for line in rows(recording) for row in folded(line, COLUMNS)]
    while screen and not any(text.strip() for _, text in screen[-1]):
        screen.pop()
    shown = screen[-ROWS:]
    return picture([list(_runs(row)) for row in shown], COLUMNS, recording.title)


def picture(screen: Sequence[Sequence[Run]], columns: int, title: str = "") -> str:
    """A screen of so many columns as SVG; a row is what stands in it, from left to right."""
    width, height = columns * WIDTH + 2 * MARGIN, len(screen) * HEIGHT + 2 * MARGIN
    text = "\n".join(_text(run, row) for row, runs in enumerate(screen) for run in runs)
    named = f"<title>{escaped(title)}</title>\n" if title else ""
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}">
{named}<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" \
xml:space="preserve">
{text}
</g>
</svg>
"""


def _text(run: Run, row: int) -> str:
    x, y = MARGIN + run.column * WIDTH, MARGIN + row * HEIGHT + 14
    place = f'x="{x:.1f}" y="{y}" textLength="{cells(run.text) * WIDTH:.1f}"'
    look = f'fill="{run.color}"' + (' font-weight="bold"' if run.bold else "")
    return f"<text {place} {look}>{escaped(run.text)}</text>"


def _runs(row: Line) -> Iterator[Run]:
    column = 0
    for style, text in row:
        if text.strip():
            color = COLORS[PALETTE.get(style, "default")]
            yield Run(column, text, color, style in BOLD)
        column += cells(text)
