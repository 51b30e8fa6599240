"""The user's time at the prompt."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal


def below(terminal: Terminal) -> list[str]:
    """The rows under the cursor that are not empty."""
    return [line for line in terminal.lines[terminal.screen.cursor.y + 1 :] if line]


def ticks(terminal: Terminal) -> list[str]:
    """The lines of the ticker so far."""
    return [line for line in terminal.scrollback if line.startswith("tick │")]


def test_frozen_time_is_told_and_stepped(terminal: Terminal) -> None:
    """A row says that time stands still; `:next` gives exactly one line of the ticker."""
    terminal.enter(":freeze")
    terminal.wait(lambda: any("time stands still at" in line for line in below(terminal)))
    terminal.enter(":ticker tick 600")
    assert ticks(terminal) == []
    terminal.enter(":next")
    assert ticks(terminal) == ["tick │ 1"]
    terminal.wait(lambda: any(re.match(r"time stands still at 60\d", s) for s in below(terminal)))
    terminal.enter(":next 2")
    assert ticks(terminal) == ["tick │ 1", "tick │ 2", "tick │ 3"]
    terminal.send(":thaw\r")
    terminal.wait(lambda: terminal.at_prompt and not any("time" in s for s in below(terminal)))


def test_a_statement_in_frozen_time_says_how_to_end_it(start: Callable[..., Terminal]) -> None:
    """While it waits the row names Ctrl-S and Ctrl-C, which work; also on a narrow screen."""
    terminal = start(columns=40, rows=15)
    terminal.enter(":freeze")
    terminal.begin("await asyncio.sleep(600); await asyncio.sleep(600)")
    terminal.wait_for("(Ctrl-S, Ctrl-C)")
    terminal.send("\x13t")
    terminal.wait(lambda: any(re.match(r"paused, 600\.", line) for line in terminal.lines))
    terminal.send("c")
    terminal.wait(lambda: any("(Ctrl-S, Ctrl-C)" in line for line in terminal.lines))
    terminal.send("\x03")
    terminal.wait_for("KeyboardInterrupt")
    terminal.wait(
        lambda: terminal.at_prompt and any("(:thaw)" in line for line in below(terminal))
    )


def test_a_virtual_clock_stands_still_while_one_types(start: Callable[..., Terminal]) -> None:
    """A ticker ticks while a statement runs, as often as that takes, and not at the prompt."""
    command = [sys.executable, "-m", "asyncrepl", "-q", "--no-startup", "--clock", "virtual"]
    terminal = start(command)
    terminal.wait(lambda: "virtual time 0 s, moves only while" in "".join(below(terminal)))
    terminal.enter(":ticker tick 600")
    terminal.enter("await asyncio.sleep(1500)")
    terminal.wait(lambda: "virtual time 1500 s" in "".join(below(terminal)))
    assert ticks(terminal) == ["tick │ 1", "tick │ 2"]
    terminal.enter(":wait 300")
    assert ticks(terminal) == ["tick │ 1", "tick │ 2", "tick │ 3"]


@pytest.mark.parametrize("rate", ["0.5", "20"])
def test_another_rate_is_told_until_time_is_real(terminal: Terminal, rate: str) -> None:
    """The row shows the user's time and the rate; at rate 1 it goes."""
    assert not below(terminal)
    terminal.enter(f":rate {rate}")
    pattern = rf"time \d+(\.\d)? s, rate {rate}"
    terminal.wait(lambda: any(re.fullmatch(pattern, line) for line in below(terminal)))
    terminal.send(":rate 1\r")
    terminal.wait(lambda: terminal.at_prompt and not below(terminal))
