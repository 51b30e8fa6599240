"""``:debug``: the names where the last error arose, and pdb in that very frame.

A traceback often ends in a library, or in asyncio; what was wrong stands further out. So pdb opens
in the innermost frame of the user's own code. Of a group of errors it is the first one's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.engine.code_owner import is_library, location_text, user_entries
from asyncrepl.session.command_registry import CommandError, command
from asyncrepl.views.error_lines import describe_error
from asyncrepl.views.styled_lines import flowed

if TYPE_CHECKING:
    from types import TracebackType

    from asyncrepl.session.shell import Shell
    from asyncrepl.views.styled_lines import Line

__all__: list[str] = []

_MAX_NESTED = 20  # groups in groups: the user may have made them a ring


@command(
    ":debug",
    "look around where the last error arose, with pdb",
    group="mistakes",
    rank=40,
    words=0,
    saved=False,
    details="Shows the names and their values there, and opens pdb in the innermost frame "
    "of your code. The loop stands still meanwhile. Python twin: pdb.pm().",
)
def _debug(shell: Shell, _rest: str) -> list[Line]:
    error = None if shell.last is None else shell.last.error
    if error is None:
        raise CommandError("no error yet: there is nothing to debug")
    first = _first_of_group(error)
    entry = _failing_entry(first.__traceback__)
    if entry is None:
        kind = type(first).__name__
        raise CommandError(f"the {kind} has no frame to look at: nothing of it has run")
    if not shell.frontend.debugs:
        raise CommandError(f":debug needs a terminal to ask in; it arose at {_location(entry)}")
    shell.console.show_unrecorded(*_frame_lines(shell, first, entry))
    shell.frontend.post_mortem(first, entry)
    return []


def _first_of_group(error: BaseException) -> BaseException:
    """The error itself; of a group the first one in it."""
    for _ in range(_MAX_NESTED):
        if not isinstance(error, BaseExceptionGroup):
            break
        error = error.exceptions[0]
    return error


def _failing_entry(traceback: TracebackType | None) -> TracebackType | None:
    """The innermost entry in the user's own code, else in a library that it uses."""
    entries = list(user_entries(traceback))
    own = [entry for entry in entries if not is_library(entry.tb_frame.f_code.co_filename)]
    return next(reversed(own or entries), None)


def _location(entry: TracebackType) -> str:
    return location_text(entry.tb_frame.f_code.co_filename, entry.tb_lineno)


def _frame_lines(shell: Shell, error: BaseException, entry: TracebackType) -> list[Line]:
    """The error, its place, and the names with their values there."""
    from asyncrepl.engine.loop.frame_variables import scope_of
    from asyncrepl.views.status_rows import scope_lines

    width = shell.console.width
    return [
        *flowed([("error", describe_error(error))], width, 2),
        *flowed([("dim", f"at {_location(entry)}")], width, 2),
        *scope_lines([scope_of(entry.tb_frame)], width),
        *flowed([("dim", "pdb: w where, u up, d down, p EXPRESSION, q leaves")], width, 2),
    ]
