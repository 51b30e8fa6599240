"""Signals that were ignored or blocked when the program was started."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)

SHELL = "trap '' {}; exec {} -m asyncrepl -q --no-startup"
BLOCKED = (
    "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()); "
    "os.execl(sys.executable, sys.executable, '-m', 'asyncrepl', '-q', '--no-startup')"
)
STARTS = {
    "SIGINT ignored": ["sh", "-c", SHELL.format("INT", sys.executable)],
    "a background job": ["sh", "-c", SHELL.format("INT QUIT", sys.executable)],
    "nohup": ["sh", "-c", SHELL.format("HUP", sys.executable)],
    "everything ignored": [
        "sh", "-c", SHELL.format("HUP INT QUIT PIPE TERM TSTP CHLD WINCH", sys.executable)
    ],
    "everything blocked": [sys.executable, "-c", BLOCKED],
}  # fmt: skip


@pytest.fixture(params=STARTS.values(), ids=STARTS)
def terminal(request: pytest.FixtureRequest, start: Callable[..., Terminal]) -> Terminal:
    return start(request.param)


@pytest.mark.sampled(2)
def test_ctrl_c_is_heard(terminal: Terminal) -> None:
    """It drops the line, and ends what runs: on the loop, in Python, in another program."""
    terminal.send("junk\x03")
    terminal.wait_for("junk^C")
    for statement in (
        "await asyncio.sleep(60)",
        "while True: pass",
        "import subprocess; subprocess.run(['sh', '-c', 'read line'])",
        # `os.system` itself ignores Ctrl-C until its child is there, under `python`, too.
        "import os; os.system('echo sleeps; read line')",
    ):
        before = terminal.prompts
        terminal.begin(statement)
        if "echo" in statement:
            terminal.wait(lambda: "sleeps" in terminal.lines, "the child")
        terminal.send("\x03")
        terminal.wait(lambda n=before: terminal.prompts > n and terminal.at_prompt, statement)
    terminal.enter("'alive'")
    assert terminal.scrollback[-2] == "'alive'"


@pytest.mark.sampled(3)
def test_children_can_be_ended_and_waited_for(terminal: Terminal) -> None:
    """What they do with Ctrl-C, which signals they block, and how they ended is as ever."""
    look = (
        "import signal as s; print(s.getsignal(s.SIGINT).__name__,"
        " s.SIGINT in s.pthread_sigmask(s.SIG_BLOCK, ()))"
    )
    terminal.enter("import subprocess, sys")
    terminal.enter(f"subprocess.run([sys.executable, '-c', {look!r}]).returncode")
    assert "default_int_handler False" in terminal.scrollback
    assert "0" in terminal.scrollback
    terminal.enter("(await (await asyncio.create_subprocess_exec('sh', '-c', 'exit 7')).wait())")
    assert "7" in terminal.scrollback


@pytest.mark.sampled(5)
def test_a_resize_is_seen(terminal: Terminal) -> None:
    """The line that is typed is drawn anew for the new width."""
    terminal.send("x" * 60)
    terminal.wait_for("x" * 60)
    terminal.resize(40, 24)
    terminal.wait(lambda: "x" * 24 in terminal.lines, "the end of the line on a row of its own")


def test_nohup_means_that_the_session_goes_on(start: Callable[..., Terminal]) -> None:
    """SIGHUP ends nothing, here and in programs that are started; a terminal that is gone does."""
    terminal = start(STARTS["nohup"])
    terminal.enter("import os, signal; os.kill(os.getpid(), signal.SIGHUP)")
    terminal.enter(
        "import subprocess; subprocess.run(['sh', '-c', 'kill -HUP $$; exit 3']).returncode"
    )
    assert "3" in terminal.scrollback
    terminal.begin("while True: pass")
    assert terminal.hang_up() == 129


def test_ctrl_z_where_nobody_could_continue(start: Callable[..., Terminal]) -> None:
    """Where SIGTSTP is ignored, it does nothing."""
    terminal = start(["sh", "-c", SHELL.format("TSTP", sys.executable)])
    terminal.send("abc\x1adef")
    terminal.wait(lambda: terminal.cursor_line == ">>> abcdef")
    assert terminal.prompts == 1


def run_ignoring(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            "sh",
            "-c",
            "trap '' INT; exec \"$@\"",
            "-",
            sys.executable,
            "-m",
            "asyncrepl",
            *arguments,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )


PROGRAM = "print('ready', flush=True); import time; time.sleep(0.3); print('done')"


@pytest.mark.parametrize("code", [PROGRAM, f"await asyncio.sleep(0)\n{PROGRAM}"])
def test_a_program_in_the_background_goes_on(code: str) -> None:
    """`asyncrepl FILE &` in a script is not meant when somebody presses Ctrl-C: as `python`."""
    with run_ignoring("-c", code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "done\n"
    assert process.returncode == 0
