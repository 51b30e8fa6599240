"""``!COMMAND`` without a terminal: its output, its end, what is told of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from asyncrepl.syntax.parsed_input import Command, as_command, is_complete

if TYPE_CHECKING:
    from support.shells import Typed


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("!echo one; echo two >&2", "one\ntwo\n"),
        ("! echo apart", "apart\n"),
        ("!!echo as in IPython", "as in IPython\n"),
        (":shell echo named", "named\n"),
        ("!exit 3", "exit status 3\n"),
        ("!no-such-program-here 2>/dev/null", "exit status 127\n"),
        ("!kill -9 $$", "ended by SIGKILL\n"),
        ("!cat", ""),
        (
            "!cd /tmp",
            "cd has changed that shell only; for this session: import os; os.chdir('/tmp')\n",
        ),
        ("!", "! takes a command of the shell: try !ls\n"),
        ("!printf '\\000\\377' | od -An -c", "  \\0 377\n"),
    ],
)
def test_its_output_and_how_it_ended(type_in: Typed, typed: str, shown: str) -> None:
    """An exit status other than 0 is told; no input is waited for."""
    assert type_in(typed) == shown


def test_the_loop_goes_on(type_in: Typed) -> None:
    """A task that waits for the program's file runs while the program waits for the task's."""
    type_in("import os, pathlib; os.mkfifo(p := '/tmp/typing-' + str(os.getpid()))")
    type_in(
        "task = asyncio.get_running_loop().run_in_executor(None, pathlib.Path(p).write_text, 'met')"
    )
    assert type_in("!cat /tmp/typing-$PPID") == "met"
    type_in("os.unlink(p)")


@pytest.mark.parametrize("after", [0.01, 0.3], ids=["at once", "when it has started others"])
def test_an_interrupt_reaches_the_program(type_in: Typed, after: float) -> None:
    """It ends, with all that it has started, and that is told."""
    began = time.monotonic()
    assert type_in("!trap 'exit 130' INT; sleep 60 & wait", interrupt_after=after) in {
        "ended by SIGINT\n",
        "exit status 130\n",
    }
    assert time.monotonic() - began < 30


def test_it_is_a_command_and_no_python() -> None:
    """Also with brackets and quotes that Python would wait for the end of."""
    assert as_command("!ls -l") == Command("shell", "ls -l")
    assert is_complete("!echo '(")
    assert is_complete(":shell echo {")
    assert not is_complete("!echo \\")
