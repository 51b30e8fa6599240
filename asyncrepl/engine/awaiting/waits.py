"""What a suspended chain waits on, as one would say it, and the user's line where it does.

Behind the user's innermost line stand coroutines of asyncio, and at the end a
future that says nothing: ``Queue.get`` tells more than "a future". A function is
asyncio's where it lives in asyncio's files: a user's own that is called
``sleep`` is told by its name alone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.engine.awaiting.chains import argument, is_future, is_task, links
from asyncrepl.engine.awaiting.futures import behind, gathered
from asyncrepl.engine.frames import owner
from asyncrepl.engine.lives import name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.awaiting.chains import Link

__all__ = ["Waits", "describe_chain", "describe_wait"]


class Waits(NamedTuple):
    """Where something waits, and what for; strings and a number only.

    `on` is what it is finally suspended on: "asyncio.sleep(0.33)", "Queue.get",
    "task 'input 3'", "gather of 3", "a future"; empty for what runs or has not
    begun. `filename`, `line` and `function` tell the user's innermost line that
    waits; where no code of the user's does, they are empty and 0.
    """

    on: str = ""
    filename: str = ""
    line: int = 0
    function: str = ""


def describe_wait(awaitable: object, *, through_steps: bool = True) -> Waits:
    """What a task, a coroutine, an async generator or its step waits on; in the loop's thread.

    Without `through_steps` it is told only as far as the first other async
    generator that is being stepped: "a step of readings".
    """
    chain = links(awaitable)
    if not through_steps:
        for at, link in enumerate(chain):
            if at and link.kind == "async generator step":
                return describe_chain(chain[:at])._replace(on=f"a step of {link.name}")
    return describe_chain(chain)


def describe_chain(chain: list[Link]) -> Waits:
    """What the chain that `links` gave waits on."""
    owners: list[str | None] = [
        None if link.code is None else owner(link.code.co_filename) for link in chain
    ]
    at = len(chain) - 1
    while at >= 0 and owners[at] != "user":
        at -= 1
    if at < 0:
        if "library" not in owners:
            return Waits(_words(chain, owners))
        at = len(chain) - 1 - owners[::-1].index("library")
    link, code = chain[at], chain[at].code
    frame = link.frame
    assert code is not None
    line = (frame and frame.f_lineno) or code.co_firstlineno
    on = _words(chain[at + 1 :], owners[at + 1 :]) or _yields(link)
    return Waits(on, code.co_filename, line, code.co_qualname)


def _yields(link: Link) -> str:
    """What a generator waits on that gives the loop nothing to wait for."""
    generator: Any = link.subject
    return "a bare yield" if link.kind == "generator" and generator.gi_suspended else ""


# -- in words ----------------------------------------------------------------------


def _words(links: list[Link], owners: list[str | None]) -> str:
    """What stands behind the user's line, told by the outermost that has words."""
    for link, whose in zip(links, owners, strict=True):
        if whose == "asyncio" and (words := _of_asyncio(link)):
            return words
    last = links[-1] if links else None
    if last is None or last.code is not None:
        return _public_library(links, owners)
    if last.kind == "other":
        return last.name
    return _of_future(last.subject) or _public_library(links, owners) or "a future"


def _public_library(links: list[Link], owners: list[str | None]) -> str:
    names = [link.name for link, whose in zip(links, owners, strict=True) if whose == "library"]
    return next(filter(_is_public, names), "")


def _is_public(name: str) -> bool:
    return name[:1] not in "_<" and "._" not in name and ".<" not in name


def _of_asyncio(link: Link) -> str:
    name = link.name
    if name in _TELLERS:
        return _TELLERS[name](link)
    if not _is_public(name):
        return ""
    if name.startswith("Base"):  # BaseSelectorEventLoop.sock_recv
        return "loop" + name[name.find(".") :]
    return name if "." in name else f"asyncio.{name}"


def _sleep(link: Link) -> str:
    delay: Any = argument(link)
    if type(delay) is not float and type(delay) is not int:
        return "asyncio.sleep"
    return f"asyncio.sleep({_number(delay)})"


def _number(value: float) -> str:
    """The number as it was typed, or three digits of one that was computed."""
    text = repr(value)
    return text if len(text) <= 8 else f"{value:.3g}"


def _wait(link: Link) -> str:
    fs: Any = argument(link)
    return f"asyncio.wait of {_many(len(fs), 'task')}" if type(fs) is set else "asyncio.wait"


def _wait_for(link: Link) -> str:
    """A task of its own on Python 3.11; since then just a part of the chain."""
    inner = argument(link)
    return _of_future(inner) if is_future(inner) else ""


def _task_group(link: Link) -> str:
    group: Any = argument(link)
    if type(group) is not asyncio.TaskGroup:
        return "a TaskGroup"
    return f"a TaskGroup of {_many(len(group._tasks), 'task')}"  # noqa: SLF001


def _of_future(future: Any) -> str:
    if is_task(future):
        return f"task {name_of(future)!r}"
    if (parts := gathered(future)) is not None:
        return f"gather of {len(parts)}"
    stands_for = behind(future)
    if is_future(stands_for):
        return _of_future(stands_for) or "a future"
    return "" if stands_for is None else "an executor"


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' * (count != 1)}"


#: Functions of asyncio's with words of their own; "" goes on to what they await.
_TELLERS: dict[str, Callable[[Link], str]] = {
    "sleep": _sleep,
    "wait": _wait,
    "wait_for": _wait_for,
    "TaskGroup.__aexit__": _task_group,
    "to_thread": lambda _: "a thread",
    "as_completed.<locals>._wait_for_one": lambda _: "asyncio.as_completed",
    "_AsCompletedIterator._wait_for_one": lambda _: "asyncio.as_completed",
}
