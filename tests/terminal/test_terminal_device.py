from __future__ import annotations

import os
import termios
from typing import TYPE_CHECKING, Any

import pytest
from prompt_toolkit.data_structures import Size

from asyncrepl.terminal.terminal_device import DeviceOutput, TerminalModes

if TYPE_CHECKING:
    from collections.abc import Iterator

LFLAG, CC = 3, 6


@pytest.fixture
def tty() -> Iterator[int]:
    """A terminal of our own."""
    ours, theirs = os.openpty()
    yield theirs
    os.close(ours)
    os.close(theirs)


def test_modes(tty: int) -> None:
    """Ctrl-C is a key at the prompt and a signal while a statement runs; then all is as before."""
    found = termios.tcgetattr(tty)
    modes = TerminalModes(tty)
    modes.prompt()
    prompt = termios.tcgetattr(tty)
    assert not prompt[LFLAG] & (termios.ISIG | termios.ECHO | termios.ICANON)
    modes.running()
    running: list[Any] = termios.tcgetattr(tty)
    assert running[LFLAG] & termios.ISIG
    assert running[LFLAG] & termios.NOFLSH
    assert running[CC][termios.VSUSP] == b"\0"
    modes.restore()
    assert termios.tcgetattr(tty) == found


@pytest.fixture
def pipe() -> Iterator[tuple[int, DeviceOutput]]:
    """Where the output of a DeviceOutput can be read, and that output."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        yield reader, DeviceOutput(stream, lambda: Size(24, 80), lambda: None)
    os.close(reader)


def test_what_is_held_is_written_in_one_piece(pipe: tuple[int, DeviceOutput]) -> None:
    """Erase, text and redraw reach the terminal in one write, as one update."""
    reader, output = pipe
    with output.held():
        output.write_raw("one\n")
        output.flush()
        output.write_raw("two")
        output.flush()
    assert os.read(reader, 1000) == b"\x1b[?2026hone\ntwo\x1b[?2026l"


def test_erasing_never_looks_like_clearing_the_screen(pipe: tuple[int, DeviceOutput]) -> None:
    """The row of the cursor is erased by itself: CSI J there would move it into the scrollback."""
    reader, output = pipe
    output.erase_down()
    output.flush()
    assert os.read(reader, 1000) == b"\x1b7\x1b[K\x1b[B\x1b[J\x1b8"


def test_a_terminal_that_is_gone_is_told_once() -> None:
    """Errors of writing do not come out of a redraw."""
    reader, writer = os.pipe()
    os.close(reader)
    told: list[bool] = []
    with os.fdopen(writer, "w") as stream:
        output = DeviceOutput(stream, lambda: Size(24, 80), lambda: told.append(True))
        for _ in range(2):
            output.write_raw("x")
            output.flush()
    assert told == [True]


def test_no_position_is_ever_asked_for(pipe: tuple[int, DeviceOutput]) -> None:
    """A terminal that does not answer would cost 2 s and a warning."""
    assert not pipe[1].responds_to_cpr
