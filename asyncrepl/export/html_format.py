"""A session as a page: one file, readable without scripts, in the reader's light or dark.

It is well-formed XML too, so that programs can take it apart.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from asyncrepl.export.format_registry import export_format
from asyncrepl.export.recording import SCREEN_COLUMNS
from asyncrepl.export.screen_lines import (
    BOLD_STYLES,
    STYLE_COLORS,
    cell_clusters,
    entry_lines,
    input_and_output_lines,
    is_box_drawing,
    used_columns,
    xml_text,
)
from asyncrepl.transcript.grammar import Input, Narration
from asyncrepl.views.styled_lines import cell_width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.export.recording import Recording
    from asyncrepl.views.styled_lines import Line

_LIGHT_COLORS = {
    "text": "#1f2328", "page": "#ffffff", "screen": "#f6f8fa", "dim": "#59636e", "red": "#b3261e",
    "green": "#1a7f37", "cyan": "#0b6b75", "brown": "#8a5a00", "magenta": "#8250df",
}  # fmt: skip
_DARK_COLORS = {
    "text": "#d6dbe0", "page": "#0d1117", "screen": "#161b22", "dim": "#8b949e", "red": "#ff7b72",
    "green": "#7ee787", "cyan": "#76e3ea", "brown": "#e3b341", "magenta": "#d2a8ff",
}  # fmt: skip

#: The width of a text, which holds the columns of a demo, and that of each more; in rem.
_TEXT_WIDTH, _CELL_WIDTH = 46, 0.53
#: From here on a character need not be in the font of the screen.
_OTHER_FONT_FROM = "\u0500"
#: The classes of what takes one cell, or two.
_CELL_CLASSES = {1: "cell", 2: "cells"}


@export_format("html", "a page to read", rank=40)
def html_page(recording: Recording) -> str:
    """The page: what is told as paragraphs, what is typed and printed as a screen each."""
    title = xml_text(recording.title or "A session of asyncrepl")
    body = "\n".join(_body_markup(recording))
    lines = (line for part in entry_lines(recording) for line in part)
    columns = used_columns(lines, recording.columns)
    return f"""\
<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{title}</title>
<style>
{_style_sheet(columns)}</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def _body_markup(recording: Recording) -> Iterator[str]:
    """The paragraphs and screens; empty lines and directives only end the one before."""
    for kind, parts in groupby(recording.parts, key=lambda part: type(part[0])):
        lines: list[Line] = []
        for entry, recorded in parts:
            if isinstance(entry, Narration) and (text := xml_text(" ".join(entry.text.split()))):
                yield "<p>" + re.sub(r"`([^`]+)`", r"<code>\1</code>", text) + "</p>"
            elif kind is Input and recorded is not None:
                lines += input_and_output_lines(recorded)
        if lines:
            yield "<pre>" + "\n".join(map(_line_markup, lines)) + "</pre>"


def _line_markup(line: Line) -> str:
    return "".join(
        f'<span class="{style}">{_in_cells(text)}</span>' if style else _in_cells(text)
        for style, text in line
    )


def _in_cells(text: str) -> str:
    """`text`; what may come from another font than the rest keeps to its cells."""
    if text.isascii():
        return xml_text(text)
    return "".join(
        f'<i class="{_CELL_CLASSES[cell_width(each)]}">{xml_text(each)}</i>'
        if each >= _OTHER_FONT_FROM
        and cell_width(each) in _CELL_CLASSES
        and not is_box_drawing(each)
        else xml_text(each)
        for each in cell_clusters(text)
    )


def _style_sheet(columns: int) -> str:
    width = _TEXT_WIDTH + (columns - SCREEN_COLUMNS) * _CELL_WIDTH
    light, dark = (
        "; ".join(f"--{name}: {color}" for name, color in colors.items())
        for colors in (_LIGHT_COLORS, _DARK_COLORS)
    )
    classes = "\n".join(
        f".{style} {{ color: var(--{name}) }}" for style, name in STYLE_COLORS.items()
    )
    return f"""\
:root {{ color-scheme: light dark; {light} }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
body {{ max-width: {width:g}rem; margin: 2rem auto; padding: 0 1rem; line-height: 1.5;
  overflow-wrap: break-word; font-family: system-ui, sans-serif;
  color: var(--text); background: var(--page) }}
h1, p {{ max-width: {_TEXT_WIDTH}rem }}
pre, code {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }}
pre {{ padding: 0.8rem 1rem; overflow-x: auto; border-radius: 6px; line-height: 1.35;
  font-size: 0.875rem; background: var(--screen) }}
@media print {{ pre {{ white-space: pre-wrap; overflow-wrap: anywhere }} }}
.cell, .cells {{ display: inline-block; line-height: 1; text-align: center; font-style: normal }}
.cell {{ width: 1ch }}
.cells {{ width: 2ch }}
{", ".join(f".{style}" for style in sorted(BOLD_STYLES))} {{ font-weight: bold }}
{classes}
"""
