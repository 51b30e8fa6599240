"""Typing ahead: keys that come while something runs, many at once where a terminal pastes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)

COUNT = """\
import prompt_toolkit.key_binding.key_processor as keys, prompt_toolkit.renderer as drawing
calls = [0, 0]
def counted(number, function):
    def call(*args, **options):
        calls[number] += 1
        return function(*args, **options)
    return call

keys.KeyProcessor._get_matches = counted(0, keys.KeyProcessor._get_matches)
drawing.Renderer.render = counted(1, drawing.Renderer.render)
"""
LINES = 150


def test_each_line_costs_the_same_however_many_come(terminal: Terminal) -> None:
    """Of lines typed ahead each is looked at once, not again after each line before it."""
    terminal.paste(COUNT)
    terminal.enter("")
    terminal.enter("")
    terminal.begin("await asyncio.sleep(0.5); calls[:] = 0, 0")
    terminal.send("".join(f"x = {number}\r" for number in range(LINES)) + "'the' 'end', x\r")
    terminal.wait_for(f"('theend', {LINES - 1})")
    terminal.wait_for_prompt()
    terminal.enter("calls[0] // 150, calls[1] // 150")
    matches, renders = eval(terminal.scrollback[-2])
    assert matches <= 20
    assert renders <= 8


def test_ctrl_c_drops_what_is_typed_ahead(terminal: Terminal) -> None:
    """What waits for the statement that Ctrl-C ends is not run."""
    terminal.enter("n = 0")
    terminal.begin("print('up'); await asyncio.sleep(60)")
    terminal.wait(lambda: "up" in terminal.lines, "the statement to run")
    terminal.send("n += 1\r" * LINES)
    terminal.send("print('not to be seen')")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    terminal.enter("'n is', n")
    assert terminal.scrollback[-2] == "('n is', 0)"


def test_ctrl_c_ends_a_paste_in_the_middle(terminal: Terminal) -> None:
    """The statement that runs is interrupted, those after it are dropped."""
    terminal.enter("n = 0")
    terminal.send("await asyncio.sleep(0.1); n += 1; print('n', n)\r" * 100)
    terminal.wait_for("n 3")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    terminal.enter("'few' if n < 50 else 'many'")
    assert terminal.scrollback[-2] == "'few'"


def test_keys_after_ctrl_c_are_typed(terminal: Terminal) -> None:
    """What is typed while an interrupted statement cleans up is for the next prompt."""
    terminal.send("try: print('up'); await asyncio.sleep(60)\r")
    terminal.send("finally: print('clean'); await asyncio.sleep(0.3)\r\r")
    terminal.wait(lambda: "up" in terminal.lines, "the statement to run")
    terminal.send("dropped = 1\r")
    terminal.send("\x03")
    terminal.wait(lambda: "clean" in terminal.lines, "the cleanup")
    terminal.send("kept = 1\r")
    terminal.wait_for(">>> kept = 1")
    terminal.wait_for_prompt()
    terminal.enter("'dropped' in globals(), 'kept' in globals()")
    assert terminal.scrollback[-2] == "(False, True)"


def test_keys_that_edit_are_still_keys(terminal: Terminal) -> None:
    """Backspace, Ctrl-A, Alt-Enter among text typed ahead do what they do at a prompt."""
    terminal.begin("await asyncio.sleep(0.3)")
    terminal.send("+ 41x\x7f\x011 \rif 1:\x1b\rprint('in' 'side')\r\r")
    terminal.wait_for("inside")
    assert "42" in terminal.scrollback


def test_ctrl_c_in_the_first_moment_drops_too(start: Callable[..., Terminal]) -> None:
    """Also while the session behind the prompt is being imported."""
    terminal = start()
    terminal.send("await asyncio.sleep(60)\rdropped = 1\r")
    terminal.wait(lambda: terminal.cursor_line == "", "the echo")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    terminal.enter("'dropped' in globals()")
    assert terminal.scrollback[-2] == "False"


def test_keys_read_together_with_ctrl_c_are_typed(terminal: Terminal) -> None:
    """A line that comes in one piece with Ctrl-C, behind it, is for the next prompt; none is lost."""
    for number in range(10):
        terminal.send(f"await asyncio.sleep(60)\rdropped = 1\r\x03'kept' ' {number}'\r")
        terminal.wait_for(f"'kept {number}'")
        terminal.wait_for_prompt()
    terminal.enter("'dropped' in globals()")
    assert terminal.scrollback[-2] == "False"
