"""Iterating over several sources at once, noting when each gave what: data of a marble diagram.

Each is iterated over by a task of its own, until it ends, fails, or is stopped. What was
seen stays readable at every moment, also after a cancellation.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from asyncrepl.engine.code_owner import user_part

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextvars import Context

#: A source is stopped after so many values: one that never suspends would not end else.
MAX_VALUES = 1000
#: Characters that are kept of a value's text.
_MAX_TEXT_LENGTH = 80
#: Turns of the loop for what is due at the very instant at which the time is up.
_LAST_ITERATIONS = 16

#: Iterates over a source and hands each value to the function, until that says that it is enough.
SourceReader: TypeAlias = "Callable[[Callable[[object], bool]], Awaitable[object]]"


class Marble(NamedTuple):
    """A value: when it came, in nanoseconds since the start, and the beginning of its repr."""

    at: int
    text: str


class MarbleRow(NamedTuple):
    """What one source gave until `at`: there it was done, failed, or was still open."""

    label: str
    marbles: tuple[Marble, ...]
    end: Literal["done", "error", "open"]
    at: int


class MarbleRecorder:
    """Iterates over sources, each a label and a `SourceReader`; for the loop's thread.

    `failed` is called with the number of a source and the exception that ended it;
    `came` whenever there is a value, in the source's task.
    """

    def __init__(
        self,
        sources: Sequence[tuple[str, SourceReader]],
        *,
        failed: Callable[[int, Exception], object],
        came: Callable[[], object] | None = None,
        context: Context | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self._tracks = [_Track(label, self._now, came) for label, _ in sources]
        self._failed = failed
        self._tasks = [
            # Not loop.create_task: a task factory set by the user must not see this.
            asyncio.Task(
                self._record(number, read),
                loop=self._loop,
                name=label,
                context=None if context is None else context.copy(),
            )
            for number, (label, read) in enumerate(sources)
        ]
        for task in self._tasks:  # their exceptions are told: asyncio need not log them
            task.add_done_callback(lambda task: task.cancelled() or task.exception())

    @property
    def rows(self) -> list[MarbleRow]:
        """What was seen so far."""
        return [track.row() for track in self._tracks]

    async def run(self, seconds: float | None = None) -> None:
        """Wait until all sources have ended, or for `seconds` of the loop's time.

        What is due at the last instant still counts. Those that go on are cancelled and
        waited for, also when this is cancelled; when it is cancelled again, no longer.
        """
        try:
            _, running = await asyncio.wait(self._tasks, timeout=seconds)
            for _ in range(_LAST_ITERATIONS if running else 0):
                await asyncio.sleep(0)
        finally:
            self._stop()
            await asyncio.wait(self._tasks)

    def _stop(self) -> None:
        for track, task in zip(self._tracks, self._tasks, strict=True):
            track.stop()
            task.cancel()

    async def _record(self, number: int, read: SourceReader) -> None:
        track = self._tracks[number]
        try:
            await read(track.take)
        except asyncio.CancelledError:
            track.stop()
            raise
        except KeyboardInterrupt:
            self._stop()
        except Exception as error:
            track.finish("error")
            self._failed(number, error.with_traceback(user_part(error.__traceback__)))
            raise  # so that the task's lane shows how it ended
        else:
            track.finish("done")

    def _now(self) -> int:
        return round((self._loop.time() - self._start) * 1e9)


class _Track:
    """What is noted of one source."""

    def __init__(
        self, label: str, now: Callable[[], int], came: Callable[[], object] | None
    ) -> None:
        self._label = label
        self._now = now
        self._came = came
        self._marbles: list[Marble] = []
        self._end: tuple[Literal["done", "error", "open"], int] | None = None

    def take(self, value: object) -> bool:
        """Note `value`; whether that is enough."""
        if self._end is None:
            self._marbles.append(Marble(self._now(), _text(value)))
            if self._came is not None:
                self._came()
            if len(self._marbles) >= MAX_VALUES:
                self.stop()
        return self._end is not None

    def stop(self) -> None:
        """It is not looked at any further."""
        self.finish("open")

    def finish(self, end: Literal["done", "error", "open"]) -> None:
        """It has ended now, if it had not ended before."""
        if self._end is None:
            self._end = end, self._now()

    def row(self) -> MarbleRow:
        """What was seen so far."""
        end, at = self._end or ("open", self._now())
        return MarbleRow(self._label, tuple(self._marbles), end, at)


def _text(value: object) -> str:
    """The beginning of the value's repr, which may be wrong in any way."""
    try:
        return repr(value)[:_MAX_TEXT_LENGTH]
    except Exception:
        return f"<{type(value).__name__}>"
