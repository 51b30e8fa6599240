"""The exit statuses of the program, those of a shell where a shell has one."""

__all__ = ["FAILED", "INTERRUPTED", "PIPE_CLOSED", "USAGE", "exit_status"]

#: An uncaught error in the user's program.
FAILED = 1
#: A command line that cannot be meant, or input that cannot be read.
USAGE = 2
#: Ctrl-C.
INTERRUPTED = 130
#: Nobody reads the output any more.
PIPE_CLOSED = 141

#: What Python takes for an exit status that no C int can hold.
_OVERFLOWN = 255


def exit_status(leaving: SystemExit) -> tuple[int, str | None]:
    """The exit status that `leaving` asks for, and the message to show, as Python has them."""
    code = leaving.code
    if code is None:
        return 0, None
    if isinstance(code, int):
        return (code & 0xFF if -(2**31) <= code < 2**31 else _OVERFLOWN), None
    try:
        return FAILED, str(code)
    except Exception:  # Python says nothing of it, either
        return FAILED, None
