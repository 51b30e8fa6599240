"""Draw `session.svg`, the README's picture: a real session, typed into a real terminal.

    .venv/bin/python docs/picture.py

A program is started on a pseudo-terminal, lines are typed into it, and what the
screen then shows is written as SVG: text, so that it stays sharp and can be read
by a program.
"""

from __future__ import annotations

import sys
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from support.pty import Terminal  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS, ROWS = 80, 30
#: The size of a cell of the picture, and the space around the screen.
WIDTH, HEIGHT, MARGIN = 8.4, 18, 14
COLORS = {
    "default": "#d6dbe0", "black": "#20262c", "red": "#ff7b72", "green": "#7ee787",
    "brown": "#e3b341", "blue": "#79c0ff", "magenta": "#d2a8ff", "cyan": "#76e3ea",
    "white": "#d6dbe0", "brightblack": "#7d8590",
}  # fmt: skip


def session(terminal: Terminal) -> None:
    """What is typed; returns at the moment the picture is of."""
    terminal.wait(lambda: terminal.at_prompt, "the prompt")
    terminal.enter(":load ticks")
    terminal.enter(":ticker tick 0.5")
    terminal.enter("for n in ticks(3): n")
    terminal.send(":trace async for n in ticks(9, 0.7): n\r")
    terminal.wait(lambda: "2" in terminal.lines, "the second value")


def svg(terminal: Terminal) -> str:
    """The screen as a picture."""
    width, height = COLUMNS * WIDTH + 2 * MARGIN, ROWS * HEIGHT + 2 * MARGIN
    rows = "\n".join(text for row in range(ROWS) for text in _row(terminal, row))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" \
xml:space="preserve">
{rows}
</g>
</svg>
"""


def _row(terminal: Terminal, row: int) -> Iterator[str]:
    cells = [terminal.screen.buffer[row][column] for column in range(COLUMNS)]
    for look, run in groupby(enumerate(cells), key=lambda cell: _look(cell[1])):
        piece = list(run)
        text = "".join(cell.data for _, cell in piece)
        if text.strip():
            x, y = MARGIN + piece[0][0] * WIDTH, MARGIN + row * HEIGHT + 14
            place = f'x="{x:.1f}" y="{y}" textLength="{len(text) * WIDTH:.1f}"'
            yield f"<text {place} {look}>{escape(text)}</text>"


def _look(cell: Any) -> str:
    color = COLORS.get(cell.fg, f"#{cell.fg}")
    return f'fill="{color}"' + (' font-weight="bold"' if cell.bold else "")


def main() -> None:
    """Run the session and write the picture."""
    command = [sys.executable, "-m", "asyncrepl", "--no-startup"]
    terminal = Terminal(command, columns=COLUMNS, rows=ROWS)
    try:
        session(terminal)
        (HERE / "session.svg").write_text(svg(terminal), encoding="utf-8")
    finally:
        terminal.close()


if __name__ == "__main__":
    main()
