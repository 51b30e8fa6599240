from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from support.optional_programs import needs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)


def test_input_reads_a_line(terminal: Terminal) -> None:
    """input() shows its question, takes a line, and gives the terminal back."""
    terminal.type("name = input('name? ')\r", "name?")
    terminal.enter("Ада")
    terminal.enter("name")
    assert terminal.scrollback[-2] == "'Ада'"


def test_input_at_the_end_of_input(terminal: Terminal) -> None:
    """Ctrl-D in input() is EOFError, not the end of the session."""
    terminal.type("input('? ')\r", "?")
    terminal.send("\x04")
    terminal.wait_for("EOFError")
    terminal.wait_for_prompt()


def test_input_edits_its_line(terminal: Terminal) -> None:
    """As under python: the cursor moves, and earlier answers come back; the question stays."""
    terminal.type("first = input('\\x1b[31mдва\\x1b[0m 日本? ')\r", "два 日本?")
    terminal.type("ac", "два 日本? ac")
    terminal.type("\x1b[D日b\x7fб\x1b[H-", "два 日本? -a日бc")
    terminal.enter("")
    terminal.type("print('not a row, ', end=''); again = input('again? ')\r", "not a row, again?")
    terminal.type("x", "not a row, again? x")
    terminal.type("\x1b[A", "not a row, again? -a日бc")
    terminal.enter("!")
    terminal.enter("first, again")
    assert terminal.scrollback[-2] == "('-a日бc', '-a日бc!')"


def test_a_program_may_fill_in_the_answer(terminal: Terminal) -> None:
    """With readline's hook, as under python."""
    terminal.enter("import readline")
    terminal.enter("readline.set_startup_hook(lambda: readline.insert_text('Bob'))")
    terminal.type("name = input('name? ')\r", "name? Bob")
    terminal.enter("by")
    terminal.enter("name")
    assert terminal.scrollback[-2] == "'Bobby'"


def test_a_question_of_more_than_a_row_is_answered(start: Callable[..., Terminal]) -> None:
    """It stays as it is; the terminal itself edits the answer."""
    terminal = start(columns=40, rows=15)
    terminal.type("name = input('what is your name' * 3)\r", "s your name")
    terminal.enter("Bo\x7fob")
    terminal.enter("name")
    assert terminal.scrollback[-2] == "'Bob'"


def test_input_in_a_thread_leaves_the_loop_alive(terminal: Terminal) -> None:
    """`await to_thread(input)` works, and background output goes on meanwhile."""
    terminal.enter(":ticker tick 0.05")
    terminal.send("name = await asyncio.to_thread(input, 'name? ')\r")
    terminal.wait_for("name?")
    count = len(terminal.scrollback)
    terminal.wait(lambda: len(terminal.scrollback) > count + 2)
    terminal.send("Bob\r")
    terminal.wait_for_prompt()
    terminal.enter("name")
    terminal.wait_for("'Bob'")


def test_a_line_typed_ahead_goes_to_input(terminal: Terminal) -> None:
    """Keys typed before input() asks are its answer."""
    terminal.enter("import time; time.sleep(.1); name = input('name? ')\rBob")
    terminal.enter("name")
    assert terminal.scrollback[-2] == "'Bob'"


def test_the_beginning_of_a_line_typed_ahead_can_be_edited(terminal: Terminal) -> None:
    """It is a part of the answer, and not of the next statement."""
    terminal.begin("import time; time.sleep(.2); name = input('name? ')")
    terminal.type("Bab", "name? Bab")
    terminal.send("\x1b[D\x7fo\r")
    terminal.wait_for_prompt()
    terminal.enter("name")
    assert terminal.scrollback[-2] == "'Bob'"


def test_breakpoint_opens_pdb(terminal: Terminal) -> None:
    """breakpoint() stops in the user's frame, answers, and continues."""
    terminal.enter("def f(x):\ry = x + 1\rbreakpoint()\rreturn y\r")
    terminal.type("f(3)\r", "(Pdb)")
    terminal.send("p y * 100\r")
    terminal.wait_for("400")
    terminal.wait(lambda: terminal.cursor_line == "(Pdb)")
    terminal.enter("c")
    # Below it may stand, in two rows, for how long the loop was blocked.
    assert "4" in terminal.scrollback[-4:]


@pytest.mark.parametrize("call", ["f(3)", "await g(3)"])
def test_stepping_ends_with_the_statement(terminal: Terminal, call: str) -> None:
    """As under python: the machinery behind it is nobody's program."""
    terminal.enter("def f(x):\rbreakpoint()\rreturn x + 1\r")
    terminal.enter("async def g(x):\rawait asyncio.sleep(0)\rreturn f(x)\r")
    terminal.type(call + "\r", "(Pdb)")
    steps = 0
    while not terminal.at_prompt:
        steps += 1
        terminal.send("n\r")
        terminal.wait(
            lambda steps=steps: (
                terminal.scrollback.count("(Pdb) n") == steps
                and (terminal.at_prompt or terminal.cursor_line == "(Pdb)")
            )
        )
    assert "4" in terminal.scrollback
    beyond = ("asyncio/", "asyncrepl/", "<lambda>")
    assert not any(each in line for line in terminal.scrollback for each in beyond)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("call", ["import pdb; pdb.set_trace()", "breakpoint()"])
@pytest.mark.parametrize("program", ["{}", "def f(x):\r{}\rreturn x\r\rf(3)\r"])
def test_a_debugger_stops_in_user_code(terminal: Terminal, call: str, program: str) -> None:
    """Whoever starts it: neither where a value is shown, nor in what runs the statement."""
    terminal.type(program.format(call).rstrip("\r") + "\r", "(Pdb)")
    terminal.send("w\r")
    terminal.wait(lambda: terminal.scrollback.count("(Pdb) w") == 1)
    terminal.wait(lambda: terminal.cursor_line == "(Pdb)")
    frames = [line for line in terminal.scrollback if line.startswith(("> ", "  <", "  /"))]
    assert frames
    assert all(line[2:].startswith("<input ") for line in frames)
    terminal.enter("c")
    assert terminal.at_prompt


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "door", [":run {1}", "!{0} -m asyncrepl {1}", "!TERM=dumb {0} -m asyncrepl {1}"]
)
@pytest.mark.parametrize("kind", ["xterm-256color", "dumb"])
def test_a_debugger_stops_in_a_program(
    start: Callable[..., Terminal], tmp_path: Path, door: str, kind: str
) -> None:
    """Through every door, from its first frame to its end."""
    path = tmp_path / "main.py"
    path.write_text("def f():\n    breakpoint()\n    return 1\nf()\n")
    run = [sys.executable, "-m", "asyncrepl", "-q", "--no-startup"]
    terminal = start(run, env={"TERM": kind})
    terminal.send(door.format(sys.executable, path) + "\r")
    for command in "wrnn":
        terminal.wait(lambda: terminal.cursor_line == "(Pdb)")
        terminal.send(command + "\r")
        terminal.wait(lambda sent=command: any(f"(Pdb) {sent}" in row for row in terminal.lines))
    terminal.wait_for_prompt()
    frames = [row[2:] for row in terminal.scrollback if row.startswith(("> ", "  /"))]
    assert frames
    assert all(frame.startswith(str(tmp_path)) for frame in frames)


def test_a_debugger_leaves_ctrl_c_to_the_session(terminal: Terminal) -> None:
    """After `c`, too, it interrupts the statement, and does not lead into pdb again."""
    goes_on = "await asyncio.sleep(0.2); print('on' + 'ward'); await asyncio.sleep(99)"
    terminal.type(f"import pdb; pdb.set_trace(); {goes_on}\r", "(Pdb)")
    terminal.send("c\r")
    terminal.wait_for("onward")
    terminal.send("\x03")
    terminal.wait_for("KeyboardInterrupt at ")
    terminal.wait_for_prompt()


def test_a_debugger_stops_in_the_repr_of_a_value(terminal: Terminal) -> None:
    """Which the tool calls: `breakpoint()` stands there."""
    terminal.enter("class A:\rdef __repr__(self):\rbreakpoint()\rreturn 'an A'\r")
    terminal.type("A()\r", "(Pdb)")
    assert terminal.scrollback[-3:-1][0].endswith("__repr__()")
    terminal.send("r\r")
    terminal.wait_for("->'an A'")
    terminal.wait(lambda: terminal.cursor_line == "(Pdb)")
    terminal.enter("n")
    assert "an A" in terminal.scrollback


def test_getpass_does_not_echo(terminal: Terminal) -> None:
    """getpass() hides what is typed."""
    terminal.send("import getpass; secret = getpass.getpass()\r")
    terminal.wait_for("Password:")
    terminal.enter("sesame")
    assert not any("sesame" in line for line in terminal.scrollback)
    terminal.enter("secret")
    assert terminal.scrollback[-2] == "'sesame'"


def test_a_program_has_the_real_terminal(terminal: Terminal) -> None:
    """os.system runs a program that reads the keyboard and sees a terminal."""
    terminal.enter("import os")
    terminal.begin("os.system('test -t 0 && echo ready && read line && echo got $line')")
    terminal.wait(lambda: "ready" in terminal.lines)
    terminal.send("it\r")
    terminal.wait_for_prompt()
    assert "got it" in terminal.scrollback


@needs("less")
def test_help_uses_a_pager(start: Callable[..., Terminal]) -> None:
    """help() gives the terminal to the pager, and it comes back."""
    terminal = start(env={"PAGER": "less", "LESS": ""})
    terminal.send("help(len)\r")
    terminal.wait_for("(END)")
    terminal.send("q")
    terminal.wait_for_prompt()
    terminal.enter("1 + 1")


def test_curses_has_the_terminal(terminal: Terminal) -> None:
    """It draws on a screen of its own and reads a key; then the prompt is where it was."""
    terminal.enter("import curses")
    for key in "kl":  # the second time it has been started already
        terminal.begin(f"curses.wrapper(lambda w: (w.addstr(3, 3, 'at {key}'), chr(w.getch())))")
        terminal.wait(lambda key=key: f"   at {key}" in terminal.lines)
        terminal.send(key)
        terminal.wait_for_prompt()
        assert any(f"'{key}')" in line for line in terminal.scrollback)
    assert not any("\\x1b" in line for line in terminal.scrollback)
    terminal.enter("1 + 1")
    assert terminal.scrollback[-2] == "2"


def test_keys_can_be_read_one_by_one(terminal: Terminal) -> None:
    """Who sets the modes of standard input has the terminal to the end of the statement."""
    terminal.enter("import os, sys, tty")
    body = "tty.setcbreak(0); print('one')\ra = sys.stdin.read(1); print('two')\r"
    terminal.enter(f"def read():\r{body}return a, os.read(0, 1)\r")
    terminal.begin("read()")
    terminal.wait(lambda: "one" in terminal.lines)
    terminal.send("x")
    terminal.wait(lambda: "two" in terminal.lines)
    terminal.send("y")
    terminal.wait_for_prompt()
    assert "('x', b'y')" in terminal.lines


@needs("less")
def test_a_pager_that_is_written_to_has_the_terminal(start: Callable[..., Terminal]) -> None:
    """As `pydoc.pager` starts it, and libraries that show pages with it."""
    terminal = start(env={"PAGER": "less", "LESS": ""})
    terminal.begin("import pydoc; pydoc.pager('line\\n' * 99)")
    # From 3.13 on pydoc has it say more than a colon.
    terminal.wait(lambda: terminal.cursor_line.startswith((":", " line 1")))
    terminal.send("q")
    terminal.wait_for_prompt()
    terminal.enter("1 + 1")


def test_a_program_that_is_only_started_does_not_get_the_terminal(terminal: Terminal) -> None:
    """What it prints later stands above the line that is typed."""
    terminal.enter("from subprocess import Popen, PIPE; p = Popen('cat', stdin=PIPE)")
    terminal.enter("p.stdin.write(b'from cat\\n') and p.stdin.close()")
    terminal.wait_for("from cat")
    assert terminal.cursor_line == ">>>"


def test_programs_are_started_in_every_form(terminal: Terminal) -> None:
    """A path, bytes, an iterator and a keyword are what `Popen` takes beside lists and text."""
    terminal.enter("from pathlib import Path; from subprocess import Popen")
    forms = "Path('/bin/true')", "b'/bin/true'", "iter(['/bin/true'])", "args=('/bin/true',)"
    for form in forms:
        terminal.enter(f"Popen({form}).wait()")
        assert terminal.scrollback[-2] == "0", form
