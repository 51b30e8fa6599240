"""Facts about asynchronous iterations: what happens in an ``async for``, step by step.

Frozen values without behaviour; instants and lengths of time are whole nanoseconds on
the user's clock. Nothing here refers to a user's object.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

SiteKind = Literal["async for", "comprehension", "generator expression"]

#: How an iteration ended: StopAsyncIteration; the body left it; there was no iterator to
#: be had; the source, the binding or the body raised; its task was cancelled, by a
#: timeout or otherwise; the generator that holds it was closed; or it is not known.
EndReason = Literal[
    "exhausted", "break", "return", "refused", "source", "bind", "body", "cancelled", "timeout",
    "closed", "unknown",
]  # fmt: skip


#: What ``await`` takes: a step of an async generator, alone or with a default; what an
#: ``async def`` gives, or a function of the old kind; what asyncio has; any other object.
AwaitableKind = Literal["step", "default", "coroutine", "generator", "task", "future", "object"]


class ConcurrentTasks(NamedTuple):
    """Which other tasks ran meanwhile, with their number of slices: the busiest by name.

    Beside these, `tasks` more ran in `slices`.
    """

    named: tuple[tuple[str, int], ...] = ()
    tasks: int = 0
    slices: int = 0


#: Nobody else ran.
NO_TASKS = ConcurrentTasks()


class LoopSite(NamedTuple):
    """An ``async for`` in a text: where it stands, what it iterates over, what it binds.

    `operand` and `target` are source text; `bound` are line and column (in
    bytes) of the target, as code objects tell positions.
    """

    filename: str
    line: int
    operand: str
    target: str
    kind: SiteKind
    bound: tuple[int, int]


class Iteration(NamedTuple):
    """One run of an ``async for``, by a task; `depth` counts the iterations around it.

    `lane` and `task` are the number and name of the task that began it.
    """

    number: int
    lane: int
    task: str
    depth: int
    site: LoopSite


class IterationBegan(NamedTuple):
    """Step 1: ``__aiter__`` gave the iterator; both by their types' names; `itself`: the same."""

    iteration: Iteration
    at: int
    iterable: str
    iterator: str
    itself: bool


class IterationJoined(NamedTuple):
    """The iteration was under way when it began to be told; its rounds are counted from there."""

    iteration: Iteration
    at: int


class AwaitableGiven(NamedTuple):
    """Step 2 of a round (1, 2, …): ``__anext__`` gave something of type `awaitable`.

    It is empty for an iteration that was joined. `kind` says what such an object is.
    """

    iteration: Iteration
    round: int
    at: int
    awaitable: str
    kind: AwaitableKind = "object"


class StepSuspended(NamedTuple):
    """Step 3 suspends for the first time in this round: `on` what, and `where` in user code."""

    iteration: Iteration
    round: int
    at: int
    on: str
    where: str


class ValueBound(NamedTuple):
    """Steps 3 and 4: the value came `waited` ns after it was asked for, and is bound.

    Unless the task was `suspended` meanwhile, nobody else could run. `values` tells
    what was bound, as in ``n = 3``.
    """

    iteration: Iteration
    round: int
    at: int
    waited: int
    suspended: bool
    others: ConcurrentTasks
    values: str


class BodyFinished(NamedTuple):
    """Step 5 of a round is over; it took so many ns."""

    iteration: Iteration
    round: int
    at: int
    took: int


class RoundsSummary(NamedTuple):
    """The rounds `first` to `last`, in one: `suspended` of them were; times are sums in ns.

    `on` and `values` are those of the last one.
    """

    iteration: Iteration
    first: int
    last: int
    at: int
    suspended: int
    waited: int
    body: int
    others: ConcurrentTasks
    on: str
    values: str


class IterationEnded(NamedTuple):
    """Step 6: the iteration is over, `how`; `error` names what was raised, if anything.

    `took` ns for `items` items, of which `waited` ns in step 3, which suspended
    `suspended` times. `last` is how long the last step 3 was suspended, one that gave
    no item; None where there was no such.
    """

    iteration: Iteration
    at: int
    how: EndReason
    error: str
    items: int
    took: int
    waited: int
    suspended: int
    last: int | None
    others: ConcurrentTasks


class IterationsSummary(NamedTuple):
    """So many further iterations at one site, in one: not told one by one; `took` ns together."""

    iteration: Iteration
    more: int
    at: int
    items: int
    took: int


IterationEvent = (
    IterationBegan
    | IterationJoined
    | AwaitableGiven
    | StepSuspended
    | ValueBound
    | BodyFinished
    | RoundsSummary
    | IterationEnded
    | IterationsSummary
)
