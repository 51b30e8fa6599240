"""What a session has of a plain Python prompt: hooks, prompts, the last error, signals."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pexpect
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal


def shown(terminal: Terminal) -> str:
    return "\n".join(terminal.scrollback)


def test_the_last_error_can_be_debugged(terminal: Terminal) -> None:
    """`pdb.pm()` stands in the frame that raised, with its names."""
    terminal.enter("def f(depth):\rreturn 1/depth\r")
    terminal.enter("f(0)")
    if sys.version_info >= (3, 12):
        terminal.enter("import sys; type(sys.last_exc) is sys.last_type is ZeroDivisionError")
        terminal.wait_for("True")
    terminal.send("import pdb; pdb.pm()\r")
    terminal.wait_for("(Pdb)")
    terminal.send("p depth + 41 * 100\r")
    terminal.wait_for("4100")
    terminal.send("q\r")
    terminal.wait_for_prompt()


def test_the_users_excepthook_shows_errors(terminal: Terminal) -> None:
    """It is called instead of our own showing; the explanation stays."""
    terminal.enter("def hook(t, v, tb): print('HOOK', t.__name__, tb and tb.tb_lineno)")
    terminal.enter("import sys; sys.excepthook = hook")
    terminal.enter("1/0")
    assert "HOOK ZeroDivisionError 1" in terminal.scrollback
    assert "ZeroDivisionError: division" not in shown(terminal)
    terminal.enter("x = = 1")
    assert "HOOK SyntaxError None" in terminal.scrollback
    terminal.enter("async for x in [1]: x")
    assert "HOOK TypeError 1" in terminal.scrollback
    terminal.wait_for("try  for x in [1]: x")
    terminal.enter("sys.excepthook = sys.__excepthook__")
    terminal.enter("1/0")
    terminal.wait_for("ZeroDivisionError: division by zero")


def test_an_excepthook_that_fails_is_told_as_python_tells_it(terminal: Terminal) -> None:
    """Both errors are shown, and the session goes on."""
    terminal.enter("import sys; sys.excepthook = lambda *_: [][0]")
    terminal.enter("1/0")
    text = shown(terminal)
    assert "Error in sys.excepthook:" in text
    assert "IndexError" in text
    assert "Original exception was:" in text
    assert "ZeroDivisionError: division by zero" in text


def test_the_prompts_are_the_users(terminal: Terminal) -> None:
    """`sys.ps1` and `sys.ps2` are shown, in their colours, also where they are objects."""
    terminal.enter("import sys; sys.ps1, sys.ps2")
    terminal.wait_for("('>>> ', '... ')")
    terminal.send("sys.ps1, sys.ps2 = '\\x1b[32mpy>\\x1b[0m ', '  > '\r")
    terminal.wait(lambda: terminal.cursor_line == "py>", "a prompt of the user's")
    terminal.send("if 1:\r")
    terminal.wait(lambda: terminal.cursor_line == "  >", "a second prompt of the user's")
    terminal.send("2 + 3\r\r")
    terminal.wait(lambda: "5" in terminal.lines and terminal.cursor_line == "py>")
    terminal.send("x = = 1\r")
    terminal.wait(lambda: " " * 8 + "^" in terminal.lines, "a mark below the typed line")
    terminal.send("class P:\rn = 0\rdef __str__(self):\rP.n += 1; return f'{P.n}: '\r\r\r")
    terminal.wait(lambda: terminal.cursor_line == "py>")
    terminal.send("sys.ps1 = P()\r")
    terminal.wait(lambda: terminal.cursor_line == "1:")
    terminal.send("4\r")
    terminal.wait(lambda: terminal.cursor_line == "2:")
    terminal.send("del sys.ps1\r")
    terminal.wait_for_prompt()


def test_a_prompt_that_fails_is_ours(terminal: Terminal) -> None:
    """Neither an error in `__str__` nor a clear-screen in it reaches the terminal."""
    terminal.enter("import sys; sys.ps1 = type('P', (), {'__str__': lambda s: 1/0})()")
    terminal.send("sys.ps1 = 'a\\x1b[2J\\x07\\nb> '\r")
    terminal.wait(lambda: terminal.cursor_line == "b>", "the last line of the prompt")
    assert "import sys" in shown(terminal)


def test_a_prompt_that_blocks_is_ours_after_ctrl_c(terminal: Terminal) -> None:
    """Its `__str__` does not come back: Ctrl-C ends that, and the session goes on."""
    terminal.enter("import sys, time; blocked = lambda s: print('asked') or time.sleep(99)")
    terminal.send("sys.ps1 = type('P', (), {'__str__': blocked})()\r")
    terminal.wait(lambda: "asked" in terminal.lines, "the question")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    terminal.enter("del sys.ps1")
    terminal.enter("'alive'")
    assert "'alive'" in terminal.scrollback


HANDLERS = {
    "signal": "signal.signal(signal.SIGINT, lambda *_: print('MINE'))",
    "loop": "asyncio.get_running_loop().add_signal_handler(signal.SIGINT, print, 'MINE')",
}
DEFAULTS = {
    "signal": "signal.signal(signal.SIGINT, signal.default_int_handler)",
    "loop": "asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)",
}


@pytest.mark.parametrize("how", HANDLERS)
def test_ctrl_c_at_the_prompt_is_for_the_users_handler(terminal: Terminal, how: str) -> None:
    """It runs, and the line that is typed stays, as under `python`."""
    terminal.enter("import signal")
    terminal.enter("_ = " + HANDLERS[how])
    terminal.send("1 + ")
    terminal.wait(lambda: terminal.cursor_line == ">>> 1 +")
    terminal.send("\x03")
    terminal.wait(lambda: terminal.cursor_line == ">>> 1 +" and "MINE" in terminal.lines)
    terminal.send("2\r")
    terminal.wait(lambda: "3" in terminal.lines and terminal.at_prompt)
    terminal.enter("_ = " + DEFAULTS[how])
    terminal.send("12")
    terminal.wait(lambda: terminal.cursor_line == ">>> 12")
    terminal.send("\x03")
    terminal.wait(lambda: ">>> 12^C" in terminal.lines and terminal.at_prompt)


def test_an_ignored_ctrl_c_does_nothing(terminal: Terminal) -> None:
    """With SIG_IGN neither the typed line nor a statement is interrupted."""
    terminal.enter("import signal; _ = signal.signal(signal.SIGINT, signal.SIG_IGN)")
    terminal.send("1 + \x032\r")
    terminal.wait(lambda: "3" in terminal.lines and terminal.at_prompt)
    terminal.begin("await asyncio.sleep(0.3); 'slept'")
    terminal.send("\x03")
    terminal.wait_for("'slept'")


def test_a_default_action_ends_the_session(terminal: Terminal) -> None:
    """With SIG_DFL Ctrl-C at the prompt leaves, with the terminal restored."""
    terminal.enter("import signal; _ = signal.signal(signal.SIGINT, signal.SIG_DFL)")
    terminal.send("\x03")
    assert terminal.exit_status() == 130
    assert terminal.attributes() == terminal.found


def test_prompts_on_a_dumb_terminal(start: Callable[..., Terminal]) -> None:
    """There, too, `sys.ps1` is shown."""
    terminal = start(env={"TERM": "dumb"})
    terminal.send("import sys; sys.ps1 = 'py> '\r")
    terminal.wait(lambda: terminal.cursor_line == "py>")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("colours", [{}, {"NO_COLOR": "1"}, {"TERM": "vt100"}])
def test_a_program_can_wait_for_each_prompt(colours: dict[str, str]) -> None:
    """Who drives it with pexpect and no screen gets the prompts whole, with the blank."""
    environment = {**os.environ, "TERM": "xterm-256color", **colours}
    words = ["-m", "asyncrepl", "-q", "--no-startup"]
    child = pexpect.spawn(sys.executable, words, env=environment, dimensions=(24, 80), timeout=30)
    for line in ("x = 6 * 7", "if x:", "    x", ""):
        child.expect_exact("... " if line[:1] == " " or not line else ">>> ")
        child.send(line.strip() + "\r")
    child.expect_exact("42")
    child.expect_exact(">>> ")
    child.sendeof()
    child.expect_exact(pexpect.EOF)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="new in Python 3.14")
def test_a_misspelt_keyword_is_told(terminal: Terminal) -> None:
    """With the mark below the word, also in a later line."""
    terminal.enter("whille True: pass")
    assert terminal.scrollback[-3] == "    ^^^^^^"
    assert terminal.scrollback[-2] == "SyntaxError: invalid syntax. Did you mean 'while'?"
    terminal.enter("for x in [1]:\rraies x")
    shown = ["        raies x", "        ^^^^^"]
    assert terminal.scrollback[-4:-2] == shown
    assert "Did you mean 'raise'? (line 2)" in terminal.scrollback[-2]
