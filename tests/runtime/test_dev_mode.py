"""``python -X dev -W error``: no warning of ours, no resource left open, by any door."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.pty import Terminal

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-X", "dev", "-W", "error", "-m", "asyncrepl"]
PROGRAM = """\
import asyncio

async def readings():
    for n in range(2):
        await asyncio.sleep(0.01)
        yield n

async def main():
    async for n in readings():
        print(n)

asyncio.run(main())
asyncio.run(main())
"""
#: The statements and commands that reach most of the product.
SESSION = """\
t = asyncio.create_task(asyncio.sleep(99))
:ticker tick 0.01
:load ticks
async for n in ticks(2, 0.01): n
:trace async for n in ticks(2, 0.01): n
:marbles ticks(2, 0.01)
:timeline
:tasks
:tree
:leaks
[n async for n in ticks(2, 0.01)]
await asyncio.to_thread(str)
process = await asyncio.create_subprocess_exec("true")
await process.wait()
:help
:demos
"""


def run(*words: str, stdin: str = "") -> tuple[str, int]:
    """What the program writes to stderr, and its exit status.

    But for what asyncio's debug mode says of a busy machine: that a step of a task took long.
    """
    done = subprocess.run(
        [*COMMAND, *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    slow = r"^Executing <.*> took \d+\.\d+ seconds\n"
    return re.sub(slow, "", done.stderr, flags=re.MULTILINE), done.returncode


#: Demos that hold what has to be closed.
_WITH_RESOURCES = (
    "13-where-break-leaves-it",
    "16-task-group",
    "20-subprocess",
    "21-network",
    "23-database",
)


@pytest.mark.sampled(6)
@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["-V"], 0),
        (["demos"], 0),
        (["-c", "async for n in (i async for i in anything): n"], 1),
        (["-c", "import sys; sys.exit(3)"], 3),
        (["-c", "await asyncio.sleep(0.01)"], 0),
        (["replay", "--speed", "1000", "--no-pause", "task-group"], 0),
        (["check", *(f"demos/{name}.pycon" for name in _WITH_RESOURCES), "README.md"], 0),
        *((["export", "six-steps", "--to", each], 0) for each in ("py", "html", "cast")),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "",
)
def test_a_call_is_clean(words: list[str], status: int, tmp_path: Path) -> None:
    """Nothing on stderr but the traceback of an error that is the user's."""
    options = ["-o", str(tmp_path / "out")] if words[0] == "export" else []
    paths = [str(ROOT / word) if (ROOT / word).exists() else word for word in words[1:]]
    if words == ["demos"]:
        paths = []
    complaints, found = run(words[0], *paths, *options)
    if status == 1:
        complaints = complaints.partition("NameError: name 'anything' is not defined\n")[2]
    assert (complaints, found) == ("", status)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("options", [[], ["--trace"], ["--clock", "virtual"], ["explain"]])
def test_a_program_is_clean(tmp_path: Path, options: list[str]) -> None:
    """Also one with loops of its own."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    assert run(*options, str(path)) == ("", 0)


def test_a_session_in_a_pipe_is_clean() -> None:
    """Also with tasks that run when it ends."""
    assert run(stdin=SESSION) == ("", 0)


def test_a_session_at_a_terminal_is_clean(tmp_path: Path) -> None:
    """From the start to Ctrl-D, with Ctrl-C on the way: nothing complains on the screen."""
    terminal = Terminal(
        [*COMMAND, "-q", "--no-startup"],
        rows=40,
        env={"ASYNCREPL_HISTORY": str(tmp_path / "history")},
    )
    try:
        terminal.wait_for_prompt()
        for line in ("import asyncio", *SESSION.splitlines()[3:10], ":lanes on", "1 +"):
            terminal.enter(line)
        terminal.begin("await asyncio.sleep(99)")
        terminal.send("\x03")
        terminal.wait_for("KeyboardInterrupt")
        terminal.wait_for_prompt()
        terminal.send("\x04")
        assert terminal.exit_status() == 0
        # That a step of the user's took long is true of a busy machine; ours has our path in it.
        for complaint in ("Warning", "Traceback", "asyncrepl/"):
            assert complaint not in "\n".join(terminal.scrollback)
    finally:
        terminal.close()
