"""One input from Enter to rest: letting time pass, its status, and errors of our own.

In a transcript, and on a virtual clock, the user's time stands still before an input and after it
(`run_input`), so that it does not matter how long anybody takes to type the next one. What is due
at the very instant at which a statement ends still runs, and what it prints belongs to it.

Showing, recording and explaining an error touches the user's objects, and modules that the user
may have broken: anything may be raised there, of whatever class. The statement has ended all the
same, so `ContainedErrors` says in one line what could not be done, and the prompt comes back.

What does not work: to catch ``Exception``. A ``__str__`` may raise SystemExit, a property
KeyboardInterrupt, a mocked ``__import__`` a class of its own.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, Self

from asyncrepl.views.error_lines import describe_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.session.console import Console

__all__ = ["ContainedErrors", "InputTaker", "Status", "run_input"]


class Status(NamedTuple):
    """How what was typed ended; `exit_code` counts where the session is to end."""

    kind: Literal["ok", "error", "exit"] = "ok"
    exit_code: int = 0


class ContainedErrors:
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
        _write_line(self._console, f"{self._what}: {describe_error(error)}")
        return True


def _write_line(console: Console, line: str) -> None:
    """Write `line` by the shortest way that works."""
    try:
        console.complain([("error", line)])
    except BaseException:
        with suppress(BaseException):  # there is nobody else to tell it to
            console.err.write(line + "\n")


class InputTaker(Protocol):
    """Who runs inputs on a loop: the shell."""

    @property
    def loop(self) -> LiveLoop:
        """The loop."""

    def submit(
        self,
        text: str,
        done: Callable[[Status], None],
        *,
        interrupt_after: float | None = None,
        filename: str | None = None,
        mode: Literal["single", "exec"] = "single",
    ) -> None:
        """Run `text`, then call `done` once."""


#: Turns of the loop after which a program that never rests is left alone.
MAX_RESTLESS_ITERATIONS = 10_000


def run_input(
    shell: InputTaker,
    text: str,
    done: Callable[[Status], object],
    *,
    interrupt_after: float | None = None,
    scripted: Callable[[], bool] = lambda: True,
    filename: str | None = None,
    mode: Literal["single", "exec"] = "single",
) -> None:
    """Submit `text` to `shell` and let time pass until it is done; then call `done`.

    For the thread of the shell's loop, which runs or is about to. The clock is held when
    `done` is called; but a real one only if the next input is `scripted`, too.
    `interrupt_after`, `filename` and `mode` are `Shell.submit`'s.
    """
    live = shell.loop.live

    def ended(status: Status) -> None:
        script = scripted()
        if not script and live.clock.mode == "real":
            done(status)
            return
        live.clock.hold()
        # Who types by hand must get the prompt back, also from what never rests.
        patience = math.inf if script else MAX_RESTLESS_ITERATIONS
        shell.loop.when_settled(lambda: done(status), patience=patience)

    live.clock.release()
    shell.submit(text, ended, interrupt_after=interrupt_after, filename=filename, mode=mode)
