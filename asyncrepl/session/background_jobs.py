"""Background tasks with a name: tickers and spawned statements."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.statements import Outcome, Session

__all__ = ["BackgroundJobs", "JobError", "ticker"]

#: A shorter interval would starve the loop, not tick.
MIN_INTERVAL = 0.001


class JobError(Exception):
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

    def start_ticker(self, name: str, seconds: float, *, ascii: bool = False) -> None:  # noqa: A002
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
            raise JobError(f"no ticker or spawned statement {name!r}{self._known()}")
        self._tasks.pop(name).cancel()

    def stop_all(self) -> list[str]:
        """Cancel all jobs; their names."""
        names = self.names
        for name in names:
            self.stop(name)
        return names

    def _ended(self, name: str, outcome: Outcome) -> None:
        self._tasks.pop(name, None)
        if outcome.error is not None and not isinstance(outcome.error, asyncio.CancelledError):
            self._failed(name, outcome)

    def _known(self) -> str:
        names = ", ".join(self.names)
        return f"; running: {names}" if names else "; none is running"
