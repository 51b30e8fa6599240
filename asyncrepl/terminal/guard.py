r"""Who restores the terminal when this process cannot: a shell that waits for our end.

``kill -9``, Ctrl-\ while a statement runs, ``os._exit``, a crash in C leave the terminal
raw, and some shells (dash) do not mind it. So a shell of our own, in a process group of its
own, reads a pipe that only we hold. Its end without a word means that we are gone; if the
terminal still has our settings a moment later, it gets those back that it had.

The shell leaves its parent at once: ``os.wait()`` and ``ps`` of the user's show no child.
Where `stty` prints its settings in another way than Linux does, nothing is done.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Guard"]

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


class Guard:
    """A shell that waits; `stand_down` sends it home."""

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
            os.register_at_fork(after_in_child=self._let_go)
        except OSError:  # no shell: then nobody watches
            os.close(writing)
        finally:
            os.close(reading)

    def stand_down(self) -> None:
        """The terminal is restored: there is nothing to watch any more."""
        with contextlib.suppress(OSError):
            os.write(self._pipe, b"q\n")
        self._let_go()

    def _let_go(self) -> None:
        if self._pipe >= 0:
            pipe, self._pipe = self._pipe, -1
            with contextlib.suppress(OSError):
                os.close(pipe)


def _as_stty(attributes: Sequence[Any]) -> str:
    """Termios settings as ``stty -g`` prints them on Linux."""
    iflag, oflag, cflag, lflag, _, _, characters = attributes
    codes = [each if isinstance(each, int) else each[0] for each in characters]
    return ":".join(f"{number:x}" for number in (iflag, oflag, cflag, lflag, *codes))
