from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)


def test_a_statement_is_echoed_and_its_value_shown(terminal: Terminal) -> None:
    """What was typed stands in the scrollback with its prompt, then the value, then a prompt."""
    terminal.enter("1 + 1")
    assert terminal.scrollback == [">>> 1 + 1", "2", ">>>"]


def test_a_block_is_indented_and_ends_with_an_empty_line(terminal: Terminal) -> None:
    """Enter inside a block continues it, indented; Enter on an empty line runs it."""
    terminal.enter("def f():\rreturn 42\r")
    terminal.enter("f()")
    assert terminal.scrollback == [
        ">>> def f():", "...     return 42", "...", ">>> f()", "42", ">>>",
    ]  # fmt: skip


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("typed", "rows"),
    [
        ("if 0:\r1\relse: # no\r2\r", ["if 0:", "    1", "else: # no", "    2"]),
        ("for i in ():\rif i:\r1\relif 2:\r3\r",
         ["for i in ():", "    if i:", "        1", "    elif 2:", "        3"]),
        ("while 0:\rtry:\r1\rexcept* E:\r2\rfinally:\r3\r",
         ["while 0:", "    try:", "        1", "    except* E:", "        2", "    finally:", "        3"]),
        ("match 1:\rcase 0:\r1\rcase _:\r2\r",
         ["match 1:", "    case 0:", "        1", "    case _:", "        2"]),
        ("if 1:\rif 0:\r1\r\x7felse:\r2\r", ["if 1:", "    if 0:", "        1", "    else:", "        2"]),
        ("if 1:\rcase = {}\rcase[0]: int = 3\r", ["if 1:", "    case = {}", "    case[0]: int = 3"]),
        ('x = """a:\r  else:\rb"""', ['x = """a:', "  else:", 'b"""']),
    ],
)  # fmt: skip
def test_a_clause_goes_to_the_column_of_its_statement(
    terminal: Terminal, typed: str, rows: list[str]
) -> None:
    """Where auto-indent has put the cursor it would be an error; what is right is left alone."""
    terminal.enter(typed)
    assert [line[4:] for line in terminal.scrollback[: len(rows)]] == rows
    assert not any("Error" in line for line in terminal.scrollback)


def test_shift_tab_takes_indentation_back(terminal: Terminal) -> None:
    """Wherever the cursor is in its line, where it stays."""
    terminal.type("if 1:\r2", "...     2")
    terminal.type("\x01\t\x05", "...         2")
    terminal.type("\x1b[Z", "...     2")
    terminal.type("3", "...     23")
    terminal.type("\x1b[D \x1b[Z\x1b[Z", "... 2 3")
    terminal.type("\x1b[Z4", "... 2 43")


def test_a_clause_that_belongs_nowhere_is_an_error(terminal: Terminal) -> None:
    """It stays where it is."""
    terminal.enter("def f():\r1\relse:")
    assert terminal.scrollback[2] == "...     else:"
    assert any("SyntaxError" in line for line in terminal.scrollback)


def test_a_pasted_block_keeps_its_own_indentation(terminal: Terminal) -> None:
    """Pasted text is taken as it is: nothing is indented, nothing runs before Enter."""
    terminal.paste("for i in range(2):\n    if i:\n        print('one', i)\n")
    terminal.wait(lambda: terminal.cursor_line == "..." and terminal.screen.cursor.y == 3)
    terminal.enter("")
    assert terminal.scrollback[-2:] == ["one 1", ">>>"]


def test_two_thousand_pasted_lines_run(terminal: Terminal) -> None:
    """A paste of 2,000 lines is one statement, echoed whole."""
    terminal.paste("\n".join(f"a{i} = {i}" for i in range(2000)))
    terminal.wait(lambda: terminal.cursor_line == "... a1999 = 1999")
    terminal.enter("")
    terminal.enter("a1999 + 1")
    assert terminal.scrollback[:2] == [">>> a0 = 0", "... a1 = 1"]
    assert terminal.scrollback[-2:] == ["2000", ">>>"]


def test_alt_enter_continues_a_complete_line(terminal: Terminal) -> None:
    """Alt-Enter makes a new line where Enter would run."""
    terminal.send("x = 1\x1b\r")
    terminal.wait(lambda: terminal.cursor_line == "...")
    terminal.enter("x + 1")
    assert terminal.scrollback[-2:] == ["2", ">>>"]


def test_wide_characters_in_input_and_output(terminal: Terminal) -> None:
    """CJK and emoji take two columns each, in the input line and above it."""
    terminal.send("print('日本🎉')")
    terminal.wait_for("日")
    assert terminal.screen.cursor.x == len(">>> print('") + 6 + 2
    terminal.enter("")
    assert "".join(terminal.lines[1].split()) == "日本🎉"


def test_keys_typed_while_a_statement_runs_wait(terminal: Terminal) -> None:
    """Typed ahead: kept while the statement runs, then typed at the next prompts."""
    terminal.send("import time; time.sleep(0.2)\r1 + 1\r'ab' + ")
    terminal.wait(lambda: terminal.cursor_line == ">>> 'ab' +")
    assert terminal.scrollback[-3:] == [">>> 1 + 1", "2", ">>> 'ab' +"]


def test_names_and_attributes_complete(terminal: Terminal) -> None:
    """Tab completes from the live namespace."""
    terminal.enter("temperature = 'warm'")
    terminal.send("print(temper\t")
    terminal.wait(lambda: terminal.cursor_line == ">>> print(temperature")
    terminal.send(".casef\t")
    terminal.wait(lambda: terminal.cursor_line == ">>> print(temperature.casefold")


def test_the_parameters_of_a_call_are_shown(terminal: Terminal) -> None:
    """Inside a call a row under the input says what the function takes."""
    terminal.send("x = asyncio.sleep(")
    shown = "sleep(delay, result=None)  needs await"
    terminal.wait(lambda: shown in terminal.lines)
    terminal.send("1)")
    terminal.wait(lambda: shown not in terminal.lines)


def test_commands_complete(terminal: Terminal) -> None:
    """Tab completes the names of commands."""
    terminal.send(":tick\t")
    terminal.wait(lambda: terminal.cursor_line == ">>> :ticker")


def test_history_comes_back_and_survives(start: Callable[..., Terminal], tmp_path: Path) -> None:
    """An entry is in the file as soon as it runs: it survives kill -9, with its lines."""
    import signal

    env = {"ASYNCREPL_HISTORY": str(tmp_path / "deep" / "history")}
    first = start(env=env)
    first.enter("if True:\rx = 'kept'\r")
    first.kill(signal.SIGKILL)
    assert (tmp_path / "deep" / "history").stat().st_mode & 0o777 == 0o600
    second = start(env=env)
    second.send("\x1b[A")
    second.wait(lambda: second.cursor_line.startswith("...     x = 'kept'"))


def test_a_history_that_cannot_be_written_is_one_line(start: Callable[..., Terminal]) -> None:
    """Where history cannot be kept, one line says so, and the session goes on."""
    terminal = start(env={"ASYNCREPL_HISTORY": "/proc/nowhere/history"})
    terminal.wait_for("history is not kept: /proc/nowhere/history")
    terminal.enter("1 + 1")


def test_ctrl_r_searches_history(terminal: Terminal) -> None:
    """Ctrl-R finds an earlier input by a piece of it."""
    terminal.enter("needle = 1")
    terminal.enter("other = 2")
    terminal.send("\x12need")
    terminal.wait_for("needle = 1")
    terminal.send("\r")
    terminal.wait(lambda: terminal.cursor_line == ">>> needle = 1")


@pytest.mark.parametrize("key", ["\x07", "\x03"], ids=["Ctrl-G", "Ctrl-C"])
def test_a_search_that_is_given_up_leaves_the_line(terminal: Terminal, key: str) -> None:
    """With the cursor where it was, however far back the search has come."""
    terminal.enter("first = 'fish'")
    terminal.enter("second = 'fish'")
    terminal.type("third", ">>> third")
    terminal.send("\x02\x12fish")
    terminal.wait(lambda: ">>> second = 'fish'" in terminal.lines[2:])
    terminal.send("\x12")
    terminal.wait(lambda: terminal.lines[2:].count(">>> first = 'fish'") == 1)
    terminal.type(key, ">>> third")
    terminal.type("X", ">>> thirXd")
    terminal.send("\x13fish")
    terminal.wait(lambda: any("I-search" in line for line in terminal.lines))
    terminal.type(key, ">>> thirXd")
    terminal.type("Y", ">>> thirXYd")


def test_an_external_editor_edits_the_input(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    """Ctrl-X Ctrl-E hands the text to the editor and takes what it left."""
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nread -r text < $1\nprintf %s "${text%one*}two\'" > $1\n')
    editor.chmod(0o755)
    terminal = start(env={"EDITOR": str(editor), "VISUAL": ""})
    terminal.send("x = 'one'\x18\x05")
    terminal.wait(lambda: terminal.cursor_line == ">>> x = 'two'")


def test_vi_keys(start: Callable[..., Terminal]) -> None:
    """With --vi, Escape leaves insert mode."""
    terminal = start([sys.executable, "-m", "asyncrepl", "-q", "--vi"])
    terminal.send("abc")
    terminal.wait(lambda: terminal.cursor_line == ">>> abc")
    terminal.send("\x1b")
    terminal.wait(lambda: terminal.screen.cursor.x == len(">>> ab"))
    terminal.send("x0x")
    terminal.wait(lambda: terminal.cursor_line == ">>> b")


def test_a_program_runs_before_the_first_prompt(start: Callable[..., Terminal]) -> None:
    """With -i, what the program printed and defined is there."""
    terminal = start([sys.executable, "-m", "asyncrepl", "-q", "-i", "-c", "print('ran'); x = 3"])
    assert "ran" in terminal.scrollback
    terminal.enter("x")
    assert terminal.scrollback[-2] == "3"


def test_a_program_that_exits_leaves_the_prompt(start: Callable[..., Terminal]) -> None:
    """With -i, as under `python -i`: scripts end with `sys.exit(main())`."""
    code = "import sys; x = 3; sys.exit(4)"
    terminal = start([sys.executable, "-m", "asyncrepl", "-q", "-i", "-c", code])
    terminal.enter("x")
    assert terminal.scrollback[-4:] == ["exit status 4", ">>> x", "3", ">>>"]


def test_a_fix_is_offered_for_editing(terminal: Terminal) -> None:
    """:fix puts the corrected code on the input line; undo gives the empty line back."""
    terminal.enter("async def g():\ryield 1\r")
    terminal.enter("for x in g(): print(x)")
    terminal.send(":fix\r")
    terminal.wait(lambda: terminal.cursor_line.startswith(">>> async for x in g()"))
    terminal.send("\x1f")
    terminal.wait_for_prompt()
    terminal.enter(":fix\r")
    terminal.wait_for("1")


def test_the_users_tasks_are_counted_from_one(terminal: Terminal) -> None:
    """The terminal's own tasks take no numbers from the user's."""
    terminal.enter("asyncio.create_task(asyncio.sleep(0)).get_name()")
    assert "'Task-1'" in terminal.lines


def test_undo_takes_back_a_word(terminal: Terminal) -> None:
    """Not a character at a time; what another key has done is a step of its own."""
    terminal.send("total = price * 42")
    terminal.wait(lambda: terminal.cursor_line.endswith("42"))
    for left in (">>> total = price *", ">>> total = price"):
        terminal.send("\x1f")
        terminal.wait(lambda left=left: terminal.cursor_line == left, left)
    terminal.send("\x01\x0b")  # Ctrl-A, Ctrl-K
    terminal.wait_for_prompt()
    terminal.send("\x1f")
    terminal.wait(lambda: terminal.cursor_line == ">>> total = price")


def test_undo_gives_back_what_was_cut(terminal: Terminal) -> None:
    """And no more: what was typed right before stays until the next undo, also before a paste."""
    for key, left in ("\x15", ">>>"), ("\x17", ">>> total = price"):  # Ctrl-U, Ctrl-W
        terminal.type("total = price tax", ">>> total = price tax")
        terminal.type(key, left)
        terminal.type("\x1f", ">>> total = price tax")
        terminal.type("\x1f", ">>> total = price")
        terminal.send("\x03")
        terminal.wait_for_prompt()
    terminal.type("total", ">>> total")
    terminal.paste(" = 1 + 1")
    terminal.wait(lambda: terminal.cursor_line == ">>> total = 1 + 1")
    terminal.type("\x1f", ">>> total")


def test_undo_knows_nothing_of_the_input_before() -> None:
    """Where the cursor was moved in an input that is over, one go of the next does not end."""
    from asyncrepl.terminal.input_line import _InputBuffer

    buffer = _InputBuffer(multiline=True)
    for move, typed in (True, "to"), (False, "total"):
        buffer.reset()
        for key in typed:
            buffer.save_to_undo_stack()
            buffer.insert_text(key)
        for _ in range(2 * move):  # keys that change nothing
            buffer.save_to_undo_stack()
    buffer.undo()
    assert buffer.text == ""
