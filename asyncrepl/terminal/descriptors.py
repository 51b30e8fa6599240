"""File descriptors 0, 1 and 2: kept from the terminal, lent to who needs it.

Code below Python's streams writes to descriptors: ``os.write(1, …)``, C libraries,
child processes. Left on the terminal they draw over the panel, and ``cat`` takes
keys away from the editor. So 0 is the null device, 1 and 2 are a
terminal of our own (programs keep their colours and their width) whose other end
is read into the output queue; the real one is put back for as long as it is lent.
"""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import termios
import tty

__all__ = ["Descriptors"]

_READ = 64 * 1024


class Descriptors:
    """The three standard descriptors of this process, as far as they are terminals.

    `terminal_in` and `terminal_out` are the real terminal, for as long as this
    lives. A descriptor that was redirected (``2>errors.log``) is left alone.
    """

    def __init__(self) -> None:
        self._kept = {fd: os.dup(fd) for fd in (0, 1, 2) if os.isatty(fd)}
        self.terminal_in, self.terminal_out = self._kept[0], self._kept[1]
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self.reader, self._writer = os.openpty()
        tty.setraw(self._writer)
        os.set_blocking(self.reader, False)
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self.resize()

    def take(self) -> None:
        """Point 0 to nothing and 1, 2 to the terminal of our own."""
        for fd in self._kept:
            os.dup2(self._null if fd == 0 else self._writer, fd)

    def give(self) -> None:
        """Point all of them to the real terminal again."""
        for fd, kept in self._kept.items():
            os.dup2(kept, fd)

    def read(self) -> str:
        """What was written to 1 and 2 since the last call; does not wait."""
        try:
            return self._decoder.decode(os.read(self.reader, _READ))
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
            self.give()
        for fd in (*self._kept.values(), self._null, self.reader, self._writer):
            with contextlib.suppress(OSError):
                os.close(fd)
