"""Standard descriptors and streams as user code finds them, kept apart from the terminal.

Code below Python's streams writes to descriptors: ``os.write(1, …)``, C libraries, child
processes. Left on the terminal they draw over the panel, and ``cat`` takes keys away from the
editor. So 0 is the null device, 1 and 2 are a terminal of our own (programs keep their colours
and their width) whose other end is read into the output queue; the real one is put back for as
long as it is leased to somebody (see `asyncrepl.terminal.terminal_lease`).

`sys.stdin`, `sys.stdout` and `sys.stderr` look like streams of a terminal (`isatty`, `fileno`,
`encoding`, `buffer`), because programs ask. Output goes into the session's queue; a line of input
is read from the real terminal, which the input line gives up for that long.

`close()` does nothing: a program that closes its output must not silence the session. Replacing
`builtins.input` was not needed: the built-in asks `sys.stdin.readline` as soon as file descriptor
0 is no terminal. While the terminal is leased it is one, and the built-in, given Python's first
streams, has readline edit the line (`edited_line`): nobody else may read the keyboard then.
"""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import io
import os
import re
import sys
import termios
import tty
from functools import partial
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.loop.interrupt_shields import rows
from asyncrepl.views.styled_lines import cell_width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from asyncrepl.terminal.output_queue import OutputQueue

_READ_SIZE = 64 * 1024
_COLORS = re.compile(r"(?:\x1b\[[0-9;:]*m)+")
#: Kept: a program may have an `input` of its own, which asks `sys.stdin`.
_input = input


class StandardDescriptors:
    """The three standard descriptors of this process, as far as they are terminals.

    `terminal_in` and `terminal_out` are the real terminal, for as long as this
    lives. A descriptor that was redirected (``2>errors.log``) is left alone.
    """

    def __init__(self) -> None:
        self._originals = {fd: os.dup(fd) for fd in (0, 1, 2) if os.isatty(fd)}
        self.terminal_in, self.terminal_out = self._originals[0], self._originals[1]
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self.reader, self._writer = os.openpty()
        tty.setraw(self._writer)
        os.set_blocking(self.reader, False)
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self.resize()

    def redirect(self) -> None:
        """Point 0 to nothing and 1, 2 to the terminal of our own."""
        for fd in self._originals:
            os.dup2(self._null if fd == 0 else self._writer, fd)

    def restore(self) -> None:
        """Point all of them to the real terminal again."""
        for fd, kept in self._originals.items():
            os.dup2(kept, fd)

    def read(self) -> str:
        """What was written to 1 and 2 since the last call; does not wait."""
        try:
            return self._decoder.decode(os.read(self.reader, _READ_SIZE))
        except (BlockingIOError, OSError):
            return ""

    def resize(self) -> None:
        """Give our own terminal the size of the real one."""
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(self.terminal_out, termios.TIOCGWINSZ, b"\0" * 8)
            fcntl.ioctl(self._writer, termios.TIOCSWINSZ, size)

    def close(self) -> None:
        """Give them back and close what was opened."""
        with contextlib.suppress(OSError):
            self.restore()
        for fd in (*self._originals.values(), self._null, self.reader, self._writer):
            with contextlib.suppress(OSError):
                os.close(fd)


class _OfTerminal:
    """What all streams answer about themselves."""

    def __init__(self, name: str, fd: int) -> None:
        self.name = name
        self._fd = fd

    def fileno(self) -> int:
        """The descriptor that children inherit."""
        return self._fd

    def isatty(self) -> bool:
        """Always: it leads to a terminal."""
        return True

    def readable(self) -> bool:
        """Whether it is standard input."""
        return self._fd == 0

    def writable(self) -> bool:
        """Whether it is not."""
        return self._fd != 0

    def close(self) -> None:
        """Nothing is closed: the session goes on writing."""


class _TerminalTextStream(_OfTerminal, io.TextIOBase):
    """What both directions of text answer about themselves."""

    #: As a terminal's stream; what has no encoding is spelled out.
    encoding, errors, line_buffering = "utf-8", "backslashreplace", True

    def reconfigure(self, **_options: Any) -> None:
        """Accepted, without effect: the queue carries text."""


class QueueStream(_TerminalTextStream):
    """A text stream whose strings go into `queue`.

    `on_write` is called, if set, with all text; a line that was written in pieces comes in one.
    """

    mode = "w"

    def __init__(self, queue: OutputQueue, name: str = "<stdout>", fd: int = 1) -> None:
        super().__init__(name, fd)
        self.on_write: Callable[[str], None] | None = None
        self._queue = queue
        self.buffer = _QueueByteStream(queue, name, fd)

    @rows.whole
    def write(self, text: str) -> int:
        """Queue `text`; may wait until there is room. A Ctrl-C comes when its row is whole."""
        if type(text) is not str:
            text = _exact_str(text)
        self._queue.write(text, self.on_write)
        if text.endswith("\n"):
            rows.ended()
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


def _exact_str(text: Any) -> str:
    """A string itself: a subclass could run user code in the terminal's thread."""
    if not isinstance(text, str):
        message = f"write() argument must be str, not {type(text).__name__}"
        raise TypeError(message)
    return str.__str__(text)


class _QueueByteStream(_OfTerminal, io.RawIOBase):
    """The binary side: `sys.stdout.buffer.write(b"…")`."""

    mode = "wb"

    def __init__(self, queue: OutputQueue, name: str, fd: int) -> None:
        super().__init__(name, fd)
        self._queue = queue

    def write(self, data: Any) -> int:
        """Queue `data`, as UTF-8."""
        octets = bytes(data)
        self._queue.write(octets.decode("utf-8", "backslashreplace"))
        return len(octets)

    def flush(self) -> None:
        """Have a line that is not finished shown, too."""
        self._queue.flush()


class LeasedInput(_TerminalTextStream):
    """A text stream whose lines come from `read_line`; an empty line is the end."""

    mode = "r"

    def __init__(self, read_line: Callable[[], str]) -> None:
        super().__init__("<stdin>", 0)
        self._read_line = read_line
        self._rest = ""

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


def edited_line(question: str, typed: Callable[[], str | None]) -> str | None:
    """A line from the keyboard with its newline, edited by readline; empty at the end of input.

    The cursor stands behind `question`, which is drawn again. `typed`, which is asked if the line
    can be edited, gives its beginning. None where it cannot: Python has no readline, its first
    streams are closed, or the question is not one row of text. For the main thread, which has
    the terminal.
    """
    plain = _COLORS.sub("", question)
    if sys.__stdin__ is None or sys.__stdin__.closed:
        return None
    if not plain.isprintable() or cell_width(plain) >= os.get_terminal_size(1).columns:
        return None
    streams = sys.stdin, sys.stdout
    try:
        import readline  # `input` uses it from now on, as under `python`

        sys.stdin, sys.stdout = sys.__stdin__, sys.__stdout__
        with _inserted(readline, typed() or ""):
            os.write(1, b"\r")
            return _input(_COLORS.sub("\x01\\g<0>\x02", question)) + "\n"
    except EOFError:
        return ""
    except (ImportError, OSError, RuntimeError, ValueError):
        return None
    finally:
        sys.stdin, sys.stdout = streams


@contextlib.contextmanager
def _inserted(readline: Any, text: str) -> Iterator[None]:
    """The line that is read in the block begins with `text`; a hook of the program's may do so."""
    if not text:
        yield
        return
    readline.set_startup_hook(partial(readline.insert_text, text))
    try:
        yield
    finally:
        readline.set_startup_hook()
