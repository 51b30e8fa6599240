"""One task in the record: what is known of it while it lives and afterwards.

Only strings and numbers are kept, and a weak reference while the task lives.
"""

from __future__ import annotations

import asyncio
from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from asyncrepl.events import Ending, Lane

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Life", "by_age", "coro_name", "ending", "name_of", "nobody", "stepped"]


class Life:
    """A task, as the timeline knows it; its `Lane` is built when somebody looks."""

    __slots__ = ("_lane", "born", "coro", "ending", "name", "number", "parent", "ref")

    def __init__(self, number: int, name: str, coro: str, parent: int | None, born: int) -> None:
        self.number = number
        self.name = name
        self.coro = coro
        self.parent = parent
        self.born = born
        self.ref: Callable[[], Any] = nobody
        self.ending: tuple[int, Ending] | None = None
        self._lane: Lane | None = None

    def lane(self) -> Lane:
        """What is known of it now; any thread."""
        lane = self._lane
        if lane is None or lane.name != self.name:
            lane = Lane(self.number, self.name, self.coro, self.parent, self.born)
            self._lane = lane
        return lane


def nobody() -> None:
    """The reference to a task that is over."""


def stepped(task: Any, coro: Any) -> bool:
    """Whether a task that was just made has run already."""
    return bool(task.done() or (type(coro) is CoroutineType and coro.cr_suspended))


def ending(task: Any) -> Ending:
    """How a task that is done has ended, without touching what it would log about itself."""
    if task.cancelled():
        return "cancelled"
    # Not exception(): asyncio would no longer say that nobody retrieved it.
    return "done" if task._exception is None else "error"  # noqa: SLF001


def name_of(task: Any) -> str:
    """The task's name, by asyncio's own method: a subclass may override it."""
    if isinstance(task, asyncio.Task):
        return asyncio.Task.get_name(task)
    return str(task._name)  # noqa: SLF001  asyncio's task in pure Python


def coro_name(coro: Any) -> str:
    """The coroutine's qualified name; of an object of the user's own, its type's."""
    known = type(coro) in {CoroutineType, GeneratorType}
    return str(coro.__qualname__ if known else type(coro).__qualname__)


def by_age(task: asyncio.Task[Any]) -> tuple[int, str]:
    """Order tasks that were made unseen: Task-9 before Task-10."""
    name = name_of(task)
    return len(name), name
