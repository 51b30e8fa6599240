"""One mistake, one story, as it stands on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)

PAGES = "class Pages:\r    async def fetch(self, n): return [n]\r\r"


def told(terminal: Terminal, head: str) -> int:
    """How many lines of the screen begin with `head`."""
    return sum(line.startswith(head) for line in terminal.lines)


def test_a_forgotten_await_is_told_once_for_each_attempt(terminal: Terminal) -> None:
    """The first attempt's coroutine dies while the second is made: that is no news."""
    terminal.send(PAGES)
    terminal.wait(lambda: terminal.at_prompt and "class Pages:" in terminal.lines[0], "a prompt")
    terminal.enter("p = Pages()")
    terminal.enter("async for x in p.fetch(0): print(x)")
    terminal.enter("for x in p.fetch(0): print(x)")
    terminal.enter("p.fetch(0)")
    terminal.enter("1 + 1")
    assert told(terminal, "try  for x in await p.fetch(0): print(x)") == 2
    assert told(terminal, "try  await p.fetch(0)") == 1
    assert (told(terminal, "why  "), told(terminal, "try  ")) == (3, 3)
    assert not any("never awaited" in line for line in terminal.lines)


@pytest.mark.parametrize("seconds", ["0.3"])
def test_what_blocks_the_loop_is_told_once(terminal: Terminal, seconds: str) -> None:
    """Not by the watch as well, where it is told what to write instead."""
    terminal.enter("import time")
    terminal.send("async def main():\r    time.sleep(" + seconds + ")\r\r")
    terminal.wait(lambda: terminal.at_prompt and terminal.prompts > 2, "a prompt")
    terminal.enter("await main()")
    terminal.wait(lambda: told(terminal, "why  ") == 1, "an explanation")
    terminal.enter("1 + 1")
    assert not any("was blocked" in line for line in terminal.lines)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("text", ["await", "async", "x = await", "x = 1; await", "# x\rawait"])
def test_a_line_that_ends_at_the_keyword_is_not_taken_for_a_name(
    terminal: Terminal, text: str
) -> None:
    """Something was to follow: no other name is offered for the keyword."""
    terminal.enter(text)
    assert any(line.startswith("SyntaxError") for line in terminal.lines)
    assert (told(terminal, "why  "), told(terminal, "try  ")) == (0, 0)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("text", ["await = 3; x = await", "print(await)", "x = t.await"])
def test_a_keyword_that_is_used_as_a_name_is_explained(terminal: Terminal, text: str) -> None:
    """Also where a line ends behind it."""
    terminal.enter(text)
    assert (told(terminal, "why  "), told(terminal, "try  ")) == (1, 1)
