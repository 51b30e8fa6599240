"""Files that bring their own loop, by ``:run`` and ``-i``: the session's stands meanwhile."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)

STEPS = """\
import asyncio

async def main():
    try:
        for step in range(100):
            print("step", step)
            await asyncio.sleep(0.2)
    finally:
        print("cleaned")

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")
    raise
"""


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a file."""

    def script(text: str) -> Path:
        path = tmp_path / "script.py"
        path.write_text(text)
        return path

    return script


def test_it_runs_on_a_loop_of_its_own_and_the_session_goes_on(
    terminal: Terminal, script: Callable[[str], Path]
) -> None:
    """The session's tasks wait; nobody is said to block; its names are there afterwards."""
    path = script(
        "import asyncio, time\n"
        "async def main():\n"
        "    await asyncio.sleep(0.3)\n"
        "    return asyncio.get_running_loop()\n"
        "if __name__ == '__main__':\n"
        "    time.sleep(0.3)\n"
        "    print('begun')\n"
        "    its = asyncio.run(main())\n"
        "    print('over')\n"
    )
    terminal.enter("mine = asyncio.get_running_loop()")
    terminal.enter(":ticker tick 0.1")
    terminal.wait_for("tick │ 2")
    terminal.enter(f":run {path}")
    shown = terminal.scrollback
    assert shown[shown.index("begun") + 1] == "over"
    count = sum(line.startswith("tick │") for line in terminal.scrollback)
    terminal.wait_for(f"tick │ {count + 2}")
    assert not any("block" in line for line in terminal.scrollback)
    terminal.enter(":stop tick")
    terminal.enter("asyncio.get_running_loop() is mine, its is mine, its.is_closed()")
    terminal.wait_for("(True, False, True)")
    terminal.enter("asyncio.run(asyncio.sleep(0))")
    terminal.wait_for("cannot be called from a running event loop")


def test_ctrl_c_is_for_the_program(terminal: Terminal, script: Callable[[str], Path]) -> None:
    """KeyboardInterrupt as under `python`; what is typed ahead is dropped, the next one hits."""
    terminal.begin(f":run {script(STEPS)}")
    terminal.wait_for("step 1")
    terminal.send("1 +")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    shown = terminal.scrollback
    at = shown.index("cleaned")
    assert shown[at + 1] == "interrupted"
    assert shown[at + 2].startswith("KeyboardInterrupt at")
    terminal.begin("await asyncio.sleep(60)")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    terminal.enter("6 * 7")
    terminal.wait_for("42")


def test_a_program_that_swallows_a_ctrl_c_is_ended_by_the_next(
    terminal: Terminal, script: Callable[[str], Path]
) -> None:
    """Also one that is not asynchronous."""
    path = script(
        "import time\n"
        "try:\n    print('on')\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    print('swallowed')\n"
        "time.sleep(60)\n"
    )
    terminal.begin(f":run {path}")
    terminal.wait_for("on")
    terminal.send("\x03")
    terminal.wait_for("swallowed")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    terminal.enter("6 * 7")
    terminal.wait_for("42")


def test_a_program_asks(terminal: Terminal, script: Callable[[str], Path]) -> None:
    """A line, and a password, of which nothing is seen."""
    path = script(
        "import asyncio, getpass\n"
        "async def main():\n"
        "    print('got', input('name? '), getpass.getpass('word? '))\n"
        "asyncio.run(main())\n"
    )
    terminal.begin(f":run {path}")
    terminal.wait_for("name?")
    terminal.send("ada\r")
    terminal.wait_for("word?")
    terminal.send("secret\r")
    terminal.wait_for("got ada secret")
    terminal.wait_for_prompt()


@pytest.mark.parametrize(
    "ask",
    [
        (
            "    reader = asyncio.StreamReader()\n"
            "    protocol = asyncio.StreamReaderProtocol(reader)\n"
            "    await loop.connect_read_pipe(lambda: protocol, sys.stdin)\n"
            "    print('type')\n"
            "    print('got', (await reader.readline()).decode())\n"
        ),
        (
            "    came = asyncio.Event()\n"
            "    loop.add_reader(sys.stdin, came.set)\n"
            "    print('type')\n"
            "    await came.wait()\n"
            "    print('got', sys.stdin.readline())\n"
        ),
    ],
)
def test_its_loop_reads_the_keyboard(
    terminal: Terminal, script: Callable[[str], Path], ask: str
) -> None:
    """As under python: a line, edited by the terminal; afterwards keys are the prompt's."""
    path = script(
        "import asyncio, sys\n"
        "async def main():\n"
        f"    loop = asyncio.get_running_loop()\n{ask}"
        "asyncio.run(main())\n"
    )
    terminal.begin(f":run {path}")
    terminal.wait_for("type")
    terminal.send("ab\x7fc\r")
    terminal.wait_for("got ac")
    terminal.wait_for_prompt()
    terminal.enter("'mine'")
    assert terminal.scrollback[-2] == "'mine'"


def test_one_that_awaits_at_its_top_runs_on_the_sessions_loop(
    terminal: Terminal, script: Callable[[str], Path]
) -> None:
    """So its own ``asyncio.run`` is refused there, and that is explained."""
    terminal.enter("mine = asyncio.get_running_loop()")
    path = script(
        "import asyncio\nawait asyncio.sleep(0)\nprint(asyncio.get_running_loop() is mine)\n"
        "asyncio.run(asyncio.sleep(0))\n"
    )
    terminal.enter(f":run {path}")
    terminal.wait_for("True")
    terminal.wait_for("cannot be called from a running event loop")
    terminal.wait_for("await asyncio.sleep(0)")


def test_one_that_begins_a_task_leaves_it_in_the_session(
    terminal: Terminal, script: Callable[[str], Path]
) -> None:
    """Also by a function of its own."""
    path = script(
        "import asyncio\n"
        "def begin(): return asyncio.create_task(asyncio.sleep(0.05, 'slept'))\n"
        "begun = begin()\n"
    )
    terminal.enter(f":run {path}")
    terminal.enter("await begun")
    assert "'slept'" in terminal.lines


def test_ctrl_s_pauses_it(terminal: Terminal, script: Callable[[str], Path]) -> None:
    """Timer by timer; its names are seen; it goes on."""
    terminal.begin(f":run {script(STEPS)}")
    terminal.wait_for("step 1")
    terminal.send("\x13")
    terminal.wait_for("paused")
    last = max(line for line in terminal.scrollback if line.startswith("step "))
    following = f"step {int(last.split()[1]) + 1}"
    terminal.send("t")
    terminal.wait_for(following)
    terminal.send("v")
    terminal.wait_for(f"  {following.replace(' ', ' = ')}")
    terminal.send("c")
    terminal.wait_for(f"step {int(last.split()[1]) + 3}")
    terminal.send("\x03")
    terminal.wait_for_prompt()


@pytest.mark.parametrize("keys", ["", "n"])
def test_a_ctrl_c_ends_one_that_is_paused(
    terminal: Terminal, script: Callable[[str], Path], keys: str
) -> None:
    """Also at a step; once is enough: what cleans up gets the time for it."""
    path = script(
        STEPS.replace('print("cleaned")', "await asyncio.sleep(0.1)")
        .replace("for step in range(100)", "async for step in steps()")
        .replace(
            "async def main",
            "async def steps():\n    for n in range(99): yield n\n\nasync def main",
        )
    )
    terminal.begin(f":run {path}")
    terminal.wait_for("step 1")
    terminal.send("\x13")
    terminal.wait_for("paused")
    if keys:
        terminal.send(keys)
        terminal.wait_for("2 __anext__")
    terminal.send("\x03")
    terminal.wait_for("interrupted")
    terminal.wait_for_prompt()
    terminal.enter("await asyncio.sleep(0.1, 42)")
    terminal.wait_for("42")


SWALLOWS = """\
import asyncio

async def main():
    while True:
        try:
            await asyncio.sleep(99)
        except asyncio.CancelledError:
            print("swallowed")

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_one_that_swallows_ctrl_c_is_said_to_go_on(
    terminal: Terminal, script: Callable[[str], Path]
) -> None:
    """And what to do about it; then nothing of it seems to go on."""
    terminal.begin(f":run {script(SWALLOWS)}")
    terminal.wait(lambda: any(row.startswith("Task-1 ") for row in terminal.lines), "a lane")
    for times in (1, 2):
        terminal.send("\x03")
        terminal.wait(lambda n=times: terminal.scrollback.count("swallowed") == n)
        terminal.wait_for("it goes on after Ctrl-C: press it again")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    terminal.wait(lambda: not any(row.startswith("Task-1 ") for row in terminal.lines), "no lane")


def test_a_statement_that_swallows_ctrl_c_is_said_to_go_on(
    terminal: Terminal, script: Callable[[str], Path]
) -> None:
    """Twice within a second abandons it."""
    terminal.enter(f":run {script(SWALLOWS.partition('if ')[0])}")
    terminal.begin("await main()")
    terminal.wait(lambda: any(row.startswith("input 1 ") for row in terminal.lines), "a lane")
    terminal.send("\x03")
    terminal.wait_for("it goes on after Ctrl-C: press it twice")
    terminal.send("\x03")
    terminal.wait(lambda: terminal.at_prompt or terminal.scrollback.count("swallowed") == 2)
    if not terminal.at_prompt:  # it came late: this was the first of two
        terminal.send("\x03")
    terminal.wait_for_prompt()


@pytest.mark.parametrize(("also", "told"), [("", "KeyboardInterrupt at"), (", OSError()", "+-")])
def test_a_group_of_interrupts_is_one(
    terminal: Terminal, script: Callable[[str], Path], also: str, told: str
) -> None:
    """As the nurseries of other libraries raise it; with another error in it, it is shown."""
    path = script(
        "import asyncio, time\n"
        "def nursery():\n"
        "    try:\n"
        "        print('begun')\n"
        "        time.sleep(99)\n"
        "    except KeyboardInterrupt as error:\n"
        f"        raise BaseExceptionGroup('nursery', [error{also}]) from None\n"
        "nursery()\n"
    )
    terminal.begin(f":run {path}")
    terminal.wait_for("begun")
    terminal.send("\x03")
    terminal.wait_for(told)
    terminal.wait_for_prompt()
    assert ("Traceback" in "\n".join(terminal.scrollback)) is bool(also)


def test_what_cannot_be_paused_is_said(terminal: Terminal, script: Callable[[str], Path]) -> None:
    """A program without a loop of asyncio's."""
    terminal.begin(f":run {script('import time; print(1); time.sleep(99)')}")
    terminal.wait(lambda: "1" in terminal.scrollback)
    terminal.send("\x13")
    terminal.wait_for("pauses when a loop of asyncio's own runs")
    terminal.send("\x03")
    terminal.wait_for_prompt()


def test_it_is_ended_with_the_session(terminal: Terminal, script: Callable[[str], Path]) -> None:
    """By SIGTERM: what it cleans up runs."""
    terminal.begin(f":run {script(STEPS)}")
    terminal.wait_for("step 1")
    terminal.kill(signal.SIGTERM)
    assert terminal.exit_status() == 128 + signal.SIGTERM
    assert "cleaned" in terminal.scrollback


@pytest.mark.parametrize("kind", ["xterm-256color", "dumb"])
def test_a_file_before_the_first_prompt(
    start: Callable[..., Terminal], script: Callable[[str], Path], kind: str
) -> None:
    """With -i, as under `python -i`: it knows its own name, too."""
    path = script(
        "import asyncio, os\n"
        "async def main(): return os.path.basename(__file__)\n"
        "if __name__ == '__main__':\n    its = asyncio.run(main())\n    print('ran', its)\n"
    )
    command = [sys.executable, "-m", "asyncrepl", "-q", "--no-startup", "-i", str(path)]
    terminal = start(command, env={"TERM": kind})
    assert "ran script.py" in terminal.scrollback
    terminal.enter("its, asyncio.get_running_loop().is_running()")
    terminal.wait_for("('script.py', True)")


def test_a_startup_file_runs_on_the_sessions_loop(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    """What it starts, by whatever function, goes on in the session."""
    (tmp_path / "asyncrepl").mkdir()
    (tmp_path / "asyncrepl" / "startup.py").write_text(
        "def begin(): return asyncio.get_running_loop().create_task(asyncio.sleep(0, 'slept'))\n"
        "begun = begin()\n"
    )
    command = [sys.executable, "-m", "asyncrepl", "-q"]
    terminal = start(command, env={"XDG_CONFIG_HOME": str(tmp_path)})
    terminal.enter("await begun")
    assert "'slept'" in terminal.lines
