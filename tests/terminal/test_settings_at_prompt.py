from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.pty import Terminal


def colors(terminal: Terminal) -> set[str]:
    """The colours in the row of the cursor."""
    row = terminal.screen.buffer[terminal.screen.cursor.y]
    return {cell.fg for cell in row.values()}


def test_keys_and_colour_change_at_once(terminal: Terminal) -> None:
    """:set vi on gives the keys of vi, :set color off takes the colour from the prompt."""
    terminal.enter(":set vi on")
    assert "vi  on   edit with the keys of vi, not of Emacs" in terminal.scrollback
    terminal.send("12")
    terminal.wait(lambda: terminal.cursor_line == ">>> 12")
    terminal.send("\x1b")
    terminal.wait(lambda: terminal.screen.cursor.x == 5, "the cursor to stand on the 2")
    terminal.send("0i3\r")
    terminal.wait(lambda: "312" in terminal.scrollback and terminal.at_prompt, "312")
    terminal.enter(":set vi off")
    terminal.send("'text'")
    terminal.wait(lambda: "green" in colors(terminal), "a coloured string")
    terminal.send("\r")
    terminal.wait_for_prompt()
    terminal.enter(":set color off")
    terminal.send("'plain'")
    terminal.wait(lambda: terminal.cursor_line == ">>> 'plain'")
    assert colors(terminal) == {"default"}
