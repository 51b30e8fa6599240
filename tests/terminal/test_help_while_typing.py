"""The menu of completions and the rows about a call, as they stand on wide and narrow screens."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)

SIZES = pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 15)])
COMMAND = [sys.executable, "-m", "asyncrepl", "-q", "--no-startup"]


def bold(terminal: Terminal) -> str:
    """The bold and underlined text of the screen."""
    cells = terminal.screen.buffer
    places = [(y, x) for y in range(terminal.screen.lines) for x in range(terminal.screen.columns)]
    return "".join(
        cells[y][x].data for y, x in places if cells[y][x].bold and cells[y][x].underscore
    )


@SIZES
def test_the_menu_shows_what_needs_await(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """Beside the names, also on a narrow screen."""
    terminal = start(columns=columns, rows=rows)
    terminal.send("asyncio.sh\t")
    terminal.wait(lambda: terminal.cursor_line.startswith(">>> asyncio.shield"))
    terminal.send("\x15asyncio.s\t\t")
    terminal.wait(
        lambda: any("shield" in line and "needs await" in line for line in terminal.lines)
    )


@SIZES
def test_arguments_keys_and_fields_complete(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """Keyword arguments, keys of an attribute, fields of an f-string."""
    terminal = start(columns=columns, rows=rows)
    terminal.enter("class Box: rows = {'first': 1}")
    for typed, shown in (
        ("asyncio.sleep(1, resu\t", "asyncio.sleep(1, result="),
        ("Box.rows['fi\t", "Box.rows['first']"),
        ("f'{Box.ro\t", "f'{Box.rows"),
    ):
        terminal.send("\x15" + typed)
        terminal.wait(lambda shown=shown: terminal.cursor_line == ">>> " + shown)


@SIZES
def test_the_rest_of_a_word_is_not_put_in_twice(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """Tab in the middle of a word, and before a quote that is closed already."""
    terminal = start(columns=columns, rows=rows)
    terminal.enter("class Box: rows = {'first': 1}")
    for typed, left, shown in (
        ("asyncio.shld", 2, "asyncio.shield"),
        ("Box.rows['fi']", 2, "Box.rows['first']"),
        ("asyncio.shed", 2, "asyncio.shielded"),
    ):
        terminal.send("\x05\x15" + typed + "\x1b[D" * left + "\t")
        terminal.wait(lambda shown=shown: terminal.cursor_line == ">>> " + shown)


@SIZES
def test_paths_complete(
    start: Callable[..., Terminal],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
    rows: int,
) -> None:
    """In a string, and for the commands that take a file."""
    (tmp_path / "measured").mkdir()
    (tmp_path / "measured" / "values.py").touch()
    monkeypatch.chdir(tmp_path)
    terminal = start(columns=columns, rows=rows)
    for head in ("open('", ":save ", ":export py ", ":load ", "!cat "):
        terminal.send(f"\x15{head}mea\t")
        terminal.wait(lambda head=head: terminal.cursor_line == f">>> {head}measured/")
        terminal.send("val\t")
        terminal.wait(lambda head=head: terminal.cursor_line == f">>> {head}measured/values.py")


@SIZES
def test_the_parameters_wrap_and_the_current_one_is_marked(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """Nothing is cut at the edge; the parameter that is typed is bold."""
    terminal = start(columns=columns, rows=rows)
    terminal.enter("def fetch(address, *, retries=3, timeout=1.5, headers=None): 'Get it all.'")
    terminal.send("fetch('x', timeout=")
    terminal.wait(lambda: any(line == "    Get it all." for line in terminal.lines))
    shown = " ".join(line.strip() for line in terminal.lines)
    assert "fetch(address, *, retries=3, timeout=1.5, headers=None)" in shown
    assert bold(terminal) == "timeout=1.5"


def test_the_mark_does_not_need_colour(start: Callable[..., Terminal]) -> None:
    """Where there is none it is bold and underlined all the same."""
    terminal = start([*COMMAND, "--color", "never"])
    terminal.send("asyncio.sleep(")
    terminal.wait(lambda: bold(terminal) == "delay")


def test_a_folder_that_answers_late_does_not_hold_typing_up(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    """Paths are read in a thread: what is typed meanwhile is seen at once."""
    startup = tmp_path / "startup.py"
    startup.write_text(
        "import os, threading\nscan, gate = os.scandir, threading.Event()\n"
        "def slow(*args):\n    gate.wait(60)\n    return scan(*args)\nos.scandir = slow\n"
    )
    terminal = start([sys.executable, "-m", "asyncrepl", "-q", "-i", str(startup)])
    terminal.send("open('/us\tabc")
    terminal.wait(lambda: terminal.cursor_line == ">>> open('/usabc")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    terminal.enter("gate.set()")
