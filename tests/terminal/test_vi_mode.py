"""With the keys of vi: the mode is named under the line, and the cursor has its shape."""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal

COMMAND = [sys.executable, "-m", "asyncrepl", "-q", "--no-startup"]
SIZES = pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 15)])


def shapes(terminal: Terminal) -> list[str]:
    """The shapes that the terminal was told, in order: 0 is its own."""
    data = b"".join(data for _, data in terminal.chunks)
    return [number.decode() for number in re.findall(rb"\x1b\[(\d+) q", data)]


@SIZES
def test_the_mode_is_shown_and_the_cursor_has_its_shape(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """Insert, normal, visual, replace; at the end the terminal's own shape is back."""
    terminal = start([*COMMAND, "--vi"], columns=columns, rows=rows)
    for keys, name in (
        ("abc", "INSERT"),
        ("\x1b", "NORMAL"),
        ("v", "VISUAL"),
        ("\x1b", "NORMAL"),
        ("R", "REPLACE"),
    ):
        terminal.send(keys)
        terminal.wait(lambda name=name: f"-- {name} --" in terminal.lines)
    assert [shape for shape in shapes(terminal) if shape in "642"][-1] == "4"
    assert "6" in shapes(terminal)
    assert "2" in shapes(terminal)
    terminal.send("\x1b0Di")
    terminal.wait(lambda: terminal.at_prompt and "-- INSERT --" in terminal.lines)
    terminal.enter("1 + 1")
    assert terminal.scrollback[-2:] == ["2", ">>>"]
    terminal.send("\x04")
    assert terminal.exit_status() == 0
    assert shapes(terminal)[-1] == "0"
    assert not any("--" in line for line in terminal.lines)


def test_escape_waits_for_nothing_longer(start: Callable[..., Terminal]) -> None:
    """It is not the beginning of another key for a second and a half."""
    terminal = start([*COMMAND, "--vi"])
    waits = []
    for _ in range(3):
        terminal.send("i")
        terminal.wait(lambda: "-- INSERT --" in terminal.lines)
        pressed = time.monotonic()
        terminal.send("\x1b")
        terminal.wait(lambda: "-- NORMAL --" in terminal.lines)
        waits.append(time.monotonic() - pressed)
    assert min(waits) < 0.5
    terminal.send("ione\x1b\rtwo")  # Alt-Enter, all at once
    terminal.wait(lambda: terminal.cursor_line.startswith("... two"))


def test_a_program_gets_the_cursor_as_it_was(start: Callable[..., Terminal]) -> None:
    """And the prompt has its own afterwards."""
    terminal = start([*COMMAND, "--vi"])
    terminal.send("!echo here; read x\r")
    terminal.wait(lambda: "here" in terminal.lines)
    assert shapes(terminal)[-1] == "0"
    terminal.send("\r")
    terminal.wait_for_prompt()
    terminal.wait(lambda: shapes(terminal)[-1] == "6")


def test_with_other_keys_nothing_is_shown_and_no_shape_set(terminal: Terminal) -> None:
    """`:set vi on` begins it, `off` ends it."""
    terminal.enter("1")
    assert shapes(terminal) == []
    terminal.enter(":set vi on")
    terminal.wait(lambda: "-- INSERT --" in terminal.lines)
    terminal.enter(":set vi off")
    terminal.wait(lambda: "-- INSERT --" not in terminal.lines)
    terminal.wait(lambda: shapes(terminal)[-1] == "0")


def test_each_line_begins_in_insert_mode(start: Callable[..., Terminal]) -> None:
    """After Enter and after Ctrl-C, as in shells with these keys."""
    terminal = start([*COMMAND, "--vi"])
    for end in ("\r", "\x03"):
        terminal.send("1+1\x1b")
        terminal.wait(lambda: "-- NORMAL --" in terminal.lines)
        terminal.send(end)
        terminal.wait(lambda: "-- INSERT --" in terminal.lines)
        terminal.enter("2+2")
        assert terminal.scrollback[-2:] == ["4", ">>>"]


def test_u_takes_back_an_insertion_and_ctrl_r_makes_it_again(
    start: Callable[..., Terminal],
) -> None:
    """Whole, as in vi; Ctrl-R in insert mode searches the history."""
    terminal = start([*COMMAND, "--vi"])
    terminal.send("abc = 1\x1b")
    terminal.wait(lambda: "-- NORMAL --" in terminal.lines)
    terminal.send("A + 23\x1b")
    terminal.wait(
        lambda: terminal.cursor_line == ">>> abc = 1 + 23" and "-- NORMAL --" in terminal.lines
    )
    terminal.send("u")
    terminal.wait(lambda: terminal.cursor_line == ">>> abc = 1")
    terminal.send("u")
    terminal.wait(lambda: terminal.cursor_line == ">>>")
    terminal.send("\x12\x12")
    terminal.wait(lambda: terminal.cursor_line == ">>> abc = 1 + 23")
    terminal.send("i\x12")
    terminal.wait(lambda: any("I-search" in line for line in terminal.lines))


def test_o_opens_an_indented_line(start: Callable[..., Terminal]) -> None:
    """As Enter does: behind a colon by one step more."""
    terminal = start([*COMMAND, "--vi"])
    terminal.send("def f():\rreturn 1\x1b")
    terminal.wait(lambda: "-- NORMAL --" in terminal.lines)
    terminal.send("kox = 2")
    rows = [">>> def f():", "...     x = 2", "...     return 1"]
    terminal.wait(lambda: terminal.lines[:3] == rows, "an indented line")


def test_what_is_changed_is_what_vi_changes(start: Callable[..., Terminal]) -> None:
    """A word without the blank behind it; between quotes or brackets, also where nothing is."""
    terminal = start([*COMMAND, "--vi"])
    for typed, keys, left in (
        ("foo bar baz", "0cwqux", "qux bar baz"),
        ("foo  bar.x z", "0w2cWqux", "foo  qux"),
        ("f(a) b", "0cWqux", "qux b"),
        ('print("x")', 'F"ci"hello', 'print("hello")'),
        ('print("x")', '0ci"hello', 'print("hello")'),
        ('print("")', 'F"ci"hello', 'print("hello")'),
        ("f()", "ci(x", "f(x)"),
        ("f([a, b], c)", "0fada[", "f(, c)"),
        ("f(a, b)", "0di(A!", "f(a, b)!"),
        ("x = y", 'ci"A!', "x = y!"),
        ("f('a', b)", "0yi'P", "af('a', b)"),
    ):
        terminal.send(typed)
        terminal.wait(lambda typed=typed: terminal.cursor_line == f">>> {typed}", typed)
        terminal.send("\x1b")
        terminal.wait(lambda: "-- NORMAL --" in terminal.lines)
        terminal.send(keys)
        terminal.wait(lambda left=left: terminal.cursor_line == f">>> {left}", f"{typed} → {left}")
        terminal.send("\x03")
        terminal.wait(lambda: terminal.cursor_line == ">>>" and "-- INSERT --" in terminal.lines)


def test_a_slash_searches_the_history(start: Callable[..., Terminal]) -> None:
    """Backwards, as in a shell: before what is typed there is all of it."""
    terminal = start([*COMMAND, "--vi"])
    terminal.enter("needle = 1")
    terminal.enter("other = 2")
    terminal.send("\x1b")
    terminal.wait(lambda: "-- NORMAL --" in terminal.lines)
    terminal.send("/need\r")
    terminal.wait(lambda: terminal.cursor_line == ">>> needle = 1")
