"""Values at the prompt: laid out to the screen, coloured, shortened, told what they are."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 15)])
def test_ten_thousand_items_fit_the_screen(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """What was typed stays in sight, and :show _ leads through the rest, page by page."""
    terminal = start(columns=columns, rows=rows)
    terminal.enter("list(range(10_000))")
    assert ">>> list(range(10_000))" in terminal.lines
    assert any(
        ":show _ shows all" in " ".join(pair) for pair in itertools.pairwise(terminal.lines)
    )
    terminal.send(":show _\r")
    terminal.wait_for("1-")
    terminal.send("G")
    terminal.wait_for("9999")
    terminal.send("q")
    terminal.wait_for_prompt()


def test_a_string_of_ten_megabytes_is_one_screen(start: Callable[..., Terminal]) -> None:
    """It comes at once, and says how much is missing."""
    terminal = start(columns=40, rows=15)
    terminal.enter("'spam ' * 2_000_000")
    assert any("more characters" in line for line in terminal.lines)
    assert len(terminal.scrollback) < 20


def test_values_are_coloured_by_kind(start: Callable[..., Terminal]) -> None:
    """Numbers, text and constants differ; brackets are plain."""
    terminal = start()
    terminal.enter("[12, 'text', None]")
    row = terminal.lines.index("[12, 'text', None]")
    colors = [terminal.screen.buffer[row][column].fg for column in (0, 1, 5, 13)]
    assert colors[0] == "default"
    assert len(set(colors)) == 4


def test_in_ascii_nothing_else_is_drawn(start: Callable[..., Terminal]) -> None:
    """LC_ALL=C: three dots."""
    terminal = start(env={"LC_ALL": "C"})
    terminal.enter("list(range(10_000))")
    assert any("... 9,900 more; :show _ shows all" in line for line in terminal.lines)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("asyncio.Future()", "future, not done: await it to wait for its result"),
        ("asyncio.timeout(1)", "asynchronous context manager: enter it with async with"),
        ("asyncio.create_task(asyncio.sleep(9))", "task, running in the background: await"),
        (
            "type('S', (), {'__aiter__': 1})()",
            "asynchronous iterable: iterate over it with async for",
        ),
    ],
)
def test_a_value_says_what_it_is_to_async_code(
    start: Callable[..., Terminal], typed: str, told: str
) -> None:
    """In one dim line, with what to do."""
    terminal = start()
    terminal.enter(typed)
    terminal.wait_for(told)


def test_a_bare_coroutine_is_told_once(start: Callable[..., Terminal]) -> None:
    """Its explanation says it all."""
    terminal = start()
    terminal.enter("asyncio.sleep(1)")
    terminal.wait_for("why ")
    assert not any(line.startswith("coroutine:") for line in terminal.scrollback)


def test_what_was_said_of_a_value_is_not_saved(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    """A session saved at 40 columns checks green: its values are on one line."""
    terminal = start(columns=40, rows=15)
    terminal.enter("list(range(40))")
    terminal.enter("asyncio.Future()")
    terminal.enter(f":save {tmp_path}/s.pycon")
    text = (tmp_path / "s.pycon").read_text()
    assert repr(list(range(40))) in text
    assert "not done" not in text


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 15)])
def test_a_name_with_a_question_mark_is_explained(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """One Enter, and the source of two marks is coloured."""
    terminal = start(columns=columns, rows=rows)
    terminal.enter("asyncio.sleep?")
    terminal.wait_for("coroutine function: call it")
    terminal.enter("async def hi(): return 'text'\n")
    terminal.enter("hi??")
    terminal.wait_for("async def hi(): return 'text'")
    row = next(y for y, line in enumerate(terminal.lines) if line.startswith("async def hi"))
    cells = terminal.screen.buffer[row]
    assert "default" not in {cells[0].fg, cells[24].fg}
    assert cells[0].fg != cells[24].fg


def test_two_tasks_of_one_input_are_told_once(start: Callable[..., Terminal]) -> None:
    """And those of the next input again."""
    terminal = start()
    one = "asyncio.create_task(asyncio.sleep(9))"
    terminal.enter(f"{one}; {one}")
    assert sum(line.startswith("task, running") for line in terminal.scrollback) == 1
    terminal.enter(one)
    assert sum(line.startswith("task, running") for line in terminal.scrollback) == 2
