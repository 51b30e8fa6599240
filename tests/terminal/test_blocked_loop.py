"""Who is said to block the loop: the user's own code, and nothing else."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal

TESTS = Path(__file__).parent.parent
LOADING = "'asyncrepl loading' in [t.name for t in __import__('threading').enumerate()]"
STOPPED = (
    "import os, signal, subprocess as s; "
    "_ = s.Popen(['sh', '-c', f'sleep 0.5; kill -CONT {os.getpid()}']); "
    "os.kill(os.getpid(), signal.SIGSTOP)"
)
#: What makes us work: errors, their explanation, commands, values, pictures.
WORK = (
    "1/0",
    "[].nme",
    ":reset",
    ":load ticks",
    ":load ticks",
    ":source ticks",
    ":spawn await asyncio.sleep(30)",
    ":tree",
    ":tasks",
    "async for n in ticks(2, 0.01): n",
    ":trace async for n in ticks(2, 0.01): n",
    "for n in ticks(2): n",
    ":why",
    ":marbles ticks(2, 0.01)",
    ":timeline",
    ":leaks",
    "asyncio.sleep(1)",
    ":save {folder}/session.py",
    ":export svg {folder}/session.svg",
    ":export html {folder}/session.html",
    ":freeze",
    ":next",
    ":thaw",
    ":history nothing",  # all of it would open the pager
    "ticks?",
    ":cancel all",
)


@pytest.fixture
def slow(start: Callable[..., Terminal], tmp_path: Path) -> Callable[[float], Terminal]:
    """Starts a session on a machine on which each import takes so many seconds longer."""

    def begin(seconds: float) -> Terminal:
        log = str(tmp_path / "log")
        arguments = (str(seconds), log, "-q", "--no-startup")
        command = [sys.executable, "-m", "support.slow_imports", *arguments]
        path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
        return start(command, columns=120, env={"PYTHONPATH": path})

    return begin


def blocked(terminal: Terminal) -> list[str]:
    return [line for line in terminal.scrollback if "blocked" in line]


def test_what_we_load_blocks_nobody(slow: Callable[[float], Terminal]) -> None:
    """That a module of ours is loaded in the loop's thread is not told; what the user does is."""
    terminal = slow(0.02)
    for text in ("1/0", ":reset", ":load ticks", ":tree", "for n in ticks(2): n"):
        terminal.enter(text)
    assert blocked(terminal) == []
    terminal.enter("import time; time.sleep(0.3)")
    terminal.enter("import sqlite3, http.server")
    ours, theirs = blocked(terminal)
    assert "at <input 3>:1: import time; time.sleep(0.3)" in ours
    assert "at <input 4>:1: import sqlite3, http.server" in theirs


def test_what_is_loaded_ahead_is_all_there_is(
    slow: Callable[[float], Terminal], tmp_path: Path
) -> None:
    """A while after somebody has written one of a kind, nothing imports anything on the loop."""
    terminal, log = slow(0.0), tmp_path / "log"
    terminal.enter("'first'")
    for kind in ("'a statement'", ":rate", ":export pycon x"):
        terminal.send(kind)
        terminal.wait(lambda kind=kind: kind in terminal.cursor_line, kind)
        terminal.send("\x15")
        for _ in range(500):
            terminal.enter(LOADING)
            if [line for line in terminal.lines if line in {"True", "False"}][-1] == "False":
                break
    log.write_text("", encoding="utf-8")
    for text in WORK:
        terminal.enter(text.format(folder=tmp_path))
    assert log.read_text(encoding="utf-8").split() == []


def test_whoever_sits_at_a_debuggers_prompt_blocks_nobody(start: Callable[..., Terminal]) -> None:
    """They know what they wait for; what they have it run is told."""
    terminal = start(columns=120)
    terminal.enter("import threading, time")
    terminal.enter("def f():\rbreakpoint()\rreturn 'over'\r")
    terminal.type("f()\r", "(Pdb)")
    terminal.send("time.sleep(0.5)\r")
    terminal.enter("c")
    assert len(blocked(terminal)) == 1
    # From Python 3.14 on no breakpoint() stops any more after this: it comes last.
    later = "threading.Timer(0.5, print, ['half a second later']).start()"
    terminal.send(f"{later}; f()\r")
    terminal.wait_for("half a second later")
    terminal.wait_for("(Pdb)")
    terminal.enter("q")
    assert "bdb.BdbQuit" in terminal.lines
    assert not any("bdb.py" in line for line in terminal.lines)
    assert len(blocked(terminal)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_was_stopped_blames_nobody(start: Callable[..., Terminal]) -> None:
    """Ctrl-Z, or a laptop's lid, in the middle of a statement."""
    terminal = start(columns=120)
    terminal.enter(STOPPED)
    assert blocked(terminal) == []
    terminal.enter("import time; time.sleep(0.3)")
    assert ["<input 2>:1" in line for line in blocked(terminal)] == [True]


def test_input_is_the_users(start: Callable[..., Terminal]) -> None:
    """A line that reads the keyboard holds the loop, and it is the line that is named."""
    terminal = start(columns=120)
    terminal.enter("import threading")
    terminal.send("threading.Timer(0.3, print, ['late']).start(); name = input('name? ')\r")
    terminal.wait(lambda: "late" in "".join(terminal.lines[2:]), "the thread's line")
    before = terminal.prompts
    terminal.send("Ann\r")
    terminal.wait(lambda: terminal.prompts > before and terminal.at_prompt, "the prompt")
    assert ["<input 2>:1" in line for line in blocked(terminal)] == [True]
