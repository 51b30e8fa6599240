"""A session as a page: one file, readable without scripts, in the reader's light or dark.

It is well-formed XML too, so that programs can take it apart.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from asyncrepl.export.markup import BOLD, PALETTE, clusters, escaped, is_drawn
from asyncrepl.export.rows import scene_lines
from asyncrepl.transcript.grammar import Input, Narration
from asyncrepl.views.cells import cells

if TYPE_CHECKING:
    from asyncrepl.commands.tape import Scene
    from asyncrepl.export.recording import Recording
    from asyncrepl.transcript.grammar import Entry
    from asyncrepl.views.styled import Line

__all__ = ["html"]

_LIGHT = {
    "text": "#1f2328", "page": "#ffffff", "screen": "#f6f8fa", "dim": "#59636e", "red": "#b3261e",
    "green": "#1a7f37", "cyan": "#0b6b75", "brown": "#8a5a00", "magenta": "#8250df",
}  # fmt: skip
_DARK = {
    "text": "#d6dbe0", "page": "#0d1117", "screen": "#161b22", "dim": "#8b949e", "red": "#ff7b72",
    "green": "#7ee787", "cyan": "#76e3ea", "brown": "#e3b341", "magenta": "#d2a8ff",
}  # fmt: skip

#: From here on a character need not be in the font of the screen.
_OTHER_FONT = "\u0500"
#: The classes of what takes one cell, or two.
_WIDTHS = {1: "cell", 2: "cells"}


def html(recording: Recording) -> str:
    """The page: what is told as paragraphs, what is typed and printed as a screen each."""
    title = escaped(recording.title or "A session of asyncrepl")
    groups = groupby(recording.parts, key=lambda part: _kind(part[0]))
    body = "\n".join(filter(None, (_GROUPS[kind](list(parts)) for kind, parts in groups)))
    return f"""\
<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{title}</title>
<style>
{_style()}</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def _kind(entry: Entry) -> str:
    """Empty lines and directives belong to neither and end nothing but a paragraph."""
    return {Input: "screen", Narration: "told"}.get(type(entry), "layout")


def _screen(parts: list[tuple[Entry, Scene | None]]) -> str:
    lines = [line for _, scene in parts if scene is not None for line in scene_lines(scene)]
    return "<pre>" + "\n".join(map(_row, lines)) + "</pre>" if lines else ""


def _told(parts: list[tuple[Entry, Scene | None]]) -> str:
    texts = [entry.text for entry, _ in parts if isinstance(entry, Narration)]
    return "\n".join(f"<p>{_prose(text)}</p>" for text in texts if text.strip())


def _layout(_parts: list[tuple[Entry, Scene | None]]) -> str:
    return ""


_GROUPS = {"screen": _screen, "told": _told, "layout": _layout}


def _row(line: Line) -> str:
    return "".join(
        f'<span class="{style}">{_in_cells(text)}</span>' if style else _in_cells(text)
        for style, text in line
    )


def _in_cells(text: str) -> str:
    """`text`; what may come from another font than the rest keeps to its cells."""
    if text.isascii():
        return escaped(text)
    return "".join(
        f'<i class="{_WIDTHS[cells(each)]}">{escaped(each)}</i>'
        if each >= _OTHER_FONT and cells(each) in _WIDTHS and not is_drawn(each)
        else escaped(each)
        for each in clusters(text)
    )


def _prose(text: str) -> str:
    """The lines of a narration as one paragraph; what stands in backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped(" ".join(text.split())))


def _style() -> str:
    def variables(colors: dict[str, str]) -> str:
        return "; ".join(f"--{name}: {color}" for name, color in colors.items())

    classes = "\n".join(f".{style} {{ color: var(--{name}) }}" for style, name in PALETTE.items())
    return f"""\
:root {{ color-scheme: light dark; {variables(_LIGHT)} }}
@media (prefers-color-scheme: dark) {{ :root {{ {variables(_DARK)} }} }}
body {{ max-width: 46rem; margin: 2rem auto; padding: 0 1rem; line-height: 1.5;
  font-family: system-ui, sans-serif; color: var(--text); background: var(--page) }}
pre, code {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }}
pre {{ padding: 0.8rem 1rem; overflow-x: auto; border-radius: 6px; line-height: 1.35;
  font-size: 0.875rem; background: var(--screen) }}
.cell, .cells {{ display: inline-block; line-height: 1; text-align: center; font-style: normal }}
.cell {{ width: 1ch }}
.cells {{ width: 2ch }}
{", ".join(f".{style}" for style in sorted(BOLD))} {{ font-weight: bold }}
{classes}
"""
