"""Joined emoji in the input line and above it, on a terminal that draws each as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.joining_screen import JoiningScreen

from asyncrepl.terminal.input_line import boundary, joined_cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal

SIZES = pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 15)])
FAMILY, FLAG, THUMB, HEART, KEY = "👩\u200d👩\u200d👧", "🇩🇪", "👍🏽", "❤\ufe0f", "1\ufe0f\u20e3"
PICTURES = [FAMILY, FLAG, THUMB, HEART, KEY, "👩🏽\u200d🚀", "🏳\ufe0f\u200d🌈"]


@pytest.mark.sampled(5)
@SIZES
@pytest.mark.parametrize("picture", PICTURES)
def test_the_cursor_stands_where_the_picture_ends(
    start: Callable[..., Terminal], columns: int, rows: int, picture: str
) -> None:
    """While it is typed, when keys go back and forth, and when it is erased, as one."""
    terminal = start(columns=columns, rows=rows, screen=JoiningScreen)
    screen = terminal.screen
    terminal.paste(f"x = '{picture}a")
    terminal.wait(lambda: terminal.cursor_line.replace("\0", "") == f">>> x = '{picture}a")
    assert screen.cursor.x == 9 + 2 + 1
    for keys, column in (("\x1b[D", 11), ("\x1b[D", 9), ("\x1b[C", 11), ("\x1b[C", 12)):
        terminal.send(keys)
        terminal.wait(lambda column=column: screen.cursor.x == column, f"column {column}")
    terminal.send("b\x1b[D\x1b[D\x1b[Dc")
    terminal.wait(lambda: terminal.cursor_line == f">>> x = 'c{picture}ab")
    assert screen.cursor.x == 10
    terminal.send("\x1b[C\x7f")
    terminal.wait(lambda: terminal.cursor_line == ">>> x = 'cab")
    assert screen.cursor.x == 10


@SIZES
def test_what_is_printed_and_our_own_lines_keep_their_columns(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """The rows of a program that are not finished, values, lanes, below an input with some."""
    terminal = start(columns=columns, rows=rows, screen=JoiningScreen)
    terminal.paste(f"print('{FAMILY}', '{FLAG}|', end=''); await asyncio.sleep(0.3)")
    terminal.send("\r")
    terminal.wait(lambda: f"{FAMILY} {FLAG}|" in terminal.lines and terminal.screen.cursor.x == 6)
    terminal.wait_for_prompt()
    terminal.paste(f":ticker {FAMILY}t 0.1")
    terminal.send("\r")
    terminal.wait(lambda: any(line.startswith(f"{FAMILY}t │ 3") for line in terminal.scrollback))
    terminal.paste(f"'{THUMB}' + '{FLAG}")
    end = 4 + 1 + 2 + 1 + 3 + 1 + 2
    terminal.wait(lambda: terminal.cursor_line.endswith(FLAG) and terminal.screen.cursor.x == end)
    lanes = [line for line in terminal.lines if line.startswith(f"{FAMILY}t ") and "│" not in line]
    assert lanes


def test_a_long_line_wraps_where_the_terminal_does(start: Callable[..., Terminal]) -> None:
    """No blank row is kept for columns that pictures do not take."""
    terminal = start(columns=40, rows=15, screen=JoiningScreen)
    terminal.paste("'" + FAMILY * 15)
    terminal.wait(lambda: terminal.cursor_line.count(FAMILY) == 15)
    assert terminal.screen.cursor.x == 5 + 30
    terminal.paste(FAMILY * 4)
    terminal.wait(lambda: terminal.screen.cursor.y == 1)
    assert terminal.screen.cursor.x == 4


def test_a_picture_may_be_parted_by_styles() -> None:
    """It has that of its first character; the columns still count characters."""
    line = joined_cells([("a", "x👩"), ("b", "\u200d👧"), ("c", "y")])
    assert [(style, list(text)) for style, text, *_ in line] == [
        ("a", ["x", "👩\u200d👧", "", ""]), ("b", []), ("c", ["y"]),
    ]  # fmt: skip
    assert sum(len(list(text)) for _, text, *_ in line) == len("x👩\u200d👧y")
    plain = [("a", "no picture 日本")]
    assert joined_cells(plain) is plain


@pytest.mark.parametrize(
    ("position", "before", "stands"),
    [(0, 5, 0), (1, 0, 3), (2, 3, 0), (3, 0, 3), (4, 3, 4), (6, 4, 7), (6, 7, 4)],
)
def test_the_cursor_does_not_stop_within_a_picture(
    position: int, before: int, stands: int
) -> None:
    """It goes on the way it came."""
    assert boundary("👩\u200d👧\n👩\u200d👧", position, before) == stands
