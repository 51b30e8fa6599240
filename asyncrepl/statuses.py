"""The exit statuses of the program, those of a shell where a shell has one."""

__all__ = ["FAILED", "INTERRUPTED", "PIPE_CLOSED", "USAGE"]

#: An uncaught error in the user's program.
FAILED = 1
#: A command line that cannot be meant, or input that cannot be read.
USAGE = 2
#: Ctrl-C.
INTERRUPTED = 130
#: Nobody reads the output any more.
PIPE_CLOSED = 141
