"""What the tasks of a loop are doing: their state, and what each waits on.

What a suspended chain waits on is said as one would say it, with the user's line where it does.
Behind the user's innermost line are coroutines of asyncio, and at the end a
future that says nothing: ``Queue.get`` says more than "a future". A function is
asyncio's where it lives in asyncio's files: a user's own that is called
``sleep`` is described by its name alone.
"""

from __future__ import annotations

import asyncio
from functools import cache
from types import CoroutineType, NoneType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from asyncrepl.engine.code_owner import is_users, location_and_source, owner
from asyncrepl.engine.loop.external_waits import wait_of_job
from asyncrepl.engine.tasks.await_chain import (
    await_chain,
    first_argument,
    gathered_futures,
    is_future,
    is_task,
    result_source,
    user_frame,
    waits_at,
)
from asyncrepl.engine.tasks.task_findings import (
    LOCKS,
    failed_tasks,
    held_locks,
    is_replaced,
    running_user_frame,
    unseen_failure,
    unseen_failures,
    user_places,
)
from asyncrepl.engine.tasks.task_records import (
    all_tasks,
    current_task,
    name_of,
    sorted_by_name,
    task_coroutine,
)
from asyncrepl.events import Totals
from asyncrepl.events.finding_log import was_cleared
from asyncrepl.events.findings import Finding, finding_at
from asyncrepl.events.object_info import ObjectInfo, describe
from asyncrepl.runtime.descriptors import is_starved, process_behind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncrepl.engine.tasks.await_chain import AwaitLink
    from asyncrepl.engine.tasks.timeline import Timeline


class WaitDescription(NamedTuple):
    """Where something waits, and what for; strings and a number only.

    `on` is what it is finally suspended on: "asyncio.sleep(0.33)", "Queue.get",
    "task 'input 3'", "gather of 3", "a future"; empty for what runs or has not
    begun. `filename`, `line` and `function` are those of the user's innermost line that
    waits; where no code of the user's does, they are empty and 0.
    """

    on: str = ""
    filename: str = ""
    line: int = 0
    function: str = ""


def describe_wait(awaitable: object) -> WaitDescription:
    """What `awaitable` waits on, a task, a coroutine, an async generator or its step.

    In the loop's thread.
    """
    return describe_chain(await_chain(awaitable))


def describe_chain(chain: list[AwaitLink], *, through_steps: bool = True) -> WaitDescription:
    """What the `chain` that `await_chain` gave waits on.

    Without `through_steps` it is followed only as far as the first other async generator that is
    being stepped: "a step of readings".
    """
    for at, link in enumerate(() if through_steps else chain):
        if at and link.kind == "async generator step":
            return describe_chain(chain[:at])._replace(on=f"a step of {link.name}")
    owners: list[str | None] = [
        None if link.code is None else owner(link.code.co_filename) for link in chain
    ]
    at = len(chain) - 1
    while at >= 0 and owners[at] != "user":
        at -= 1
    if at < 0:
        if "library" not in owners:
            return WaitDescription(_describe_links(chain, owners))
        at = len(chain) - 1 - owners[::-1].index("library")
    link, code = chain[at], chain[at].code
    frame = link.frame
    assert code is not None
    line = (frame and frame.f_lineno) or code.co_firstlineno
    on = _describe_links(chain[at + 1 :], owners[at + 1 :])
    generator: Any = link.subject
    if not on and link.kind == "generator" and generator.gi_suspended:
        on = "a bare yield"  # it gives the loop nothing to wait for
    return WaitDescription(on, code.co_filename, line, code.co_qualname)


# -- in words ----------------------------------------------------------------------


def _describe_links(links: list[AwaitLink], owners: list[str | None]) -> str:
    """What is behind the user's line, in the words of the outermost that has some."""
    for link, whose in zip(links, owners, strict=True):
        if whose == "asyncio" and (words := _describe_asyncio_call(link)):
            return words
        if whose == "ours" and link.name == "_embed":
            return "asyncrepl.embed"
    last = links[-1] if links else None
    if last is None or last.code is not None:
        return _public_library(links, owners)
    if last.kind == "other":
        return last.name
    return _describe_future(last.subject) or _public_library(links, owners) or "a future"


def _public_library(links: list[AwaitLink], owners: list[str | None]) -> str:
    names = [link.name for link, whose in zip(links, owners, strict=True) if whose == "library"]
    return next(filter(_is_public, names), "")


def _is_public(name: str) -> bool:
    return name[:1] not in "_<" and "._" not in name and ".<" not in name


def _describe_asyncio_call(link: AwaitLink) -> str:
    name = link.name
    if name in _DESCRIBERS:
        return _DESCRIBERS[name](link)
    if not _is_public(name):
        return ""
    if name.startswith("Base"):  # BaseSelectorEventLoop.sock_recv
        return "loop" + name[name.find(".") :]
    return name if "." in name else f"asyncio.{name}"


def _sleep(link: AwaitLink) -> str:
    """The number as it was typed, or three digits of one that was computed."""
    delay: Any = first_argument(link)
    if type(delay) is not float and type(delay) is not int:
        return "asyncio.sleep"
    text = repr(delay)
    return f"asyncio.sleep({text if len(text) <= 8 else f'{delay:.3g}'})"


def _wait(link: AwaitLink) -> str:
    fs: Any = first_argument(link)
    return f"asyncio.wait of {_counted(len(fs), 'task')}" if type(fs) is set else "asyncio.wait"


def _wait_for(link: AwaitLink) -> str:
    """A task of its own on Python 3.11; since then just a part of the chain."""
    inner = first_argument(link)
    return _describe_future(inner) if is_future(inner) else ""


def _task_group(link: AwaitLink) -> str:
    group: Any = first_argument(link)
    if type(group) is not asyncio.TaskGroup:
        return "a TaskGroup"
    return f"a TaskGroup of {_counted(len(group._tasks), 'task')}"  # noqa: SLF001


def _describe_future(future: Any) -> str:
    if is_task(future):
        return f"task {name_of(future)!r}"
    if (parts := gathered_futures(future)) is not None:
        return f"gather of {len(parts)}"
    source = result_source(future)
    if is_future(source):
        return _describe_future(source) or "a future"
    return "" if source is None else "an executor"


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' * (count != 1)}"


#: Functions of asyncio's with words of their own; "" goes on to what they await.
_DESCRIBERS: dict[str, Callable[[AwaitLink], str]] = {
    "sleep": _sleep,
    "wait": _wait,
    "wait_for": _wait_for,
    "TaskGroup.__aexit__": _task_group,
    "to_thread": lambda _: "a thread",
    "as_completed.<locals>._wait_for_one": lambda _: "asyncio.as_completed",
    "_AsCompletedIterator._wait_for_one": lambda _: "asyncio.as_completed",
}


TaskActivity = Literal["running", "ready", "waiting", "stopping"]


class TaskState(NamedTuple):
    """A task as it was when asked.

    A task is "ready" that the loop will run next, and "stopping" once it
    was cancelled. `where` is the user's line at which it is, as "FILE:LINE", `source`
    its text, `on` what it waits on; they are empty where that is not known. `age` (ns
    of the loop's clock), `slices` and `busy` (ns that it ran) are None without a record.
    """

    name: str
    state: TaskActivity
    where: str = ""
    source: str = ""
    on: str = ""
    age: int | None = None
    slices: int | None = None
    busy: int | None = None


def survey_tasks(
    loop: asyncio.AbstractEventLoop, timeline: Timeline | None = None
) -> list[TaskState]:
    """The tasks of `loop` that are not done, by name; in the loop's thread.

    With a `timeline`, also how long and how often they ran.
    """
    location_of, found = cache(location_and_source), []
    now, totals = (timeline.ns(), timeline.totals()) if timeline is not None else (0, {})
    lanes = () if timeline is None else timeline.snapshot().lanes
    born = {lane.id: lane.born for lane in lanes}
    for task in sorted_by_name(all_tasks(loop)):
        waits = describe_wait(task)
        where, source = location_of(waits.filename, waits.line) if waits.filename else ("", "")
        state = TaskState(name_of(task), state_of(task), where, source, waits.on)
        lane = None if timeline is None else timeline.lane_of(task)
        if lane in born:
            total = totals.get(lane, Totals(0, 0))
            state = state._replace(age=now - born[lane], slices=total.slices, busy=total.busy)
        found.append(state)
    return found


def state_of(task: Any) -> TaskActivity:
    """What a task that is not done is at."""
    if task.cancelling():
        return "stopping"
    if task is current_task(task.get_loop()):
        return "running"
    return "ready" if task._fut_waiter is None else "waiting"  # noqa: SLF001


def awaited_tasks(task: Any) -> list[Any]:
    """The tasks that `task` waits for: by itself, or by `gather`, `wait` or a TaskGroup."""
    waiter, found = task._fut_waiter, []  # noqa: SLF001
    if is_task(waiter):
        found = [waiter]
    elif (gathered := gathered_futures(waiter)) is not None:
        found = gathered
    elif frames := [link.frame for link in await_chain(task) if link.frame is not None]:
        names = frames[-1].f_locals
        if frames[-1].f_code is asyncio.tasks._wait.__code__:  # type: ignore[attr-defined]  # noqa: SLF001
            found = [*names["fs"]]
        elif type(names.get("self")) is asyncio.TaskGroup:
            found = [*names["self"]._tasks]  # noqa: SLF001
    return [each for each in found if is_task(each) and not each.done()]


def deadlock_findings(task: Any) -> Iterator[Finding]:
    """What may be the matter with `task`, which waits for ever; the likeliest first.

    A task that was cancelled and waits on has swallowed that, and so has one that is waited for.
    The last is where the user's innermost code waits, in the task that all this waits for. Without
    a `task` it is the loop that runs on.
    """
    if task is None:
        if (frame := running_user_frame()) is not None:
            yield finding_at("idle", describe(None), frame)
        return
    waiting = [task]
    last, met = task, {id(task)}
    for each in waiting:
        asked = awaited_tasks(each)
        waiting += [one for one in asked if id(one) not in met]
        met.update(map(id, asked))
        last = each if last is task and not asked else last
        code = getattr(task_coroutine(each), "cr_code", None)
        if code is not None and each.cancelling() and is_users(code.co_filename):
            yield Finding("swallowed", ObjectInfo(CoroutineType, code), code, 0)
    for unseen in filter(None, map(unseen_failure, unseen_failures(task))):
        yield unseen._replace(number=1)
    if last is task:  # or all wait for each other
        last = next(filter(_is_in_circle, waiting), task)
    found = [*filter(None, map(_stuck, (*_putting(task), last, task)))]
    if found:
        others = tuple(map(user_places, sorted_by_name(all_tasks(task.get_loop()))))
        yield found[0]._replace(made=waits_at(task), others=others)


def is_held_up(task: Any, *, idle: bool) -> bool:
    """Whether `task`, of a loop at rest, waits for what will never come.

    It is a process or a stream for which nobody does anything. A process cannot go on while its
    pipe is full, and nobody reads it. A stream whose other end this loop has gives nothing, if
    `idle`: nothing has run for a while. Nor does a process that waits for this loop to write, or a
    pool all threads of which wait for this loop.
    """
    loop = task.get_loop()
    links = (link.code for each in all_tasks(loop) for link in await_chain(each))
    others, outside = any(c is _READS or c in _PROCESS_WAITS for c in links), loop.live.outside
    if idle and (outside.only_waiting_threads() or (others and outside.only_itself())):
        return True
    return all(
        awaited_tasks(each) or any(map(_has_full_pipe, await_chain(each)))
        for each in all_tasks(loop)
    )


def _has_full_pipe(link: AwaitLink) -> bool:
    process: Any = first_argument(link) if link.code in _PROCESS_WAITS else None
    streams = [each for each in (process.stdout, process.stderr) if each] if process else []
    return any(each._paused and each._waiter is None for each in streams)  # noqa: SLF001


def _is_in_circle(task: Any) -> bool:
    """Whether what `task` waits for waits for `task`, itself or through others."""
    return any(_comes_to(each, task) for each in awaited_tasks(task))


def _comes_to(task: Any, other: Any) -> bool:
    """Whether `task` is `other`, or waits for it, itself or through others."""
    waiting = [task]
    for each in waiting:  # which grows
        waiting += [one for one in awaited_tasks(each) if one not in waiting]
    return other in waiting


def _putting(task: Any) -> list[Any]:
    """The tasks of the same loop that wait for room in a queue: who takes from it, may be one."""
    waiting = sorted_by_name(all_tasks(task.get_loop()))
    return [each for each in waiting if _waited_for(await_chain(each)).name == "put"]


def _stuck(task: Any) -> Finding | None:
    """Where the user's innermost code waits in `task`, and what of asyncio's for."""
    chain = await_chain(task)
    place = user_frame(chain)
    if place is None:
        return None
    at, frame = place
    info, waiter = _waited_for(chain[at:]), task._fut_waiter  # noqa: SLF001
    if type(waiter) is asyncio.Future and all(each.code is None for each in chain[at + 1 :]):
        info = ObjectInfo(asyncio.Future)
    if (wait := wait_of_job(waiter)) is not None:
        info = ObjectInfo(type(wait.subject), name=wait.name)
        return Finding("stuck", info, frame.f_code, frame.f_lasti, wait.line)
    if _is_in_circle(task):
        info = ObjectInfo(asyncio.Task)
    count = 0 if info.name == "join" and failed_tasks(task) else _count(task, info, chain[at:])
    lock = waited_object(chain)
    count = count or 2 * is_replaced(lock, frame)
    others = all_tasks(task.get_loop()) if type(lock) in LOCKS else ()
    holders = [each for each in others if lock in held_locks(each, waited_by(each))]
    held = user_places(holders[0]) if holders else ()
    return Finding("stuck", info, frame.f_code, frame.f_lasti, count, held=held)


#: What waits for what somebody else does, by the method of asyncio's that is suspended.
_WAITS: dict[object, tuple[type, str]] = {
    method.__code__: (kind, name)
    for kind, name in (
        *((asyncio.Queue, each) for each in ("get", "put", "join")),
        *((kind, "acquire") for kind in (asyncio.Lock, asyncio.Semaphore)),
        *((kind, "wait") for kind in (asyncio.Event, asyncio.Condition, asyncio.Barrier)),
        (asyncio.subprocess.Process, "wait"),
        *((asyncio.StreamReader, each) for each in ("read", "readline")),
    )
    for method in (vars(kind).get(name) or getattr(kind, name),)
}


_READS = asyncio.StreamReader._wait_for_data.__code__  # type: ignore[attr-defined]  # noqa: SLF001
_PROCESS_WAITS = {code for code, (kind, _) in _WAITS.items() if kind is asyncio.subprocess.Process}


def _wait_link(chain: list[AwaitLink]) -> AwaitLink | None:
    return next((each for each in chain if each.code in _WAITS), None)


def waited_object(chain: list[AwaitLink]) -> Any:
    """The object of asyncio's that is waited for; None if there is none."""
    link = _wait_link(chain)
    return first_argument(link) if link is not None else None


def waited_by(task: Any) -> Any:
    """The object of asyncio's that `task` waits for."""
    return waited_object(await_chain(task))


def _waited_for(chain: list[AwaitLink]) -> ObjectInfo:
    """The kind of the object of asyncio's that is waited for, and the `name` of its method."""
    link = _wait_link(chain)
    kind, name = _WAITS[link.code] if link is not None else (NoneType, "")
    return ObjectInfo(kind, name=name)


def _count(task: Any, info: ObjectInfo, chain: list[AwaitLink]) -> int:
    """Of a queue its limit, or how many items were taken and are not done, 0 if some were not.

    Of a barrier how many it lacks, of a condition how many wait for it; of an event 1 if another
    than `task` has cleared it; of a lock how many tasks wait for another one, and of a bare future
    how many are under way that do not wait for `task`. Of a process, or the stream of its output,
    1 if it waits for input.
    """
    waited = waited_object(chain)
    if (process := process_behind(waited)) is not None:
        return int(is_starved(process))
    tasks = all_tasks(task.get_loop())
    others = [*map(waited_by, tasks)]
    counts: dict[type, Callable[[], int]] = {
        asyncio.Barrier: lambda: waited.parties - waited.n_waiting,
        asyncio.Condition: lambda: len(waited._waiters),  # noqa: SLF001
        asyncio.Queue: lambda: _count_of_queue(waited, info.name),
        asyncio.Lock: lambda: sum(isinstance(e, LOCKS) and e is not waited for e in others),
        asyncio.Future: lambda: sum(not _comes_to(each, task) for each in tasks),
    }
    kind = asyncio.Lock if info.kind in LOCKS else info.kind
    return counts[kind]() if kind in counts else int(was_cleared(waited, task))


def _count_of_queue(queue: Any, method: str) -> int:
    if method == "put":
        return queue.maxsize  # type: ignore[no-any-return]
    return 0 if queue.qsize() else getattr(queue, "_unfinished_tasks", 0)
