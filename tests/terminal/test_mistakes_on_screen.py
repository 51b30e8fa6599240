"""One mistake, one story, as it stands on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.pty import Terminal

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
