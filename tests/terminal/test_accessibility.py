"""Narrow screens, plain ASCII, terminals that can do nothing: all is there, nothing is torn."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pexpect
import pytest

from asyncrepl.session.command_registry import CommandRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)

COMMAND = [sys.executable, "-m", "asyncrepl", "-q", "--no-startup"]


def test_with_ascii_alone_our_rows_are_ascii(start: Callable[..., Terminal]) -> None:
    """The menu, the parameters, the mode, keys, steps, lanes, measurements."""
    terminal = start([*COMMAND, "--vi", "--audience"], env={"LC_ALL": "C"})
    shown: list[str] = []

    def look(text: str) -> None:
        terminal.wait_for(text)
        shown.extend(terminal.lines)

    terminal.enter("class Odd: pass")
    terminal.enter("def f(a=Odd(), *, b=" + repr("x" * 40) + "): pass")
    terminal.send("f(")
    look("f(a=..., *, b=...)")
    terminal.send("\x15asyncio.s\t\t")
    look("needs await")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    terminal.enter(":time pass")
    look("times")
    terminal.enter("async def gen():\rawait asyncio.sleep(0.6)\ryield 1\r")
    terminal.begin("async for x in gen(): pass")
    look("3 await")
    terminal.wait_for_prompt()
    terminal.enter(":ticker tick 0.05")
    look("tick | 2")
    assert "\n".join(shown).isascii()


def test_on_a_narrow_screen_nothing_is_cut_but_source(start: Callable[..., Terminal]) -> None:
    """At 40 columns: help, settings, the parameters of a long function."""
    terminal = start(columns=40, rows=24)
    terminal.enter(":help shell")
    terminal.enter(":help time")
    terminal.enter(":set audience")
    text = " ".join(line.strip() for line in terminal.scrollback)
    for said in (
        "An exit status other than 0 is told.",
        "told apart from the time it was suspended.",
    ):
        assert said in text
    assert "show keys and steps to those who watch" in text


@pytest.fixture
def dumb() -> Iterator[pexpect.spawn[str]]:
    environ = os.environ | {"TERM": "dumb", "ASYNCREPL_HISTORY": "", "PYTHONIOENCODING": "utf-8"}
    child = pexpect.spawn(
        COMMAND[0], COMMAND[1:], env=environ, encoding="utf-8", timeout=30, echo=False
    )
    child.expect_exact(">>> ")
    yield child
    child.close(force=True)


def ask(child: pexpect.spawn[str], text: str) -> str:
    """Type `text` and give back what comes before the next prompt."""
    child.sendline(text)
    child.expect_exact(">>> ")
    return (child.before or "").replace("\r\n", "\n")


def test_a_dumb_terminal_reaches_everything(dumb: pexpect.spawn[str]) -> None:
    """Each command can be asked about and answers; programs and files run; no escape codes."""
    shown = [ask(dumb, f":help {name}") for name in CommandRegistry().names]
    assert all("for example:" in text for text in shown)
    shown += [ask(dumb, "!echo from the shell; exit 2")]
    assert shown[-1] == "from the shell\nexit status 2\n"
    shown += [ask(dumb, ":time await asyncio.sleep(0)")]
    assert "suspended" in shown[-1]
    shown += [ask(dumb, ":run nowhere.py"), ask(dumb, ":set audience on"), ask(dumb, ":set")]
    assert shown[-3] == ":run: no file 'nowhere.py'\n"
    assert shown[-2] == ":set audience on needs a terminal to draw in\n"
    assert "\x1b" not in "".join(shown)


def test_options_of_a_screen_do_no_harm_on_a_dumb_terminal() -> None:
    """`--audience` and `--vi` are for a screen: here the session runs as ever."""
    environ = os.environ | {"TERM": "dumb", "ASYNCREPL_HISTORY": "", "PYTHONIOENCODING": "utf-8"}
    words = [*COMMAND[1:], "--audience", "--vi"]
    child = pexpect.spawn(COMMAND[0], words, env=environ, encoding="utf-8", timeout=30, echo=False)
    child.expect_exact(">>> ")
    assert ask(child, "1 + 1") == "2\n"
    child.close(force=True)
