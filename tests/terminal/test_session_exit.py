"""Leaving ends: in a few seconds at most, with the terminal as it was found."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from support.optional_programs import needs

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal

BRACKETED_PASTE, CURSOR, ALTERNATE, WRAP = 2004, 25, 1049, 7


STUBBORN = """\
async def stubborn():
    try: yield 1
    finally:
        while True:
            try: await asyncio.sleep(9)
            except BaseException: pass
"""


def assert_restored(terminal: Terminal) -> None:
    """The terminal is as it was found."""
    assert terminal.attributes() == terminal.found
    assert not terminal.modes.get(BRACKETED_PASTE)
    assert terminal.modes.get(CURSOR, True)
    assert terminal.modes.get(WRAP, True)
    assert not terminal.modes.get(ALTERNATE)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("keys", "status"),
    [
        ("\x04", 0),
        ("exit\r", 0),
        ("exit()\r", 0),
        (":quit 3\r", 3),
        ("raise SystemExit(7)\r", 7),
        ("import sys; sys.exit('bye')\r", 1),
    ],
)
def test_leaving(start: Callable[..., Terminal], keys: str, status: int) -> None:
    """Each way out has its exit status and leaves the terminal as it was."""
    terminal = start()
    terminal.enter(":ticker tick 0.01")
    terminal.send(keys)
    assert terminal.exit_status() == status
    assert_restored(terminal)
    terminal.wait_for("1 task was still running and cancelled: tick")


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("statement", ["", "import time; time.sleep(60)", "input('? ')"])
def test_signals(
    start: Callable[..., Terminal], number: signal.Signals, status: int, statement: str
) -> None:
    """SIGTERM and SIGHUP end the session in good order, whatever runs."""
    terminal = start()
    if statement:
        terminal.begin(statement)
    terminal.kill(number)
    assert terminal.exit_status() == status
    assert_restored(terminal)


def test_sigterm_ends_code_that_catches_everything(terminal: Terminal) -> None:
    """Code that will not go is ended by force, and the terminal is still right."""
    terminal.enter("import time")
    terminal.begin("while True:\rtry: time.sleep(60)\rexcept BaseException: pass\r")
    terminal.kill(signal.SIGTERM)
    assert terminal.exit_status() == 143
    assert_restored(terminal)


def test_a_closed_terminal_ends_the_session(terminal: Terminal) -> None:
    """When the terminal goes away, so does the process."""
    assert terminal.hang_up() in {1, 129}


def test_cleanup_runs_and_is_seen(terminal: Terminal) -> None:
    """`finally` of tasks and of open async generators runs, and its output is shown."""
    terminal.enter("async def gen():\rtry: yield 1\rfinally: print('closed')\r")
    terminal.enter("g = gen(); await g.__anext__()")
    terminal.send("\x04")
    assert terminal.exit_status() == 0
    assert "closed" in terminal.scrollback


@needs("bash")
def test_suspending_and_continuing(start: Callable[..., Terminal]) -> None:
    """After Ctrl-Z and fg the line being typed is there again, or the page; keys work."""
    import sys

    shell = start(
        ["bash", "--norc", "--noprofile", "-i"],
        env={"PS1": ">>> "},
    )
    shell.send(f"{sys.executable} -m asyncrepl -q --no-startup\r")
    shell.wait(lambda: shell.modes.get(BRACKETED_PASTE) and shell.prompts >= 2 and shell.at_prompt)
    shell.send("1 + ")
    shell.wait(lambda: shell.cursor_line == ">>> 1 +")
    shell.send("\x1a")
    shell.wait_for("Stopped")
    shell.send("fg\r")
    shell.wait(lambda: shell.cursor_line == ">>> 1 +")
    shell.send("1\r")
    shell.wait(lambda: "2" in shell.lines and shell.at_prompt)
    shell.send(":why --all\r")  # a page, which is on a screen of its own
    shell.wait(lambda: shell.lines[-1].startswith("1-23 of"))
    shell.send("\x1a")
    shell.wait(lambda: sum("Stopped" in line for line in shell.lines) == 2 and shell.at_prompt)
    shell.send("fg\r")
    shell.wait(lambda: shell.lines[-1].startswith("1-23 of"))
    shell.send("q")
    shell.wait_for_prompt()
    before = shell.prompts
    shell.send("\x04")
    shell.wait(lambda: shell.prompts > before and shell.at_prompt)
    shell.send("exit\r")
    assert shell.exit_status() == 0


def test_a_cleanup_that_blocks_is_named_and_left_behind(terminal: Terminal) -> None:
    """Code that holds the thread while we leave: Ctrl-C ends it, and the rest is tidied."""
    terminal.enter("import time")
    terminal.enter("async def hold():\rtry: await asyncio.sleep(99)\rfinally: time.sleep(99)\r")
    terminal.enter("async def tidy():\rtry: await asyncio.sleep(99)\rfinally: print('tidied')\r")
    terminal.enter("tasks = [asyncio.create_task(f()) for f in (hold, tidy, hold)]")
    terminal.send("\x04")
    line = "leaving waits for <input 2>:3: finally: time.sleep(99)"
    for count in (1, 2):
        terminal.wait(lambda n=count: "\n".join(terminal.scrollback).count(line) == n, line)
        terminal.send("\x03")
    assert terminal.exit_status() == 0
    assert_restored(terminal)
    assert "tidied" in terminal.scrollback


def test_a_cleanup_that_swallows_its_cancellation_is_left_behind(terminal: Terminal) -> None:
    """A generator that cannot be closed: it is named, and left after three seconds more."""
    terminal.paste(STUBBORN)
    terminal.enter("\r")
    terminal.enter("g = stubborn(); await anext(g)")
    terminal.send("\x04")
    terminal.wait_for("leaving waits for")
    assert terminal.exit_status() == 0
    assert_restored(terminal)


def test_tasks_that_cannot_be_cancelled_keep_nobody(terminal: Terminal) -> None:
    """A `cancel` or a task factory of the user's that raises is no reason to stay."""
    terminal.enter("class T(asyncio.Task):\rdef cancel(self, *a): raise RuntimeError('no')\r\r")
    terminal.enter("t = T(asyncio.sleep(99), loop=asyncio.get_running_loop())")
    terminal.enter("async def tidy():\rtry: await asyncio.sleep(99)\rfinally: print('tidied')\r")
    terminal.enter("tasks = [asyncio.create_task(tidy())]; g = (x async for x in tasks)")
    terminal.enter("def factory(loop, coro, **_): raise RuntimeError('no tasks')\r")
    terminal.enter("asyncio.get_running_loop().set_task_factory(factory)")
    terminal.send("\x04")
    assert terminal.exit_status() == 0
    assert "tidied" in terminal.scrollback
    assert not any("Traceback" in line or "asyncrepl/" in line for line in terminal.scrollback)


def test_a_signal_ends_the_editor_too(start: Callable[..., Terminal]) -> None:
    """No editor is left that shares the terminal with the shell."""
    terminal = start(env={"VISUAL": "sh -c 'echo open; exec sleep 99'"})
    terminal.send("abc\x18\x05")
    terminal.wait(lambda: "open" in terminal.lines)
    terminal.kill(signal.SIGTERM)
    assert terminal.exit_status(limit=5) == 128 + signal.SIGTERM
    assert_restored(terminal)


THREAD = "t = threading.Thread(target=time.sleep, args=(60,)); t.start()"
POOL = "f = asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)"


@pytest.mark.sampled(4)
@pytest.mark.parametrize("hold", [THREAD, POOL])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_waits_for_no_thread(
    terminal: Terminal, hold: str, number: signal.Signals
) -> None:
    """A thread of the user's that goes on keeps no process which a signal ends."""
    terminal.enter("import threading, time")
    terminal.enter(hold)
    terminal.kill(number)
    assert terminal.exit_status(limit=5) == 128 + number
    assert_restored(terminal)


def test_a_closed_terminal_waits_for_no_thread(terminal: Terminal) -> None:
    """Nor does one whose terminal is gone, also where the hang-up itself is ignored."""
    terminal.enter("import signal, threading, time")
    terminal.enter("h = signal.signal(signal.SIGHUP, signal.SIG_IGN)")
    terminal.enter(THREAD)
    before = time.monotonic()
    assert terminal.hang_up() in {1, 129}
    assert time.monotonic() - before < 20


def test_leaving_waits_for_threads(terminal: Terminal) -> None:
    """Ctrl-D waits for a thread as Python does, and says so; one Ctrl-C ends that."""
    terminal.enter("import threading, time")
    terminal.enter(THREAD)
    terminal.send("\x04")
    terminal.wait_for("leaving waits for the thread 'Thread-1 (sleep)'; Ctrl-C leaves it behind")
    terminal.send("\x03")
    terminal.exit_status(limit=5)
    assert_restored(terminal)


def test_a_thread_that_ends_is_waited_for(terminal: Terminal) -> None:
    """What a thread still prints after Ctrl-D is seen, and of one that is quick nothing is said."""
    terminal.enter("import threading, time")
    terminal.enter("def late():\rtime.sleep(0.3)\rprint('the thread is done')\r")
    terminal.enter("t = threading.Thread(target=late); t.start()")
    terminal.send("\x04")
    assert terminal.exit_status(limit=5) == 0
    assert "the thread is done" in terminal.scrollback
    assert not any("leaving waits" in line for line in terminal.scrollback)
