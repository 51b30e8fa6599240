"""What descriptors are, and whether a child waits for its standard input.

The system says in which call of its own a process is (Linux). What does not work is to take a
process that sleeps for one that waits for us: it may wait for a timer, the network, its own
children, or another thread of its own.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


#: The numbers of the calls ``read`` and ``wait4``, by machine.
_CALLS = {"x86_64": ("0", "61"), "aarch64": ("63", "260"), "riscv64": ("63", "260")}


_SIGALRM_BIT = 1 << 13


def reads_stdin(pid: int) -> bool:
    """Whether the child `pid` can only go on if its standard input does; False if not known.

    It is in a ``read`` of descriptor 0 then, has no other thread and no child of its own, and
    handles no alarm, which could end that. Or it waits for its only child, as a shell does, of
    which all that is true, and which has the same standard input.
    """
    from pathlib import Path  # which the first prompt does without

    folder = Path(f"/proc/{pid}")
    try:
        call = (folder / "syscall").read_text("ascii").split()
        told = (folder / "status").read_text("ascii", "replace").splitlines()
        status = dict(line.split(":", 1) for line in told)
        (thread,) = (folder / "task").iterdir()
        children = (thread / "children").read_text("ascii").split()
        reads, waits = _CALLS[os.uname().machine]
        if int(status["SigCgt"], 16) & _SIGALRM_BIT:
            return False
        if not children:
            return call[:2] == [reads, "0x0"]
        (child,) = children
        same = (folder / "fd/0").readlink() == Path(f"/proc/{child}/fd/0").readlink()
    except (AttributeError, KeyError, OSError, ValueError):  # another system, or it is gone
        return False
    return call[0] == waits and same and reads_stdin(int(child))


def process_of_descriptor(fd: int) -> int | None:
    """The process that the descriptor `fd` of ours stands for, if it is one for a process."""
    from pathlib import Path

    try:
        if str(Path(f"/proc/self/fd/{fd}").readlink()) != "anon_inode:[pidfd]":
            return None
        lines = Path(f"/proc/self/fdinfo/{fd}").read_text("ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("Pid:")), None)


def is_listening_socket(fd: int) -> bool:
    """Whether the descriptor `fd` is that of a socket to which clients come."""
    return bool(_of_socket(fd, lambda it: it.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)))


def both_ends(fd: int) -> tuple[object, object] | None:
    """The addresses of a connected socket: its own, and that of the other end."""
    ends: tuple[object, object] | None = _of_socket(
        fd, lambda it: (it.getsockname()[:2], it.getpeername()[:2])
    )
    return ends


def _of_socket(fd: int, ask: Callable[[socket.socket], Any]) -> Any:
    """What `ask` gives of the socket `fd`; None where that is none, or knows no answer."""
    with suppress(OSError):  # a pipe, a terminal, …
        # The family and type given here are not looked at.
        probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=fd)
        try:
            return ask(probe)
        finally:
            probe.detach()
    return None


def is_starved(process: Any) -> bool:
    """Whether the process of this transport waits for input, which nothing is on its way to."""
    pipe = process.get_pipe_transport(0) if process.get_returncode() is None else None
    written = pipe is not None and not pipe.is_closing() and not pipe.get_write_buffer_size()
    return written and reads_stdin(process.get_pid())


def pipes_of(process: Any) -> Iterator[int]:
    """The descriptors of the open pipes of a transport's process."""
    pipes = filter(None, map(process.get_pipe_transport, range(3)))
    return (each.get_extra_info("pipe").fileno() for each in pipes if not each.is_closing())


def process_behind(waited: Any) -> Any:
    """The transport of the process that is waited for, or of that whose output is read."""
    if isinstance(waited, asyncio.subprocess.Process):
        return waited._transport  # type: ignore[attr-defined]  # noqa: SLF001
    if not isinstance(waited, asyncio.StreamReader):
        return None
    protocol = getattr(waited._transport, "_protocol", None)  # type: ignore[attr-defined]  # noqa: SLF001
    return getattr(protocol, "proc", None)
