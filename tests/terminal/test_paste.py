"""Sessions with prompts and output, pasted at the prompt."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.pty import Terminal

SESSION = """\
# Narration, which is dropped.
#: pause
>>> import asyncio
>>> async def count(n):
...     for i in range(n):
...
...         yield i
...
>>> async for i in count(2): i
0
1
>>> 1 / 0
Traceback (most recent call last):
  ...
ZeroDivisionError: division by zero
>>> _ = "last"; _
'last'
"""
SHOWN = [
    ">>> import asyncio",
    ">>> async def count(n):", "...     for i in range(n):", "...", "...         yield i", "...",
    ">>> async for i in count(2): i", "0", "1",
    ">>> 1 / 0", "ZeroDivisionError: division by zero",
    '>>> _ = "last"; _', "'last'", ">>>",
]  # fmt: skip


def ends_with(terminal: Terminal, line: str) -> Callable[[], bool]:
    """Whether `line` is the last one above an empty prompt."""
    return lambda: terminal.at_prompt and terminal.scrollback[-2:-1] == [line]


def test_blanks_of_a_web_page_are_blanks(terminal: Terminal) -> None:
    """Those that no line is broken at are none to Python; in a text they may be meant."""
    terminal.paste("if 1:\n\xa0\xa0\xa0\xa0x\xa0= 'a b'\n")
    terminal.wait(lambda: "...     x = 'a b'" in terminal.lines)
    terminal.enter("")
    terminal.paste("x += '\xa0'")
    terminal.wait(lambda: terminal.cursor_line.startswith(">>> x +="))
    terminal.enter("")
    terminal.enter("x")
    assert terminal.scrollback[-2] == r"'a b\xa0'"


def test_what_a_terminal_shows_above_the_first_prompt_is_no_input(terminal: Terminal) -> None:
    """A shell's line and a banner are dropped as output is."""
    terminal.paste("$ python\nPython 3.13.0 (main)\n>>> 1 + 1\n2\n>>> 'last'\n")
    terminal.wait_for("Enter runs these 2 inputs in order")
    terminal.send("\r")
    terminal.wait(ends_with(terminal, "'last'"), "the end")
    assert terminal.scrollback == [">>> 1 + 1", "2", ">>> 'last'", "'last'", ">>>"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_pasted_session_runs_input_by_input(terminal: Terminal, newline: str) -> None:
    """After Enter, each input is echoed as if typed, with its own result; output is dropped."""
    terminal.paste(SESSION.replace("\n", newline))
    terminal.wait(lambda: "... 'last'" in terminal.lines, "the paste")
    terminal.wait_for("Enter runs these 5 inputs in order")
    assert "'last'" not in terminal.lines
    terminal.send("\r")
    terminal.wait(ends_with(terminal, "'last'"), "the end")
    assert terminal.scrollback == SHOWN


def test_a_session_typed_by_the_terminal_runs_too(terminal: Terminal) -> None:
    """Where the terminal does not say what is pasted, lines with prompts run and others don't."""
    terminal.send(
        ">>> x = [1,\r...      2]\r>>> x\r[1,\r2]\r>>> def f():\r...     return 'f'\r...\r>>> f()\r'f'\r"
    )
    terminal.wait(ends_with(terminal, "'f'"), "the end")
    assert terminal.scrollback == [
        ">>> x = [1,", "...      2]", ">>> x", "[1, 2]",
        ">>> def f():", "...     return 'f'", "...", ">>> f()", "'f'", ">>>",
    ]  # fmt: skip
    terminal.enter("'typed'")
    assert terminal.scrollback[-2] == "'typed'"


def test_an_error_that_the_session_does_not_show_ends_it(terminal: Terminal) -> None:
    """What follows might rest on what has failed: it is not run, and that is said."""
    terminal.paste(">>> nosuch\n1\n>>> print('not' + 'run')\n>>> 3")
    terminal.enter("")
    assert terminal.scrollback[1:] == [
        "NameError: name 'nosuch' is not defined", "not run: the last 2 pasted inputs", ">>>",
    ]  # fmt: skip
    terminal.enter("'typed'")
    assert terminal.scrollback[-2] == "'typed'"


def test_ctrl_c_ends_a_pasted_session(terminal: Terminal) -> None:
    """It interrupts the input that runs; the rest is dropped, and so is what was typed ahead."""
    terminal.paste(">>> await asyncio.sleep(60)\n>>> 2\n>>> 3\n")
    terminal.begin("")
    terminal.send("'typed'\r")
    terminal.send("\x03")
    terminal.wait_for("not run: the last 2 pasted inputs")
    terminal.wait_for_prompt()
    assert terminal.scrollback[0] == ">>> await asyncio.sleep(60)"
    assert terminal.scrollback[1].startswith("KeyboardInterrupt")
    assert terminal.scrollback[2:] == ["not run: the last 2 pasted inputs", ">>>"]


def test_what_is_typed_ahead_comes_after_a_pasted_session(terminal: Terminal) -> None:
    """Keys wait until the last input is done."""
    terminal.paste(">>> await asyncio.sleep(0.2)\n>>> 1\n>>> 2\n")
    terminal.begin("")
    terminal.send("3\r")
    terminal.wait(ends_with(terminal, "3"), "the end")
    assert [line for line in terminal.scrollback if line.isdigit()] == ["1", "2", "3"]


def test_each_input_of_a_pasted_session_is_history(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    """The file of the history has the inputs, not the paste; the up key recalls the last."""
    path = tmp_path / "history"
    terminal = start(env={"ASYNCREPL_HISTORY": str(path)})
    terminal.paste(
        "In [1]: x = 1\n\nIn [2]: if x:\n   ...:     x\n   ...: \nOut[2]: 1\n\nIn [3]: x + 1\n"
    )
    terminal.send("\r")
    terminal.wait(ends_with(terminal, "2"), "the end")
    terminal.send("\x1b[A")
    terminal.wait(lambda: terminal.cursor_line == ">>> x + 1", "the last input")
    kept = [line for line in path.read_text().split("\n") if line.startswith("+")]
    assert kept == ["+x = 1", "+if x:", "+    x", "+x + 1"]


@pytest.mark.parametrize("count", [100, pytest.param(500, marks=pytest.mark.slow)])
def test_many_inputs_are_pasted(terminal: Terminal, count: int) -> None:
    """A long session runs to its end."""
    terminal.paste("".join(f">>> {n}\n{n}\n" for n in range(count)))
    terminal.wait(lambda: f"... {count - 1}" in terminal.lines, "the paste")
    terminal.send("\r")
    terminal.wait(ends_with(terminal, f"{count - 1}"), "the end", 40)
    assert terminal.scrollback == [
        *(line for n in range(count) for line in (f">>> {n}", f"{n}")),
        ">>>",
    ]


def test_other_text_is_pasted_as_it_is(terminal: Terminal) -> None:
    """A prompt further down is part of the text."""
    terminal.paste('text = """\n>>> 1\n"""')
    terminal.enter("")
    terminal.enter("text")
    assert terminal.scrollback[-2] == r"'\n>>> 1\n'"


def test_a_session_can_be_piped() -> None:
    """Only what is behind the prompts is run; the first error ends it."""
    command = [sys.executable, "-m", "asyncrepl"]
    text = SESSION + ">>> 'not reached'\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("0\n1\n", 1)
    assert done.stderr.startswith("ZeroDivisionError")


def test_lines_typed_by_the_terminal_keep_their_own_indentation(terminal: Terminal) -> None:
    """Where it does not say what is pasted; those of somebody who types none get ours."""
    terminal.send(
        "def f(x):\r    if x:\r        return 1\r    else:\r        return 2\r    return 3\r\r"
        "for i in range(2):\r    for j in 'a':\r        print(i, j, f(i))\r    print(i)\r\r"
    )
    terminal.wait(ends_with(terminal, "1"), "the end")
    assert terminal.scrollback[-5:-1] == ["0 a 2", "0", "1 a 1", "1"]
    terminal.send("if 1:\r")
    terminal.wait(lambda: terminal.cursor_line == "...", "a line")
    terminal.send("print('ours')\r\r")
    terminal.wait(ends_with(terminal, "ours"), "the end")
    assert "...     print('ours')" in terminal.scrollback


def test_pasted_tabs_are_blanks_as_in_the_echo(terminal: Terminal) -> None:
    """Not ``^I``; the cursor stands where it seems to, and what runs has the tabs."""
    terminal.paste("def f():\n\tif True:\n\t\treturn 'a\tb'")
    rows = [">>> def f():", "...     if True:", "...         return 'a   b'"]
    terminal.wait(lambda: terminal.lines[:3] == rows, "the paste")
    assert terminal.screen.cursor.x == len(rows[2])
    terminal.send("\x1b[D\x1b[D\x1b[D")
    terminal.wait(lambda: terminal.screen.cursor.x == len("...         return 'a"))
    terminal.send("\x1b[F\r\r")
    terminal.wait_for_prompt()
    terminal.enter("f()")
    assert terminal.scrollback == [*rows, "...", ">>> f()", "'a\\tb'", ">>>"]


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("typed", "pasted", "rows"),
    [
        ("", "    for i in 'ab':\n        print(i)\n    print(2)", ["for i in 'ab':", "    print(i)", "print(2)"]),
        ("", "for i in 'ab':\n            print(i)\n        print(2)", ["for i in 'ab':", "    print(i)", "print(2)"]),
        ("", "\tif 1:\n\t\tprint(1)", ["if 1:", "    print(1)"]),
        ("", "    x = 7", ["x = 7"]),
        ("if 1:\r", "for i in 'ab':\n    print(i)", ["if 1:", "    for i in 'ab':", "        print(i)"]),
        ("if 1:\r", "if 2:\n        print(i)", ["if 1:", "    if 2:", "        print(i)"]),
        ("", 'x = """\n    a\n  b"""', ['x = """', "    a", '  b"""']),
        ("", "    if 1:\n    print(1)", ["    if 1:", "    print(1)"]),
        ("x = 1; ", "  y = 2", ["x = 1;   y = 2"]),
    ],
)  # fmt: skip
def test_what_is_cut_out_of_other_code_fits_where_it_is_pasted(
    terminal: Terminal, typed: str, pasted: str, rows: list[str]
) -> None:
    """The line that was begun has its indentation; what Python takes as it is, or not at all, stays."""
    first, *others = rows
    terminal.send(typed)
    terminal.paste(pasted)
    shown = [f">>> {first}", *(f"... {row}" for row in others)]
    terminal.wait(lambda: terminal.lines[: len(shown)] == shown, "the paste")
    terminal.send("\x03")
    terminal.wait_for("^C")
