"""The text streams that user code finds as `sys.stdin`, `sys.stdout` and `sys.stderr`.

They look like streams of a terminal (`isatty`, `fileno`, `encoding`, `buffer`),
because programs ask. Output goes into the session's queue; a line of input is
read from the real terminal, which the editor gives up for that long.

`close()` does nothing: a program that closes its output must not silence the
session. Replacing `builtins.input` was not needed: the built-in asks
`sys.stdin.readline` as soon as file descriptor 0 is no terminal.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from asyncrepl.terminal.output import OutputQueue

__all__ = ["LentInput", "QueueStream"]


class _TerminalText(io.TextIOBase):
    """What both directions answer about themselves."""

    def __init__(self, name: str, fd: int) -> None:
        self.name = name
        self._fd = fd

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Always UTF-8."""
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        """What has no encoding is spelled out."""
        return "backslashreplace"

    @property
    def line_buffering(self) -> bool:
        """As a terminal's stream."""
        return True

    def fileno(self) -> int:
        """The descriptor that children inherit."""
        return self._fd

    def isatty(self) -> bool:
        """Always: it leads to a terminal."""
        return True

    def reconfigure(self, **_options: Any) -> None:
        """Accepted, without effect: the queue carries text."""

    def close(self) -> None:
        """Nothing is closed: the session goes on writing."""


class QueueStream(_TerminalText):
    """A text stream whose strings go into `queue`.

    `on_write` is called, if set, with all text; a line that was written in pieces comes in one.
    """

    mode = "w"

    def __init__(self, queue: OutputQueue, name: str = "<stdout>", fd: int = 1) -> None:
        super().__init__(name, fd)
        self.on_write: Callable[[str], None] | None = None
        self._queue = queue
        self.buffer = _QueueBytes(queue, name, fd)

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Queue `text`; may wait until there is room."""
        if type(text) is not str:
            text = _plain(text)
        self._queue.write(text, self.on_write)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]
        """Queue each of `lines`."""
        for line in lines:
            self.write(line)

    def show(self, text: str) -> None:
        """Queue whole lines of the session's own, which begin on a row of their own."""
        if self.on_write is not None:
            self.on_write(text)
        self._queue.show(text)

    def flush(self) -> None:
        """Have a line that is not finished shown, too."""
        self._queue.flush()


def _plain(text: Any) -> str:
    """A string itself: a subclass could run user code in the terminal's thread."""
    if not isinstance(text, str):
        message = f"write() argument must be str, not {type(text).__name__}"
        raise TypeError(message)
    return str.__str__(text)


class _QueueBytes(io.RawIOBase):
    """The binary side: `sys.stdout.buffer.write(b"…")`."""

    mode = "wb"

    def __init__(self, queue: OutputQueue, name: str, fd: int) -> None:
        self.name = name
        self._queue = queue
        self._fd = fd

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The descriptor that children inherit."""
        return self._fd

    def isatty(self) -> bool:
        """Always: it leads to a terminal."""
        return True

    def write(self, data: Any) -> int:
        """Queue `data`, as UTF-8."""
        octets = bytes(data)
        self._queue.write(octets.decode("utf-8", "backslashreplace"))
        return len(octets)

    def flush(self) -> None:
        """Have a line that is not finished shown, too."""
        self._queue.flush()

    def close(self) -> None:
        """Nothing is closed, as with the text side."""


class LentInput(_TerminalText):
    """A text stream whose lines come from `read_line`; an empty line is the end."""

    mode = "r"

    def __init__(self, read_line: Callable[[], str], fd: int = 0) -> None:
        super().__init__("<stdin>", fd)
        self._read_line = read_line
        self._rest = ""

    def readable(self) -> bool:
        """Always."""
        return True

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        """The next line with its newline, or at most `size` characters of it."""
        line = self._rest or self._read_line()
        cut = len(line) if size < 0 else size
        line, self._rest = line[:cut], line[cut:]
        return line

    def read(self, size: int | None = -1, /) -> str:
        """All lines up to the end of input, or at most `size` characters of the next one."""
        if size is None or size < 0:
            return "".join(iter(self.readline, ""))
        return self.readline(size)
