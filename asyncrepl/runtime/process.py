"""The process: its standard streams as given to us, its exit status, collector and alarm.

Streams may be closed, full, or a pipe that nobody reads. A descriptor that is closed (``>&-``)
would be taken by the next file that is opened, and what is meant for the screen would be written
there. So it is opened on the null device, before anything else is opened. What is left in a
stream's buffer is written before the interpreter ends: the interpreter would report a failure as
an ignored exception, with the exit status 120.

The exit statuses are those of a shell where a shell has one.

While a program imports its modules nothing dies in cycles that is worth a look, but each few
thousand objects the garbage collector looks at all: a third of the processor time until
``-c pass`` runs. So it is off while ours is loaded. Before the first code of the user's it is on,
and what was loaded by then is out of its sight (``gc.freeze``): a full pass takes that much less
of the loop. Only where this process is ours (``python -m asyncrepl``); who imports us keeps his.

This module is imported beside `asyncrepl.runtime.isolation`, so only what Python always has is.
"""

import errno
import gc
import os
import sys

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
_OUTPUT_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EPIPE}


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


def is_output_error(error: OSError) -> bool:
    """Whether `error` may be that of writing to a stream; one about a file names that."""
    return error.errno in _OUTPUT_ERRNOS and error.filename is None


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


#: An uncaught error in the user's program.
FAILED = 1
#: A command line that cannot be meant, or input that cannot be read.
USAGE = 2
#: Ctrl-C.
INTERRUPTED = 130
#: Nobody reads the output any more.
PIPE_CLOSED = 141

#: What Python takes for an exit status that no C int can hold.
_OVERFLOW_STATUS = 255


def exit_status(leaving: SystemExit) -> tuple[int, str | None]:
    """The exit status that `leaving` asks for, and the message to show, as Python has them."""
    code = leaving.code
    if code is None:
        return 0, None
    if isinstance(code, int):
        return (code & 0xFF if -(2**31) <= code < 2**31 else _OVERFLOW_STATUS), None
    try:
        return FAILED, str(code)
    except Exception:  # Python says nothing of it, either
        return FAILED, None


_holding = False


def hold_collector() -> None:
    """Collect nothing until `release_collector`; does nothing where the collector is off."""
    global _holding  # noqa: PLW0603 - there is one collector
    if gc.isenabled():
        gc.disable()
        _holding = True


def release_collector() -> None:
    """Collect again, but nothing that was made since `hold_collector`; else do nothing."""
    global _holding  # noqa: PLW0603
    if _holding:
        _holding = False
        gc.freeze()
        gc.enable()


def alarm_is_set() -> bool:
    """Whether the program has set an alarm, for a handler of its own. Any thread may ask."""
    import signal  # most starts need none of it

    asked = getattr(signal, "SIGALRM", None)
    handler = None if asked is None else signal.getsignal(asked)
    own = getattr(handler, "__module__", "") == "__main__"
    return own and signal.getitimer(signal.ITIMER_REAL)[0] > 0
