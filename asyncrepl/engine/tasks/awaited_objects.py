"""The objects of asyncio's that tasks wait for, and who holds them.

A lock does not know who has taken it. A frame that is suspended inside of ``async with`` keeps the
way out on its stack, the method ``__aexit__`` of what it has entered; what a coroutine refers to,
the garbage collector says without running any code of the user's. A bare ``await lock.acquire()``
leaves no such trace.
"""

from __future__ import annotations

import asyncio
import gc
from types import FrameType, MethodType, NoneType
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.tasks.await_chain import await_chain, first_argument
from asyncrepl.events.object_info import ObjectInfo, instance_dict

if TYPE_CHECKING:
    from asyncrepl.engine.tasks.await_chain import AwaitLink

#: What waits for what somebody else does, by the method of asyncio's that is suspended.
_WAITS: dict[object, tuple[type, str]] = {
    method.__code__: (kind, name)
    for kind, name in (
        *((asyncio.Queue, each) for each in ("get", "put", "join")),
        *((kind, "acquire") for kind in (asyncio.Lock, asyncio.Semaphore)),
        *((kind, "wait") for kind in (asyncio.Event, asyncio.Condition, asyncio.Barrier)),
        (asyncio.subprocess.Process, "wait"),
        (asyncio.Server, "wait_closed"),
        *((asyncio.StreamReader, each) for each in ("read", "readline")),
    )
    for method in (vars(kind).get(name) or getattr(kind, name),)
}


_READS = asyncio.StreamReader._wait_for_data.__code__  # type: ignore[attr-defined]  # noqa: SLF001
PROCESS_WAITS = {code for code, (kind, _) in _WAITS.items() if kind is asyncio.subprocess.Process}
#: What waits for another process, or for the other end of a connection.
FOREIGN_WAITS = {_READS, asyncio.Server.wait_closed.__code__, *PROCESS_WAITS}


def _wait_link(chain: list[AwaitLink]) -> AwaitLink | None:
    return next((each for each in chain if each.code in _WAITS), None)


def waited_object(chain: list[AwaitLink]) -> Any:
    """The object of asyncio's that is waited for; None if there is none."""
    link = _wait_link(chain)
    return first_argument(link) if link is not None else None


def waited_by(task: Any) -> Any:
    """The object of asyncio's that `task` waits for."""
    return waited_object(await_chain(task))


def waited_for(chain: list[AwaitLink]) -> ObjectInfo:
    """The kind of the object of asyncio's that is waited for, and the `name` of its method."""
    link = _wait_link(chain)
    kind, name = _WAITS[link.code] if link is not None else (NoneType, "")
    return ObjectInfo(kind, name=name)


#: What one task at a time holds, or so many.
LOCKS = (asyncio.Lock, asyncio.Semaphore)
_EXIT = asyncio.Lock.__aexit__


def held_locks(task: Any, waited: object) -> list[object]:
    """The locks in whose ``async with`` `task` is: the ``__aexit__`` of each lies on a stack.

    That of one that is `waited` for does so already.
    """
    kept = [one for each in await_chain(task) for one in gc.get_referents(each.subject)]
    held = [*filter(None, map(_entered_lock, kept, [*kept[1:], None]))]
    return [e for n, e in enumerate(held) if e is not waited or any(e is o for o in held[:n])]


def _entered_lock(exits: Any, owner: object) -> object:
    """The lock that ``__aexit__`` is of; from Python 3.14 on `owner` lies behind the function."""
    bound = type(exits) is MethodType and exits.__func__ is _EXIT
    lock = exits.__self__ if bound else owner if exits is _EXIT else None
    return lock if type(lock) in LOCKS else None


def is_replaced(event: object, frame: FrameType) -> bool:
    """Whether what `frame` waits for is no variable there, nor an attribute of one, any more."""
    if type(event) is not asyncio.Event:
        return False
    held = [*frame.f_locals.values(), *frame.f_globals.values()]
    held += [part for each in held for part in instance_dict(each).values()]
    return all(each is not event for each in held)
