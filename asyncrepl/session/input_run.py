"""One input from Enter to rest: letting time pass, its status, and errors of our own.

In a transcript, and on a virtual clock, the user's time stands still before an input and after it
(`run_input`), so that it does not matter how long anybody takes to type the next one. What is due
at the very instant at which a statement ends still runs, and what it prints belongs to it.

Showing, recording and explaining an error touches the user's objects, and modules that the user
may have broken: anything may be raised there, of whatever class. The statement has ended all the
same, so `ContainedErrors` says in one line what could not be done, and the prompt comes back.

What does not work: to catch ``Exception``. A ``__str__`` may raise SystemExit, a property
KeyboardInterrupt, a mocked ``__import__`` a class of its own.

`BackgroundJobs` are those that go on behind the prompt: tickers and spawned statements.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, Self

from asyncrepl.session.command_registry import CommandError
from asyncrepl.views.error_lines import describe_error

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import TracebackType

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.engine.statements import Outcome, Session
    from asyncrepl.session.frontend import Console


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
        line = f"{self._what}: {describe_error(error)}"
        try:
            self._console.complain([("error", line)])
        except BaseException:
            with suppress(BaseException):  # there is nobody else to tell it to
                self._console.err.write(line + "\n")
        return True


class _InputTaker(Protocol):
    """Who runs inputs on a loop: the shell."""

    loop: LiveLoop

    def submit(
        self,
        text: str,
        done: Callable[[Status], None],
        *,
        interrupt_after: float | None = None,
        filename: str | None = None,
        alone: bool = True,
    ) -> None: ...


#: Turns of the loop after which a program that never rests is left alone.
MAX_RESTLESS_ITERATIONS = 10_000


def run_input(
    shell: _InputTaker,
    text: str,
    done: Callable[[Status], object],
    *,
    interrupt_after: float | None = None,
    scripted: Callable[[], bool] = lambda: True,
    filename: str | None = None,
    alone: bool = True,
) -> None:
    """Submit `text` to `shell` and let time pass until it is done; then call `done`.

    For the thread of the shell's loop, which runs or is about to. The clock is held when
    `done` is called; but a real one only if the next input is `scripted`, too.
    `interrupt_after`, `filename` and `alone` are `Shell.submit`'s.
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
    shell.submit(text, ended, interrupt_after=interrupt_after, filename=filename, alone=alone)


#: A shorter interval would starve the loop, not tick.
MIN_INTERVAL = 0.001


class JobError(CommandError):
    """A job cannot be started or stopped; the message is one line for the user."""


async def ticker(name: str, seconds: float = 1.0, *, separator: str = "│") -> None:
    """Print ``NAME │ 1``, ``NAME │ 2``, … every `seconds`, for ever, with this `separator`.

    Ticks do not drift: the k-th is due k × `seconds` after the start. Raises
    ValueError where `seconds` is not a positive, finite number.
    """
    if not (MIN_INTERVAL <= seconds < math.inf):
        raise ValueError(f"a ticker needs at least {MIN_INTERVAL} seconds, got {seconds!r}")
    loop = asyncio.get_running_loop()
    due = loop.time()
    count = 0
    while True:
        count += 1
        # Not sleep(seconds): that adds up the lateness of each tick. And after a
        # blocked loop the ticks go on from now, without a burst of missed ones.
        due = max(due + seconds, loop.time())
        await asyncio.sleep(due - loop.time())
        print(f"{name} {separator} {count}", flush=True)


class BackgroundJobs:
    """The named background tasks of one session.

    `failed` is called with the name and the outcome of a spawned statement that
    raised, or with a ticker's.
    """

    def __init__(self, session: Session, failed: Callable[[str, Outcome], None]) -> None:
        self._session = session
        self._failed = failed
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._spawned = 0

    @property
    def names(self) -> list[str]:
        """The names of the jobs that run, oldest first."""
        return [name for name, task in self._tasks.items() if not task.done()]

    @property
    def tasks(self) -> set[asyncio.Task[Any]]:
        """The tasks of the jobs that run."""
        return {task for task in self._tasks.values() if not task.done()}

    def start_ticker(self, name: str, seconds: float, *, ascii: bool = False) -> None:
        """Start the ticker `name`; raises JobError for a name that runs or a bad interval.

        With `ascii` it prints nothing else.
        """
        if name in self.names:
            raise JobError(f"{name!r} already runs: stop it first, or take another name")
        if not (MIN_INTERVAL <= seconds < math.inf):
            raise JobError(f"a ticker needs {MIN_INTERVAL} seconds or more, not {seconds:g}")
        loop = self._session.loop
        ticking = ticker(name, seconds, separator="|" if ascii else "│")
        try:
            self._tasks[name] = loop.create_task(ticking, name=name)
        except BaseException:  # of a task factory of the user's
            ticking.close()
            raise

    def spawn(self, text: str) -> str | None:
        """Start `text` in the background; the name of its task, or None if it does not compile."""
        self._spawned += 1
        name = f"spawn {self._spawned}"
        run = self._session.start(
            text,
            lambda outcome: self._ended(name, outcome),
            name=name,
            context=self._session.context.copy(),
        )
        if run is None or run.task is None:
            self._spawned -= 1
            return None
        self._tasks[name] = run.task
        return name

    def stop(self, name: str) -> None:
        """Cancel the job `name`; raises JobError if there is none."""
        if name not in self.names:
            running = f"running: {', '.join(self.names)}" if self.names else "none is running"
            raise JobError(f"no ticker or spawned statement {name!r}; {running}")
        self._tasks.pop(name).cancel()

    def stop_all(self, *, besides: Collection[str] = ()) -> list[str]:
        """Cancel all jobs but those named in `besides`; the names of the cancelled ones."""
        names = [name for name in self.names if name not in besides]
        for name in names:
            self.stop(name)
        return names

    def _ended(self, name: str, outcome: Outcome) -> None:
        self._tasks.pop(name, None)
        if outcome.error is not None and not isinstance(outcome.error, asyncio.CancelledError):
            self._failed(name, outcome)
