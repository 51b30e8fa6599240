"""A screen as a picture: text in SVG, so that it stays sharp and a program can read it.

The reader's font is not known, and no two have the same advance. So every character has a
place of its own, its cell's: those of ASCII begin where their cell begins, all others (wide
ones, dots, what comes from another font) are centred in theirs. Lines that are drawn are
stretched to meet at the edges of the cells.

What does not work: `xml:space` on a group (browsers do not hand it down to the texts, and
blanks collapse); `textLength` on a run of text (without its blanks the letters are stretched
to its width); a place for each word only (in a narrow font the gaps between words grow).
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.export.format_registry import export_format
from asyncrepl.export.screen_lines import (
    BOLD_STYLES,
    STYLE_COLORS,
    cell_clusters,
    entry_lines,
    is_box_drawing,
    screen_rows,
    used_columns,
    xml_representable,
    xml_text,
)
from asyncrepl.views.styled_lines import cell_width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.export.recording import Recording
    from asyncrepl.views.styled_lines import Line

#: The height of the screen.
PICTURE_ROWS = 30
#: The size of a cell of the picture, and the space around the screen.
CELL_WIDTH, CELL_HEIGHT, MARGIN = 8.4, 18, 14
_COLORS = {
    "default": "#d6dbe0", "dim": "#7d8590", "red": "#ff7b72", "green": "#7ee787",
    "brown": "#e3b341", "magenta": "#d2a8ff", "cyan": "#76e3ea",
}  # fmt: skip


class StyledRun(NamedTuple):
    """Cells of one look in a row: the first one's column, their text and colour."""

    column: int
    text: str
    color: str
    bold: bool = False


@export_format("svg", "a picture of the last screen", rank=50, needs="screen")
def recording_picture(recording: Recording) -> str:
    """The last screen of the session; it begins where something is typed or told, if it can."""
    parts = [
        [row for line in lines for row in screen_rows(line, recording.columns)]
        for lines in entry_lines(recording)
    ]
    shown = _last_screen(parts)
    while shown and not any(text.strip() for _, text in shown[0]):
        del shown[0]
    columns = used_columns(shown, recording.columns)
    return _picture([list(_styled_runs(row)) for row in shown], columns, recording.title)


def _last_screen(parts: list[list[Line]]) -> list[Line]:
    """The last `parts` that fit on a screen; of a last one that is too long, its end."""
    shown: list[Line] = []
    for part in reversed(parts):
        if not shown and not any(text.strip() for line in part for _, text in line):
            continue  # nothing but empty rows at the end
        if shown and len(part) + len(shown) > PICTURE_ROWS:
            break
        shown = [*part, *shown]
    return shown[-PICTURE_ROWS:]


def _picture(screen: Sequence[Sequence[StyledRun]], columns: int, title: str) -> str:
    """The `screen` as SVG; a screen reader says the `title`, and a browser shows it on top."""
    width = columns * CELL_WIDTH + 2 * MARGIN
    height = len(screen) * CELL_HEIGHT + 2 * MARGIN
    text = "\n".join(
        _text_element(piece, row)
        for row, runs in enumerate(screen)
        for piece in _placed_glyphs(_trimmed(runs))
    )
    named = f"<title>{xml_text(title)}</title>\n" if title else ""
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" \
height="{height}">
{named}<style>text {{ white-space: pre }}</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">
{text}
</g>
</svg>
"""


def _trimmed(runs: Sequence[StyledRun]) -> list[StyledRun]:
    """`runs` without the blanks at the end of the row."""
    kept = list(runs)
    while kept and not kept[-1].text.strip():
        kept.pop()
    return [*kept[:-1], kept[-1]._replace(text=kept[-1].text.rstrip())] if kept else []


class _PlacedGlyphs(NamedTuple):
    """Characters that are placed in one way: each one's column, and what stands there."""

    run: StyledRun
    how: str
    glyphs: list[tuple[int, str]]


def _placed_glyphs(runs: Sequence[StyledRun]) -> Iterator[_PlacedGlyphs]:
    """`runs`, cut where the way of placing changes."""
    for run in runs:
        column = run.column
        placed: list[tuple[int, str, str]] = []
        for glyph in cell_clusters(run.text):
            other = "drawn" if is_box_drawing(glyph) else "centred"
            placed.append((column, glyph, "placed" if glyph.isascii() else other))
            column += cell_width(glyph)
        for how, group in groupby(placed, key=itemgetter(2)):
            glyphs = [(at, glyph) for at, glyph, _ in group]
            # Where a character is not one number to a program that counts, it stands alone.
            if how == "centred":
                yield from (_PlacedGlyphs(run, how, [each]) for each in glyphs)
            else:
                yield _PlacedGlyphs(run, how, glyphs)


def _text_element(piece: _PlacedGlyphs, row: int) -> str:
    run, how, glyphs = piece
    text = "".join(glyph for _, glyph in glyphs)
    look = f'fill="{run.color}"' + (' font-weight="bold"' if run.bold else "")
    place = f'{_position(how, glyphs, cell_width(text))} y="{MARGIN + row * CELL_HEIGHT + 14}"'
    return f'<text xml:space="preserve" {place} {look}>{xml_text(text)}</text>'


def _position(how: str, glyphs: list[tuple[int, str]], width: int) -> str:
    left = glyphs[0][0]
    if how == "centred":
        return f'text-anchor="middle" x="{_x_coordinate(left + width / 2)}"'
    if how == "drawn":
        stretched = f'textLength="{width * CELL_WIDTH:.1f}" lengthAdjust="spacingAndGlyphs"'
        return f'x="{_x_coordinate(left)}" {stretched}'
    return f'x="{" ".join(_x_coordinate(column) for column, _ in glyphs)}"'


def _x_coordinate(column: float) -> str:
    return f"{MARGIN + column * CELL_WIDTH:.1f}".removesuffix(".0")


def _styled_runs(row: Line) -> Iterator[StyledRun]:
    column = 0
    for style, fragment in row:
        text = xml_representable(fragment)  # here, because what is spelled out takes more cells
        color = _COLORS[STYLE_COLORS.get(style, "default")]
        yield StyledRun(column, text, color, style in BOLD_STYLES)
        column += cell_width(text)
