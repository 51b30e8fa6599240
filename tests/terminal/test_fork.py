"""What user code forks at the prompt has the statement, and nothing of the session."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)

WAIT = "os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])"


@pytest.fixture
def forking(start: Callable[..., Terminal], tmp_path: Path) -> Terminal:
    """A session with a ticker that counts, a history and a recording."""
    terminal = start(
        env={"ASYNCREPL_HISTORY": str(tmp_path / "history"), "PYTHONWARNINGS": "ignore"}
    )
    terminal.enter("import os, sys, multiprocessing, pty, atexit")
    terminal.enter(f":record {tmp_path}/talk.pycon")
    terminal.enter(":ticker tick 0.05")
    return terminal


def leave(terminal: Terminal, tmp_path: Path) -> None:
    """Everything is said once, all children have ended, the terminal is as it was."""
    terminal.enter(":stop tick")
    terminal.send("\x04")
    assert terminal.exit_status() == 0
    assert terminal.attributes() == terminal.found
    ticks = [int(number) for number in re.findall(r"tick │ (\d+)", "\n".join(terminal.scrollback))]
    assert ticks == list(range(1, len(ticks) + 1))
    told = "\n".join(terminal.scrollback)
    assert "schedstat" not in told
    assert "asyncrepl/" not in told
    assert (tmp_path / "talk.pycon").read_text("utf-8").count("tick stopped") == 1
    assert (tmp_path / "history").read_text("utf-8").count("stop tick") == 1


def answers(terminal: Terminal) -> list[str]:
    return [line for line in terminal.scrollback if line.startswith("< ")]


def ask(terminal: Terminal, text: str) -> str:
    """What the value of an expression is shown as."""
    before = len(answers(terminal))
    terminal.enter(f"print('<', {text}, '>')")
    terminal.wait(lambda: len(answers(terminal)) > before, text)
    shown = answers(terminal)
    return shown[-1].removeprefix("< ").removesuffix(" >")


@pytest.mark.sampled(10)
@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("pid = os.fork()", "0"),
        ("pid = os.fork() or os._exit(5)", "5"),
        ("pid = os.fork() or sys.exit(3)", "3"),
        ("pid = os.fork() or sys.exit('so')", "1"),
        ("pid = os.fork() or 1 // 0", "1"),
        ("pid = os.fork() or os.execvp('sh', ['sh', '-c', 'exit 4'])", "4"),
        ("pid = os.fork() or os.abort()", "-6"),
        ("pid = os.fork(); await asyncio.sleep(0.1)", "1"),
        ("pid = pty.fork()[0]", "0"),
        ("pid = os.fork() or input('?')", "1"),
        ("pid = os.fork(); pid or asyncio.run(asyncio.sleep(0))", None),
    ],
)
def test_a_child_ends_with_its_statement(
    forking: Terminal, tmp_path: Path, text: str, status: str | None
) -> None:
    """With the status that a program would have; the session goes on."""
    forking.enter(text)
    shown = ask(forking, WAIT)
    if status is not None:
        assert shown == status
    leave(forking, tmp_path)


def test_what_a_child_says_is_shown_once(forking: Terminal, tmp_path: Path) -> None:
    """Its prints, its error, its functions for the exit."""
    forking.enter(
        "if (pid := os.fork()) == 0:\ratexit.register(print, 'at', 'exit'); print('in', 'child'); missing\r"
    )
    assert ask(forking, WAIT) == "1"
    forking.enter("'next'")
    for line in ("in child", "at exit", "NameError: name 'missing' is not defined"):
        assert forking.scrollback.count(line) == 1
    leave(forking, tmp_path)


def test_children_of_multiprocessing(forking: Terminal, tmp_path: Path) -> None:
    """They run their function and end."""
    forking.enter(
        "work = multiprocessing.get_context('fork').Process(target=print, args=('from', 'work'))"
    )
    forking.enter("work.start(); work.join()")
    assert ask(forking, "work.exitcode") == "0"
    assert "from work" in forking.scrollback
    leave(forking, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        ("async def f():\rglobal pid; pid = os.fork()\r", "await asyncio.create_task(f())"),
        (
            "def f():\rglobal pid; pid = os.fork()\r",
            "asyncio.get_running_loop().call_soon(f); await asyncio.sleep(0.1)",
        ),
    ],
    ids=["a task", "a callback"],
)
def test_a_child_of_what_runs_in_the_background(
    forking: Terminal, tmp_path: Path, text: tuple[str, str]
) -> None:
    """It ends when it comes back to the loop."""
    for each in text:
        forking.enter(each)
    assert ask(forking, WAIT) == "0"
    assert not any("Error" in row or "Exception" in row for row in forking.scrollback)
    leave(forking, tmp_path)


def test_ctrl_c_reaches_a_child(forking: Terminal, tmp_path: Path) -> None:
    """As one of a plain program: by KeyboardInterrupt."""
    forking.send("if (pid := os.fork()) == 0: import time; print('asleep'); time.sleep(60)\r\r")
    forking.wait(lambda: "asleep" in forking.scrollback)
    forking.enter("os.kill(pid, 2)")
    assert ask(forking, WAIT) == "-2"
    leave(forking, tmp_path)


def test_a_child_of_a_program(tmp_path: Path) -> None:
    """Without a terminal, too: of a file and of a pipe."""
    import subprocess

    text = "import os, sys\nif (pid := os.fork()) == 0: sys.exit(3)\n\nprint(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\nx = os.fork() or print('child')\nawait asyncio.sleep(0.2)\n"
    path = tmp_path / "program.py"
    path.write_text(text)
    for words, given in (([str(path)], None), ([], text)):
        finished = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "asyncrepl", *words],
            input=given, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert sorted(finished.stdout.split()) == ["3", "child"]
        assert finished.returncode == 0
