"""The await graph: which task of a loop awaits which.

A task that awaits another one says so at the end of its await chain. Between them may
are ``gather``, ``shield``, ``wait`` or ``wait_for``, which wait for futures of
their own; a task group and ``as_completed`` are known by the tasks in them.
From Python 3.14 on asyncio itself keeps who awaits a future, and is asked, too. Not
alone: of ``gather`` and ``shield`` it knows who called them, not who awaits what they
gave, and it knows nothing of tasks in Python.
"""

from __future__ import annotations

import asyncio
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.engine.code_owner import location_and_source, owner
from asyncrepl.engine.loop.external_waits import is_at_rest
from asyncrepl.engine.tasks.await_chain import (
    await_chain,
    completion_queue,
    first_argument,
    gathered_futures,
    is_future,
    is_task,
    result_source,
    task_group_parent,
)
from asyncrepl.engine.tasks.task_findings import held_locks
from asyncrepl.engine.tasks.task_records import all_tasks, name_of, sorted_by_name
from asyncrepl.engine.tasks.task_survey import (
    awaited_tasks,
    deadlock_findings,
    describe_chain,
    is_held_up,
    state_of,
    waited_by,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from asyncrepl.engine.tasks.await_chain import AwaitLink
    from asyncrepl.engine.tasks.task_survey import TaskActivity
    from asyncrepl.events.findings import Finding

#: Who awaits a future, from Python 3.14 on; a subclass of the user's may say something else.
_AWAITED_BY: Callable[[Any], Any] | None = getattr(
    asyncio.Future.__dict__.get("_asyncio_awaited_by"), "__get__", None
)
#: What several tasks may meet at; the object is the first argument.
_MEETING_POINTS = {
    "Queue.get", "Queue.put", "Queue.join", "Lock.acquire", "Event.wait", "Condition.wait",
    "Condition.wait_for", "Semaphore.acquire", "Barrier.wait",
}  # fmt: skip


#: To look at each of more tasks, again and again, would take longer than what they do.
FEW_TASKS = 200


class AwaitNode(NamedTuple):
    """A task in the graph; `awaits` are the places, in the graph, of those it awaits.

    `on` is what it waits on, with the name or number of the queue, lock or event in
    question; `where` is the user's line, as "FILE:LINE", and `source` its text;
    `function` holds that line. They are empty where that is not known.
    """

    name: str
    state: TaskActivity
    on: str = ""
    where: str = ""
    source: str = ""
    function: str = ""
    awaits: tuple[int, ...] = ()


def await_graph(
    loop: asyncio.AbstractEventLoop, names: Mapping[str, object] | None = None
) -> tuple[AwaitNode, ...]:
    """The tasks of `loop` that are not done, by name; in the loop's thread.

    What several tasks wait at has its name in `names`, or else a number.
    """
    tasks = sorted_by_name(all_tasks(loop))
    chains = [await_chain(task) for task in tasks]
    meetings = [_meeting_point(chain) for chain in chains]
    labels = _labels([link for link in meetings if link], names or {})
    awaits = _edges(tasks, chains, meetings)
    location_of = cache(location_and_source)
    nodes = []
    for task, chain, meeting, inner in zip(tasks, chains, meetings, awaits, strict=True):
        waits = describe_chain(chain)
        on = waits.on
        if meeting and on == meeting.name:
            on += f" ({labels[id(first_argument(meeting))]})"
        where, source = location_of(waits.filename, waits.line) if waits.filename else ("", "")
        nodes.append(
            AwaitNode(name_of(task), state_of(task), on, where, source, waits.function, inner)
        )
    return tuple(nodes)


# -- who awaits whom ---------------------------------------------------------------


def _edges(
    tasks: Sequence[asyncio.Task[Any]],
    chains: Sequence[list[AwaitLink]],
    meetings: Sequence[AwaitLink | None],
) -> list[tuple[int, ...]]:
    """For each task the places of those that it awaits."""
    pairs = list(_pairs_found_in_chains(tasks, chains, meetings))
    for task in tasks:
        pairs += [(waiter, task) for waiter in _closure(task, _kept_waiters)]
    places = {id(task): place for place, task in enumerate(tasks)}
    edges: list[set[int]] = [set() for _ in tasks]
    for waiter, awaited in pairs:
        if id(waiter) in places and id(awaited) in places:
            edges[places[id(waiter)]].add(places[id(awaited)])
    return [tuple(sorted(each)) for each in edges]


def _kept_waiters(future: Any) -> Iterable[object]:
    """Who awaits `future`, as asyncio keeps it from Python 3.14 on."""
    if _AWAITED_BY is None or not issubclass(type(future), asyncio.Future):
        return ()
    return _AWAITED_BY(future) or ()


def _pairs_found_in_chains(
    tasks: Sequence[asyncio.Task[Any]],
    chains: Sequence[list[AwaitLink]],
    meetings: Sequence[AwaitLink | None],
) -> Iterator[tuple[object, object]]:
    at_queue = {
        id(first_argument(link)): task
        for task, link in zip(tasks, meetings, strict=True)
        if link is not None and link.name == "Queue.get"
    }
    for task, chain in zip(tasks, chains, strict=True):
        for future in _awaited(chain):
            yield from ((task, inner) for inner in _closure(future, _parts, itself=True))
        yield task_group_parent(task), task
        yield at_queue.get(id(completion_queue(task))), task


def _awaited(chain: Sequence[AwaitLink]) -> Iterator[object]:
    """The futures that a chain leads to."""
    for link in chain:
        if link.code is None:
            yield link.subject
        elif link.name in {"wait", "wait_for"} and owner(link.code.co_filename) == "asyncio":
            inner: Any = first_argument(link)
            yield from inner if type(inner) is set else (inner,)


def _parts(future: object) -> Iterable[object]:
    """The futures that a future of asyncio's waits for."""
    parts = gathered_futures(future)
    return (result_source(future),) if parts is None else parts


def _closure(
    future: object, following: Callable[[Any], Iterable[object]], *, itself: bool = False
) -> list[object]:
    """The tasks that one comes to from `future` by `following`, not through other tasks."""
    found: list[object] = []
    seen: set[int] = set()
    new = [future] if itself else list(following(future))
    while new:
        each = new.pop()
        if id(each) in seen or not is_future(each):
            continue
        seen.add(id(each))
        if is_task(each):
            found.append(each)
        else:
            new.extend(following(each))
    return found


# -- where tasks meet --------------------------------------------------------------


def _meeting_point(chain: Sequence[AwaitLink]) -> AwaitLink | None:
    """The call in `chain` that waits at a queue, a lock or the like."""
    for link in chain:
        if link.code is not None and link.name in _MEETING_POINTS:
            return link if owner(link.code.co_filename) == "asyncio" else None
    return None


def _labels(meetings: Iterable[AwaitLink], names: Mapping[str, object]) -> dict[int, str]:
    """What to call the objects at which tasks wait, by their ids."""
    labels: dict[int, str] = {}
    numbers: dict[str, count[int]] = {}
    named = {id(thing): name for name, thing in names.items() if not name.startswith("_")}
    for link in meetings:
        key, kind = id(first_argument(link)), link.name.partition(".")[0].lower()
        if key not in labels:
            number = numbers.setdefault(kind, count(1))
            labels[key] = named.get(key) or f"{kind} {next(number)}"
    return labels


# -- what never ends ---------------------------------------------------------------


def has_few_tasks(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether it costs little to look at each task of `loop`, again and again; or it rests."""
    return is_at_rest(loop) or len(all_tasks(loop)) <= FEW_TASKS


def endless_findings(task: Any, idle: Callable[[], bool]) -> list[Finding]:
    """What is stuck at `task` though something may come; `idle` says that nothing has for long.

    It is "unfinished", whatever else goes on, where it waits until all of a queue is done, or for
    a lock whose holder waits for it.
    """
    at_rest = is_at_rest(task.get_loop())
    if at_rest and not is_held_up(task, idle=idle()):
        return []
    found = [each for each in deadlock_findings(task) if each.what == "stuck"]
    if at_rest:
        return found
    names = ("join", "acquire") if _is_locked_up(task) else ("join",)
    return [each._replace(what="unfinished") for each in found if each.info.name in names]


def _is_locked_up(task: Any) -> bool:
    """Whether `task` waits for one that waits for itself, where a lock is on the way."""
    tasks = all_tasks(task.get_loop())
    held = [(lock, holder) for holder in tasks for lock in held_locks(holder, waited_by(holder))]
    holders = {id(lock): holder for lock, holder in held if type(lock) is asyncio.Lock}
    reached = _reached(task, holders)
    locked = [each for each in (task, *reached) if _holder(each, holders) is not None]
    return any(each in _reached(each, holders) for each in locked)


def _reached(task: Any, holders: Mapping[int, Any]) -> list[Any]:
    """The tasks that `task` waits for, itself or through others; also as `holders` of locks."""
    way = [*awaited_tasks(task), _holder(task, holders)]
    for each in way:  # which grows
        found = [] if each is None else [*awaited_tasks(each), _holder(each, holders)]
        way += [one for one in found if one not in way]
    return [each for each in way if each is not None]


def _holder(task: Any, holders: Mapping[int, Any]) -> Any:
    """The task that holds the lock for which `task` waits; None if there is none."""
    return holders.get(id(waited_by(task)))
