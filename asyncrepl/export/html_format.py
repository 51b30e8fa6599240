"""A session as a page: one file, readable without scripts, in the reader's light or dark.

It is well-formed XML too, so that programs can take it apart.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from asyncrepl.export.format_registry import export_format
from asyncrepl.export.screen_lines import (
    BOLD_STYLES,
    STYLE_COLORS,
    cell_clusters,
    input_and_output_lines,
    is_box_drawing,
    xml_text,
)
from asyncrepl.transcript.grammar import Input, Narration
from asyncrepl.views.styled_lines import cell_width

if TYPE_CHECKING:
    from asyncrepl.export.recording import Recording
    from asyncrepl.session.tape import RecordedInput
    from asyncrepl.transcript.grammar import Entry
    from asyncrepl.views.styled_lines import Line

__all__ = ["html_page"]

_LIGHT_COLORS = {
    "text": "#1f2328", "page": "#ffffff", "screen": "#f6f8fa", "dim": "#59636e", "red": "#b3261e",
    "green": "#1a7f37", "cyan": "#0b6b75", "brown": "#8a5a00", "magenta": "#8250df",
}  # fmt: skip
_DARK_COLORS = {
    "text": "#d6dbe0", "page": "#0d1117", "screen": "#161b22", "dim": "#8b949e", "red": "#ff7b72",
    "green": "#7ee787", "cyan": "#76e3ea", "brown": "#e3b341", "magenta": "#d2a8ff",
}  # fmt: skip

#: From here on a character need not be in the font of the screen.
_OTHER_FONT_FROM = "\u0500"
#: The classes of what takes one cell, or two.
_CELL_CLASSES = {1: "cell", 2: "cells"}


@export_format("html", "a page to read", rank=40)
def html_page(recording: Recording) -> str:
    """The page: what is told as paragraphs, what is typed and printed as a screen each."""
    title = xml_text(recording.title or "A session of asyncrepl")
    groups = groupby(recording.parts, key=lambda part: _group_of(part[0]))
    body = "\n".join(filter(None, (_GROUP_MARKUP[kind](list(parts)) for kind, parts in groups)))
    return f"""\
<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{title}</title>
<style>
{_style_sheet()}</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def _group_of(entry: Entry) -> str:
    """Empty lines and directives belong to neither and end nothing but a paragraph."""
    return {Input: "screen", Narration: "told"}.get(type(entry), "layout")


def _screen_markup(parts: list[tuple[Entry, RecordedInput | None]]) -> str:
    lines = [
        line
        for _, recorded in parts
        if recorded is not None
        for line in input_and_output_lines(recorded)
    ]
    return "<pre>" + "\n".join(map(_line_markup, lines)) + "</pre>" if lines else ""


def _narration_markup(parts: list[tuple[Entry, RecordedInput | None]]) -> str:
    texts = [entry.text for entry, _ in parts if isinstance(entry, Narration)]
    return "\n".join(f"<p>{_paragraph_markup(text)}</p>" for text in texts if text.strip())


def _no_markup(_parts: list[tuple[Entry, RecordedInput | None]]) -> str:
    return ""


_GROUP_MARKUP = {"screen": _screen_markup, "told": _narration_markup, "layout": _no_markup}


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


def _paragraph_markup(text: str) -> str:
    """The lines of a narration as one paragraph; what stands in backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", xml_text(" ".join(text.split())))


def _style_sheet() -> str:
    def variables(colors: dict[str, str]) -> str:
        return "; ".join(f"--{name}: {color}" for name, color in colors.items())

    classes = "\n".join(
        f".{style} {{ color: var(--{name}) }}" for style, name in STYLE_COLORS.items()
    )
    return f"""\
:root {{ color-scheme: light dark; {variables(_LIGHT_COLORS)} }}
@media (prefers-color-scheme: dark) {{ :root {{ {variables(_DARK_COLORS)} }} }}
body {{ max-width: 46rem; margin: 2rem auto; padding: 0 1rem; line-height: 1.5;
  font-family: system-ui, sans-serif; color: var(--text); background: var(--page) }}
pre, code {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }}
pre {{ padding: 0.8rem 1rem; overflow-x: auto; border-radius: 6px; line-height: 1.35;
  font-size: 0.875rem; background: var(--screen) }}
.cell, .cells {{ display: inline-block; line-height: 1; text-align: center; font-style: normal }}
.cell {{ width: 1ch }}
.cells {{ width: 2ch }}
{", ".join(f".{style}" for style in sorted(BOLD_STYLES))} {{ font-weight: bold }}
{classes}
"""
