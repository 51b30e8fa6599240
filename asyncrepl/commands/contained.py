"""Containing what fails in our own work on something of the user's.

Showing, recording and explaining an error touches the user's objects, and modules that he
may have broken: anything may be raised there, of whatever class. The statement has ended
all the same, so one line says what could not be done, and the prompt comes back.

What does not work: to catch ``Exception``. A ``__str__`` may raise SystemExit, a property
KeyboardInterrupt, a mocked ``__import__`` a class of its own.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Self

from asyncrepl.views.errors import describe_error

if TYPE_CHECKING:
    from types import TracebackType

    from asyncrepl.views.console import Console

__all__ = ["Contained"]


class Contained:
    """A block whose errors become one line on `console`: ``WHAT: TYPE: message``.

    Only that the output is closed comes out of it: that ends the session. `failed` says
    afterwards whether there was an error.
    """

    def __init__(self, console: Console, what: str) -> None:
        self._console = console
        self._what = what
        self.failed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _: TracebackType | None,
    ) -> bool:
        if kind is None or error is None:
            return False
        if issubclass(kind, OSError) and self._console.closed:
            return False
        self.failed = True
        _say(self._console, f"{self._what}: {describe_error(error)}")
        return True


def _say(console: Console, line: str) -> None:
    """Write `line` by the shortest way that works."""
    try:
        console.complain([("error", line)])
    except BaseException:
        with suppress(BaseException):  # there is nobody else to tell it to
            console.err.write(line + "\n")
