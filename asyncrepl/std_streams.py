"""The standard streams as they are given to us: closed, full, a pipe that nobody reads.

A descriptor that is closed (``>&-``) would be taken by the next file that is opened, and what
is meant for the screen would be written there. So it leads nowhere, before anything is opened.

What is left in a stream's buffer is written before the interpreter ends, by which it would
be told as an ignored exception, with the exit status 120.
"""

from __future__ import annotations

import errno
import os
import sys

__all__ = ["flush_output", "of_output", "open_streams"]

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
_OUTPUT = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EPIPE}


def open_streams() -> None:
    """Let standard streams that are closed lead nowhere."""
    for number, (name, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            fd = os.open(os.devnull, os.O_RDWR)
            if fd != number and _is_closed(number):
                os.dup2(fd, number)
                os.close(fd)
                fd = number
            stream = os.fdopen(fd, mode, encoding="utf-8", errors="backslashreplace")
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def of_output(error: OSError) -> bool:
    """Whether `error` may be that of writing to a stream; one about a file names that."""
    return error.errno in _OUTPUT and error.filename is None


def flush_output() -> OSError | None:
    """Write what the buffers of standard output and error hold; the error, if it cannot be.

    It is forgotten then: nothing of it is said a second time.
    """
    failure: OSError | None = None
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            stream.flush()
        except OSError as error:
            failure = failure or error
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)
        except Exception:  # closed, or of the user's
            continue
    return failure


def _is_closed(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return True
    return False
