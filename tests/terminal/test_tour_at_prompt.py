"""The tour and the hints at a real prompt."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest
from support.pty import Terminal

from asyncrepl import __version__
from asyncrepl.session.frontend import banner_lines
from asyncrepl.views.styled_lines import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.sampled(2)


def offered(terminal: Terminal, line: str, typed: int = 0) -> bool:
    """Whether `line` stands at the prompt, and the cursor behind so much of it."""
    return terminal.cursor_line == f">>> {line}" and terminal.screen.cursor.x == 4 + typed


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 15)])
def test_the_tour_offers_each_line(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """Tab takes it, the right arrow too; so does typing it; another line may be typed."""
    terminal = start(columns=columns, rows=rows)
    terminal.send(":tour\r")
    terminal.wait(lambda: offered(terminal, ":ticker tick 1"), "the first line")
    before = b"".join(data for _, data in terminal.chunks).rpartition(b":ticker tick 1")[0]
    assert re.findall(rb"\x1b\[[\d;]*m", before)[-1] == b"\x1b[0;2m"  # faint, as what is offered
    terminal.send("\t\r")
    terminal.wait(lambda: offered(terminal, ":load ticks"), "the second line")
    terminal.send("1 + 1\r")
    terminal.wait_for(">>> 1 + 1")
    terminal.wait(lambda: offered(terminal, ":load ticks"), "the second line again")
    terminal.send(":lo")
    terminal.wait(lambda: offered(terminal, ":load ticks", 3), "the rest of the line")
    terminal.send("\x7f\x7f")
    terminal.wait(lambda: offered(terminal, ":load ticks", 1), "more of the line")
    terminal.send("\x1b[C\r")
    terminal.wait(lambda: offered(terminal, "async for n in ticks(3): n"), "the third line")
    terminal.send("async for n in ticks(1): n\r")
    terminal.wait(
        lambda: offered(terminal, ":trace async for n in ticks(2): n"), "the fourth line"
    )
    terminal.wait_for("2/5  the six steps")
    terminal.send(":tour stop\r:stop all\r")
    terminal.wait_for("tick stopped")
    terminal.wait_for_prompt()


def test_the_corrected_line_waits_to_be_run(terminal: Terminal) -> None:
    """`:fix` puts it there whole; Enter runs it, and the tour goes on."""
    terminal.send(":tour 3\r")
    terminal.wait(lambda: offered(terminal, "for n in ticks(3): n"), "the mistake")
    terminal.send("for n in ticks(1): n\r")
    terminal.wait(lambda: offered(terminal, ":fix"), "the way to mend it")
    terminal.send("\t\r")
    fixed = "async for n in ticks(1): n"
    terminal.wait(lambda: offered(terminal, fixed, len(fixed)), "the corrected line")
    terminal.send("\r")
    terminal.wait_for("4/5  slow motion")
    terminal.send(":tour stop\r:stop all\r")
    terminal.wait_for("tick stopped")


def test_the_tour_ends_with_a_demo(terminal: Terminal, tmp_path: Path) -> None:
    """While a demo types nothing is offered; when it is over the tour says its last words."""
    (tmp_path / "short.pycon").write_text("#: title  short\n>>> 40 + 2\n42\n")
    terminal.send(":tour 5\r")
    terminal.wait(lambda: offered(terminal, ":replay await"), "the last line")
    terminal.send(f":replay {tmp_path}/short.pycon\r")
    terminal.wait_for("42")
    terminal.wait_for("That was the tour")
    terminal.wait_for_prompt()


def test_tab_still_completes_and_indents(terminal: Terminal) -> None:
    """Where nothing is offered Tab does what it did."""
    terminal.send(":demo\t")
    terminal.wait(lambda: terminal.cursor_line == ">>> :demos", "a whole name")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    terminal.send("\tx")
    terminal.wait(lambda: terminal.cursor_line == ">>>     x", "an indentation")


def test_the_menu_says_what_each_command_does(terminal: Terminal) -> None:
    """Beside the commands, the demos, the sources and the settings stands what they are."""
    for typed, name, meaning in (
        (":t", "timeline", "draw what ran lately"),
        (":replay s", "sharing", "One source, two tasks"),
        (":load c", "counter", "A counter by hand"),
        (":set ", "vi", "edit with the keys of vi"),
        (":tour ", "2", "the six steps"),
    ):
        terminal.send(f"{typed}\t")
        terminal.wait(
            lambda name=name, meaning=meaning: any(
                name in line and meaning in line for line in terminal.lines
            ),
            f"the menu of {typed!r}",
        )
        terminal.send("\x03\x03")
        terminal.wait_for_prompt()


def test_a_long_statement_can_be_paused_or_stopped(terminal: Terminal) -> None:
    """It is said under the first one that takes long, and gone with it; not a second time."""
    hint = "Ctrl-S pauses, Ctrl-C stops"
    terminal.begin("await asyncio.sleep(60)")
    terminal.wait(lambda: hint in terminal.lines, "a hint")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    assert hint not in terminal.lines
    before = len(terminal.chunks)
    terminal.enter("await asyncio.sleep(3.2)")
    assert hint.encode() not in b"".join(text for _, text in terminal.chunks[before:])


def test_a_way_ahead(terminal: Terminal) -> None:
    """The first trace ends with what to try next."""
    terminal.enter(":load ticks")
    terminal.enter(":trace async for n in ticks(1, 0.01): n")
    terminal.wait_for("next  a mistake: for n in ticks(1, 0.01): n")
    terminal.enter("help")
    assert terminal.scrollback[-2] == ":help lists the commands of asyncrepl"


@pytest.fixture
def replaying() -> Iterator[Callable[..., Terminal]]:
    terminals: list[Terminal] = []

    def replay(*words: str) -> Terminal:
        command = [sys.executable, "-m", "asyncrepl", "replay", "--no-pause", "--speed", "1e6"]
        terminals.append(Terminal([*command, *words]))
        return terminals[-1]

    yield replay
    for terminal in terminals:
        terminal.close()


def test_a_demo_ends_with_the_next_ones_name(replaying: Callable[..., Terminal]) -> None:
    """In the shell with the command for it; by number as well as by name."""
    for name in ("by-hand", "3"):
        terminal = replaying(name)
        assert terminal.exit_status() == 0
        assert terminal.scrollback[-1] == (
            "next  asyncrepl replay six-steps  The six steps, told while they happen"
        )


def test_a_demo_of_ones_own_names_none(replaying: Callable[..., Terminal], tmp_path: Path) -> None:
    """It is not part of the course."""
    (tmp_path / "short.pycon").write_text("#: title  short\n>>> 40 + 2\n42\n")
    terminal = replaying(f"{tmp_path}/short.pycon")
    assert terminal.exit_status() == 0
    assert "next" not in "".join(terminal.scrollback)


def test_the_banner_fits_a_narrow_screen() -> None:
    """Three lines at most, with the first thing to type."""
    lines = [plain(line) for line in banner_lines(__version__)]
    assert len(lines) <= 3
    assert max(map(len, lines)) <= 40
    assert ":tour" in lines[1]


def test_nothing_of_ours_is_cut_on_a_tiny_screen(start: Callable[..., Terminal]) -> None:
    """What is said at the start, of a statement that runs and of a pause goes on below."""
    terminal = start([sys.executable, "-m", "asyncrepl", "--no-startup"], columns=20, rows=8)
    said = {":help", ":tour", ":load", "ticks", ":trace"}
    terminal.wait(lambda: said <= set(" ".join(terminal.scrollback).split()), "the banner")
    terminal.send("await asyncio.sleep(60)\r")
    terminal.wait(lambda: "Ctrl-S pauses," in terminal.lines and "Ctrl-C stops" in terminal.lines)
    terminal.send("\x13")
    keys = "t timer n anext v values e eval c go on"
    terminal.wait(lambda: keys in " ".join(terminal.lines), "all keys")


def test_the_menu_can_be_read_on_any_background(terminal: Terminal) -> None:
    """Its letters have the colours of the screen, exchanged: no black on black, no white on white."""
    terminal.send(":t\t")
    terminal.wait(lambda: any("timeline" in line for line in terminal.lines), "the menu")
    row = next(y for y, line in enumerate(terminal.lines) if "timeline" in line)
    start = terminal.lines[row].index("timeline")
    for column in (start, terminal.lines[row].index("draw")):
        cell = terminal.screen.buffer[row][column]
        assert (cell.fg, cell.bg, cell.reverse) == ("default", "default", True)
