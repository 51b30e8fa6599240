"""No memory for a statement: the statement fails, the session goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.pty import Terminal

LIMITED = """\
import resource
def limit(more):
    with open('/proc/self/statm') as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + more, resource.RLIM_INFINITY))

def free():
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

def much():
    kept = []
    while True: kept.append(bytearray(1 << 16))

"""


def alive(terminal: Terminal) -> None:
    """All is as before: values, tasks, errors, Ctrl-D."""
    terminal.enter("6 * 7, await asyncio.sleep(0.01)")
    assert "(42, None)" in terminal.scrollback
    terminal.enter("1 / 0")
    assert "ZeroDivisionError: division by zero" in terminal.scrollback
    terminal.send("\x04")
    assert terminal.exit_status() == 0
    assert terminal.attributes() == terminal.found


@pytest.mark.sampled(2)
@pytest.mark.parametrize("text", ["bytearray(1 << 60)", "[0] * (1 << 50)", "'x' * (1 << 58)"])
def test_more_than_there_can_be(terminal: Terminal, text: str) -> None:
    """An error like any other."""
    terminal.enter(text)
    assert terminal.scrollback[-2].startswith("MemoryError")
    alive(terminal)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("more", [0, 1 << 20, 1 << 24])
def test_a_limit_for_one_statement(terminal: Terminal, more: int) -> None:
    """All memory is used up to the last page, by what ends with the statement."""
    terminal.paste(LIMITED)
    terminal.enter("")
    terminal.enter(f"limit({more}); much()")
    assert "MemoryError" in "\n".join(terminal.scrollback)
    terminal.enter("free()")
    alive(terminal)


def test_a_limit_that_stays(terminal: Terminal) -> None:
    """Also while there is hardly any memory, inputs are run one after the other."""
    terminal.paste(LIMITED)
    terminal.enter("")
    terminal.enter("limit(1 << 20)")
    for _ in range(3):
        terminal.enter("much()")
        terminal.enter("print('still' 'here')")
    assert terminal.scrollback.count("stillhere") == 3
    terminal.enter("free()")
    alive(terminal)
