"""The terminal device: its size, its modes, writing to it in one piece, restoring it.

A key or a frame may fail for reasons of the main thread's: no memory for a moment, a recursion
limit of 40, a module of the interpreter's that user code has emptied. Nobody else can draw, so
`DrawRecovery` tries again and again: as long as a statement runs, since what it does may be over
with it, and for a moment after that. Then the terminal is given back and the process ends; better
no prompt than one that is deaf.

`TerminalModes` is the only place that changes termios settings:

==========  ======================  ==========================================
mode        ISIG                    why
==========  ======================  ==========================================
prompt      off                     Ctrl-C is a key, in order with typed text: a
                                    signal overtakes it (``abc^C`` left ``abc``)
running     on, with NOFLSH         the kernel makes SIGINT even while code that
                                    holds the interpreter lock keeps us from
                                    reading the key; output in flight survives
leased      as found at the start   for `input`, pdb, pagers, other programs
==========  ======================  ==========================================

Ctrl-Z stays a key in all of ours: the signal would stop us in raw mode.

`TerminalGuard` restores the terminal when this process cannot: ``kill -9``, Ctrl-backslash while
a statement runs, ``os._exit``, a crash in C leave the terminal raw, and some shells (dash) do not
mind it. So a shell of our own, in a process group of its own, reads a pipe that only we hold. Its
end without a word means that we are gone; if the terminal still has our settings a moment later,
it gets those back that it had. The shell leaves its parent at once: ``os.wait()`` and ``ps`` of
the user's show no child. Where `stty` prints its settings in another way than Linux does, nothing
is done.
"""

from __future__ import annotations

import contextlib
import os
import termios
from time import monotonic
from typing import TYPE_CHECKING, Any

from prompt_toolkit.data_structures import Size
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output

from asyncrepl.runtime.files import write_all
from asyncrepl.terminal.terminal_background import AnswerFilter
from asyncrepl.views.error_lines import describe_error

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Sequence
    from typing import TextIO

    from prompt_toolkit.key_binding import KeyPress

    from asyncrepl.terminal.terminal_background import BackgroundQuestion


def terminal_size(fd: int) -> Size:
    """The size of the terminal `fd`; 80×24 where it is unknown or nonsense (0×0)."""
    try:
        columns, rows = os.get_terminal_size(fd)
    except OSError:
        columns = rows = 0
    return Size(rows=rows or 24, columns=columns or 80)


_IFLAG, _LFLAG, _CC = 0, 3, 6
_BEGIN_SYNC, _END_SYNC = "\x1b[?2026h", "\x1b[?2026l"


class TerminalModes:
    """The three settings of one terminal, and the one it had before.

    Errors of a terminal that went away are ignored: nothing is left to set.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._process = os.getpid()
        self._found: list[Any] | None = None
        with contextlib.suppress(termios.error):
            self._found = termios.tcgetattr(fd)

    def prompt(self) -> None:
        """Keys one by one, unechoed; Ctrl-C is a key."""
        self._set(self._raw(signals=False))

    def running(self) -> None:
        """Keys one by one, unechoed; Ctrl-C is a signal."""
        self._set(self._raw(signals=True))

    def restore(self) -> None:
        """The settings found at the start."""
        self._set(self._found)

    @property
    def key_by_key(self) -> bool:
        """Whether who has the terminal takes each key at once, as programs do that draw."""
        with contextlib.suppress(termios.error):
            return not termios.tcgetattr(self._fd)[_LFLAG] & termios.ICANON
        return False

    def drop_input(self) -> None:
        """Forget what was typed and is not read yet, as the kernel does at Ctrl-C.

        Told to do so itself (without NOFLSH), it would forget output in flight as well.
        """
        with contextlib.suppress(termios.error, OSError):
            if os.tcgetpgrp(self._fd) == os.getpgrp():  # else it would stop us
                termios.tcflush(self._fd, termios.TCIFLUSH)

    def all(self) -> list[list[Any]]:
        """The settings found at the start, at the prompt, while running; empty without any."""
        every = (self._found, self._raw(signals=False), self._raw(signals=True))
        return [each for each in every if each is not None]

    def _raw(self, *, signals: bool) -> list[Any] | None:
        if self._found is None:
            return None
        attributes = [*self._found[:_CC], list(self._found[_CC])]
        attributes[_IFLAG] &= ~(
            termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR
        )
        attributes[_LFLAG] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
        attributes[_CC][termios.VMIN] = 1
        attributes[_CC][termios.VTIME] = 0
        if signals:
            attributes[_LFLAG] |= termios.ISIG | termios.NOFLSH
            attributes[_CC][termios.VSUSP] = _disabled_character(self._fd)
        return attributes

    def _set(self, attributes: list[Any] | None) -> None:
        if attributes is None or os.getpid() != self._process:
            return  # no terminal; or a child of ours, of whose parent it is
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(self._fd, termios.TCSANOW, attributes)


def _disabled_character(fd: int) -> bytes:
    """The value that switches a control character off: 0 on Linux, 255 on macOS."""
    try:
        return bytes([os.fpathconf(fd, "PC_VDISABLE") & 0xFF])
    except (OSError, ValueError):
        return b"\0"


class DeviceInput(Vt100Input):
    """Keys of a terminal whose modes belong to `TerminalModes`."""

    def __init__(
        self,
        stdin: TextIO,
        modes: TerminalModes,
        question: BackgroundQuestion,
        pressed: Callable[[list[KeyPress]], object] = bool,
    ) -> None:
        super().__init__(stdin)
        self._modes = modes
        #: What the terminal was asked.
        self.question = question
        self._filter = AnswerFilter(question)
        self._pressed = pressed
        #: Called each time before keys are read.
        self.before_read: Callable[[], object] = bool

    def read_keys(self) -> list[KeyPress]:
        """The keys that have come; `pressed` is given them, too. An answer is no key."""
        self.before_read()
        self.vt100_parser.feed(self._filter.without(self.stdin_reader.read()))
        keys, self._buffer = self._buffer, []
        self._pressed(keys)
        return keys

    def flush_keys(self) -> list[KeyPress]:
        """The keys that are pressed whatever comes next: an Escape."""
        self.vt100_parser.feed(self._filter.given_up())
        keys = super().flush_keys()
        self._pressed(keys)
        return keys

    @contextlib.contextmanager
    def raw_mode(self) -> Iterator[None]:
        """Prompt mode, and what was found at the start afterwards."""
        self._modes.prompt()
        try:
            yield
        finally:
            self._modes.restore()


class DeviceOutput(Vt100_Output):
    """Escape sequences to a terminal, gathered while `held`, written in one piece.

    No cursor position reports: an unanswered one costs 2 s and a warning, and the layout does not
    need the answer. `gone` is called once if the terminal does not take output any more.
    """

    def __init__(
        self,
        stdout: TextIO,
        get_size: Callable[[], Size],
        gone: Callable[[], None],
        *,
        color: bool = True,
    ) -> None:
        super().__init__(
            stdout,
            get_size,
            term=os.environ.get("TERM"),
            # Only create_output() would read NO_COLOR; this class does not.
            default_color_depth=_color_depth(color=color),
            enable_cpr=False,
        )
        self._holds = 0
        self._gone: Callable[[], None] | None = gone

    def use_color(self, *, on: bool) -> None:
        """Draw in colour from the next frame on, or without."""
        self.default_color_depth = _color_depth(color=on)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is written before the end of the block, then all at once."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            self.flush()

    def flush(self) -> None:
        """Write what is gathered, as one update of the screen."""
        if self._holds or not self._buffer:
            return
        data, self._buffer = "".join(self._buffer), []
        if "\n" in data:
            data = _BEGIN_SYNC + data + _END_SYNC
        try:
            write_all(self.stdout.fileno(), data.encode("utf-8", "replace"))
        except (OSError, ValueError):
            gone, self._gone = self._gone, None
            if gone is not None:
                gone()

    def begin_row(self) -> None:
        """Go to the beginning of a row of our own, the next one if the cursor is inside a row.

        A row of blanks wraps exactly if something stood before them: no need to ask the terminal
        where its cursor is. One blank less would fit beside a single character.
        """
        columns = self.get_size().columns
        self.write_raw("\x1b[0m\x1b[?7h" + " " * columns + "\r\x1b[K")

    def take_over(self) -> None:
        """Undo what a program that has ended, or died, may have left of its modes.

        The alternate screen, what reports mouse and focus, margins, other keys and characters,
        colours. Where there is nothing to undo, nothing happens: the alternate screen is entered,
        too, since tmux moves the cursor to where it was last whenever it is told to leave.
        """
        self.write_raw(
            "\x1b[?1049h\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l"
            "\x1b7\x1b[?6l\x1b[r\x1b8\x1b[?1l\x1b>\x1b[4l\x1b(B\x0f\x1b[?25h\x1b[0m"
        )

    def erase_down(self) -> None:
        """Erase the rest of the screen, without "clear screen".

        At the top left corner tmux takes a plain CSI J as "clear screen" and
        moves what was there into the scrollback: one ghost copy per print.
        """
        self.write_raw("\x1b7\x1b[K\x1b[B\x1b[J\x1b8")


def _color_depth(*, color: bool) -> ColorDepth | None:
    """The colours to draw with; None for as many as the terminal is said to have."""
    return ColorDepth.from_env() if color else ColorDepth.DEPTH_1_BIT


_SHELL = "/bin/sh"
#: $1: the settings to put back; the others: ours. The terminal's shell goes first.
_SCRIPT = r"""
trap '' INT QUIT TERM HUP TSTP TTIN TTOU
found=$1
shift
{
  read -r word && exit
  sleep 0.2
  now=$(stty -g </dev/tty) || exit
  for ours; do
    [ "$now" = "$ours" ] || continue
    stty "$found" </dev/tty
    printf '\033[0m\033[?25h\033[?7h\033[?2004l\r\n%s\n' \
      'asyncrepl has ended unexpectedly; the terminal is as it was' >/dev/tty
  done
} <&3 >/dev/null 2>&1 3<&- &
"""


class TerminalGuard:
    """A shell that waits; `disarm` sends it home."""

    def __init__(self, found: Sequence[Any], ours: Sequence[Sequence[Any]]) -> None:
        self._pipe = -1
        reading, writing = os.pipe()
        try:
            settings = [_as_stty(each) for each in (found, *ours)]
            pid = os.posix_spawn(
                _SHELL,
                ["sh", "-c", _SCRIPT, "sh", *settings],
                {"PATH": os.environ.get("PATH", os.defpath)},
                file_actions=[(os.POSIX_SPAWN_DUP2, reading, 3)],
                setpgroup=0,
            )
            os.waitpid(pid, 0)
            self._pipe = writing
            os.register_at_fork(after_in_child=self._close_pipe)
        except OSError:  # no shell: then nobody watches
            os.close(writing)
        finally:
            os.close(reading)

    def disarm(self) -> None:
        """The terminal is restored: there is nothing to watch any more."""
        with contextlib.suppress(OSError):
            os.write(self._pipe, b"q\n")
        self._close_pipe()

    def _close_pipe(self) -> None:
        if self._pipe >= 0:
            pipe, self._pipe = self._pipe, -1
            with contextlib.suppress(OSError):
                os.close(pipe)


def _as_stty(attributes: Sequence[Any]) -> str:
    """Termios settings as ``stty -g`` prints them on Linux."""
    iflag, oflag, cflag, lflag, _, _, characters = attributes
    codes = [each if isinstance(each, int) else each[0] for each in characters]
    return ":".join(f"{number:x}" for number in (iflag, oflag, cflag, lflag, *codes))


_RETRY_DELAY = 0.1  # seconds between two tries
_IDLE_LIMIT = 1.0  # seconds without a statement that may be the reason


class DrawRecovery:
    """What the terminal's thread does about errors of its callbacks; for that thread.

    `redraw` draws the whole layout, `running` says whether a statement runs, `show` shows
    a line, `give_up` ends the thread for the given error.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        redraw: Callable[[], object],
        running: Callable[[], bool],
        show: Callable[[str], object],
        give_up: Callable[[BaseException], object],
    ) -> None:
        self._loop = loop
        self._redraw = redraw
        self._running = running
        self._show = show
        self._give_up = give_up
        self._shown: set[str] = set()
        self._trying = False
        self._idle_since: float | None = None

    def failed(self, error: BaseException) -> None:
        """A callback has raised `error`: say so once, and draw again soon."""
        text = describe_error(error)
        if text not in self._shown:
            self._shown.add(text)
            self._show(f"the terminal has failed, and goes on: {text}")
        if not self._trying:
            self._trying, self._idle_since = True, None
            self._loop.call_later(_RETRY_DELAY, self._try)

    def _try(self) -> None:
        try:
            self._redraw()
        except BaseException as error:
            if self._is_over():
                self._give_up(error)
            else:
                self._loop.call_later(_RETRY_DELAY, self._try)
        else:
            self._trying = False

    def _is_over(self) -> bool:
        """Whether no statement is the reason, and that for too long."""
        if self._running():
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = monotonic()
        return self._idle_since is not None and monotonic() - self._idle_since > _IDLE_LIMIT
