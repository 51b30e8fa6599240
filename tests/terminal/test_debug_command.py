"""``:debug``: the names where it went wrong, and pdb in the right frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.shells import typed_shell

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 15)])
def test_pdb_opens_where_the_error_arose(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """In the user's frame, not in the library's that raised; and the session goes on."""
    terminal = start(columns=columns, rows=rows)
    terminal.enter("import json")
    terminal.enter("def f(text):\rhere = 40 + 2\rreturn json.loads(text)\r")
    terminal.enter("f('{')")
    terminal.send(":debug\r")
    terminal.wait(lambda: terminal.cursor_line == "(Pdb)")
    assert any("here" in line and "42" in line for line in terminal.lines)
    terminal.send("p here * 100\r")
    terminal.wait_for("4200")
    terminal.send("d\r")
    terminal.wait(lambda: any("json/__init__" in line for line in terminal.lines))
    terminal.enter("q")
    terminal.enter("'the session goes on'")
    assert terminal.scrollback[-2] == "'the session goes on'"


def test_of_a_group_it_is_the_first_error(start: Callable[..., Terminal]) -> None:
    """What a task group raises has its frames in its tasks; Ctrl-D leaves pdb."""
    terminal = start()
    terminal.enter("async def fail(n):\rraise ValueError(n)\r")
    terminal.enter("async with asyncio.TaskGroup() as tg: tg.create_task(fail(7))\r")
    terminal.send(":debug\r")
    terminal.wait(lambda: terminal.cursor_line == "(Pdb)")
    terminal.send("p n + 1\r")
    terminal.wait(lambda: "8" in terminal.lines)
    terminal.wait(lambda: terminal.cursor_line == "(Pdb)")
    before = terminal.prompts
    terminal.send("\x04")
    terminal.wait(lambda: terminal.prompts > before and terminal.at_prompt)


def test_what_has_no_frame_is_told() -> None:
    """No error, one of the parser, no terminal: a line each."""
    with typed_shell() as type_in:
        assert type_in(":debug") == "no error yet: there is nothing to debug\n"
        type_in("1 +")
        assert type_in(":debug").startswith("the SyntaxError has no frame to look at")
        type_in("1 / 0")
        told = ":debug needs a terminal to ask in; it arose at <input 2>:1: 1 / 0\n"
        assert type_in(":debug") == told


def test_an_error_in_a_library_leaves_the_terminal_as_it_was(
    start: Callable[..., Terminal],
) -> None:
    """Pdb's modes are its own: afterwards keys come one by one again."""
    terminal = start()
    terminal.enter("1 / 0")
    terminal.send(":debug\r")
    terminal.wait(lambda: terminal.cursor_line == "(Pdb)")
    terminal.enter("q")
    terminal.send("ab\x02c")
    terminal.wait(lambda: terminal.cursor_line == ">>> acb")
