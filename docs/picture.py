"""Draw `session.svg`, the README's picture: a real session, typed into a real terminal.

    .venv/bin/python docs/picture.py

A program is started on a pseudo-terminal, lines are typed into it, and what the
screen then shows is written as SVG: text, so that it stays sharp and can be read
by a program.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

from support.pty import Terminal  # noqa: E402

from asyncrepl.export.svg import COLORS, Run, picture  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS, ROWS = 80, 30


def session(terminal: Terminal) -> None:
    """What is typed; returns at the moment the picture is of."""
    terminal.wait(lambda: terminal.at_prompt, "the prompt")
    terminal.enter(":load ticks")
    terminal.enter(":ticker tick 0.5")
    terminal.enter("for n in ticks(3): n")
    terminal.send(":trace async for n in ticks(9, 0.7): n\r")
    terminal.wait(lambda: "2" in terminal.lines, "the second value")


def screen(terminal: Terminal) -> list[list[Run]]:
    """What stands on the screen, row by row."""
    return [list(_runs(terminal, row)) for row in range(ROWS)]


def _runs(terminal: Terminal, row: int) -> Iterator[Run]:
    cells = [terminal.screen.buffer[row][column] for column in range(COLUMNS)]
    for (color, bold), run in groupby(enumerate(cells), key=lambda cell: _look(cell[1])):
        piece = list(run)
        text = "".join(cell.data for _, cell in piece)
        if text.strip():
            yield Run(piece[0][0], text, color, bold)


def _look(cell: Any) -> tuple[str, bool]:
    return COLORS.get(cell.fg, f"#{cell.fg}"), cell.bold


def main() -> None:
    """Run the session and write the picture."""
    command = [sys.executable, "-m", "asyncrepl", "--no-startup"]
    terminal = Terminal(command, columns=COLUMNS, rows=ROWS)
    try:
        session(terminal)
        (HERE / "session.svg").write_text(picture(screen(terminal), COLUMNS), "utf-8")
    finally:
        terminal.close()


if __name__ == "__main__":
    main()
