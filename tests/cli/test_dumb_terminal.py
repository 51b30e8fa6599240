"""A terminal that cannot move its cursor: lines in, lines out, a loop that lives."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pexpect
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Child = pexpect.spawn[str]

pytestmark = pytest.mark.sampled(2)


@pytest.fixture
def child() -> Iterator[Child]:
    environ = os.environ | {"TERM": "dumb", "ASYNCREPL_HISTORY": "", "PYTHONIOENCODING": "utf-8"}
    child = pexpect.spawn(
        sys.executable,
        ["-m", "asyncrepl", "--no-startup"],
        env=environ,
        encoding="utf-8",
        timeout=30,
        echo=False,
    )
    child.expect_exact(">>> ")
    yield child
    child.close(force=True)


def ask(child: Child, text: str) -> str:
    """Type `text` and give back what comes before the next prompt."""
    child.sendline(text)
    child.expect_exact(">>> ")
    return (child.before or "").replace("\r\n", "\n")


def test_a_dumb_terminal_gets_no_escape_codes(child: Child) -> None:
    """There are prompts and values, and no escape sequence at all."""
    assert ask(child, "6 * 7") == "42\n"
    assert "\x1b" not in ask(child, "1/0")


def test_prompts_are_at_the_terminal_where_the_output_goes_to_a_file(tmp_path: Path) -> None:
    """As Python's own: what is typed and errors are seen, the file has what was printed alone."""
    script = 'exec "$0" -m asyncrepl --no-startup >"$1"'
    environ = os.environ | {"ASYNCREPL_HISTORY": "", "PYTHONIOENCODING": "utf-8"}
    child = pexpect.spawn(
        "sh",
        ["-c", script, sys.executable, str(tmp_path / "out")],
        env=environ,
        encoding="utf-8",
        timeout=30,
        echo=False,
    )
    child.expect_exact("asyncrepl ")
    child.expect_exact(">>> ")
    assert ask(child, "6 * 7") == ""
    assert ask(child, "1/0") == "ZeroDivisionError: division by zero\n"
    assert ask(child, "for i in 'ab': print(i)") == ""
    child.sendeof()
    child.expect_exact(pexpect.EOF)
    child.close()
    assert (tmp_path / "out").read_text() == "42\na\nb\n"


def test_a_block_has_continuation_prompts(child: Child) -> None:
    """A block goes on with dots until an empty line."""
    child.sendline("async for x in z:")
    child.expect_exact("... ")
    child.sendline("    x")
    child.expect_exact("... ")
    assert "NameError" in ask(child, "")


def test_the_loop_lives_while_the_prompt_waits(child: Child) -> None:
    """A ticker prints while nobody types."""
    child.sendline(":ticker tick 0.05")
    child.expect_exact("tick │ 2")
    child.expect_exact("tick │ 3")


def test_ctrl_c_drops_the_line_and_interrupts_a_statement(child: Child) -> None:
    """Ctrl-C gives a new prompt, whether a statement runs or not."""
    child.sendintr()
    child.expect_exact("\r\nKeyboardInterrupt\r\n>>> ")
    assert ask(child, "2") == "2\n"
    child.sendline("print('go'); await asyncio.sleep(60)")
    child.expect_exact("go\r\n")
    child.sendintr()
    child.expect_exact("KeyboardInterrupt at <input 2>:1")
    child.expect_exact(">>> ")
    assert ask(child, "1") == "1\n"


def test_the_end_of_input_leaves(child: Child) -> None:
    """Ctrl-D ends the session with status 0, after an error too."""
    ask(child, "1/0")
    child.sendeof()
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0


def test_exit_leaves_with_its_status(child: Child) -> None:
    """SystemExit ends the session with its code."""
    child.sendline("raise SystemExit(7)")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 7


def test_what_runs_meanwhile_leaves_the_prompt_alone(child: Child) -> None:
    """Its output has rows of its own, the prompt comes again, and what is typed counts."""
    child.sendline(":ticker tick 0.2")
    child.expect_exact(">>> \r\ntick │ 1\r\n>>> \r\ntick │ 2\r\n>>> ")
    child.send("'sp")
    child.expect_exact("\r\ntick │ 4\r\n>>> ")
    child.sendline("am'")
    child.expect("'spam'\r\n(tick │ [0-9]+\r\n)*>>> ")  # one may come before the prompt is there
    child.sendline(":stop all")
    child.expect_exact("tick stopped\r\n>>> ")


def test_an_unfinished_row_ends_before_the_prompt(child: Child) -> None:
    """A progress bar leaves the prompt its own row."""
    assert ask(child, "print('half', end='\\r')") == "half\r\n"


def test_what_a_program_asks_for_is_not_read_by_the_prompt(child: Child) -> None:
    """The line that is typed for `input` goes to it; none is lost."""
    for _ in range(5):
        child.sendline("input('name? ')")
        child.expect_exact("name? ")
        assert ask(child, "Ada") == "'Ada'\n"


def test_the_debugger_can_be_asked(child: Child) -> None:
    """:debug opens pdb, which reads whole lines, too."""
    ask(child, "def f():\n    word = 'spam'\n    1 / 0\n")
    child.sendline("f()")
    child.expect_exact("ZeroDivisionError")
    child.sendline(":debug")
    child.expect_exact("(Pdb) ")
    child.sendline("p word * 2")
    child.expect_exact("'spamspam'")
    child.expect_exact("(Pdb) ")
    child.sendline("q")
    child.expect_exact(">>> ")
    assert ask(child, "6 * 7") == "42\n"


def test_a_program_has_the_terminal(child: Child) -> None:
    """What it asks for is typed to it."""
    child.sendline("!read name && echo hello $name")
    assert ask(child, "Ada") == "hello Ada\n"


def test_the_inputs_are_listed(child: Child) -> None:
    """:history knows them."""
    ask(child, "6 * 7")
    assert ask(child, ":history") == "6 * 7\n"


def test_what_to_do_next_is_said(child: Child) -> None:
    """As on other terminals: of a source that is not loaded, a value, a mistake and its fix."""
    assert "next  :load ticks loads the source of that name" in ask(child, "ticks")
    assert "try  async for" in ask(child, ":load ticks")
    assert "await" in ask(child, "asyncio.create_task(asyncio.sleep(9))").splitlines()[-1]
    told = ask(child, "for n in ticks(1): n")
    assert told.endswith("next  :fix shows the corrected code\n")
    assert ask(child, ":fix") == "async for n in ticks(1): n\n"
    assert "next  the course: asyncrepl replay await\n" in ask(child, "async for n in ticks(1): n")


def test_the_tour_speaks_of_no_key_that_is_not_there(child: Child) -> None:
    """The line of each step is to be typed."""
    told = ask(child, ":tour")
    assert "Tab" not in told
    assert "type  :ticker tick 1\n" in told


def test_a_statement_can_be_walked_through(child: Child) -> None:
    """At each stop a line is asked for, whose first letter is the key; Enter goes on."""
    ask(child, "async def slow(n):\n  for i in range(n):\n    await asyncio.sleep(60); yield i\n")
    child.sendline(":walk async for x in slow(9): x")
    child.expect("round 1.*at __anext__, 0[.].*\r\nstep> ")
    child.sendline("t")
    child.expect("x = 0.*\r\n0\r\n.*paused, 60.*\r\nstep> ")
    child.sendline("e x + 41")
    child.expect("^value of x [+] 41\r\n41\r\n.*step> ")  # no empty row
    child.sendline("what")
    child.expect("a letter: t, n, v or c.*step> ")
    child.sendline("t")
    child.expect("x = 1.*step> ")
    child.sendintr()
    child.expect_exact("KeyboardInterrupt at <input 1>:3")
    child.expect_exact(">>> ")
    assert ask(child, "6 * 7") == "42\n"


def test_ctrl_c_and_the_end_of_input_while_a_statement_is_walked_through(child: Child) -> None:
    """Where it stands in the midst of a slice, too; the end of input lets it go on."""
    ask(child, "async def eager(n):\n  for i in range(n): yield i\n")
    child.sendline(":walk async for x in eager(3): x")
    child.expect_exact("step> ")
    child.sendline("")
    child.expect("round 2.*step> ")
    child.sendintr()
    child.expect_exact("KeyboardInterrupt at <input 2>:1")
    child.expect_exact(">>> ")
    child.sendline(":walk async for x in eager(3): x")
    child.expect_exact("step> ")
    child.sendeof()
    child.expect_exact("\r\n2\r\n")
    child.expect_exact(">>> ")
    assert ask(child, "6 * 7") == "42\n"


def test_a_ctrl_c_right_before_a_line_is_read_is_not_lost(child: Child) -> None:
    """Python has been told of it, but the system was already asked for the line."""
    ask(child, "import _thread, threading")
    ask(child, "async def one():\n  yield 1\n")
    ask(child, "threading.Timer(1, _thread.interrupt_main).start()")
    child.sendline(":walk async for x in one(): x")
    child.expect_exact("step> ")
    child.expect_exact("KeyboardInterrupt")
    child.expect_exact(">>> ")
