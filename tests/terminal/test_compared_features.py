"""What is compared with other prompts in docs/comparison.md, and has no screen of its own elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal


def style(terminal: Terminal, text: str) -> tuple[str, bool]:
    """The colour of the first letter of the last `text` on the screen, and whether it is bold."""
    rows = [number for number, line in enumerate(terminal.lines) if text in line]
    cell = terminal.screen.buffer[rows[-1]][terminal.lines[rows[-1]].index(text)]
    return cell.fg, cell.bold


def test_a_wide_value_has_a_row_for_each_item(terminal: Terminal) -> None:
    """None is broken within an item."""
    terminal.enter("{'k%d' % n: list(range(9)) for n in range(9)}")
    rows = [line.strip() for line in terminal.lines]
    assert "'k3': [0, 1, 2, 3, 4, 5, 6, 7, 8]," in rows
    assert "'k4': [0, 1, 2, 3, 4, 5, 6, 7, 8]," in rows


def test_values_have_names(terminal: Terminal) -> None:
    """`_`, `__`, `___`, `Out` and its numbers."""
    for text in ("41", "42", "43", "__, ___", "Out[1], _2"):
        terminal.enter(text)
    assert "(42, 41)" in terminal.lines
    assert "(41, 42)" in terminal.lines


def test_await_works_at_the_prompt(terminal: Terminal) -> None:
    """And its value is shown."""
    terminal.enter("await asyncio.sleep(0, 42)")
    assert terminal.scrollback[-2] == "42"


def test_help_tells_the_steps(start: Callable[..., Terminal]) -> None:
    """All six, on a narrow screen in pages or rows that fit."""
    for columns, rows in ((80, 24), (40, 40)):
        terminal = start(columns=columns, rows=rows)
        terminal.enter(":help async for")
        text = " ".join(terminal.scrollback)
        for step in ("1 __aiter__", "2 __anext__", "3 await", "4 bind", "5 body", "6 stop"):
            assert step in text


def test_an_error_shows_its_place(terminal: Terminal) -> None:
    """The line that failed has the place marked below it, in the colour of errors."""
    terminal.enter("def f(x): return 1 / x")
    terminal.enter("f(0)")
    assert any("~~^~~" in line for line in terminal.lines)
    assert style(terminal, "~~^~~") != ("default", False)
    assert style(terminal, "ZeroDivisionError")[0] == "red"


def test_groups_causes_and_notes_are_shown(start: Callable[..., Terminal]) -> None:
    """Every error of them stands out."""
    terminal = start(rows=50)
    terminal.paste(
        "try:\n    1 / 0\nexcept Exception as error:\n    error.add_note('remember')\n"
        "    raise ExceptionGroup('two', [ValueError('first'), TypeError('second')]) from error\n"
    )
    terminal.send("\r\r")
    terminal.wait(lambda: any("TypeError: second" in line for line in terminal.lines))
    terminal.wait_for_prompt()
    for text in ("ZeroDivisionError: division", "ValueError: first", "TypeError: second"):
        assert style(terminal, text)[0] == "red"
    assert any(line.strip().endswith("remember") for line in terminal.lines)


def test_the_error_of_a_task_that_nobody_awaits_is_told(terminal: Terminal) -> None:
    """With the next input at the latest."""
    terminal.enter("async def fail(): raise ValueError('lost')")
    terminal.enter("asyncio.create_task(fail()) and None")
    terminal.enter("1")
    terminal.wait(lambda: any(line.startswith("ValueError: lost") for line in terminal.lines))


def test_tab_asks_nothing_of_an_object(terminal: Terminal) -> None:
    """Neither `__dir__` nor `__getattr__`."""
    terminal.paste(
        "class C:\n    def __dir__(self): print('R' + 'AN'); return ['x']\n"
        "    def __getattr__(self, name): print('R' + 'AN'); raise AttributeError(name)\n"
        "    def method(self): pass\n    def mine(self): pass\n"
    )
    terminal.enter("\r")
    terminal.enter("c = C()")
    terminal.send("c.m\t")
    terminal.wait(lambda: any("mine" in line and "def" not in line for line in terminal.lines))
    assert not any("RAN" in line for line in terminal.lines)


def test_what_a_call_is_for_is_said_while_it_is_typed(terminal: Terminal) -> None:
    """The first line of its docstring, under its parameters."""
    terminal.send("open('x', ")
    terminal.wait(lambda: any("Open file and return a stream" in line for line in terminal.lines))


def test_an_async_mistake_is_explained(terminal: Terminal) -> None:
    """Why, and the line to write."""
    terminal.enter("async def gen(): yield 1")
    terminal.enter("for x in gen(): pass")
    assert any(line.startswith("why") for line in terminal.lines)
    assert any(
        line.startswith("try") and "async for x in gen()" in line for line in terminal.lines
    )
