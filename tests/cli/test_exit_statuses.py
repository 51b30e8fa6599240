"""Leaving by SystemExit, wherever it is raised: status and message are Python's, and no more."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support import forked_starts
from support.pty import Terminal

if TYPE_CHECKING:
    from pathlib import Path

EXITS = {"None": (0, ""), "'msg'": (1, "msg\n"), "3": (3, ""), "[1]": (1, "[1]\n")}
PLACES = {
    "task": "async def f(): sys.exit(X)\nt = asyncio.create_task(f())\nawait asyncio.sleep(1)\nprint('no')",
    "awaited task": "async def f(): sys.exit(X)\nt = asyncio.create_task(f())\nawait t\nprint('no')",
    "callback": "asyncio.get_running_loop().call_soon(sys.exit, X)\nawait asyncio.sleep(1)\nprint('no')",
    "later": "_ = asyncio.get_running_loop().call_later(0.05, sys.exit, X)\nawait asyncio.sleep(1)\nprint('no')",
    "agen": "async def g():\n    yield 1\n    sys.exit(X)\n\nasync for x in g(): pass\nprint('no')",
    "taskgroup": "async def f(): sys.exit(X)\nasync with asyncio.TaskGroup() as tg:\n    _ = tg.create_task(f())\n    await asyncio.sleep(1)\n\nprint('no')",
    "gather": "async def f(): sys.exit(X)\nawait asyncio.gather(f(), asyncio.sleep(1))\nprint('no')",
    "finally task at end": "async def f():\n    try: await asyncio.sleep(99)\n    finally: sys.exit(X)\nt = asyncio.create_task(f())\nawait asyncio.sleep(0)",
    "thread": "t = asyncio.to_thread(sys.exit, X)\nawait t\nprint('no')",
    "exit()": "exit(X)",
    "quit()": "quit(X)",
    "signal": "import signal, os\n_=signal.signal(signal.SIGUSR1, lambda *_: sys.exit(X))\nos.kill(os.getpid(), signal.SIGUSR1)\nawait asyncio.sleep(1)\nprint('no')",
}


def run(*words: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "asyncrepl", *words]
    return subprocess.run(
        command, input=stdin, text=True, env=os.environ | environ, capture_output=True, check=False
    )


def forked(*words: str, stdin: str) -> subprocess.CompletedProcess[str]:
    return forked_starts.run([sys.executable, "-m", "asyncrepl", *words], input=stdin, text=True)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("how", ["-c", "FILE", "pipe"])
@pytest.mark.parametrize("place", PLACES)
def test_leaving_is_as_under_python(tmp_path: Path, place: str, how: str) -> None:
    """Nothing is on standard error but the message, and nothing more runs."""
    for asked, expected in EXITS.items() if how == "-c" else [("'msg'", (1, "msg\n"))]:
        code = "import asyncio, sys\n" + PLACES[place].replace("X", asked) + "\n"
        program = tmp_path / "program.py"
        program.write_text(code)
        words = {"-c": ["-c", code], "FILE": [str(program)], "pipe": []}[how]
        # Started truly but once for each place: how a process ends is what is looked at.
        start = run if asked == "'msg'" else forked
        finished = start(*words, stdin=code if how == "pipe" else "")
        assert (finished.returncode, finished.stderr) == expected
        assert "no" not in finished.stdout


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    "code",
    [
        "300",
        "-1",
        "True",
        "''",
        "1.5",
        "(1, 2)",
        "10**30",
        "'\\udcff'",
        "type('A', (), {'__str__': 0})()",
    ],
)
def test_what_a_code_means_is_pythons_to_say(code: str) -> None:
    """The status of `sys.exit(CODE)`, and its message, are those of `python -c`."""
    text = f"import sys; sys.exit({code})"
    plain = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False
    )
    finished = run("-c", text)
    assert finished.returncode == plain.returncode
    odd = "OverflowError", "ignored", "not callable"  # of 3.12.1 and 3.13.0, each in its way
    if not any(each in plain.stderr for each in odd):
        assert finished.stderr.strip() == plain.stderr.strip()


@pytest.mark.parametrize("term", ["dumb", "xterm-256color"])
def test_startup_may_leave(tmp_path: Path, term: str) -> None:
    """SystemExit in `startup.py` ends the session before its first prompt."""
    (tmp_path / "asyncrepl").mkdir()
    (tmp_path / "asyncrepl" / "startup.py").write_text("import sys\nsys.exit('not today')\n")
    command = [sys.executable, "-m", "asyncrepl", "-q"]
    terminal = Terminal(command, env={"XDG_CONFIG_HOME": str(tmp_path), "TERM": term})
    try:
        assert terminal.exit_status() == 1
        terminal.wait_for("not today")
        assert not terminal.prompts
    finally:
        terminal.close()


AT_THE_PROMPT = {
    "task": ("async def f(): sys.exit('msg')\r", "t = asyncio.create_task(f())\r"),
    "callback": ("", "asyncio.get_running_loop().call_soon(sys.exit, 'msg')\r"),
    "cleanup": (
        "async def f():\rtry: await asyncio.sleep(99)\rfinally: sys.exit('msg')\r",
        "t = asyncio.create_task(f()); await asyncio.sleep(0)\r\x04",
    ),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("place", AT_THE_PROMPT)
def test_leaving_the_terminal(place: str) -> None:
    """The same at a prompt, whose terminal is restored."""
    terminal = Terminal()
    try:
        terminal.wait_for_prompt()
        terminal.enter("import sys")
        before, last = AT_THE_PROMPT[place]
        terminal.enter(before)
        terminal.send(last)
        assert terminal.exit_status() == 1
        terminal.wait_for("msg")
        assert "Traceback" not in "\n".join(terminal.scrollback)
        assert terminal.attributes() == terminal.found
    finally:
        terminal.close()
