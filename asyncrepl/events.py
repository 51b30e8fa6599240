"""The vocabulary of facts: what the engine records and everything else reads.

Frozen values without behaviour. Instants (`at`, `born`) are whole nanoseconds
on the user's clock, the one that ``loop.time()`` shows; a lane is the
life of one task, told apart by a number that is never used twice. Nothing here
refers to a user's object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping

__all__ = [
    "CALLBACK",
    "IDLE",
    "NOBODY",
    "Asked",
    "Began",
    "Blocked",
    "BodyDone",
    "Ended",
    "Ending",
    "Got",
    "Lane",
    "LaneEnded",
    "Leak",
    "LeakKind",
    "Mark",
    "MarkKind",
    "Others",
    "Rounds",
    "Site",
    "SiteKind",
    "Snapshot",
    "Suspended",
    "Totals",
    "Walk",
    "WalkEvent",
    "Walks",
    "WayOut",
]

#: Lane numbers of slices that belong to no task: the loop waits; a plain callback runs.
IDLE, CALLBACK = 0, -1

Ending = Literal["done", "error", "cancelled"]
MarkKind = Literal["value", "print"]
LeakKind = Literal[
    "never awaited", "left open", "never walked", "never retrieved", "destroyed pending"
]


@dataclass(frozen=True, slots=True)
class Lane:
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


@dataclass(frozen=True, slots=True)
class LaneEnded:
    """A task is over: it returned, it raised, or it was cancelled.

    A task that was destroyed while pending counts as an error, as asyncio logs it.
    """

    lane: int
    at: int
    how: Ending


@dataclass(frozen=True, slots=True)
class Mark:
    """A task produced a value or printed something."""

    lane: int
    at: int
    kind: MarkKind


@dataclass(frozen=True, slots=True)
class Totals:
    """How often a task has run since its birth, and for how many nanoseconds in all.

    The slice under way is included. The rest of its age it has waited.
    """

    slices: int
    busy: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """One slice has held the loop for `seconds` of real time, at this line.

    `task` is the task's name, None for a plain callback; `source` is the
    line's text without indentation, empty if unknown. Of a call in C that let no other
    thread look, the place may be unknown: `filename` is empty then. For `waited`
    of the seconds the slice could not run, because other threads or processes did.
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


@dataclass(frozen=True, slots=True)
class Leak:
    """Something asynchronous was forgotten.

    - "never awaited": a coroutine was dropped before it ran at all;
    - "left open": an async generator was walked, left before its end, and lives on;
    - "never walked": an async generator was made and thrown away at once;
    - "never retrieved": a task, or another future, failed and nobody asked how;
    - "destroyed pending": a task was dropped while it waited.

    These are the kinds. `what` is the qualified name of the coroutine or generator
    function, empty where it is not known; `made` the file and line where that was called,
    `noticed` those where the thing was dropped, left or thrown away, each None where that
    is not certain. `name` is the name of the task, or the user's name for the generator;
    `by_break` says that the ``break`` at `noticed` left it.
    """

    kind: LeakKind
    what: str
    made: tuple[str, int] | None = None
    noticed: tuple[str, int] | None = None
    name: str = ""
    by_break: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a timeline held at one moment; nothing in it changes any more.

    `slices` is lane, start, lane, start, …: each slice ends where the next one
    starts, the last one is still open. `first` is the number of its first slice, counted
    from the beginning of the recording: what came before is forgotten.
    `lanes` are in order of birth, those that ended a while ago included. `blocked` are
    the slices that held the loop too long and are over, oldest first.
    """

    lanes: tuple[Lane, ...]
    ended: Mapping[int, LaneEnded]
    marks: tuple[Mark, ...]
    slices: array[int]
    first: int
    blocked: tuple[Blocked, ...] = ()


# -- walks: what happens in an ``async for`` -------------------------------------

SiteKind = Literal["async for", "comprehension", "generator expression"]

#: How a walk ended: StopAsyncIteration; the body left it; there was no iterator to
#: be had; the source, the binding or the body raised; its task was cancelled, by a
#: timeout or otherwise; the generator that holds it was closed; or it is not known.
WayOut = Literal[
    "exhausted", "break", "return", "refused", "source", "bind", "body", "cancelled", "timeout",
    "closed", "unknown",
]  # fmt: skip


class Others(NamedTuple):
    """Which other tasks ran meanwhile, with their number of slices: the busiest by name.

    Beside these, `tasks` more ran in `slices`.
    """

    named: tuple[tuple[str, int], ...] = ()
    tasks: int = 0
    slices: int = 0


#: Nobody else ran.
NOBODY = Others()


class Site(NamedTuple):
    """An ``async for`` in a text: where it stands, what it walks, what it binds.

    `operand` and `target` are source text; `bound` are line and column (in
    bytes) of the target, as code objects tell positions.
    """

    filename: str
    line: int
    operand: str
    target: str
    kind: SiteKind
    bound: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Walk:
    """One run of an ``async for``, by a task; `depth` counts the walks around it.

    `lane` and `task` are the number and name of the task that began it.
    """

    number: int
    lane: int
    task: str
    depth: int
    site: Site


@dataclass(frozen=True, slots=True)
class Began:
    """Step 1: ``__aiter__`` gave the iterator; both by their types' names; `itself`: the same."""

    walk: Walk
    at: int
    iterable: str
    iterator: str
    itself: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """Step 2 of a round (1, 2, …): ``__anext__`` gave something of type `awaitable`."""

    walk: Walk
    round: int
    at: int
    awaitable: str


@dataclass(frozen=True, slots=True)
class Suspended:
    """Step 3 suspends for the first time in this round: `on` what, and `where` in user code."""

    walk: Walk
    round: int
    at: int
    on: str
    where: str


@dataclass(frozen=True, slots=True)
class Got:
    """Steps 3 and 4: the value came `waited` ns after it was asked for, and is bound.

    Unless the task was `suspended` meanwhile, nobody else could run. `values` tells
    what was bound, as in ``n = 3``.
    """

    walk: Walk
    round: int
    at: int
    waited: int
    suspended: bool
    others: Others
    values: str


@dataclass(frozen=True, slots=True)
class BodyDone:
    """Step 5 of a round is over; it took so many ns."""

    walk: Walk
    round: int
    at: int
    took: int


@dataclass(frozen=True, slots=True)
class Rounds:
    """The rounds `first` to `last`, in one: `suspended` of them were; times are sums in ns.

    `on` and `values` are those of the last one.
    """

    walk: Walk
    first: int
    last: int
    at: int
    suspended: int
    waited: int
    body: int
    others: Others
    on: str
    values: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Step 6: the walk is over, `how`; `error` names what was raised, if anything.

    `took` ns for `items` items, of which `waited` ns in step 3, which suspended
    `suspended` times. `last` is how long the last step 3 was suspended, one that gave
    no item; None where there was no such.
    """

    walk: Walk
    at: int
    how: WayOut
    error: str
    items: int
    took: int
    waited: int
    suspended: int
    last: int | None
    others: Others


@dataclass(frozen=True, slots=True)
class Walks:
    """So many further walks at one site, in one: not told one by one; `took` ns together."""

    walk: Walk
    count: int
    at: int
    items: int
    took: int


WalkEvent = Began | Asked | Suspended | Got | BodyDone | Rounds | Ended | Walks
