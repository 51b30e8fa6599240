"""A terminal that becomes narrower and wider again: nothing stands twice, nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.pty import Terminal

TYPED = "x = '" + "abcdefghij" * 7 + "'"


def test_a_wrapped_line_stands_once(terminal: Terminal) -> None:
    """On a terminal that cuts rows."""
    terminal.enter("print('printed')")
    terminal.send(TYPED)
    for columns in (50, 80, 37, 50):
        terminal.resize(columns, 24)
        text = f">>> {TYPED}"
        rows = [text[at : at + columns] for at in range(0, len(text), columns)]
        expected = ["printed", *rows]
        terminal.wait(
            lambda expected=expected: [row for row in terminal.lines if row][1:] == expected
        )


class Tmux:
    """A session of ours in a tmux of its own."""

    def __init__(self, socket: Path) -> None:
        self._socket = str(socket)
        command = f"{sys.executable} -m asyncrepl -q --no-startup"
        self._run("-f", os.devnull, "new-session", "-d", "-x", "80", "-y", "24", command)

    def _run(self, *words: str) -> str:
        environment = {**os.environ, "ASYNCREPL_HISTORY": "", "TERM": "xterm-256color"}
        command = ["tmux", "-S", self._socket, *words]
        return subprocess.run(
            command, env=environment, check=True, text=True, capture_output=True
        ).stdout

    def send(self, text: str, *keys: str) -> None:
        """Type."""
        self._run("send-keys", "-l", text)
        if keys:
            self._run("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    @property
    def rows(self) -> list[str]:
        """All rows, with those scrolled away; no empty ones."""
        return [row for row in self._run("capture-pane", "-p", "-S", "-").split("\n") if row]

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until `condition` holds."""
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end, "\n".join(self.rows)
            time.sleep(0.02)

    def close(self) -> None:
        """End it."""
        self._run("kill-server")


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    """A session in a window of 80 by 24."""
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux")
    session = Tmux(tmp_path / "tmux")
    session.wait(lambda: session.rows == [">>>"])
    yield session
    session.close()


@pytest.mark.parametrize("lines", [1, 40])
def test_a_wrapped_line_stands_once_in_tmux(tmux: Tmux, lines: int) -> None:
    """On a terminal that wraps rows anew, at the top of the screen and at its end."""
    tmux.send(f"for i in range({lines}): print('printed', i)", "Enter", "Enter")
    tmux.wait(lambda: f"printed {lines - 1}" in tmux.rows and tmux.rows[-1] == ">>>")
    tmux.send(TYPED)
    for columns in (50, 80, 37, 50, 80):
        tmux.resize(columns, 24)
        text = f">>> {TYPED}"
        shown = [text[at : at + columns] for at in range(0, len(text), columns)]
        tmux.wait(lambda shown=shown: tmux.rows[-len(shown) :] == shown)
        assert sum(row.startswith(">>> x") for row in tmux.rows) == 1
        assert [row for row in tmux.rows if row.startswith("printed")] == [
            f"printed {n}" for n in range(lines)
        ]
