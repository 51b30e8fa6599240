"""What is longer than the screen: read page by page, and then the screen is as before."""

from __future__ import annotations

import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from support.pty import Terminal

from asyncrepl.runtime.shipped_demos import demo_transcripts
from asyncrepl.terminal.pager import Pages
from asyncrepl.views.styled_lines import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALTERNATE = 1049
LINES = [[("", f"row {number}")] for number in range(1, 101)]


def pages(columns: int = 80, rows: int = 11) -> Pages:
    return Pages(LINES, lambda: (columns, rows))


def first(shown: Pages) -> str:
    return plain(shown.page()[0])


def test_a_page_is_the_screen_without_its_last_row() -> None:
    """That says where one is, and what the keys do."""
    shown = pages()
    assert [plain(row) for row in shown.page()] == [f"row {number}" for number in range(1, 11)]
    assert plain(shown.foot()[0]).startswith("1-10 of 100  Space")


@pytest.mark.parametrize("columns", [80, 40, 28, 20, 12])
def test_the_foot_says_whole_keys_or_none(columns: int) -> None:
    """As many as there is room for; what is left is never cut in two."""
    pages = Pages([[("", "x")]] * 100, lambda: (columns, 8))
    (foot,) = pages.foot()
    where, _, keys = plain(foot).partition("  ")
    assert where == "1-7 of 100"
    assert len(plain(foot)) <= columns or not keys
    assert not keys or keys.endswith("q ends")


def test_tabs_are_blanks_on_a_page(start: Callable[..., Terminal]) -> None:
    """As they are above the prompt; a window would spell them out."""
    terminal = start()
    terminal.paste("def f():\n" + "\ta = 1\t# one\n" * 30)
    terminal.wait(lambda: terminal.lines[-1] == "...")
    terminal.enter("")
    terminal.send(":history\r")
    terminal.wait_for("b back")
    assert "        a = 1   # one" in terminal.lines
    terminal.enter("q")


def test_there_is_nothing_beyond_the_ends() -> None:
    """The last page is full, and the first one begins with the first row."""
    shown = pages()
    shown.move(99)
    assert first(shown) == "row 91"
    shown.scroll(1)
    assert first(shown) == "row 91"
    shown.move(-99)
    assert first(shown) == "row 1"


def test_pages_have_a_row_in_common() -> None:
    """So one finds one's place; half a page and a row can be gone, too."""
    shown = pages()
    shown.move(1)
    assert first(shown) == "row 10"
    shown.move(-1)
    shown.scroll(1)
    assert first(shown) == "row 2"


def test_text_is_found_below_and_above() -> None:
    """A search goes on from the first row that is shown, whatever the case of its letters."""
    shown = pages()
    shown.typed = "ROW 5"
    shown.seek()
    assert first(shown) == "row 5"
    shown.find(1)
    assert first(shown) == "row 50"
    shown.find(-1)
    assert first(shown) == "row 5"
    shown.typed = "nowhere"
    shown.seek()
    assert plain(shown.foot()[0]).startswith("no 'nowhere' below")


def test_another_size_is_another_page() -> None:
    """Lines are broken at words for the screen as it is, and the page stays full."""
    size = [80, 11]
    shown = Pages([[("", "words " * 30)]] * 9, lambda: (size[0], size[1]))
    shown.move(99)
    assert len(shown.page()) == 10
    size[:] = [40, 41]
    assert len(shown.page()) == 40
    assert all(len(plain(row)) <= 40 for row in shown.page())


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 15)])
@pytest.mark.parametrize(
    "text", [":help", ":why --all", ":history", ":source merge", "prepared", ":load"]
)
def test_a_long_answer_is_read_in_pages(
    start: Callable[..., Terminal], columns: int, rows: int, text: str
) -> None:
    """Each long list shows its beginning (of the history its end); after q all is as before."""
    terminal = start(columns=columns, rows=rows)
    if text == "prepared":
        terminal.enter("x = [asyncio.create_task(asyncio.sleep(99)) for _ in range(40)]")
        text = ":tasks"
    if text == ":history":
        terminal.paste("\n".join(f"a{number} = {number}" for number in range(50)))
        terminal.wait_for("a49")
        terminal.enter("")
    if text == ":load" and rows == 24:
        terminal.enter(text)
        assert ALTERNATE not in terminal.modes
        return
    terminal.send(text + "\r")
    terminal.wait(lambda: re.match(r"\d+-\d+ of \d+ ", terminal.lines[-1]), "a page")
    assert terminal.modes[ALTERNATE]
    if text == ":history":
        assert "a49 = 49" in terminal.lines[-3:][0] + terminal.lines[-2]
    terminal.send("q")
    terminal.wait_for_prompt()
    assert not terminal.modes[ALTERNATE]
    assert f">>> {text}" in terminal.lines
    terminal.enter("6 * 7")
    assert terminal.scrollback[-3:] == [">>> 6 * 7", "42", ">>>"]


def test_the_course_is_one_screen(terminal: Terminal) -> None:
    """`:demos` shows its first and its last row together, and the prompt below."""
    terminal.send(":demos\r")
    terminal.wait(lambda: terminal.at_prompt and "database" in terminal.lines[-2], "the course")
    assert terminal.lines[0].split()[:2] == ["1", "await"]
    assert len(terminal.lines) - 1 == len(demo_transcripts())
    assert ALTERNATE not in terminal.modes


def test_keys_turn_the_pages(terminal: Terminal) -> None:
    """Space, b, g, G, the arrows, a search; and each way to leave."""
    terminal.send(":why --all\r")
    terminal.wait(lambda: terminal.lines[-1].startswith("1-23 of"), "the first page")
    for keys, where in (
        (" ", "23-45"), ("b", "1-23"), ("\x1b[6~", "23-45"), ("\x1b[A", "22-44"), ("j", "23-45"),
        ("g", "1-23"),
    ):  # fmt: skip
        terminal.send(keys)
        terminal.wait(lambda where=where: terminal.lines[-1].startswith(where), where)
    terminal.send("G")
    terminal.wait(lambda: ":why ID tells more of one" in terminal.lines[-2], "the last page")
    terminal.send("g/over-async\r")
    terminal.wait(lambda: "over-async" in terminal.lines[0], "what was sought")
    for key in ("\x03", "\x1b", "q"):
        terminal.send(key)
        terminal.wait(lambda: terminal.at_prompt and not terminal.modes[ALTERNATE], "a prompt")
        terminal.send(":why --all\r")
        terminal.wait(lambda: terminal.modes[ALTERNATE] and terminal.lines[-1][:2] == "1-")


def test_the_loop_goes_on_meanwhile(terminal: Terminal) -> None:
    """Background output waits for the end of the reading, and damages no page."""
    terminal.enter(":ticker tick 0.05")
    terminal.send(":why --all\r")
    terminal.wait(lambda: terminal.lines[-1].startswith("1-23 of"), "the first page")
    page = terminal.lines
    terminal.send("/mistakes of ticks\r")
    terminal.wait(lambda: terminal.lines[-1].startswith("no 'mistakes of ticks'"), "an answer")
    assert terminal.lines[:-1] == page[:-1]
    terminal.send("q:stop tick\r")
    terminal.wait_for("tick stopped")


def test_another_size_is_taken_up(terminal: Terminal) -> None:
    """The page is drawn for the screen as it is; so is the prompt afterwards."""
    terminal.send(":why --all\r")
    terminal.wait(lambda: terminal.lines[-1].startswith("1-23 of"), "the first page")
    terminal.resize(60, 15)
    terminal.wait(lambda: terminal.lines[-1].startswith("1-14 of"), "a smaller page")
    terminal.send("q")
    terminal.wait_for_prompt()


def test_a_page_stays_after_another_size_just_before_it(terminal: Terminal) -> None:
    """Nothing that looks at the size later wipes it away."""
    terminal.resize(70, 12)
    terminal.send(":help\r")
    terminal.wait_for("q ends")
    with pytest.raises(AssertionError, match="waited in vain for a page that is gone"):
        terminal.wait(lambda: "q ends" not in terminal.lines[-1], "a page that is gone", 0.7)
    terminal.send("q")
    terminal.wait_for_prompt()


def test_a_signal_ends_a_page_and_the_session(terminal: Terminal) -> None:
    """The terminal is left as it was found, and not on the alternate screen."""
    terminal.send(":why --all\r")
    terminal.wait(lambda: terminal.modes.get(ALTERNATE), "a page")
    terminal.kill(signal.SIGTERM)
    assert terminal.exit_status() == 128 + signal.SIGTERM
    assert not terminal.modes[ALTERNATE]
    assert terminal.attributes() == terminal.found


def test_in_virtual_time_nobody_gets_older_by_reading(start: Callable[..., Terminal]) -> None:
    """Time does not jump from timer to timer while a page is shown."""
    terminal = start([sys.executable, "-m", "asyncrepl", "-q", "--clock", "virtual"])
    terminal.enter(":ticker tick 1")
    terminal.send(":why --all\r")
    terminal.wait(lambda: terminal.lines[-1].startswith("1-23 of"), "the first page")
    terminal.send(" q")
    terminal.wait_for_prompt()
    assert "tick │ 1" not in terminal.scrollback


@pytest.fixture
def dumb() -> Iterator[Terminal]:
    terminal = Terminal([sys.executable, "-m", "asyncrepl", "-q"], env={"TERM": "dumb"})
    yield terminal
    terminal.close()


def test_a_dumb_terminal_just_prints(dumb: Terminal) -> None:
    """There are no pages where the cursor cannot be moved."""
    dumb.wait_for(">>>")
    dumb.send(":help\r")
    dumb.wait_for(":quit")
    dumb.wait(lambda: dumb.cursor_line == ">>>", "a prompt")
    assert ALTERNATE not in dumb.modes
