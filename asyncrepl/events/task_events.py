"""Facts about tasks: who ran when, what they produced, who blocked the loop.

Frozen values without behaviour. Instants (`at`, `born`) are whole nanoseconds
on the user's clock, the one that ``loop.time()`` shows; a lane is the
life of one task, told apart by a number that is never used twice. Nothing here
refers to a user's object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping

    from asyncrepl.events.findings import Finding
    from asyncrepl.events.iteration_events import IterationEvent

#: Lane numbers of slices that belong to no task: the loop waits; a plain callback runs.
IDLE, CALLBACK = 0, -1

Ending = Literal["done", "error", "cancelled"]
MarkKind = Literal["value", "print"]


class Lane(NamedTuple):
    """A task: its number (1, 2, … in order of birth), and what it is called.

    `coro` is the qualified name of its coroutine, `parent` the lane that made
    it, None if no observed task did. `made` is the file and the line of user
    code that made it, None if unknown.
    """

    id: int
    name: str
    coro: str
    parent: int | None
    born: int
    made: tuple[str, int] | None = None


class LaneEnded(NamedTuple):
    """A task is over: it returned, it raised, or it was cancelled.

    A task that was destroyed while pending counts as an error, as asyncio logs it.
    """

    lane: int
    at: int
    how: Ending


class Mark(NamedTuple):
    """A task produced a value or printed something."""

    lane: int
    at: int
    kind: MarkKind


class Totals(NamedTuple):
    """How often a task has run since its birth, and for how many nanoseconds in all.

    The slice under way is included. The rest of its age it has waited.
    """

    slices: int
    busy: int


class Blocked(NamedTuple):
    """One slice has held the loop for `seconds` of real time, at this line.

    `task` is the task's name, None for a plain callback; `source` is the
    line's text without indentation, empty if unknown. Of a call in C that let no other
    thread look, the place may be unknown: `filename` is empty then. For `waited`
    of the seconds the slice could not run, because other threads or processes did; for
    `collected` of them nobody could look, and the interpreter was collecting garbage. `others`
    says that meanwhile something else was ready to run, or a timer due.
    `lane` and `at`, when the slice began on the user's clock, are those of the
    timeline; None and 0 without one.
    """

    task: str | None
    filename: str
    line: int
    source: str
    seconds: float
    waited: float = 0.0
    lane: int | None = None
    at: int = 0
    collected: float = 0.0
    others: bool = False


class BlockingReport(NamedTuple):
    """The loop was blocked `times` at one place, for `seconds` in all.

    `last` is the last time; `tasks` are the names of those who did it. What was not `measured`
    is known for certain: calls of ``time.sleep`` that said how long they are.
    """

    last: Blocked
    times: int
    seconds: float
    tasks: frozenset[str | None]
    measured: bool = True


class Snapshot(NamedTuple):
    """What a timeline held at one moment; nothing in it changes any more.

    `slices` is lane, start, lane, start, …: each slice ends where the next one
    starts, the last one is still open. `first` is the number of its first slice, counted
    from the beginning of the recording: what came before is forgotten.
    `lanes` are in order of birth, those that ended a while ago included. `blocked` are
    the slices that held the loop too long and are over, oldest first. `iteration_events` are
    the last steps of asynchronous iterations that were traced, `findings` the last mistakes that
    were found, both oldest first. Where there are not lanes for all, `others` more tasks live, of
    which `others_ran` lately.
    """

    lanes: tuple[Lane, ...]
    ended: Mapping[int, LaneEnded]
    marks: tuple[Mark, ...]
    slices: array[int]
    first: int
    blocked: tuple[Blocked, ...] = ()
    iteration_events: tuple[IterationEvent, ...] = ()
    findings: tuple[Finding, ...] = ()
    others: int = 0
    others_ran: int = 0
